"""Columns: what is known of every image besides its pixels: measured properties and metadata, numbers or texts."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np

from failatlas.arrays import Vector
from failatlas.errors import ShapeError
from failatlas.images.records import ImageRecord

Column = Vector | tuple[str, ...]
"""One entry an image: (n,) float64 with nan = missing, or n texts with "" = missing."""

Columns = Mapping[str, Column]

KNOWN_CAUSE = "known_cause"
# metadata columns that are ground truth: they judge clusters and describe none
TRUTH = (KNOWN_CAUSE, "scenario", "scenario_code")


def metadata_columns(records: Sequence[ImageRecord]) -> dict[str, Column]:
    """Columns of the metadata of n images, in order of first appearance; a column with any text in it is text.

    >>> rows = [ImageRecord("a", "a", metadata={"yaw": 3.0}), ImageRecord("b", "b", metadata={"camera": "left"})]
    >>> metadata_columns(rows)
    {'yaw': array([ 3., nan]), 'camera': ('', 'left')}
    """
    names = dict.fromkeys(name for record in records for name in record.metadata)
    return {name: _column([record.metadata.get(name) for record in records]) for name in names}


def joined(n: int, **parts: Columns) -> dict[str, Column]:
    """All columns in one table; of two with one name the later is called ``part.name``.

    Raises:
        ShapeError: a column has not n entries.
    """
    table: dict[str, Column] = {}
    for part, columns in parts.items():
        for name, column in columns.items():
            if len(column) != n:
                raise ShapeError(
                    f"column {name!r} has {len(column)} entries for {n} images",
                    where=part,
                    remedy="give one entry for every outcome, in its order",
                )
            table[f"{part}.{name}" if name in table else name] = column
    return table


def without_truth(columns: Columns) -> dict[str, Column]:
    """The columns that may describe a cluster: all but ``known_cause`` and the name of an injected scenario."""
    return {name: column for name, column in columns.items() if name not in TRUTH}


def truth(metadata: Columns) -> tuple[str, ...] | None:
    """The planted weakness of every image, "" = none; None where the set does not say.

    >>> truth({"known_cause": np.array([1.0, np.nan])}), truth({"yaw": np.zeros(2)})
    (('1', ''), None)
    """
    column = metadata.get(KNOWN_CAUSE)
    return None if column is None else as_texts(column)


def as_texts(column: Column) -> tuple[str, ...]:
    """A column as texts: names that happen to be numbers are read as numbers from a CSV file."""
    if isinstance(column, np.ndarray):
        return tuple(f"{value:g}" if math.isfinite(value) else "" for value in column)
    return column


def numbers(columns: Columns) -> dict[str, Vector]:
    """The columns of numbers, without those of a full turn: more and less mean nothing there."""
    arrays = {name: column for name, column in columns.items() if isinstance(column, np.ndarray)}
    return {name: column for name, column in arrays.items() if not is_circular(name, column)}


def is_circular(name: str, column: Vector) -> bool:
    """Whether a column holds directions of a full turn: called ``…_deg``, within 0 … 360 and over more than half of it.

    >>> is_circular("wind_deg", np.array([10.0, 350.0])), is_circular("head_yaw_deg", np.array([-60.0, 70.0]))
    (True, False)
    """
    finite = column[np.isfinite(column)]
    if not name.endswith("_deg") or not len(finite):
        return False
    low, high = float(finite.min()), float(finite.max())
    return low >= 0 and high <= 360 and high - low > 180


def _column(values: Sequence[str | float | None]) -> Column:
    if any(isinstance(value, str) for value in values):
        return tuple("" if value is None else _text(value) for value in values)
    return np.array([math.nan if value is None else value for value in values], np.float64)


def _text(value: str | float) -> str:
    return value if isinstance(value, str) else f"{value:g}"
