"""Take the documentation's pictures from a real run: headless Chromium, cropped at the report's own sections.

python tools/take_pictures.py RUN            # after `failatlas demo --out RUN`; needs chromium on the path
python tools/take_pictures.py RUN --cause 5  # the root cause shown in full; default: the most stable of the first ten
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from PIL import Image

from failatlas.api import Atlas, open_run

ROOT = Path(__file__).parents[1]
PICTURES = ROOT / "docs" / "images"
WIDTH, HEIGHT, SCALE = 1400, 10_000, 1.5  # CSS pixels; Chromium draws up to 16,384 device pixels
_MARGIN = 12
Box = tuple[float, float, float, float]

# the page says where its parts lie; its own policy allows no further script, so this goes into a copy without it
_MEASURE = """<script>addEventListener("load", () => {
const box = (e) => { const r = e.getBoundingClientRect(); return [r.left, r.top, r.right, r.bottom]; };
const found = {};
for (const e of document.querySelectorAll(".cause[id], #map-box, table.ranking tr"))
  (found[e.id || e.tagName] ||= []).push(box(e));
for (const e of document.querySelectorAll(".cause[id]")) {
  const next = [...e.querySelectorAll("h3, h4")].find((h) => h.textContent.startsWith("What was taken"));
  if (next) found[e.id + " end"] = [box(next)];
}
const text = document.createElement("pre"); text.id = "boxes"; text.textContent = JSON.stringify(found);
document.body.append(text); });</script>"""


def main(arguments: Sequence[str]) -> int:
    """Write report.png, root-cause.png, map.png and explained.png."""
    run = Path(arguments[0])
    atlas = open_run(run)
    report = Path(tempfile.mkdtemp()) / "report"
    atlas.report(report)
    cause = int(arguments[arguments.index("--cause") + 1]) if "--cause" in arguments else _most_stable(atlas)
    page, boxes = _shown(report)
    last = boxes["TR"][min(8, len(boxes["TR"]) - 1)]
    _save(_cut(page, (0, 0, WIDTH, last[3])), "report.png")
    _save(_cut(page, boxes["map-box"][0]), "map.png")
    # alone on the page: a later one would lie beyond what Chromium draws
    page, boxes = _shown(report, f"#summary, #map, .cause:not(#rcc-{cause}) {{ display: none }}")
    left, top, right, _ = boxes[f"rcc-{cause}"][0]
    _save(_cut(page, (left, top + 2 * _MARGIN, right, boxes[f"rcc-{cause} end"][0][1] - 2 * _MARGIN)), "root-cause.png")
    _explained(atlas, cause)
    print(f"root cause {cause}")
    return 0


def _most_stable(atlas: Atlas) -> int:
    return max(atlas.clusters[:10], key=lambda cause: cause.stability.value).id


def _shown(report: Path, style: str = "") -> tuple[Image.Image, dict[str, list[Box]]]:
    """The page as a picture, and where its parts lie."""
    text = (report / "index.html").read_text(encoding="utf-8")
    text = re.sub(r'<meta http-equiv="Content-Security-Policy"[^>]*>', "", text)
    copy = report / "copy.html"
    copy.write_text(text.replace("</head>", f"<style>{style}</style></head>", 1), encoding="utf-8")
    _chromium(f"--screenshot={report / 'page.png'}", copy.as_uri())
    copy.write_text(copy.read_text(encoding="utf-8").replace("</head>", f"{_MEASURE}</head>", 1), encoding="utf-8")
    found = re.search(r'<pre id="boxes">(.*?)</pre>', _chromium("--dump-dom", copy.as_uri()), re.DOTALL)
    assert found is not None, "the page did not measure itself"
    boxes: dict[str, list[Box]] = json.loads(found[1])
    return Image.open(report / "page.png").convert("RGB"), boxes


def _chromium(*words: str) -> str:
    program = shutil.which("chromium") or shutil.which("chromium-browser") or "chromium"
    options = ("--headless=new", "--no-sandbox", "--disable-gpu", "--hide-scrollbars")
    size = (f"--window-size={WIDTH},{HEIGHT}", f"--force-device-scale-factor={SCALE}")
    return subprocess.run([program, *options, *size, *words], check=True, capture_output=True, text=True).stdout


def _cut(page: Image.Image, box: Box) -> Image.Image:
    left, top, right, bottom = box
    grown = (left - _MARGIN, top - _MARGIN, right + _MARGIN, bottom + _MARGIN)
    limits = (page.width, page.height, page.width, page.height)
    return page.crop(tuple(int(min(max(v * SCALE, 0), most)) for v, most in zip(grown, limits, strict=True)))


def _explained(atlas: Atlas, cause: int) -> None:
    """The heatmaps of the cause's medoid side by side, first layer to the left."""
    medoid = next(c for c in atlas.clusters if c.id == cause).medoids[0]
    with tempfile.TemporaryDirectory() as folder:
        files = atlas.explain(medoid, folder).files
        tiles = [Image.open(file).convert("RGB").resize((240, 240), Image.Resampling.NEAREST) for file in files]
    strip = Image.new("RGB", (len(tiles) * 256 - 16, 240), (252, 252, 250))
    for i, tile in enumerate(tiles):
        strip.paste(tile, (i * 256, 0))
    _save(strip, "explained.png")


def _save(picture: Image.Image, name: str) -> None:
    # by coverage: a median cut greys the few pixels of a cluster's own colour
    few = picture.quantize(256, method=Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE)
    few.save(PICTURES / name, optimize=True)
    print(f"{name}: {picture.width} × {picture.height}, {(PICTURES / name).stat().st_size // 1000} kB")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
