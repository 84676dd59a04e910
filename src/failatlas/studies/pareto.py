"""Pareto front: the pipelines that no other beats in everything that counts.  O(n²) time and memory for n pipelines.

Read it when there is no single best: between two of the front one trades purity, coverage, reading or waiting.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from failatlas.errors import ShapeError

if TYPE_CHECKING:
    from failatlas.studies.score import Entry

GOALS = ("purity", "coverage", "clusters to read per cause", "seconds")  # higher, higher, lower, lower


def pareto_front(entries: Sequence[Entry]) -> tuple[str, ...]:
    """Names of the pipelines on the front over :data:`GOALS`, in the order given.

    Pipelines equal in all four stay together. One that could not run, or that covers no cause, is never on it: being
    quick is no merit of a pipeline that answers nothing. Seconds that were not measured count as the most.
    """
    able = [entry for entry in entries if entry.score is not None and entry.score.agreement.covered]
    if not able:
        return ()
    kept = non_dominated([_costs(entry) for entry in able])
    return tuple(entry.pipeline for entry, is_kept in zip(able, kept, strict=True) if is_kept)


def _costs(entry: Entry) -> tuple[float, ...]:
    assert entry.score is not None
    found = entry.score.agreement
    return -found.purity, -found.coverage, found.redundancy, entry.seconds


def non_dominated(costs: ArrayLike) -> NDArray[np.bool_]:
    """Which rows no other row dominates: at most as costly in everything and less costly in something.

    Args:
        costs: (n, d), lower is better; nan is the worst there is.

    Returns:
        (n,) bool; equal rows are kept or dropped together.

    Raises:
        ShapeError: ``costs`` is no matrix.

    >>> non_dominated([[1, 4], [2, 2], [3, 3], [2, 2], [1, float("nan")]])
    array([ True,  True, False,  True, False])
    """
    rows = np.asarray(costs, dtype=np.float64)
    if rows.ndim != 2:
        raise ShapeError(f"expected (n, d) costs, got shape {rows.shape}", remedy="one row a candidate")
    rows = np.where(np.isnan(rows), np.inf, rows)
    at_most = (rows[:, None] <= rows[None]).all(axis=2)
    less = (rows[:, None] < rows[None]).any(axis=2)
    return np.logical_not((at_most & less).any(axis=0))
