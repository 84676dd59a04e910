"""Nearest neighbours, exact, by blocked matrix products.  O(n² d) time, O(n k) memory besides scikit-learn's blocks."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from failatlas.arrays import Features, Indices

_BLOCK = 2048


def nearest(members: Features, k: int, rows: Features | None = None) -> tuple[NDArray[np.int64], Features]:
    """The k nearest members of every row, nearest first; ties by the lower index.

    Args:
        members: (n, d) float32 with n ≥ k.
        k: how many.
        rows: (m, d) float32, whose neighbours are wanted; None = the members themselves, each of which then comes
            first in its own list, at distance 0, also when others lie on the very same spot.

    Returns:
        indices (m, k) int64 and Euclidean distances (m, k) float32, recomputed from the differences, so that equal
        rows are at distance 0 exactly.
    """
    from sklearn.neighbors import NearestNeighbors

    queries = members if rows is None else rows
    if not len(queries):
        return np.zeros((0, k), np.int64), np.zeros((0, k), np.float32)
    # brute: float32 blocks are multiplied in float64; trees are no faster in more than a few dimensions
    found = NearestNeighbors(n_neighbors=k, algorithm="brute").fit(members).kneighbors(queries, return_distance=False)
    indices = np.asarray(found, dtype=np.int64)
    if rows is None:
        _put_self_first(indices)
    distances = _exact(members, queries, indices)
    if rows is None:
        distances[:, 0] = -1.0
    order = np.lexsort((indices, distances), axis=1)
    distances = np.take_along_axis(distances, order, axis=1)
    return np.take_along_axis(indices, order, axis=1), np.maximum(distances, 0.0).astype(np.float32)


def nearest_other(members: Features) -> NDArray[np.float32]:
    """(n,) float32, the distance of every member to its nearest other member; inf when it is alone."""
    if len(members) < 2:
        return np.full(len(members), np.inf, np.float32)
    return np.ascontiguousarray(nearest(members, 2)[1][:, 1])


def _put_self_first(indices: NDArray[np.int64]) -> None:
    """Among many copies of one row a search may leave out the row itself: it takes the last place, or moves ahead."""
    own: Indices = np.arange(len(indices))
    for row in np.flatnonzero(indices[:, 0] != own):
        place = np.flatnonzero(indices[row] == row)
        at = int(place[0]) if len(place) else indices.shape[1] - 1
        indices[row, 1 : at + 1] = indices[row, :at]
        indices[row, 0] = row


def _exact(members: Features, queries: Features, indices: NDArray[np.int64]) -> NDArray[np.float64]:
    distances = np.empty(indices.shape, np.float64)
    # 2 MB at a time: what stays in the cache is twice as quick as 134 MB
    step = max(1, min(_BLOCK, 2**18 // (indices.shape[1] * members.shape[1])))
    for start in range(0, len(queries), step):
        near = members[indices[start : start + step]].astype(np.float64)
        near -= queries[start : start + step, None, :]
        distances[start : start + step] = np.sqrt(np.einsum("ikd,ikd->ik", near, near))
    return distances
