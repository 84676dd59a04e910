"""Stability: is a cluster found again when some of the error-inducing images are left out?

Every repeat costs one reduction and clustering of the subsample.  Subsamples are drawn without replacement: copies of
one row, as a bootstrap would make them, are clusters of their own to a density clusterer.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from failatlas.arrays import NOISE, Features, Labels, Vector
from failatlas.progress import track
from failatlas.rootcauses.intervals import not_measured
from failatlas.seeds import derive, generator
from failatlas.statistics import Interval

Recluster = Callable[[Features, int], Labels]
"""Runs reducer and clusterer of the pipeline on (n, d) rows with a seed; gives (n,) labels, −1 = noise."""

FEWEST_REPEATS = 3  # in which a cluster must have had a member left before a mean is said


def stability(
    labels: Labels, features: Features, recluster: Recluster, *, repeats: int = 10, share: float = 0.8, seed: int
) -> dict[int, Interval]:
    """Mean best Jaccard similarity of every cluster over subsamples; > 0.75 is stable, < 0.5 dissolves.

    Args:
        labels: (m,) the clustering in question.
        features: (m, d) float32, what was clustered.
        recluster: the pipeline from features to labels.
        repeats: subsamples.
        share: of the rows that a subsample keeps, in (0, 1].
        seed: for the draws and, per repeat, for ``recluster``.

    Returns:
        For every cluster the mean; ``low`` and ``high`` hold the middle 95 % of the repeats, n their count.

    Source: Hennig, Computational Statistics & Data Analysis 52, 2007, section 3 (subsetting). Ours: the spread beside
    the mean; a repeat that keeps no member of a cluster does not count for it.
    """
    clusters = [int(c) for c in np.unique(labels) if c != NOISE]
    kept = min(len(labels), max(2, round(share * len(labels))))
    values: dict[int, list[float]] = {cluster: [] for cluster in clusters}
    if clusters and len(labels) >= 2:
        for repeat in track(range(repeats), "stability", repeats):
            draw = generator(seed, "stability", repeat)
            rows = np.sort(draw.choice(len(labels), kept, replace=False))
            again = recluster(features[rows], derive(seed, "stability", "recluster", repeat))
            for cluster, value in best_jaccard(labels[rows], again).items():
                values[cluster].append(value)
    method = f"middle 95 % of {repeats} subsamples of {share:.0%}"
    return {cluster: _summary(np.array(found), method) for cluster, found in values.items()}


def best_jaccard(labels: Labels, again: Labels) -> dict[int, float]:
    """|A ∩ B| / |A ∪ B| of every cluster A of ``labels`` with the cluster B of ``again`` that fits it best.

    Noise is no cluster on either side; 0 when ``again`` has only noise.

    >>> best_jaccard(np.array([0, 0, 1, 1, -1]), np.array([3, 3, 4, -1, 4]))
    {0: 1.0, 1: 0.3333333333333333}
    """
    ours, row = np.unique(labels, return_inverse=True)
    theirs, column = np.unique(again, return_inverse=True)
    both = np.zeros((len(ours), len(theirs)), np.int64)
    np.add.at(both, (row, column), 1)
    union = both.sum(axis=1)[:, None] + both.sum(axis=0)[None, :] - both
    similarity = np.where(theirs[None, :] == NOISE, 0.0, both / np.maximum(union, 1))
    best = similarity.max(axis=1, initial=0.0)
    return {int(c): float(value) for c, value in zip(ours, best, strict=True) if c != NOISE}


def _summary(values: Vector, method: str) -> Interval:
    if len(values) < FEWEST_REPEATS:
        return not_measured(len(values))
    low, high = np.quantile(values, [0.025, 0.975])
    return Interval(float(values.mean()), float(low), float(high), len(values), method)
