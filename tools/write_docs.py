"""Write the tables of docs/ that the code already knows: commands, settings, parts, errors.

python tools/write_docs.py           # rewrite what stands between the markers
python tools/write_docs.py --check   # exit 1 and name the pages that are out of date

A section stands between ``<!-- generated: NAME -->`` and ``<!-- end: NAME -->``; everything else on a page is written
by hand and never touched.
"""

from __future__ import annotations

import dataclasses
import importlib
import inspect
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from failatlas.registry import Part
    from failatlas.simulators import Simulator

ROOT = Path(__file__).parents[1]
_SECTION = re.compile(r"(<!-- generated: ([\w-]+) -->\n).*?(<!-- end: \2 -->)", re.DOTALL)


def pages() -> list[Path]:
    """README and every page of docs/, in order of path."""
    return [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]


def render(text: str) -> str:
    """A page with its generated sections as the code has them now."""
    return _SECTION.sub(lambda match: f"{match[1]}\n{SECTIONS[match[2]]()}\n\n{match[3]}", text)


def commands() -> str:
    """Every command with its usage, what it does and its options."""
    return "\n\n".join(_command(path, command) for path, command in all_commands())


def all_commands() -> Iterator[tuple[tuple[str, ...], click.Command]]:
    """Every command by its words, e.g. ``("cases", "make")``, in the order of ``--help``."""
    from failatlas.cli.commands import COMMANDS

    for command in COMMANDS:
        yield (command.name or "",), command
        if isinstance(command, click.Group):
            for name, inner in command.commands.items():
                yield (command.name or "", name), inner


def settings() -> str:
    """Every field of ``Settings``: key, type, default, meaning."""
    from failatlas.runs.settings import Settings

    return _settings(Settings)


def study_settings() -> str:
    """The same of ``StudySettings``."""
    from failatlas.trials.settings import StudySettings

    return _settings(StudySettings)


def parts(kind: str) -> Callable[[], str]:
    """Every registered part of one kind, with its parameters."""

    def section() -> str:
        registry = _registries()[kind]
        rows = [(f"`{part.name}`", part.summary, part.source) for part in registry]
        parameters = [
            (f"`{part.name}.{name}`", f"`{parameter.default}`", parameter.range, parameter.meaning)
            for part in registry
            for name, parameter in part.parameters.items()
        ]
        text = table(("name", "what it is", "source"), rows)
        if parameters:
            text += "\n\n" + table(("parameter", "default", "range", "what it does"), parameters)
        return text

    return section


def presets() -> str:
    """The pipelines that have names of their own."""
    from failatlas.pipelines import PRESETS

    rows = [(f"`{name}`", f"`{preset.pipeline}`", preset.summary, preset.source) for name, preset in PRESETS.items()]
    return table(("name", "pipeline", "what it does", "source"), rows)


def composites() -> str:
    """Every composite: which rule serves which kind of layer."""
    from failatlas.relevance.composites import composites as known

    rows = [
        (
            f"`{name}`",
            f"`{one.convolution}`",
            f"`{one.dense}`",
            f"`{one.first}`" if one.first else "as any other",
            one.pooling,
            one.normalisation,
            one.source,
        )
        for name, one in known.items()
    ]
    return table(("name", "convolution", "dense", "first layer", "pooling", "normalisation", "source"), rows)


def operators() -> str:
    """Every operator that has a relevance rule, by the family that serves it."""
    from failatlas.relevance.rules.rule import served

    families: dict[tuple[str, str], list[str]] = {}
    for name, rule in served():
        family = rule.share.__module__.rsplit(".", 1)[-1]
        families.setdefault((family, rule.name), []).append(f"`{name}`")
    rows = [(family, rule, ", ".join(names)) for (family, rule), names in sorted(families.items())]
    return table(("family", "rule", "operators"), rows)


def simulators() -> str:
    """Every simulator: how it is built, its parameters with units and ranges, what it measures."""
    from failatlas.simulators import simulators as known

    return "\n\n".join([parts("simulators")(), *(_simulator(part) for part in known)])


def scenarios() -> str:
    """Every scenario that can be injected, with its parameters."""
    from failatlas.simulators.scenarios import scenarios as known

    rows = [(f"`{name}`", *(cell.replace("``", "`") for cell in rest)) for name, *rest in known.rows()]
    return table(("name", "code and what it does", "parameters", "source"), rows)


def error_classes() -> str:
    """Every class of error with its exit status."""
    from failatlas import errors

    kinds = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, Exception)]
    rows = [
        (f"`{kind.__name__}`", f"`{kind.code}`", str(kind.exit_status), (kind.__doc__ or "").splitlines()[0])
        for kind in kinds
        if kind.__module__ == errors.__name__
    ]
    return table(("class", "code", "exit", "when"), rows)


def docstring_table(module: str) -> Callable[[], str]:
    """The table that a module's docstring holds."""

    def section() -> str:
        lines = (importlib.import_module(module).__doc__ or "").splitlines()
        return "\n".join(line for line in lines if line.startswith("|"))

    return section


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table; a bar inside a cell is escaped."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)


def _settings(kind: type) -> str:
    meaning = _attributes(kind.__doc__ or "")
    rows = [
        (f"`{field.name}`", _toml_type(str(field.type)), _default(field.default), _sentence(meaning[field.name]))
        for field in dataclasses.fields(kind)
    ]
    return table(("key", "type", "default", "what it says"), rows)


