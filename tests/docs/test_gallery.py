"""The gallery is whole and current: a page, a sheet and a card for every case study; nothing is rendered here."""

from __future__ import annotations

import importlib.util
import re
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from PIL import Image

from failatlas.cases import RenderedCase, cases
from failatlas.parameters import Parameter

ROOT = Path(__file__).parents[2]
RENDERED = [part.name for part in cases if isinstance(cases.create(part.name), RenderedCase)]


@pytest.fixture(scope="module")
def gallery() -> ModuleType:
    """tools/write_gallery.py."""
    spec = importlib.util.spec_from_file_location("write_gallery", ROOT / "tools" / "write_gallery.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["write_gallery"] = module  # dataclasses look their own module up
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def pages(gallery) -> dict[Path, str]:
    return gallery.pages()


def test_every_page_is_current_and_no_other_is_left(pages):
    stale = [str(path) for path, text in pages.items() if not _is(ROOT / path, text)]
    assert not stale, "run python tools/write_gallery.py"
    assert set((ROOT / "docs" / "cases").iterdir()) == {ROOT / path for path in pages} - {ROOT / "docs" / "index.md"}


@pytest.mark.parametrize("name", RENDERED)
def test_a_page_has_the_numbers_of_the_card_and_the_weaknesses(name):
    case = cases.create(name)
    card = case.card()
    text = (ROOT / "docs" / "cases" / f"{name}.md").read_text(encoding="utf-8")
    assert card["sha256"] in text
    assert f"seed {card['recipe']['seed']}" in text
    rows = dict(re.findall(r"^\| ([^|]+) \| ([\d,]+ \| [\d,]+) \| ", text, re.MULTILINE))
    groups = {"whole test set": card["test"], "without a weakness": card["ordinary"], **card["weaknesses"]}
    assert rows == {group: f"{one['images']:,} | {one['errors']:,}" for group, one in groups.items()}
    unescaped = text.replace("\\|", "|")
    for weakness in case.weaknesses:
        assert f"| {weakness.name} | `{weakness.where!r}` | {weakness.why} |" in unescaped


def test_every_parameter_of_a_case_is_on_its_page(pages):
    for name in RENDERED:
        text = pages[Path(f"docs/cases/{name}.md")]
        for first, last in re.findall(r"`(\w+)` … `(\w+)`", text):  # `shape_0` … `shape_11`
            stem = first.rstrip("0123456789")
            numbers = range(int(first[len(stem) :]), int(last[len(stem) :]) + 1)
            text += "".join(f"`{stem}{number}`" for number in numbers)
        assert not [p.name for p in cases.create(name).space if f"`{p.name}`" not in text], name


def test_every_picture_is_small_and_on_its_page():
    names = [part.name for part in cases]
    files = {path.name: path for path in (ROOT / "docs" / "images" / "cases").iterdir()}
    assert set(files) == {f"{name}.jpg" for name in names} | {f"{name}-one.jpg" for name in names}
    index = (ROOT / "docs" / "cases" / "index.md").read_text(encoding="utf-8")
    for name in names:
        assert files[f"{name}.jpg"].stat().st_size <= 120_000
        assert files[f"{name}-one.jpg"].stat().st_size <= 20_000
        assert f"({name}.md)" in index
        assert f"cases/{name}-one.jpg" in index
        assert f"cases/{name}.jpg" in (ROOT / "docs" / "cases" / f"{name}.md").read_text(encoding="utf-8")


def test_a_page_that_is_out_of_date_is_named_and_written(gallery, pages, tmp_path, monkeypatch, capsys):
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "index.md").write_bytes((ROOT / "docs" / "index.md").read_bytes())
    monkeypatch.setattr(gallery, "ROOT", tmp_path)
    assert gallery.main(["--check"]) == 1
    assert "docs/cases/fashion.md" in capsys.readouterr().out
    assert gallery.main(["--pages"]) == 0
    assert gallery.main(["--check"]) == 0
    page = tmp_path / "docs" / "cases" / "fashion.md"
    assert page.read_text(encoding="utf-8") == pages[Path("docs/cases/fashion.md")]
    page.write_text(page.read_text(encoding="utf-8").replace("10,000", "9,999"), encoding="utf-8")
    capsys.readouterr()
    assert gallery.main(["--check"]) == 1
    assert capsys.readouterr().out == "out of date: docs/cases/fashion.md\n"


