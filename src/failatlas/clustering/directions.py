"""Directions: clusters as the mean direction of their rows from the middle of all clusters.  O(n d K).

Density says which rows lie together; in hundreds of columns it cannot say whether two clusters are one cause seen
twice, or which members only lie between. Directions can: two leaves of one cause point alike, and a member that points
elsewhere belongs to another cause or to none.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from failatlas.arrays import NOISE, Features, Labels
from failatlas.clustering.labels import by_size, n_clusters
from failatlas.reduction.rows import deviation

_Rows = NDArray[np.float64]


def centred(rows: Features, labels: Labels) -> _Rows:
    """(n, d) rows in units of each column's deviation, seen from the mean of the clusters' means.

    Every cluster counts the same, else the most frequent one would be the middle itself and point nowhere.
    """
    scaled = rows.astype(np.float64) / deviation(rows)
    return np.asarray(scaled - _means(scaled, labels).mean(axis=0), dtype=np.float64)


def joined(labels: Labels, rows: _Rows, alike: float) -> Labels:
    """Clusters whose means point alike become one, the most alike first, until no two are.

    Args:
        labels: (n,) clusters.
        rows: (n, d) as `centred` gives them.
        alike: smallest cosine between two means that are joined.
    """
    labels = labels.copy()
    while n_clusters(labels) > 1:
        means = _unit(_means(rows, labels))
        cosines = means @ means.T
        np.fill_diagonal(cosines, -np.inf)
        a, b = np.unravel_index(int(cosines.argmax()), cosines.shape)
        if cosines[a, b] < alike:
            break
        labels[labels == b] = a
        labels = by_size(labels)
    return labels


def belonging(labels: Labels, rows: _Rows, share: float, fewest: int) -> Labels:
    """Members that point elsewhere become noise, and noise that points like a cluster becomes its member.

    Args:
        labels: (n,) clusters.
        rows: (n, d) as `centred` gives them.
        share: smallest cosine with the cluster's mean, as a share of what it is among members on average.
        fewest: members below which a cluster is noise.
    """
    if not n_clusters(labels):
        return labels
    cosines = _unit(rows) @ _unit(_means(rows, labels)).T
    usual = np.array([cosines[labels == c, c].mean() for c in range(cosines.shape[1])])
    relative = cosines / np.maximum(usual, 1e-12)
    clusters = np.where(labels == NOISE, relative.argmax(axis=1), labels)
    found = np.where(relative[np.arange(len(rows)), clusters] >= share, clusters, NOISE)
    counts = np.bincount(found[found != NOISE], minlength=cosines.shape[1])
    return by_size(np.where((found != NOISE) & (counts[np.maximum(found, 0)] < fewest), NOISE, found))


def towards(members: Features, labels: Labels, rows: Features) -> tuple[Labels, NDArray[np.float64]]:
    """To which cluster each new row points most, and how much so: 1 is as much as a member does on average.

    Args:
        members: (n, d) what was clustered.
        labels: (n,) their clusters, at least one.
        rows: (m, d) new ones.
    """
    scale = deviation(members)
    scaled = members.astype(np.float64) / scale
    means = _means(scaled, labels)
    # one cluster has no other to be seen from: then from where all rows are 0, as departures of correct images
    middle = means.mean(axis=0) if len(means) > 1 else np.zeros(means.shape[1])
    aims = _unit(means - middle)
    own = _unit(scaled - middle) @ aims.T
    usual = np.array([own[labels == c, c].mean() for c in range(len(means))])
    shares = _unit(rows.astype(np.float64) / scale - middle) @ aims.T / np.maximum(usual, 1e-12)
    return shares.argmax(axis=1).astype(np.int64), np.asarray(shares.max(axis=1), dtype=np.float64)


def _means(rows: _Rows, labels: Labels) -> _Rows:
    return np.array([rows[labels == c].mean(axis=0) for c in range(n_clusters(labels))])


def _unit(rows: _Rows) -> _Rows:
    return np.asarray(rows / np.maximum(np.linalg.norm(rows, axis=-1, keepdims=True), 1e-12), dtype=np.float64)
