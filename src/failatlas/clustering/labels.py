"""Labels: 0 … K−1 by falling size, ties by first member, -1 = noise, whatever the library underneath says."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from failatlas.arrays import NOISE, Indices, Labels


def by_size(labels: ArrayLike) -> Labels:
    """Rename clusters so that 0 is the largest; every negative label is noise.

    >>> by_size([7, 3, 3, -2, 5, 7])
    array([ 0,  1,  1, -1,  2,  0])
    """
    given = np.asarray(labels, dtype=np.int64)
    renamed = np.full(given.shape, NOISE, np.int64)
    names, first, counts = np.unique(given, return_index=True, return_counts=True)
    keep = names >= 0
    order = np.lexsort((first[keep], -counts[keep]))
    for new, old in enumerate(names[keep][order]):
        renamed[given == old] = new
    return renamed


def members(labels: Labels) -> list[Indices]:
    """Positions of each cluster's members, ascending, cluster 0 first; noise is left out."""
    order = np.argsort(labels, kind="stable")
    ordered = labels[order]
    count = int(ordered[-1]) + 1 if len(ordered) else 0
    edges = np.searchsorted(ordered, np.arange(count + 1))
    return [order[edges[c] : edges[c + 1]].astype(np.int64) for c in range(count)]


def n_clusters(labels: Labels) -> int:
    """K, noise not counted."""
    return int(labels.max()) + 1 if len(labels) else 0


def noise_share(labels: Labels) -> float:
    """Share of rows in no cluster; 0 when there are no rows."""
    return float((labels == NOISE).mean()) if len(labels) else 0.0