def test_a_distribution_is_told_by_shares_or_by_mean_and_extremes(gallery):
    time = Parameter("time", choices=("day", "dusk", "night"))
    assert gallery._spread(time, ["dusk", "day", "day", "day"]) == "day: 75 %, dusk: 25 %"
    iso = Parameter("iso", 0, 25600, 100)
    assert gallery._spread(iso, [400.0, 100.0]) == "100: 50 %, 400: 50 %"
    yaw = Parameter("yaw", -90, 90)
    assert gallery._spread(yaw, [float(i) for i in range(-10, 12)]) == "mean 0.5 (-10 … 11)"
    sun = Parameter("sun", 0, 360, circular=True)
    assert gallery._spread(sun, [float(i) for i in range(350)]) == "0 … 349"


def test_who_is_in_one_split_only_repeats_there_and_nowhere_else(gallery):
    def rows(*values):
        return [{"shape": values[i % len(values)]} for i in range(gallery.N_DRAWN)]

    apart = {"train": rows(1.0, 2.0), "test": rows(3.0, 4.0, 5.0)}
    shared = {"train": rows(1.0, 2.0), "test": rows(2.0, 3.0)}
    anew = {"train": rows(*range(500)), "test": rows(*range(500, 1000))}
    assert [gallery._is_kept_apart("shape", drawn) for drawn in (apart, shared, anew)] == [True, False, False]


def test_what_stays_of_a_subject_never_changes_for_one_and_differs_between_them(gallery):
    subjects = {(1.0,): [{"hair": "red", "yaw": 1, "seat": "grey"}, {"hair": "red", "yaw": 2, "seat": "grey"}]}
    subjects[(2.0,)] = [{"hair": "bald", "yaw": 1, "seat": "grey"}]
    assert [name for name in ("hair", "yaw", "seat") if gallery._belongs(name, subjects)] == ["hair"]


def test_numbered_neighbours_share_a_row(gallery):
    parameters = [Parameter("shape_0"), Parameter("shape_1"), Parameter("skin_2"), Parameter("shape_2", high=3)]
    named = [gallery._named(group) for group in gallery._alike(parameters)]
    assert named == ["`shape_0` … `shape_1`", "`skin_2`", "`shape_2`"]


def test_a_sheet_has_its_rows_and_keeps_within_the_limit(gallery):
    picture = Image.fromarray(np.random.default_rng(0).integers(0, 256, (96, 96, 3), np.uint8))
    rows = {"ordinary": [(picture, "a")] * 9, "a long caption": [(picture, "something far too long for the cell")]}
    sheet = gallery.Sheet(rows).drawn()
    n = gallery.columns_of(96)
    assert sheet.width == n * 100 - 4 + 16 <= 900
    assert sheet.height > 3 * 96  # nine do not fit side by side
    x, y = gallery.MARGIN_PX, gallery.MARGIN_PX + 22
    assert np.array_equal(np.asarray(sheet)[y : y + 96, x : x + 96], np.asarray(picture))
    assert len(gallery.encoded(sheet)) <= 120_000
    noise = Image.fromarray(np.random.default_rng(0).integers(0, 256, (1200, 900, 3), np.uint8))
    with pytest.raises(ValueError, match="does not fit"):
        gallery.encoded(noise)


@pytest.mark.parametrize("name", RENDERED)
def test_the_font_of_a_sheet_has_every_letter_of_its_headings(name):
    case = cases.create(name)
    texts = [weakness.name for weakness in case.weaknesses] + list(getattr(case.task(), "classes", ()))
    assert not [text for text in texts if not text.isascii()]  # Pillow's own font has little else


def _is(path: Path, text: str) -> bool:
    return path.is_file() and path.read_text(encoding="utf-8") == text
