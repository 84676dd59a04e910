"""Count: how many clusters k-means and Ward make, read from the knee of a criterion over K."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from failatlas.arrays import Embedding, Vector
from failatlas.curves import Curve
from failatlas.errors import UsageError
from failatlas.reduction.knee import kneedle

MOST = 35  # as in the published pipelines; more clusters than that nobody inspects


def choose_count(counts: NDArray[np.int64], criterion: Vector, name: str) -> tuple[int, Curve, tuple[str, ...]]:
    """The count at the knee of a falling criterion, its curve, and what to note.

    Without a knee: the point farthest below the chord from first to last; the smallest count when there is none.

    Args:
        counts: (m,) ascending, m ≥ 1.
        criterion: (m,) the criterion at each; low is tight.
        name: of the criterion.
    """
    x = counts.astype(np.float64)
    knee = kneedle(x, criterion, curve="convex", direction="decreasing")
    if knee is not None:
        return int(knee), Curve("n_clusters", name, x, criterion, knee, "knee"), ()
    chosen = int(counts[_below_chord(x, criterion)])
    rule = "only value" if len(counts) == 1 else "farthest below the chord: no knee"
    notes = () if len(counts) == 1 else (f"{name} has no knee: {chosen} clusters lie farthest below its chord",)
    return chosen, Curve("n_clusters", name, x, criterion, float(chosen), rule), notes


def check_count(n_clusters: int | str) -> int | None:
    """A given number of clusters, or None for ``"auto"``; raises UsageError for anything else."""
    if n_clusters == "auto":
        return None
    if isinstance(n_clusters, str) or n_clusters < 1:
        raise UsageError(f"n_clusters is {n_clusters!r}", remedy="a number ≥ 1 or 'auto'")
    return int(n_clusters)


def distinct(rows: Embedding, enough: int) -> int:
    """How many different rows there are; counting may stop once there are ``enough``."""
    if len(np.unique(rows[: 4 * enough], axis=0)) >= enough:
        return enough
    return min(enough, len(np.unique(rows, axis=0)))


def _below_chord(x: Vector, y: Vector) -> int:
    if len(x) < 3:
        return 0
    chord = y[0] + (y[-1] - y[0]) * (x - x[0]) / (x[-1] - x[0])
    return int(np.argmax(chord - y))
