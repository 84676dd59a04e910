"""Study: the page says what the study found, in words, pictures and tables; nothing is hidden, nothing runs."""

from __future__ import annotations

import base64
import dataclasses
import hashlib
import importlib.util
import itertools
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from scipy import stats

from failatlas.injection import Tally
from failatlas.markup import visible
from failatlas.report.study import write_study
from failatlas.studies.factors import factor_analysis


def _load(name: str, path: str):
    spec = importlib.util.spec_from_file_location(name, Path(__file__).parent / path)
    module = sys.modules.setdefault(name, importlib.util.module_from_spec(spec))
    spec.loader.exec_module(module)
    return module


Page = _load("reading", "reading.py").Page
making = _load("studies_making", "../studies/making.py")
entry = making.entry

CAUSES = ("noise", "blur", "mask", "night", "sun")
EXTRACTORS = ("heatmap", "lite2", "lite2-tuned", "vgg16", "vgg16-tuned")


def tally(cause):
    """Counts are in columns, so only what a note says beyond them is shown."""
    return Tally(cause, 200, 40, f"40 of 200 tried fail{'; the network withstands it' if cause == 'sun' else ''}")


def compared(**more):
    """31 pipelines: the grid of five extractors, and one that could not run."""
    worth = {"heatmap": 0.5, "lite2": 0.75, "vgg16": 0.65} | {"umap": 0.15, "pca": 0.05, "none": 0.0}
    entries = []
    for e, r, c in itertools.product(EXTRACTORS, ("none", "pca", "umap"), ("kmeans", "dbscan")):
        purity = worth[e.removesuffix("-tuned")] + worth[r] + 0.04 * (c == "dbscan")
        covered = round(5 * purity)
        rare = {0.1: covered, 0.05: covered - 1, 0.01: max(0, covered - 4)}
        found = {"purity": purity, "covered": covered, "n_clusters": 8, "causes": CAUSES, "noise": 0.125}
        entries.append(entry(f"{e}+{r}+{c}", rare=rare, seconds=(3 + 5 * e.endswith("tuned"), 1, 0.5), **found))
    entries.append(
        entry("autoencoder+umap+dbscan", error="E_MEMORY: 9 GB are needed, 4 GB are free. Use --batch-size 8")
    )
    return making.study(entries, causes=CAUSES, notes=("the images are few",), tallies=list(map(tally, CAUSES)), **more)


@pytest.fixture(scope="module")
def study():
    return compared()


@pytest.fixture(scope="module")
def folder(study, tmp_path_factory):
    folder = tmp_path_factory.mktemp("study")
    write_study(study, folder, command="failatlas benchmark --case eyes --out 'A STUDY'")
    return folder


@pytest.fixture(scope="module")
def page(folder):
    return Page.of(folder / "index.html")


def of(page, id_):
    return next((node for node in page.nodes if node.attributes.get("id") == id_), None)


def classed(node, class_):
    return [one for one in node.walk() if class_ in one.attributes.get("class", "").split()]


def rows(table):
    return [
        [cell for cell in row.children if cell.tag in ("td", "th")]
        for body in table.all("tbody")
        for row in body.all("tr")
    ]


def test_the_first_sentence_is_the_answer_with_its_interval(study, page):
    lead = classed(of(page, "summary"), "lead")[0]
    low, high = stats.binomtest(5, 5).proportion_ci(method="wilson")
    assert study.ranking[0].pipeline == "lite2+umap+dbscan"
    assert lead.all("b")[0].all("bdi")[0].text == "lite2  "
    place = [one.pipeline for one in study.ranking].index("vgg16+umap+dbscan") + 1
    for part in (
        f"covers 5 of 5 causes [{100 * low:.1f}, {100 * high:.1f}] % at purity 0.940, with 1.6 clusters to read per "
        "cause, in 4.5 s",
        f"comes {place}th: 4 of 5 at purity 0.840, 2.0 clusters per cause, 4.5 s",
    ):
        assert part in lead.content


