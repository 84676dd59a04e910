"""Every example of README and docs runs, or at least parses: a page that lies is worse than none."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import click
import pytest

ROOT = Path(__file__).parents[2]
_FENCE = re.compile(
    r"(?:<!-- (?P<mark>not run|long|file): (?P<why>[^>]+) -->\n)?"
    r"(?P<tick>`{3,})(?P<kind>\w*)\n(?P<text>.*?)^(?P=tick)$",
    re.DOTALL | re.MULTILINE,
)
_CHEAP = ("failatlas parts", "failatlas cases", "failatlas --help", "failatlas --version")


@dataclass(frozen=True)
class Block:
    """A fenced block of a page: language, text, first line, whether it is marked as not to be run, or as a file."""

    kind: str
    text: str
    line: int
    mark: str
    file: str = ""


def blocks(page: Path) -> Iterator[Block]:
    text = page.read_text(encoding="utf-8")
    for found in _FENCE.finditer(text):
        line = text.count("\n", 0, found.start("text")) + 1
        file = found["why"].strip() if found["mark"] == "file" else ""
        yield Block(found["kind"], found["text"], line, found["mark"] or "", file)


def console(page: Path) -> list[str]:
    """Commands of a page, one string each, continued lines joined."""
    commands = []
    for block in blocks(page):
        if block.kind == "console":
            joined = block.text.replace("\\\n", " ")
            commands += [line[2:].strip() for line in joined.splitlines() if line.startswith("$ ")]
    return commands


def test_the_extractor_sees_kinds_marks_and_lines(tmp_path):
    page = tmp_path / "page.md"
    page.write_text(
        "a\n```python\nx = 1\n```\n<!-- long: two minutes -->\n```python\ny\n```\n````text\n```\n````\n"
        "<!-- file: own.py -->\n```python\nz\n```\n"
    )
    assert list(blocks(page)) == [
        Block("python", "x = 1\n", 3, ""),
        Block("python", "y\n", 7, "long"),
        Block("text", "```\n", 10, ""),
        Block("python", "z\n", 14, "file", "own.py"),
    ]


@pytest.fixture
def own_parts() -> Iterator[None]:
    """Parts that a page registers are gone after it: other tests count them."""
    from failatlas import api
    from failatlas.clustering import clusterers
    from failatlas.features import extractors
    from failatlas.reduction import reducers
    from failatlas.relevance.rules import rule
    from failatlas.rootcauses import describers
    from failatlas.simulators import simulators
    from failatlas.simulators.effects import effects

    api.parts()  # loads every registry
    assert list(simulators)
    tables = [registry._parts for registry in (extractors, reducers, clusterers, describers, simulators)]
    tables += [rule._rules, effects._effects]
    before = [dict(table) for table in tables]
    yield
    for table, parts in zip(tables, before, strict=True):
        table.clear()
        table.update(parts)


@pytest.mark.usefixtures("own_parts")
def test_python_examples_run(page, in_workshop):
    code = [block for block in blocks(page) if block.kind == "python"]
    for block in code:
        compile(block.text, f"{page.name}:{block.line}", "exec")
    namespace: dict[str, object] = {"__name__": "example"}
    for block in code:
        if block.file:
            (in_workshop / block.file).write_text(block.text)
            (in_workshop / block.file).chmod(0o755)
        if not block.mark:
            padded = "\n" * (block.line - 1) + block.text  # so that a traceback names the page's own line
            exec(compile(padded, str(page), "exec", dont_inherit=True), namespace)


def test_console_commands_parse(page, in_workshop):
    for command in console(page):
        words = shlex.split(command, comments=True)
        if words[0] == "failatlas":
            _parse(words[1:])
        elif words[0] == "make":
            targets = re.findall(r"^(\w+):", (ROOT / "Makefile").read_text(), re.MULTILINE)
            assert set(words[1:]) <= set(targets), command
        elif words[0] == "python" and words[1].endswith(".py"):
            assert (ROOT / words[1]).is_file(), command
        else:
            assert words[0] in ("git", "pip", "pytest", "ruff", "mypy", "sha256sum", "cd"), command


@pytest.mark.parametrize("command", _CHEAP)
def test_cheap_commands_run(command, capsys):
    from failatlas.cli import main

    with pytest.raises(SystemExit) as stop:
        main(shlex.split(command)[1:])
    assert stop.value.code == 0
    assert capsys.readouterr().out.strip()


def test_a_wrong_command_does_not_parse():
    with pytest.raises(click.UsageError):
        _parse(["analyze", "--imagse", "photos", "--out", "run"])
    with pytest.raises(click.UsageError):
        _parse(["assign", "run"])


def test_settings_files_resolve(page, in_workshop):
    import tomllib

    from failatlas.runs.settings import Settings
    from failatlas.settings import resolve

    for block in blocks(page):
        if block.kind == "toml" and "entry-points" not in block.text:
            resolve(Settings, tomllib.loads(block.text))


def _parse(words: list[str]) -> None:
    """Parse a command line as the program would, and run nothing."""
    from failatlas.cli.main import group

    if not words or words[0].startswith("-"):
        assert set(words) <= {"--help", "-h", "--version"}, words
        return
    command: click.Command = group
    context = click.Context(group, info_name="failatlas")
    while isinstance(command, click.Group) and words and words[0] in command.commands:
        command = command.commands[words[0]]
        context = click.Context(command, parent=context, info_name=words[0])
        words = words[1:]
    if "--help" in words:
        return
    command.parse_args(context, list(words))
