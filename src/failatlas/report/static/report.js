// The report reads without this script; it adds sorting, looking at points of the map, and unfolded galleries in print.
"use strict";

(() => {
  const up = document.body.dataset.up || "";

  // --- tables that sort: a button in each head whose cells carry a value ---
  for (const table of document.querySelectorAll("table.ranking, table.sortable")) {
    const body = table.tBodies[0];
    Array.from(table.tHead.rows[0].cells).forEach((head, column) => {
      if (!body.rows[0] || body.rows[0].cells[column].dataset.value === undefined) return;
      const button = document.createElement("button");
      button.type = "button";
      button.textContent = head.textContent;
      head.replaceChildren(button);
      button.addEventListener("click", () => sort(table, body, head, column));
    });
  }

  function sort(table, body, head, column) {
    const before = head.getAttribute("aria-sort");
    const isDown = before ? before === "ascending" : head.dataset.first === "highest";
    for (const other of table.tHead.rows[0].cells) other.removeAttribute("aria-sort");
    head.setAttribute("aria-sort", isDown ? "descending" : "ascending");
    const value = (row) => row.cells[column].dataset.value;
    const compare = (a, b) => {
      const [x, y] = [Number(value(a)), Number(value(b))];
      return Number.isNaN(x) || Number.isNaN(y) ? value(a).localeCompare(value(b)) : x - y;
    };
    body.append(...Array.from(body.rows).sort((a, b) => (isDown ? compare(b, a) : compare(a, b))));
  }

  // --- the map: the nearest point under the pointer, or one after the other by keyboard ---
  const block = document.getElementById("map-data");
  if (block) look(JSON.parse(block.textContent));

  function look(data) {
    const box = document.getElementById("map-box");
    const svg = box.querySelector("svg");
    const shown = document.getElementById("map-shown");
    const ring = document.createElementNS("http://www.w3.org/2000/svg", "circle");
    ring.setAttribute("class", "here");
    ring.setAttribute("r", "8");
    ring.setAttribute("visibility", "hidden");
    svg.append(ring);
    box.tabIndex = 0;
    box.setAttribute("role", "application");
    box.setAttribute("aria-label", svg.getAttribute("aria-label") + ". Arrow keys move to the next image, Enter opens its cluster.");
    document.getElementById("map-panel").hidden = false;
    box.parentElement.classList.add("live");
    let current = -1;

    function show(i) {
      if (i === current) return;
      current = i;
      ring.setAttribute("cx", data.x[i]);
      ring.setAttribute("cy", data.y[i]);
      ring.setAttribute("visibility", "visible");
      const [title, address] = data.groups[data.cluster[i]] || ["Noise", "#noise"];
      const image = document.createElement("img");
      image.src = `${up}assets/t${i}.webp`;
      image.alt = "";
      image.className = "tiny";
      image.addEventListener("error", () => image.remove());
      image.addEventListener("load", () => image.classList.toggle("tiny", Math.max(image.naturalWidth, image.naturalHeight) <= 64));
      const id = document.createElement("bdi");
      id.textContent = data.id[i];
      const answer = document.createElement("p");
      answer.textContent = data.pairs[data.pair[i]];
      const link = document.createElement("a");
      link.textContent = title;
      link.href = address;
      shown.replaceChildren(image, paragraph(id), answer, paragraph(link));
    }

    function paragraph(child) {
      const p = document.createElement("p");
      p.append(child);
      return p;
    }

    // the nearest point to a place, optionally only in one direction from it
    function nearest(x, y, dx = 0, dy = 0) {
      let best = -1;
      let least = Infinity;
      for (let i = 0; i < data.x.length; i++) {
        const [a, b] = [data.x[i] - x, data.y[i] - y];
        const ahead = a * dx + b * dy;
        if (data.x[i] < 0 || ((dx || dy) && (ahead <= 0.05 || ahead < Math.abs(a * dy + b * dx)))) continue;
        const distance = a * a + b * b;
        if (distance < least) [best, least] = [i, distance];
      }
      return [best, least];
    }

    function under(event) {
      const at = new DOMPoint(event.clientX, event.clientY).matrixTransform(svg.getScreenCTM().inverse());
      const [i, distance] = nearest(at.x, at.y);
      return distance < 400 ? i : -1;
    }

    function open(i) {
      const group = data.groups[data.cluster[i]];
      if (group) location.assign(group[1]);
    }

    svg.addEventListener("pointermove", (event) => {
      const i = under(event);
      if (i >= 0) show(i);
    });
    svg.addEventListener("click", (event) => {
      const i = under(event);
      if (i >= 0) open(i);
    });
    const steps = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
    box.addEventListener("keydown", (event) => {
      if (event.key === "Enter" && current >= 0) return open(current);
      if (!(event.key in steps)) return;
      event.preventDefault();
      const [dx, dy] = steps[event.key];
      const [i] = current < 0 ? nearest(380, 240) : nearest(data.x[current], data.y[current], dx, dy);
      if (i >= 0) show(i);
    });
  }

  // --- folded galleries belong on paper ---
  addEventListener("beforeprint", () => {
    for (const details of document.querySelectorAll("details")) details.open = true;
  });
})();