def test_what_limits_the_reading_is_said_aloud(page):
    said = classed(of(page, "summary"), "warnings")[0].content
    assert "the images are few" in said
    assert "1 pipeline; each is listed with its reason" in said
    low = stats.binomtest(5, 5).proportion_ci(method="exact").low
    assert f"at least {100 * low:.1f} % are covered" in said


def test_the_purity_of_doing_nothing_is_said_where_one_group_is_large(tmp_path):
    uneven = making.study([entry()], sizes={"natural": 90, "night": 5, "sun": 5})
    said = classed(Page.of(write_study(uneven, tmp_path)).root, "warnings")[0].content
    assert (
        "90.0 % of the failures are natural, so a single cluster of everything would already have purity 0.900" in said
    )


def test_every_pipeline_has_a_row_with_its_numbers_and_failures_come_last_with_their_reason(study, page):
    (table,) = classed(page.root, "all")
    listed = rows(table)
    assert len(listed) == len(study.entries)
    for place, (one, cells) in enumerate(zip(study.ranking, listed, strict=False), 1):
        found = one.score.agreement
        text = [cell.content for cell in cells]
        assert text[0] == str(place)
        assert cells[1].attributes["data-value"] == one.pipeline
        assert text[2] == ("●" if one.pipeline in study.front else "")
        assert text[3:6] == [f"{found.purity:.3f}"] * 3
        assert text[6] == f"{len(found.covered)} of 5"
        assert text[7] == " · ".join(str(len(rarity.covered)) for rarity in one.rare)
        assert text[8:11] == ["8", f"{8 / len(found.covered):.1f}", "12.5 %"]
        assert text[11:] == [f"{found.ari:.3f}", f"{found.nmi:.3f}", f"{one.seconds:.1f}", "512"]
    assert "E_MEMORY: 9 GB are needed, 4 GB are free. Use --batch-size 8" in listed[-1][2].content
    # the script sorts the first body alone, by these
    for cells in rows_of_first_body(table):
        assert all("data-value" in cell.attributes for cell in cells)


def rows_of_first_body(table):
    return [row.children for row in table.all("tbody")[0].all("tr")]


def test_the_first_ten_are_shown_in_full(study, page):
    (table,) = classed(page.root, "best")
    listed = rows(table)
    assert len(listed) == 10
    heads = [cell.attributes.get("data-head") for cell in listed[0]]
    assert heads[2:6] == ["Purity (median, lowest)", "Covered [95 %]", "At 10, 5, 1 %", "Clusters (per cause)"]
    low, high = stats.binomtest(4, 5).proportion_ci(method="wilson")
    fourth = next(
        cells for cells, one in zip(listed, study.ranking, strict=False) if len(one.score.agreement.covered) == 4
    )
    assert fourth[3].content == f"4 of 5[{100 * low:.0f}, {100 * high:.0f}]"
    assert fourth[4].content == "4 · 3 · 0"
    assert {cells[1].all("a")[0].attributes["href"] for cells in listed} == {f"#p{i}" for i in range(1, 11)}


def test_the_scatter_shows_every_pipeline_and_the_keyboard_reaches_the_front(study, page):
    (picture,) = classed(page.root, "scatter")
    marks = [mark for mark in classed(picture, "mark") if mark.tag == "a"]
    assert len(marks) == len(study.ranking)
    reached = [mark for mark in marks if mark.attributes["tabindex"] == "0"]
    assert all("front" in mark.attributes["class"] for mark in reached)
    assert {mark.attributes["href"] for mark in reached} == {
        f"#p{place}" for place, one in enumerate(study.ranking, 1) if one.pipeline in study.front
    }
    titles = {mark.attributes["href"]: mark.all("title")[0].content for mark in marks}
    assert titles["#p1"] == (
        "lite2 + umap + dbscan: purity 0.940, covers 5 of 5, 1.6 clusters to read per cause, 4.5 s"
    )


