"""JSON Lines manifests: one object a line; types are kept (text stays text, numbers become float)."""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Iterator
from pathlib import Path

from failatlas.errors import DataError
from failatlas.images.records import ImageRecord
from failatlas.images.table import Cell, Row, read_records, require_path

_MAX_LINE = 16 * 1024 * 1024  # bytes


def read_jsonl(path: Path) -> tuple[ImageRecord, ...]:
    """Read a JSON Lines manifest; ``target`` may be a number or a list of numbers.

    Raises:
        DataError: malformed; the message has the line.
        UnsafeInputError: a path leaves the folder or is an address.
    """
    rows = list(_rows(path))
    columns = tuple(dict.fromkeys(name for row in rows for name in row.cells))
    require_path(columns, path.name)
    return read_records(rows, columns, path.name)


def cell(value: object, name: str, where: str) -> Cell:
    """A JSON-like value as a cell: truth becomes ``"true"`` or ``"false"``, times their ISO text.

    Raises:
        DataError: an object, or a list of anything but numbers.
    """
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int) and abs(value) > 2**53:
        return str(value)  # a key rather than a quantity: a float would round it, and merge two images
    if isinstance(value, int | float):
        return float(value)
    if isinstance(value, list) and all(isinstance(v, int | float) and not isinstance(v, bool) for v in value):
        return tuple(math.inf if abs(v) > sys.float_info.max else float(v) for v in value)
    raise DataError(
        f"{name[:80]!r} is a nested value", where=where, remedy="text, a number, or a list of target numbers"
    )


def parse_json(text: bytes, where: str) -> object:
    """Parse JSON from a stranger: no repeated keys, and depth or digits beyond reason are an error like any other.

    Raises:
        DataError: it is not JSON.
    """
    try:
        return json.loads(text.decode("utf-8-sig", "surrogateescape"), object_pairs_hook=_object)
    except (ValueError, RecursionError) as error:
        reason = str(error).split("\n")[0][:200]
        raise DataError(f"not JSON: {reason}", where=where, remedy="mend that line") from None


def _object(pairs: list[tuple[str, object]]) -> dict[str, object]:
    result = dict(pairs)
    if len(result) != len(pairs):
        raise ValueError("a key appears twice in one object")
    return result


def _rows(path: Path) -> Iterator[Row]:
    with path.open("rb") as file:
        number = 0
        while line := file.readline(_MAX_LINE):
            number += 1
            where = f"{path.name} line {number}"
            if len(line) == _MAX_LINE:
                raise DataError(f"a line of more than {_MAX_LINE} bytes", where=where, remedy="shorten it")
            if not line.strip():
                continue
            value = parse_json(line, where)
            if not isinstance(value, dict):
                raise DataError("not a JSON object", where=where, remedy='one object a line: {"path": …}')
            yield Row(where, {name: cell(item, name, where) for name, item in value.items()})
