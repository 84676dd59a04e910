"""Costs: how bad each confusion is, ``cost[expected][predicted]``, read from CSV or JSON."""

from __future__ import annotations

import csv
import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from failatlas.arrays import freeze
from failatlas.errors import DataError

Costs = NDArray[np.float64]  # (k, k): row = expected class, column = predicted class


def checked_costs(cost: Costs | Sequence[Sequence[float]], classes: Sequence[str], *, where: str = "") -> Costs:
    """A read-only copy of a sound cost matrix.

    Raises:
        DataError: not k × k, not finite, negative, or not 0 on the diagonal; names the pair of classes.
    """
    try:
        matrix = np.array(cost, dtype=np.float64)
    except (TypeError, ValueError, OverflowError):
        raise _bad("rows of the cost matrix have different lengths or hold text", where) from None
    k = len(classes)
    if matrix.shape != (k, k):
        raise _bad(f"the cost matrix has shape {matrix.shape} for {k} classes", where)
    for rule, broken in (
        ("is not finite", ~np.isfinite(matrix)),
        ("is negative", matrix < 0),
        ("is not 0 although the answer is right", np.eye(k, dtype=bool) & (matrix != 0)),
    ):
        if broken.any():
            row, column = np.argwhere(broken)[0]
            pair = f"{classes[row]!r} → {classes[column]!r}"
            raise _bad(f"the cost {matrix[row, column]:g} of {pair} {rule}", where)
    return freeze(matrix)


def read_cost_matrix(path: Path, classes: Sequence[str]) -> Costs:
    """Read costs and bring them into the order of ``classes``.

    CSV: a header ``expected,<predicted class>,…`` and one row a class, or k × k bare numbers in class order.
    JSON: ``{"<expected>": {"<predicted>": cost}}``, where a pair left out costs 1, or a k × k list in class order.

    Raises:
        DataError: the file cannot be read, names an unknown class, or the matrix is unsound.
    """
    where = str(path)
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise _bad(f"cannot read the cost matrix: {error}", where) from None
    if path.suffix.lower() == ".json":
        return checked_costs(_from_json(text, classes, where), classes, where=where)
    return checked_costs(_from_csv(text, classes, where), classes, where=where)


def _from_json(text: str, classes: Sequence[str], where: str) -> Sequence[Sequence[float]]:
    try:
        document = json.loads(text)
    except (json.JSONDecodeError, RecursionError) as error:
        raise _bad(f"not valid JSON: {error}", where) from None
    if isinstance(document, list):
        return document
    if not isinstance(document, Mapping) or not all(isinstance(row, Mapping) for row in document.values()):
        raise _bad("a JSON cost matrix is a list of rows, or expected class → predicted class → cost", where)
    named = {(expected, predicted): c for expected, row in document.items() for predicted, c in row.items()}
    for pair in named:
        for name in pair:
            if name not in classes:
                raise _bad(f"unknown class {name!r}", where)
    return [[named.get((e, p), 0.0 if e == p else 1.0) for p in classes] for e in classes]


def _from_csv(text: str, classes: Sequence[str], where: str) -> list[list[float]]:
    try:
        rows = [row for row in csv.reader(text.splitlines(), strict=True) if row]
    except csv.Error as error:
        raise _bad(f"not valid CSV: {error}", where) from None
    if not rows:
        raise _bad("the file is empty", where)
    # the first cell tells: classes of a header may be called 0 … 9
    if _is_number(rows[0][0]):
        return [_numbers(row, f"{where}, row {i}") for i, row in enumerate(rows, 1)]
    predicted = [name.strip() for name in rows[0][1:]]
    expected = [row[0].strip() for row in rows[1:]]
    for names in (predicted, expected):
        if sorted(names) != sorted(classes):
            odd = sorted(set(names) ^ set(classes)) or sorted(names)
            raise _bad(f"classes of the matrix and of the task differ, first in {odd[0]!r}", where)
    table = [_numbers(row[1:], f"{where}, row {i}") for i, row in enumerate(rows[1:], 2)]
    if any(len(row) != len(classes) for row in table):
        raise _bad("rows of the cost matrix have different lengths", where)
    return [[table[expected.index(e)][predicted.index(p)] for p in classes] for e in classes]


def _numbers(row: Sequence[str], where: str) -> list[float]:
    for cell in row:
        if not _is_number(cell):
            raise _bad(f"{cell!r} is not a number", where)
    return [float(cell) for cell in row]


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True


def _bad(what: str, where: str) -> DataError:
    return DataError(
        what, where=where, remedy="costs are finite, ≥ 0, 0 for the right answer, one row a class", code="E_COST"
    )