def test_purer_lies_further_right_and_better_covered_higher(study, page):
    (picture,) = classed(page.root, "scatter")
    at = {}
    for mark in classed(picture, "mark"):
        sign = mark.children[1].attributes
        if mark.tag == "a" and "x" in sign:  # squares, all of one clusterer
            place = int(mark.attributes["href"][2:])
            at[place] = (float(sign["x"]) + float(sign["width"]) / 2, float(sign["y"]) + float(sign["height"]) / 2)
    assert len(at) > 5
    found = {place: one.score.agreement for place, one in enumerate(study.ranking, 1)}
    for one, other in itertools.combinations(at, 2):
        for axis, (a, b) in enumerate(
            [(found[one].purity, found[other].purity), (-found[one].coverage, -found[other].coverage)]
        ):
            if abs(a - b) > 0.005:
                assert (at[one][axis] < at[other][axis]) == (a < b)


def test_each_cell_says_how_rare_a_cause_may_become_without_a_gap(tmp_path):
    one = entry("vgg16+umap+dbscan", covered=3, causes=CAUSES[:4], rare={0.1: 3, 0.05: 1, 0.01: 2})
    study = making.study([one], causes=CAUSES[:4])
    page = Page.of(write_study(study, tmp_path))
    (table,) = classed(page.root, "covers")
    cells = {row[0].content: row[2].content for row in rows(table)}
    # blur is covered at 10 and at 1 %, but not at 5 %
    assert cells == {"noise": "1 %", "blur": "10 %", "mask": "10 %", "night": "–"}
    assert "The pipeline does not cover" in of(page, "causes").content


def test_rare_causes_are_counted_beside_each_curve(study, page):
    figures = classed(of(page, "rare"), "multiple")
    assert len(figures) == 10
    picture = figures[0].all("svg")[0]
    assert picture.attributes["aria-label"] == "lite2 + umap + dbscan: even 5 of 5, 10 % 5 of 5, 5 % 4 of 5, 1 % 1 of 5"
    assert "Down to 10 % at least 90 % of the causes stay covered by " in of(page, "rare").content


def test_the_factor_analysis_is_that_of_the_study(study, page):
    purity = factor_analysis(study.entries).of("purity")
    text = of(page, "choices").content
    assert (
        f"For purity the extractor matters most ({100 * purity.influences[0].adjusted:.1f} % of how it varies)" in text
    )
    table = classed(of(page, "choices"), "influences")[0]
    shares = {row[0].content: row[1].content for row in rows(table)}
    assert shares == {one.factor: f"{100 * one.adjusted:.1f} %" for one in purity.influences}
    tree = classed(of(page, "choices"), "tree")[0]
    questions = [node.content for node in classed(tree, "question")]
    assert questions == [f"{node.question}?" for node in purity.tree.walk() if node.question]
    pairs = [rows(table) for table in classed(of(page, "choices"), "effects")]
    assert sum(map(len, pairs)) == len(purity.effects)


def test_a_few_pipelines_are_no_ground_for_saying_what_matters(tmp_path):
    page = Page.of(write_study(making.study([entry(), entry("lite2+none+kmeans", purity=0.5)]), tmp_path))
    assert "What purity depends on cannot be said from 2 pipelines like these." in of(page, "choices").content
    assert not of(page, "choices").all("table")


def test_scenarios_say_how_many_images_they_made_fail(page):
    (table,) = classed(page.root, "tallies")
    listed = {cells[0].content: [cell.content for cell in cells[1:]] for cells in rows(table)}
    low, high = stats.binomtest(40, 200).proportion_ci(method="wilson")
    assert listed["blur"][:4] == ["200", "40", f"20.0 % [{100 * low:.1f}, {100 * high:.1f}]", "40"]
    assert listed["sun"][4] == "the network withstands it"
    assert listed["natural"] == ["–", "–", "–", "30", "failures nobody injected"]


