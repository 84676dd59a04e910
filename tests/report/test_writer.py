"""Writer: the folder is whole, readable without scripts, bounded, the same every time, honest when there is little."""

from __future__ import annotations

import dataclasses
import importlib.util
import itertools
import re
import sys
from pathlib import Path

import numpy as np
import pytest

from failatlas.images.records import Quarantined
from failatlas.report.writer import write
from failatlas.rootcauses.fragment import title
from failatlas.statistics import Interval


def _load(name: str):
    spec = importlib.util.spec_from_file_location(name, Path(__file__).with_name(f"{name}.py"))
    module = sys.modules.setdefault(name, importlib.util.module_from_spec(spec))
    spec.loader.exec_module(module)
    return module


Page = _load("reading").Page

NAN = float("nan")


def contents(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


@pytest.fixture(scope="module")
def folder(document, tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("report")
    write(document, folder)
    return folder


@pytest.fixture(scope="module")
def page(folder):
    return Page.of(folder / "index.html")


def test_the_first_screen_says_in_words_what_the_document_says_in_numbers(document, page):
    lead = next(node for node in page.nodes if node.attributes.get("class") == "lead").content
    assert "mishandles 105 of 1,005 images (10.4 % [" in lead
    assert "86.7 % of these fall into 5 root-cause clusters; 14 belong to none and are kept as noise." in lead
    risks = [len(cause.members) for cause in document.root_causes.causes]
    assert f"The first three carry {100 * sum(risks[:3]) / 105:.1f} % of the risk." in lead


def test_D7_leakage_and_quarantine_and_M2_conservation_are_said_aloud(page):
    said = next(node for node in page.nodes if node.attributes.get("class") == "warnings").content
    assert "4 test images are also in the training split." in said
    assert "2 images were set aside" in said
    assert "not conserved at 1 of 4 layers (worst: features.3, 12.0 %" in said


def test_an_image_quarantined_while_reading_and_while_testing_counts_once(make, tmp_path):
    document = make()
    again = (*document.data.quarantined, Quarantined("test/odd.png", "E_MODEL_NAN", "the network gave no number"))
    document = dataclasses.replace(document, outcomes=dataclasses.replace(document.outcomes, quarantined=again))
    page = Page.of(write(document, tmp_path))
    assert "3 images were set aside" in page.text
    tables = [table for table in page.root.all("table") if "quarantined" in table.all("caption")[0].content]
    rows = [row.all("td")[0].content for row in tables[0].all("tbody")[0].all("tr")]
    assert rows == ["test/broken.png", "test/text.png", "test/odd.png"]


def test_unstable_clusters_are_named_in_the_warnings(make, tmp_path):
    document = make()
    causes = list(document.root_causes.causes)
    shaky = Interval(0.3, 0.2, 0.4, 50, "spread")
    steady = Interval(0.9, 0.8, 1.0, 50, "spread")
    causes = [dataclasses.replace(c, stability=shaky if c.id == 2 else steady) for c in causes]
    document = dataclasses.replace(
        document, root_causes=dataclasses.replace(document.root_causes, causes=tuple(causes))
    )
    said = next(n for n in Page.of(write(document, tmp_path)).nodes if n.attributes.get("class") == "warnings").content
    assert "RCC 2 fall" in said.replace("falls", "fall")
    assert "RCC 1" not in said


def test_every_cause_has_a_row_and_a_section_with_its_numbers(document, page):
    rows = page.root.all("tbody")[0].all("tr")
    assert [row.all("th")[0].content for row in rows] == [title(cause) for cause in document.root_causes.causes]
    for cause in document.root_causes.causes:
        section = next(node for node in page.nodes if node.attributes.get("id") == f"rcc-{cause.id}")
        assert cause.name in section.content
        for image in (*cause.medoids, *cause.counterexamples):
            assert image in section.content
        for rule in cause.rules:
            assert all(condition in section.content for condition in rule.conditions)
        assert f"{cause.stability.value:.2f} [" in section.content


def test_each_member_is_shown_once_in_its_gallery_and_medoids_come_first(document, page):
    for cause in document.root_causes.causes:
        section = next(node for node in page.nodes if node.attributes.get("id") == f"rcc-{cause.id}")
        gallery = next(node for node in section.walk() if node.attributes.get("class") == "gallery")
        ids = [node.content for node in gallery.all("bdi") if node.attributes.get("class") == "id"]
        assert ids[: len(cause.medoids)] == list(cause.medoids)
        assert sorted(ids) == sorted(cause.members)  # none of these clusters is large enough for a page of its own


def test_a_large_cluster_has_pages_of_its_own_that_show_every_member_once(make, painted, tmp_path):
    document = make(sizes=(450, 10), n_right=20, pictures=painted(size=4))
    write(document, tmp_path)
    files = ["rcc-0.html", "rcc-0-2.html", "rcc-0-3.html"]
    assert sorted(p.name for p in (tmp_path / "clusters").iterdir()) == sorted(files)
    shown = []
    for file in files:
        parsed = Page.of(tmp_path / "clusters" / file)
        gallery = [ul for ul in parsed.root.all("main")[0].children if ul.attributes.get("class") == "pictures"]
        shown += [n.content for n in gallery[0].all("bdi") if n.attributes.get("class") == "id"]
    assert sorted(shown) == sorted(document.root_causes.causes[0].members)


def test_headings_never_skip_a_level_and_begin_with_one_title(folder):
    for path in sorted(folder.rglob("*.html")):
        levels = [int(node.tag[1]) for node in Page.of(path).nodes if re.fullmatch(r"h[1-6]", node.tag)]
        assert levels[0] == 1
        assert levels.count(1) == 1
        assert all(after <= before + 1 for before, after in itertools.pairwise(levels))


def test_pictures_tables_and_landmarks_speak(make, tmp_path):
    write(make(sizes=(60, 5)), tmp_path)
    for path in sorted(tmp_path.rglob("*.html")):
        parsed = Page.of(path)
        assert parsed.root.all("html")[0].attributes["lang"] == "en"
        assert all(image.attributes.get("alt") for image in parsed.root.all("img"))
        assert all(image.attributes.get("width") and image.attributes.get("height") for image in parsed.root.all("img"))
        assert all(table.all("caption") for table in parsed.root.all("table"))
        assert all(head.attributes.get("scope") for head in parsed.root.all("th"))
        ids = [node.attributes["id"] for node in parsed.nodes if "id" in node.attributes]
        assert len(ids) == len(set(ids))
        named = [n.attributes["aria-labelledby"] for n in parsed.nodes if "aria-labelledby" in n.attributes]
        assert set(named) <= set(ids)
        assert [len(parsed.root.all(tag)) for tag in ("main", "nav", "header", "footer")] == [1, 1, 1, 1]
        svgs = parsed.root.all("svg")
        assert all(svg.attributes.get("aria-hidden") or svg.attributes.get("aria-label") for svg in svgs)
        skip = parsed.root.all("a")[0].attributes
        assert (skip["class"], skip["href"]) == ("skip", "#main")


def test_the_content_is_readable_without_scripts(page):
    hidden = [node.attributes.get("id") for node in page.nodes if "hidden" in node.attributes]
    assert hidden == ["map-panel"]  # it answers to the pointer, so it is nothing without the script
    assert page.root.all("noscript") == []


def test_the_same_document_gives_the_same_bytes(make, tmp_path):
    write(make(sizes=(60, 8)), tmp_path / "a")
    write(make(sizes=(60, 8)), tmp_path / "b")
    assert contents(tmp_path / "a") == contents(tmp_path / "b")


def test_a_second_report_replaces_the_first_and_touches_nothing_else(make, tmp_path):
    write(make(sizes=(60, 8)), tmp_path)
    (tmp_path / "assets" / "mine.webp").write_bytes(b"mine")
    (tmp_path / "notes.txt").write_bytes(b"mine")
    write(make(sizes=(3,), n_noise=0), tmp_path)
    write(make(sizes=(3,), n_noise=0), tmp_path / "fresh")
    here = {name: data for name, data in contents(tmp_path).items() if not name.startswith("fresh")}
    assert here == {**contents(tmp_path / "fresh"), "assets/mine.webp": b"mine", "notes.txt": b"mine"}


class Stopped(Exception):
    pass


def test_the_first_page_appears_only_when_all_it_points_to_is_there(make, painted, tmp_path):
    class Stopping(painted):
        def thumbnail(self, image):
            if image == "test/00050.png":
                raise Stopped
            return super().thumbnail(image)

    with pytest.raises(Stopped):
        write(make(pictures=Stopping()), tmp_path)
    assert not (tmp_path / "index.html").exists()


def test_D1_an_image_that_cannot_be_read_costs_its_picture_not_the_report(make, painted, tmp_path):
    document = make(pictures=painted(broken=frozenset({"test/00000.png"})))
    page = Page.of(write(document, tmp_path))
    assert "no picture: E_IMG_TRUNCATED" in page.text
    assert "test/00000.png" in page.text


def test_each_image_is_decoded_at_most_twice(make, painted, tmp_path):
    pictures = painted()
    write(make(pictures=pictures), tmp_path)
    assert max(pictures.asked.values()) <= 3  # the picture, its overlay, the mean heatmap over a medoid


def test_D10_ten_thousand_errors_stay_a_page_that_a_browser_opens(make, painted, tmp_path):
    sizes = (*range(600, 100, -25), *[5] * 60)
    document = make(sizes=sizes, n_noise=10_000 - sum(sizes), n_right=50, pictures=painted(size=2), heat=False)
    assert len(document.grouping.ids) == 10_000
    write(document, tmp_path)
    assert len(Page.of(tmp_path / "index.html").nodes) < 10_000
    assert (tmp_path / "index.html").stat().st_size < 2_000_000
    for path in (tmp_path / "clusters").iterdir():
        assert len(Page.of(path).nodes) < 4_000


def degenerate(make, painted):
    """Name → document of every small case of D10."""
    hollow = Interval(NAN, 0.0, 1.0, 0, "not measured")
    one = make(sizes=(1,), n_noise=0, n_right=0)
    bare = dataclasses.replace(
        one.root_causes.causes[0],
        name="",
        share=hollow,
        severity=NAN,
        risk=NAN,
        medoids=(),
        counterexamples=(),
        confusion=(),
        rules=(),
        properties={"brightness": (NAN, NAN, NAN), "blur": (NAN, 0.5, 1.0)},
        compactness=NAN,
        stability=hollow,
        error_rate=hollow,
        null_p=NAN,
        heatmap=np.full((4, 4), NAN, np.float32),
    )
    nothing = make(sizes=(), n_noise=0, n_right=0)
    same = make(sizes=(8,), n_noise=0)
    return {
        "no image": dataclasses.replace(nothing, model=dataclasses.replace(nothing.model, accuracy=hollow, digest="")),
        "no error": make(sizes=(), n_noise=0, n_right=1),
        "all errors": make(sizes=(9,), n_noise=3, n_right=0),
        "all noise": make(sizes=(), n_noise=9),
        "one cluster of one": one,
        "nothing measured": dataclasses.replace(
            one,
            root_causes=dataclasses.replace(one.root_causes, causes=(bare,)),
            settings={"x": NAN, "y": float("inf")},
        ),
        "no place on the map": dataclasses.replace(
            same, grouping=dataclasses.replace(same.grouping, map=np.full((8, 2), NAN, np.float32))
        ),
        "one place on the map": dataclasses.replace(
            same, grouping=dataclasses.replace(same.grouping, map=np.ones((8, 2), np.float32))
        ),
        "no heatmaps": make(heat=False),
        "heatmaps of zeros": make(pictures=Zeros(painted())),
        "more than a table": make(sizes=(2,) * 70, n_noise=0),
    }


class Zeros:
    def __init__(self, pictures):
        self.thumbnail = pictures.thumbnail

    def heatmap(self, image):
        return np.zeros((4, 4), np.float32)


def test_D10_no_case_is_too_small_for_a_report_and_none_shows_nan(make, painted, tmp_path):
    for number, (case, document) in enumerate(degenerate(make, painted).items()):
        write(document, tmp_path / str(number))
        for path in (tmp_path / str(number)).rglob("*.html"):
            parsed = Page.of(path)
            texts = [parsed.text, *(value for node in parsed.nodes for value in node.attributes.values())]
            found = [t for t in texts if re.search(r"(?<![\w.])-?(nan|inf|None(?! of))(?![\w.])", t)]
            assert found == [], case


def test_D10_no_error_says_so_and_what_to_do(make, tmp_path):
    text = Page.of(write(make(sizes=(), n_noise=0), tmp_path)).text
    assert "there is no error-inducing image to explain" in text
    assert "Test on more images, or on harder ones" in text


def test_M2_a_heatmap_of_zeros_is_not_shown_as_a_blank(make, painted, tmp_path):
    page = Page.of(write(make(pictures=Zeros(painted())), tmp_path))
    assert "relevance is zero everywhere or not finite" in page.text


def test_ranks_beyond_the_first_page_have_pages_and_a_full_table(make, tmp_path):
    write(make(sizes=(2,) * 70, n_noise=0), tmp_path)
    table = Page.of(tmp_path / "clusters" / "all.html")
    links = [link.attributes["href"] for link in table.root.all("tbody")[0].all("a")]
    assert len(links) == 70
    assert all((tmp_path / "clusters" / link.split("#")[0]).is_file() for link in links)


def luminance(colour: str) -> float:
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return float(np.dot(linear, [0.2126, 0.7152, 0.0722]))


def contrast(a: str, b: str) -> float:
    high, low = sorted((luminance(a), luminance(b)), reverse=True)
    return (high + 0.05) / (low + 0.05)


def test_text_has_the_contrast_of_wcag_aa_in_light_and_dark(page):
    style = next(text for tag, _, text in page.raw if tag == "style")
    schemes = [
        dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6});", part)) for part in re.findall(r":root \{.*?\}", style, re.S)[:2]
    ]
    assert len(schemes) == 2
    for colours in schemes:
        for text in ("ink", "soft", "accent", "good", "bad"):
            for ground in ("paper", "card"):
                assert contrast(colours[text], colours[ground]) >= 4.5, (text, ground)
        assert contrast(colours["warn-ink"], colours["warn"]) >= 4.5
