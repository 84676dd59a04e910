"""Keys: a result's name is the hash of everything that decides it, so that asking for it again finds it."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping
from enum import Enum

import numpy as np

from failatlas.errors import UsageError


def key(
    stage: str, version: int | str, *, inputs: Mapping[str, str], settings: Mapping[str, object], seed: int | None
) -> str:
    """SHA-256 (hex) over canonical JSON; the same in every process, locale and hash seed.

    Args:
        stage: the stage's name.
        version: of the stage's algorithm; raised when its results change.
        inputs: role → content hash of what it reads.
        settings: whatever else decides the result: None, bool, int, float, str, enums, and lists and mappings of them.
            1 and 1.0 differ, as do 0.0 and -0.0; the order of a mapping's keys does not matter.
        seed: from which random choices are drawn, None when there are none.

    Raises:
        UsageError: a setting has no canonical form (a set, an object); the message names it.

    >>> first = key("reduce", 1, inputs={}, settings={"a": 1, "b": 2.5}, seed=0)
    >>> first == key("reduce", 1, inputs={}, settings={"b": 2.5, "a": 1}, seed=0)
    True
    """
    parts = {
        "stage": stage,
        "version": version,
        "inputs": _canonical(inputs, "inputs"),
        "settings": _canonical(settings, "settings"),
        "seed": seed,
    }
    # ASCII escapes keep lone surrogates; Python spells a float by its shortest repr, which names exactly one number
    text = json.dumps(parts, sort_keys=True, ensure_ascii=True, allow_nan=False, separators=(",", ":"))
    return hashlib.sha256(text.encode("ascii")).hexdigest()


def _canonical(value: object, where: str) -> object:
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, Enum):
        value = value.value
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, float):
        # JSON has no nan; the mapping keeps it apart from the text "nan"
        return value if math.isfinite(value) else {"": repr(value)}
    if isinstance(value, list | tuple):
        return [_canonical(item, f"{where}[{position}]") for position, item in enumerate(value)]
    if isinstance(value, Mapping):
        for name in value:
            if not isinstance(name, str):
                raise UsageError(f"{name!r} is no text", where=where, remedy="name settings by text")
        return {name: _canonical(item, f"{where}.{name}") for name, item in value.items()}
    raise UsageError(
        f"a {type(value).__name__} has no canonical form", where=where, remedy="use numbers, texts, lists and mappings"
    )
