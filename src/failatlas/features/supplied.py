"""Supplied features: rows that the user brings, aligned with the images by order or by an id column."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from failatlas.arrays import Features
from failatlas.errors import DataError, ShapeError, UnsafeInputError


def read_features(path: Path, ids: Sequence[str]) -> Features:
    """Rows for ``ids``: a ``.npy`` (n, d) array in the images' order, or a ``.csv`` whose first column is the id.

    Raises:
        UnsafeInputError: the array holds Python objects, which only a pickle could read.
        ShapeError: the array has another number of rows than there are images.
        DataError: a row is missing, not a number, or not finite; the message names the first.
    """
    if path.suffix == ".npy":
        rows = _read_array(path)
        if rows.ndim != 2 or len(rows) != len(ids):
            raise ShapeError(
                f"features have shape {rows.shape}, the image set has {len(ids)} images",
                where=str(path),
                remedy="one row an image, in the manifest's order, or a .csv with an id column",
            )
    elif path.suffix == ".csv":
        rows = _read_table(path, ids)
    else:
        raise DataError("unknown kind of features file", where=str(path), remedy="give .npy or .csv")
    bad = np.flatnonzero(~np.isfinite(rows).all(axis=1)) if rows.size else np.empty(0, np.int64)
    if len(bad):
        raise DataError(
            f"features of {ids[bad[0]]!r} are not finite", where=f"{path}, row {bad[0]}", remedy="mend that row"
        )
    return rows


def _read_array(path: Path) -> Features:
    try:
        rows = np.load(path, allow_pickle=False)
    except FileNotFoundError:
        raise DataError("no such features file", where=str(path), remedy="check --features") from None
    except ValueError as error:
        if "pickle" in str(error).lower() or "object" in str(error).lower():
            raise UnsafeInputError(
                "the array holds Python objects",
                where=str(path),
                remedy="save it as float32: np.save(path, x.astype('f4'))",
            ) from None
        raise DataError(f"not a NumPy array file: {error}", where=str(path), remedy="save it with np.save") from None
    except (OSError, EOFError) as error:
        raise DataError(f"not readable: {error}", where=str(path), remedy="save it with np.save") from None
    if not isinstance(rows, np.ndarray) or rows.dtype.kind not in "fiu":
        raise DataError("features must be one array of numbers", where=str(path), remedy="save it with np.save")
    # beyond float32 a number becomes infinite, and the caller names its row
    with np.errstate(over="ignore"):
        return rows.astype(np.float32, copy=False)


def _read_table(path: Path, ids: Sequence[str]) -> Features:
    # an array a row: as Python numbers they would take eight times the memory
    found: dict[str, Features] = {}
    try:
        with path.open(newline="", encoding="utf-8-sig", errors="surrogateescape") as file:
            reader = csv.reader(file)
            next(reader, None)
            for row in reader:
                where = f"{path}, line {reader.line_num}"
                if not row:
                    continue
                if row[0] in found:
                    raise DataError(f"image {row[0]!r} appears twice", where=where, remedy="give every image one row")
                try:
                    with np.errstate(over="ignore"):
                        found[row[0]] = np.array(row[1:], np.float32)
                except ValueError:
                    raise DataError("not a number", where=where, remedy="id, then numbers") from None
    except FileNotFoundError:
        raise DataError("no such features file", where=str(path), remedy="check --features") from None
    except csv.Error as error:
        raise DataError(f"not valid CSV: {error}", where=str(path), remedy="id, then numbers") from None
    missing = next((image for image in ids if image not in found), None)
    if missing is not None:
        raise DataError(
            f"no features for image {missing!r}", where=str(path), remedy="one row for every image of the set"
        )
    if len({len(found[image]) for image in ids}) > 1:
        raise ShapeError("rows have different lengths", where=str(path), remedy="give every image the same columns")
    return np.stack([found[image] for image in ids]) if ids else np.zeros((0, 0), np.float32)
