"""Pages are whole: generated tables are current, nothing the code offers is missing, every link leads somewhere."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
REFERENCE = ROOT / "docs" / "reference"
_LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")
_FENCED = re.compile(r"^(`{3,}).*?^\1$", re.DOTALL | re.MULTILINE)
_CODE = re.compile(r"\bE_[A-Z0-9_]+\b")


def test_generated_tables_are_current(write_docs):
    stale = [page for page in write_docs.pages() if write_docs.render(page.read_text()) != page.read_text()]
    assert not stale, "run python tools/write_docs.py"


def test_every_generated_section_stands_on_some_page(write_docs):
    text = "".join(page.read_text() for page in write_docs.pages())
    missing = [name for name in write_docs.SECTIONS if f"<!-- generated: {name} -->" not in text]
    assert not missing


def test_every_command_and_option_is_documented(write_docs):
    text = (REFERENCE / "command-line.md").read_text()
    sections = dict(re.findall(r"^### failatlas ([\w ]+)\n(.*?)(?=^### |\Z)", text, re.DOTALL | re.MULTILINE))
    for words, command in write_docs.all_commands():
        section = sections[" ".join(words)]
        options = [name for parameter in command.params for name in parameter.opts if name.startswith("-")]
        assert not [name for name in options if f"{name}`" not in section and f"{name}," not in section], words


def test_every_setting_is_documented():
    from failatlas.runs.settings import Settings

    text = (REFERENCE / "settings.md").read_text()
    assert not [field.name for field in dataclasses.fields(Settings) if f"| `{field.name}` |" not in text]


@pytest.mark.parametrize(
    ("kind", "noun"),
    [
        ("presets", "pipelines"),
        ("extractors", "features"),
        ("reducers", "pipelines"),
        ("clusterers", "pipelines"),
        ("describers", "root-causes"),
        ("composites", "relevance"),
    ],
)
def test_every_part_is_in_the_docs_table(kind, noun):
    from failatlas import api

    text = (REFERENCE / f"{noun}.md").read_text()
    assert not [part.name for part in api.parts()[kind] if f"| `{part.name}` |" not in text]


def test_every_operator_is_in_the_docs_table():
    from failatlas import api

    text = (REFERENCE / "relevance.md").read_text()
    assert not [part.name for part in api.parts()["operators"] if f"`{part.name}`" not in text]


def test_every_error_code_is_documented_and_no_other():
    source = "".join(path.read_text() for path in (ROOT / "src").rglob("*.py"))
    documented = set(re.findall(r"^\| `(E_[A-Z0-9_]+)`", (REFERENCE / "errors.md").read_text(), re.MULTILINE))
    assert documented == set(re.findall(r'"(E_[A-Z0-9_]+)"', source))


def test_codes_named_on_any_page_exist(page):
    known = set(_CODE.findall((REFERENCE / "errors.md").read_text()))
    assert set(_CODE.findall(page.read_text())) <= known


def test_links_and_pictures_lead_somewhere(page):
    prose = _FENCED.sub("", page.read_text())
    for target in _LINK.findall(prose):
        if re.match(r"[a-z]+:", target):
            continue
        path, _, fragment = target.partition("#")
        file = (page.parent / path).resolve() if path else page
        assert file.exists(), target
        assert file.is_relative_to(ROOT), target
        if fragment and file.suffix == ".md":
            assert fragment in _anchors(file), target


def test_every_page_is_reached_from_the_index():
    index = ROOT / "docs" / "index.md"
    linked = {(index.parent / link.partition("#")[0]).resolve() for link in _LINK.findall(index.read_text())}
    listed = [page for page in (ROOT / "docs").rglob("*.md") if page != index]
    assert not [str(page.relative_to(ROOT)) for page in listed if page not in linked]


def test_pages_name_no_machine_and_no_host(page):
    text = page.read_text()
    # an absolute path is somebody's machine, except for the interpreter on a script's first line
    assert not re.findall(r"(?<![\w.)])(?<!#!)/[a-z]+/[\w.]+", text)
    assert not re.findall(r"\bhttps?:", text)  # links are relative: the documentation reads without a network


def test_decision_notes_are_short_and_have_their_form():
    notes = sorted((ROOT / "docs" / "decisions").glob("*.md"))
    assert [note.name[:4] for note in notes] == [f"{i:04d}" for i in range(1, len(notes) + 1)]
    for note in notes:
        lines = note.read_text().rstrip().splitlines()
        assert len(lines) <= 30, note.name
        assert lines[0].startswith(f"# {note.name[:4]} "), note.name
        for part in ("**Question.**", "**Measured.**", "**Decision.**", "**Overturned by.**"):
            assert part in note.read_text(), (note.name, part)


def test_pictures_are_small_and_used():
    pictures = sorted((ROOT / "docs" / "images").iterdir())
    text = "".join(page.read_text() for page in [ROOT / "README.md", *(ROOT / "docs").rglob("*.md")])
    for picture in pictures:
        assert picture.stat().st_size <= 400_000, picture.name
        assert f"images/{picture.name}" in text, picture.name


def _anchors(page: Path) -> set[str]:
    heads = re.findall(r"^#+ (.*)$", _FENCED.sub("", page.read_text()), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", head.lower()).replace(" ", "-") for head in heads}
