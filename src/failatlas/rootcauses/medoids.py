"""Medoids: the members that stand for a root-cause cluster, and how tight the cluster is around them."""

from __future__ import annotations

import numpy as np

from failatlas.arrays import Features, Indices
from failatlas.rootcauses.distances import distances_to, total_distances


def medoids(features: Features, k: int = 5) -> Indices:
    """Positions of the k most central rows, by summed distance to all rows; O(m²) time, O(m) memory.

    Args:
        features: (m, d) float32, the members of one cluster.
        k: at most so many.

    Returns:
        (min(k, m),) int64, most central first; of equals the first.

    >>> medoids(np.array([[0.0], [1.0], [5.0]], np.float32), k=2)
    array([1, 0])
    """
    totals = total_distances(features)
    # float32 noise must not decide between equals: six digits, then position
    scale = totals.max(initial=0.0)
    totals = np.round(totals / scale, 6) if scale > 0 else totals
    return np.argsort(totals, kind="stable")[:k].astype(np.int64)


def by_distance(features: Features, row: int) -> Indices:
    """Positions of all rows, nearest to ``row`` first; of equals the first.

    >>> by_distance(np.array([[0.0], [4.0], [1.0]], np.float32), 0)
    array([0, 2, 1])
    """
    return np.argsort(distances_to(features, features[row]), kind="stable").astype(np.int64)


def mean_distance(features: Features, row: int) -> float:
    """Mean distance of all other rows to ``row``; nan when there is no other.

    >>> mean_distance(np.array([[0.0], [4.0], [1.0]], np.float32), 0)
    2.5
    """
    if len(features) < 2:
        return float("nan")
    return float(distances_to(features, features[row]).sum() / (len(features) - 1))


def spread(features: Features) -> float:
    """Mean distance to the medoid of these very rows; nan below two rows."""
    if len(features) < 2:
        return float("nan")
    return mean_distance(features, int(medoids(features, 1)[0]))
