"""Criteria: how good a clustering is, from inside: ICD, WICD, silhouette.  DBCV has a file of its own.

ICD and WICD (low is tight) read a distance matrix; the silhouette reads rows. The grids of the density clusterers take
the mean of silhouette and DBCV.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from failatlas.arrays import NOISE, Embedding, Indices, Labels
from failatlas.clustering.labels import members
from failatlas.seeds import generator

SAMPLE = 2000


def icd(distances: NDArray[np.floating[Any]], labels: Labels) -> NDArray[np.float64]:
    """Intra-cluster distance: mean distance between two members, for each cluster.

    Args:
        distances: (n, n); only entries above the diagonal are read, so a row-scaled matrix may be given.
        labels: (n,) as the contract wants them; noise is left out.

    Returns:
        (K,) float64; 0 for a cluster of one.

    Source: Fahmy et al., IEEE Trans. Reliability 70(4), 2021 (HUDD).
    """
    return np.array([_pair_sum(distances, c) * 2 / max(len(c) * (len(c) - 1), 1) for c in members(labels)])


def wicd(distances: NDArray[np.floating[Any]], labels: Labels) -> float:
    """Weighted intra-cluster distance: (1/K) Σ_c ICD(c) |c| / N; low is tight. Zero without clusters.

    The factor 1/K is the authors'; it favours many clusters, so compare values of one K, or look for a knee over K.

    >>> wicd(np.array([[0, 2, 9, 9], [2, 0, 9, 9], [9, 9, 0, 4], [9, 9, 4, 0.0]]), np.array([0, 0, 1, 1]))
    1.5
    """
    values = icd(distances, labels)
    if not len(values):
        return 0.0
    sizes = np.bincount(labels[labels != NOISE], minlength=len(values))
    return float((values * sizes).sum() / (len(values) * len(labels)))


def silhouette(rows: Embedding, labels: Labels, *, seed: int = 0, sample: int = SAMPLE) -> float:
    """Mean silhouette in [-1, 1] over all rows, of which noise rows count 0; -1 with fewer than two clusters.

    Counting noise as 0 keeps a clustering from winning by throwing rows away.

    Args:
        rows: (n, k).
        labels: (n,).
        seed: of the sample.
        sample: at most so many clustered rows are looked at: 0.07 s instead of 6 s at n = 20,000.

    Source: Rousseeuw 1987, through scikit-learn.
    """
    inside = np.flatnonzero(labels != NOISE)
    if not len(inside):
        return -1.0
    share = len(inside) / len(labels)
    chosen = subsample(labels[inside], sample, seed)
    part = inside[chosen]
    count = len(np.unique(labels[part]))
    if not 2 <= count < len(part):
        return -1.0
    from sklearn.metrics import silhouette_score

    return float(silhouette_score(rows[part], labels[part])) * share


class Silhouettes:
    """Silhouettes of many clusterings of the same rows, all of which are looked at; a cluster seen before is known.

    Args:
        distances: (n, n) float32, symmetric, zero on the diagonal.

    Source: Rousseeuw 1987. Single precision as in scikit-learn, so that both give the same value.
    """

    def __init__(self, distances: NDArray[np.float32]) -> None:
        self._distances = distances
        self._known: dict[bytes, NDArray[np.float32]] = {}

    def __call__(self, labels: Labels) -> float:
        """Mean silhouette of (n,) labels, see :func:`silhouette`."""
        groups = members(labels)
        inside = np.flatnonzero(labels != NOISE)
        if not 2 <= len(groups) < len(inside):
            return -1.0
        totals = np.stack([self._totals(group) for group in groups])[:, inside].T
        sizes = np.array([len(group) for group in groups])
        own, at = labels[inside], np.arange(len(inside))
        within = totals[at, own]
        totals[at, own] = np.inf
        totals /= sizes
        between = totals.min(axis=1)
        with np.errstate(divide="ignore", invalid="ignore"):
            within /= (sizes - 1)[own]
            values = (between - within) / np.maximum(within, between)
        # a cluster of one, or two clusters on one spot
        return float(np.mean(np.nan_to_num(values))) * len(inside) / len(labels)

    def _totals(self, group: Indices) -> NDArray[np.float32]:
        """(n,) sum of the distances from every row to the members of a cluster."""
        key = group.tobytes()
        if key not in self._known:
            total: NDArray[np.float32] = self._distances[group].sum(axis=0, dtype=np.float64).astype(np.float32)
            self._known[key] = total
        return self._known[key]


def subsample(labels: Labels, most: int, seed: int) -> NDArray[np.int64]:
    """At most ``most`` positions, ascending, drawn evenly and by seed; all when they fit."""
    if len(labels) <= most:
        return np.arange(len(labels))
    drawn = generator(seed, "criteria").choice(len(labels), most, replace=False)
    return np.sort(drawn).astype(np.int64)


def _pair_sum(distances: NDArray[np.floating[Any]], cluster: NDArray[np.int64]) -> float:
    """Sum over i < j in a cluster, in blocks, so that a large cluster needs no second n × n matrix."""
    total = 0.0
    for start in range(0, len(cluster), 512):
        head = cluster[start : start + 512]
        block = distances[np.ix_(head, cluster[start:])]
        total += float(np.triu(block, 1).sum(dtype=np.float64))
    return total