def test_it_says_how_it_was_made(study, page):
    text = of(page, "made").content
    assert "31" in text
    for part in ("Seed7", "30 of 31 ran", f"Saved by sharing{study.saving:.1f} ×", "peak resident memory", "numpy"):
        assert part in text
    assert "failatlas benchmark --case eyes --out 'A STUDY'" in text


@pytest.mark.parametrize(
    ("entries", "more", "words"),
    [
        ([], {}, "nothing to compare"),
        ([entry(error="E_MEMORY: no room")], {}, "None of the 1 pipelines could run: E_MEMORY: no room"),
        (
            [entry(error="there is no failure to group")],
            {"n_failures": 0, "sizes": {}, "tallies": []},
            "no failure to group",
        ),
        ([entry(causes=(), covered=0)], {"causes": ()}, "No cause is known"),
        ([entry(covered=0, n_clusters=0)], {}, "No pipeline covers any of the 3 causes"),
        ([entry(covered=0), entry("lite2+none+kmeans", covered=0)], {}, "No pipeline covers any"),
        ([entry()], {}, "It is also the pipeline that led"),
        ([entry(seconds=(float("nan"),) * 3)], {"wall_s": float("nan"), "shared_s": float("nan")}, "not measured"),
        ([entry(causes=tuple("abcdefgh"), covered=8)], {"causes": tuple("abcdefgh"), "sizes": {}}, "8 of 8"),
        (making.grid(lambda *_: 0.9), {}, "leads"),
    ],
    ids=[
        "none",
        "failed",
        "no failures",
        "no causes",
        "no clusters",
        "none covered",
        "one",
        "untimed",
        "unsized",
        "equal",
    ],
)
def test_D10_little_is_said_in_words_and_no_number_is_invented(entries, more, words, tmp_path):
    page = Page.of(write_study(making.study(entries, **more), tmp_path))
    text = re.sub(r"\s+", " ", page.text)
    assert words in text
    assert not re.search(r"\bnan\b|\binf\b", text)
    headings = [int(node.tag[1]) for node in page.nodes if re.fullmatch(r"h[1-6]", node.tag)]
    assert all(after <= before + 1 for before, after in itertools.pairwise(headings))
    linked = {node.attributes["href"][1:] for node in page.root.all("a") if node.attributes["href"].startswith("#")}
    assert linked <= {node.attributes.get("id") for node in page.nodes}


def test_the_same_study_gives_the_same_bytes_and_one_file(study, folder, tmp_path):
    write_study(study, tmp_path, command="failatlas benchmark --case eyes --out 'A STUDY'")
    assert [path.name for path in tmp_path.iterdir()] == ["index.html"]
    assert (tmp_path / "index.html").read_bytes() == (folder / "index.html").read_bytes()


def test_tables_pictures_and_landmarks_speak(page):
    assert all(table.all("caption") for table in page.root.all("table"))
    assert all(head.attributes.get("scope") for head in page.root.all("th"))
    ids = [node.attributes["id"] for node in page.nodes if "id" in node.attributes]
    assert len(ids) == len(set(ids))
    assert all(svg.attributes.get("aria-hidden") or svg.attributes.get("aria-label") for svg in page.root.all("svg"))
    levels = [int(node.tag[1]) for node in page.nodes if re.fullmatch(r"h[1-6]", node.tag)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after <= before + 1 for before, after in itertools.pairwise(levels))
    assert all(node.attributes["aria-label"] for node in page.nodes if node.attributes.get("role") == "region")


def test_no_address_leaves_the_page_and_the_policy_names_style_and_script(page, folder):
    ids = {node.attributes.get("id") for node in page.nodes}
    addresses = [node.attributes[key] for node in page.nodes for key in ("href", "src") if key in node.attributes]
    assert addresses
    assert all(address.startswith("#") and address[1:] in ids for address in addresses)
    policy = next(m.attributes["content"] for m in page.root.all("meta") if "http-equiv" in m.attributes)
    for tag in ("style", "script"):
        (text,) = [text for name, _, text in page.raw if name == tag]
        digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        assert f"{tag}-src 'sha256-{digest}'" in policy
        assert "url(" not in text
    assert "url(" not in (folder / "index.html").read_text()


