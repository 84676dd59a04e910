"""Settings: one TOML file and flags into a frozen dataclass; an unknown key is an error with "did you mean"."""

from __future__ import annotations

import dataclasses
import difflib
import tomllib
import types
import typing
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

from failatlas.errors import UsageError

_Settings = TypeVar("_Settings")


def read(path: Path) -> dict[str, object]:
    """Parse a TOML file.

    Raises:
        UsageError: it is missing or malformed; the message has the line.
    """
    try:
        with path.open("rb") as file:
            return tomllib.load(file)
    except FileNotFoundError:
        raise UsageError("no such settings file", where=str(path), remedy="check --config") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UsageError(f"not valid TOML: {error}", where=str(path), remedy="mend that line") from None


def resolve(kind: type[_Settings], *layers: Mapping[str, object]) -> _Settings:
    """Build a settings dataclass from layers of keys; a later layer wins, ``None`` means "not said".

    Args:
        kind: a frozen dataclass whose fields are the known keys.
        layers: mappings, e.g. the file first and the flags after it.

    Raises:
        UsageError: a key is unknown, or a value has the wrong type.
    """
    known = {field.name: field for field in dataclasses.fields(typing.cast(Any, kind))}
    hints = typing.get_type_hints(kind)
    values: dict[str, object] = {}
    for layer in layers:
        for key, value in layer.items():
            if key not in known:
                near = difflib.get_close_matches(key, known, n=1)
                hint = f"did you mean {near[0]!r}?" if near else f"known: {', '.join(sorted(known))}"
                raise UsageError(f"unknown setting {key!r}", remedy=hint)
            if value is not None:
                values[key] = _convert(key, value, hints[key])
    return kind(**values)


def _convert(key: str, value: object, expected: Any) -> object:
    options = typing.get_args(expected) if isinstance(expected, types.UnionType) else (expected,)
    for option in options:
        origin = typing.get_origin(option) or option
        if origin is tuple and isinstance(value, list | tuple):
            return tuple(value)
        if origin is float and isinstance(value, int) and not isinstance(value, bool):
            return float(value)
        if origin is Path and isinstance(value, str | Path):
            return Path(value)
        # bool is an int to Python, but `seed = true` is a mistake
        if isinstance(origin, type) and isinstance(value, origin) and not (origin is int and isinstance(value, bool)):
            return value
    words = dict.fromkeys(_WORDS[typing.get_origin(option) or option] for option in options if option is not _NOTHING)
    raise UsageError(f"setting {key!r} has the wrong type: {value!r}", remedy=f"give {' or '.join(words)}")


_NOTHING = type(None)
_WORDS: Mapping[type, str] = {
    str: "a text",
    Path: "a path",
    bool: "true or false",
    int: "a whole number",
    float: "a number",
    tuple: "a list",
}