def _command(path: tuple[str, ...], command: click.Command) -> str:
    words = " ".join(path)
    arguments = [p for p in command.params if isinstance(p, click.Argument)]
    usage = " ".join(["failatlas", words, *(str(p.human_readable_name).upper() for p in arguments), "[OPTIONS]"])
    rows = [(f"`{', '.join(option.opts)}`", _values(option), _help(option)) for option in _options(command)]
    help_text = " ".join((command.help or "").split())
    listed = table(("option", "value", "what it does"), rows)
    return f"### failatlas {words}\n\n{help_text}\n\n```text\n{usage}\n```\n\n{listed}"


def _simulator(part: Part[Simulator]) -> str:
    space = part.factory().space
    rows = [(f"`{one.name}`", one.kind, one.range, _plain(one.default), one.meaning) for one in space]
    listed = table(("parameter", "kind", "range", "default", "meaning"), rows)
    paragraphs = (inspect.getdoc(part.factory) or "").split("\n\n")
    labels = [" ".join(text.split()) for text in paragraphs if text.startswith("Labels:")]
    return "\n\n".join([f"### {part.name}", listed, *(text.replace("``", "`") for text in labels)])


def _plain(value: object) -> str:
    return f"`{value:g}`" if isinstance(value, float) else f"`{value}`"


def _options(command: click.Command) -> list[click.Option]:
    return [p for p in command.params if isinstance(p, click.Option)]


def _values(option: click.Option) -> str:
    if option.is_flag:
        return "–"
    if isinstance(option.type, click.Choice):
        return ", ".join(f"`{choice}`" for choice in option.type.choices)
    if isinstance(option.type, click.IntRange):
        return f"whole number ≥ {option.type.min}"
    names = {"path": "path", "text": "text", "float": "number", "integer": "whole number"}
    return names.get(option.type.name, option.type.name)


def _help(option: click.Option) -> str:
    text = option.help or ""
    if option.required:
        text += " Required."
    if option.show_default and option.default is not None:
        text += f" Default: `{option.default}`."
    return text.strip()


def _registries() -> dict[str, Iterable[object]]:
    from failatlas.cases import cases
    from failatlas.clustering import clusterers
    from failatlas.features import extractors
    from failatlas.reduction import reducers
    from failatlas.rootcauses import describers
    from failatlas.simulators import simulators

    return {
        "extractors": extractors,
        "reducers": reducers,
        "clusterers": clusterers,
        "describers": describers,
        "cases": cases,
        "simulators": simulators,
    }


def _attributes(docstring: str) -> dict[str, str]:
    """Attribute → its text, from the ``Attributes:`` section of a docstring."""
    found: dict[str, str] = {}
    names: list[str] = []
    for line in docstring.partition("Attributes:")[2].splitlines():
        match = re.match(r" {8}(\w[\w, ]*): (.*)", line)
        if match:
            names = [name.strip() for name in match[1].split(",")]
            found |= dict.fromkeys(names, match[2])
        elif not line.strip():
            names = []
        elif line.startswith(" " * 12):
            found |= {name: f"{found[name]} {line.strip()}" for name in names}
    return found


def _sentence(text: str) -> str:
    text = text.replace("``", "`")
    return text[0].upper() + text[1:]


def _toml_type(annotation: str) -> str:
    inner = annotation.removesuffix(" | None")
    words = {
        "str": "text",
        "Path": "path",
        "float": "number",
        "int": "whole number",
        "bool": "true or false",
        "tuple[str, ...]": "list of texts",
        "tuple[float, ...]": "list of numbers",
        "tuple[int, ...]": "list of whole numbers",
    }
    return words[inner]


def _default(value: object) -> str:
    if value is None:
        return "not set"
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    if isinstance(value, tuple):
        return f"`{list(value)}`"
    if value == 1 / 255:
        return "`1/255`"
    return f'`"{value}"`' if isinstance(value, str) else f"`{value}`"


SECTIONS: dict[str, Callable[[], str]] = {
    "commands": commands,
    "settings": settings,
    "study-settings": study_settings,
    "presets": presets,
    "extractors": parts("extractors"),
    "reducers": parts("reducers"),
    "clusterers": parts("clusterers"),
    "describers": parts("describers"),
    "composites": composites,
    "operators": operators,
    "scenarios": scenarios,
    "simulators": simulators,
    "conditions": docstring_table("failatlas.simulators.where"),
    "program": docstring_table("failatlas.simulators.program"),
    "error-classes": error_classes,
    "decoding": docstring_table("failatlas.images.decoding"),
    "properties": docstring_table("failatlas.images.properties"),
}


def main(arguments: Sequence[str]) -> int:
    """Rewrite the pages, or with ``--check`` only say which are out of date."""
    stale = []
    for page in pages():
        text = page.read_text(encoding="utf-8")
        now = render(text)
        if now != text:
            stale.append(page)
            if "--check" not in arguments:
                page.write_text(now, encoding="utf-8")
    for page in stale:
        print(f"{'out of date' if '--check' in arguments else 'written'}: {page.relative_to(ROOT)}")
    return 1 if stale and "--check" in arguments else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