def hostile(payloads, k=0):
    """A study in which everything that others may name carries payloads; ``k`` shifts which goes where."""
    say = lambda i: payloads[(i + k) % len(payloads)]  # noqa: E731 - short for forty uses
    study = compared()
    parts = {
        part: say(i) for i, part in enumerate(("heatmap", "lite2", "vgg16", "none", "pca", "umap", "kmeans", "dbscan"))
    }
    causes = tuple(say(10 + i) for i in range(len(CAUSES)))
    named = dict(zip(CAUSES, causes, strict=True))

    def renamed(one):
        family, tuned = one.extractor.removesuffix("-tuned"), "-tuned" * one.tuned
        extractor = parts.get(family, say(16)) + tuned
        reducer, clusterer = parts[one.reducer], parts[one.clusterer]
        changed = dataclasses.replace(
            one,
            pipeline=f"{extractor}+{reducer}+{clusterer}",
            extractor=extractor,
            reducer=reducer,
            clusterer=clusterer,
            error=say(17) if one.error else "",
            rare=tuple(
                dataclasses.replace(r, tried=causes, covered=tuple(named[c] for c in r.covered)) for r in one.rare
            ),
        )
        if one.score is None:
            return changed
        found = one.score.agreement
        found = dataclasses.replace(found, causes=causes, covered=tuple(named[c] for c in found.covered))
        return dataclasses.replace(changed, score=dataclasses.replace(one.score, agreement=found))

    return dataclasses.replace(
        study,
        name=say(18),
        entries=tuple(map(renamed, study.entries)),
        tallies=tuple(
            dataclasses.replace(tally, scenario=named[tally.scenario], note=say(20 + i))
            for i, tally in enumerate(study.tallies)
        ),
        causes=causes,
        sizes={named.get(group, say(26)): size for group, size in study.sizes.items()},
        memory=say(27),
        notes=(say(28), say(29)),
    )


def shape(page):
    """Every (element, attribute) pair, with the element alone as (element, "")."""
    return {(node.tag, "") for node in page.nodes} | {(node.tag, key) for node in page.nodes for key in node.attributes}


@pytest.mark.parametrize("k", [0, 13, 27])
def test_H7_forty_payloads_everywhere_add_no_element_and_no_attribute(payloads, page, tmp_path, k):
    harmless = Page.of(write_study(hostile(tuple(f"word{i:02d}" for i in range(40))), tmp_path / "harmless"))
    found = Page.of(write_study(hostile(payloads, k), tmp_path / "hostile", command=payloads[30]))
    assert shape(found) - {("pre", ""), ("pre", "tabindex"), ("code", "")} <= shape(harmless)
    assert len(found.root.all("script")) == 1


def test_H7_every_payload_is_shown_as_text(payloads, tmp_path):
    shown = set()
    for k in (0, 10, 20, 30):
        page = Page.of(write_study(hostile(payloads, k), tmp_path / str(k)))
        shown |= {text for text in payloads if visible(text) in page.text}
    assert shown == set(payloads)


@pytest.mark.full
@pytest.mark.skipif(shutil.which("chromium") is None, reason="needs chromium")
def test_H7_a_browser_runs_our_script_and_reports_nothing(payloads, tmp_path):
    index = write_study(hostile(payloads), tmp_path / "report")
    browser = ["chromium", "--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking"]
    done = subprocess.run(
        [*browser, f"--user-data-dir={tmp_path / 'profile'}", "--enable-logging=stderr", "--dump-dom", index.as_uri()],
        capture_output=True,
        timeout=60,
        check=True,
    )
    assert b"CONSOLE" not in done.stderr  # alerts, errors and policy violations all end there
    assert done.stdout.count(b'<button type="button">') >= 14  # our own script made the heads sort
