"""Tables: from the rows of any manifest (CSV, JSON Lines, Parquet) to records.

Columns: ``path`` is required; ``id``, ``label``, ``split`` and ``target`` or ``target_0`` … ``target_n`` have a
meaning; every other column is metadata. An empty cell says nothing: no label, no split, no value.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from failatlas.errors import DataError
from failatlas.images.opening import checked_path
from failatlas.images.records import ImageRecord

Cell = str | float | tuple[float, ...] | None

RESERVED = ("id", "path", "label", "split", "target")
_TARGET = re.compile(r"target_(0|[1-9][0-9]*)")
_DECIMAL = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?", re.ASCII)
# what a person means by a number; no nan, no 1_000, no 007 (a code), no 20 digits that a float would round
_NUMBER = re.compile(r"[+-]?(?:(?:0|[1-9][0-9]{0,14})(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]{1,3})?", re.ASCII)


@dataclass(frozen=True, slots=True)
class Row:
    """One row: its place for messages (``"manifest.csv line 7"``) and its cells by column."""

    where: str
    cells: Mapping[str, Cell]


def number(text: str) -> float | None:
    """The finite number that a cell says, else None.

    >>> number("-0.5"), number("007"), number("nan"), number("1e999")
    (-0.5, None, None, None)
    """
    if not _NUMBER.fullmatch(text):
        return None
    value = float(text)
    return value if math.isfinite(value) else None


def is_reserved(column: str) -> bool:
    """Whether a column has a meaning of its own and so cannot be metadata."""
    return column in RESERVED or _TARGET.fullmatch(column) is not None


def read_records(rows: Iterable[Row], columns: Iterable[str], where: str) -> tuple[ImageRecord, ...]:
    """Records of a table.

    Args:
        rows: in order.
        columns: all column names, as far as the format states them.
        where: the manifest, for messages.

    Raises:
        DataError: no ``path`` column, an empty path, a target that is no number, or two rows with one id.
        UnsafeInputError: a path that leaves the folder or is an address.
    """
    names = tuple(columns)
    targets = _target_columns(names, where)
    first_row: dict[str, str] = {}
    records = []
    for row in rows:
        record = _record(row, targets)
        if record.id in first_row:
            raise DataError(
                f"id {record.id[:200]!r} appears twice: {first_row[record.id]} and {row.where}",
                remedy="give every image its own id, or leave the id column out",
            )
        first_row[record.id] = row.where
        records.append(record)
    return tuple(records)


def require_path(columns: Iterable[str], where: str) -> None:
    """Refuse a table without a ``path`` column.

    Raises:
        DataError: with the columns that there are.
    """
    names = list(columns)
    if "path" not in names:
        shown = ", ".join(repr(name[:40]) for name in names[:12])
        raise DataError(
            f"no column 'path'; there are: {shown or 'none'}",
            where=where,
            remedy="name the column of file names 'path'",
        )


def _target_columns(columns: tuple[str, ...], where: str) -> tuple[str, ...]:
    numbered = sorted((name for name in columns if _TARGET.fullmatch(name)), key=lambda name: (len(name), name))
    if numbered and "target" in columns:
        raise DataError("both 'target' and 'target_0'", where=where, remedy="keep one of the two forms")
    if numbered != [f"target_{i}" for i in range(len(numbered))]:
        raise DataError(f"targets with a gap: {', '.join(numbered[:8])}", where=where, remedy="count from target_0")
    return tuple(numbered)


def _record(row: Row, targets: tuple[str, ...]) -> ImageRecord:
    cells = row.cells
    path = checked_path(_text(cells.get("path"), "path", row.where) or "", row.where)
    return ImageRecord(
        id=_text(cells.get("id"), "id", row.where) or path,
        path=path,
        label=_text(cells.get("label"), "label", row.where),
        target=_target(cells, targets, row.where),
        split=_text(cells.get("split"), "split", row.where),
        metadata={
            name: value for name, cell in cells.items() if (value := _metadata(name, cell, row.where)) is not None
        },
    )


def _text(cell: Cell, name: str, where: str) -> str | None:
    if cell is None or cell == "":
        return None
    if isinstance(cell, tuple):
        raise DataError(f"{name} is a list", where=where, remedy="one value a cell")
    if isinstance(cell, float):
        return str(int(cell)) if cell.is_integer() and abs(cell) < 2**53 else repr(cell)
    return cell


def _target(cells: Mapping[str, Cell], targets: tuple[str, ...], where: str) -> tuple[float, ...] | None:
    given = [cells.get(name) for name in targets] if targets else [cells.get("target")]
    if len(given) == 1 and isinstance(given[0], tuple):
        given = list(given[0])
    if all(cell is None or cell == "" for cell in given):
        return None
    return tuple(_finite(cell, where) for cell in given)


def _finite(cell: Cell, where: str) -> float:
    value = float(cell) if isinstance(cell, str) and _DECIMAL.fullmatch(cell.strip()) else cell
    if not isinstance(value, float) or not math.isfinite(value):
        remedy = "a target is a number; class names go into 'label'"
        raise DataError(f"target {str(cell)[:80]!r} is not a finite number", where=where, remedy=remedy)
    return value


def _metadata(name: str, cell: Cell, where: str) -> str | float | None:
    if cell is None or cell == "" or is_reserved(name):
        return None
    if isinstance(cell, float):
        return cell if math.isfinite(cell) else None
    if isinstance(cell, tuple):
        raise DataError(f"metadata {name!r} is a list", where=where, remedy="one value a cell")
    return cell
