"""Rows: the one check that everything which reduces or clusters makes on what it is given."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from failatlas.arrays import Features
from failatlas.errors import DataError, ShapeError


def finite_rows(rows: ArrayLike, what: str = "features") -> Features:
    """Rows as (n, d) float32, contiguous; the given array is never written to.

    Args:
        rows: (n, d) numbers, n ≥ 0.
        what: noun for the message.

    Raises:
        ShapeError: not two-dimensional, or rows without columns.
        DataError: a value is nan or infinite, also when float32 cannot hold it; the first such row is named.
    """
    array = np.asarray(rows)
    if array.ndim != 2:
        raise ShapeError(f"{what} must be (n, d), got shape {array.shape}", remedy="one row per image")
    if array.shape[0] and not array.shape[1]:
        raise ShapeError(f"{what} have no columns, got shape {array.shape}", remedy="check the extractor")
    if array.dtype.kind not in "fiub":
        raise DataError(f"{what} must be numbers, got {array.dtype}", remedy="save them as float32")
    with np.errstate(over="ignore"):
        converted = np.ascontiguousarray(array, dtype=np.float32)
    # row by row in blocks: a mask of the whole array would cost a quarter of it
    for start in range(0, len(converted), 4096):
        good = np.isfinite(converted[start : start + 4096]).all(axis=1)
        if not good.all():
            row = start + int(np.argmin(good))
            raise DataError(
                f"{what} are not finite", where=f"row {row}", remedy="drop that image or mend what made its row"
            )
    return converted


def deviation(rows: Features) -> NDArray[np.float32]:
    """(d,) float32, what to divide each column by to standardise it; 1 for constant columns and a single row."""
    if len(rows) < 2:
        return np.ones(rows.shape[1], np.float32)
    spread = rows.std(axis=0, dtype=np.float64)
    # a constant column has rounding noise at most; dividing by that would blow it up
    constant = spread <= 1e-6 * np.maximum(np.abs(rows).max(axis=0), 1e-30)
    return np.where(constant, 1.0, spread).astype(np.float32)
