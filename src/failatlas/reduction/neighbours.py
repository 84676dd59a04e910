"""Nearest neighbours, exact, by blocked matrix products.  O(n² d) time, O(n k) memory besides scikit-learn's blocks."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from failatlas.arrays import Features, Indices

_BLOCK = 2048
_SPARE = 4  # candidates beyond k, so that a tie at the last place is settled here and not by the search


def nearest(members: Features, k: int, rows: Features | None = None) -> tuple[NDArray[np.int64], Features]:
    """The k nearest members of every row, nearest first; ties by the lower index, among copies of one row always.

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

    if rows is not None and not len(rows):
        return np.zeros((0, k), np.int64), np.zeros((0, k), np.float32)
    # a search among copies would pick some of them by how its threads share the work: it sees every row once
    first, kind = _distinct(members)
    distinct = members if len(first) == len(members) else members[first]
    queries = distinct if rows is None else rows
    # brute: float32 blocks are multiplied in float64; trees are no faster in more than a few dimensions
    search = NearestNeighbors(n_neighbors=min(k + _SPARE, len(first)), algorithm="brute").fit(distinct)
    kinds = np.asarray(search.kneighbors(queries, return_distance=False), dtype=np.int64)
    distances = _exact(distinct, queries, kinds)
    copies = _copies(kind, len(first), k)
    if rows is None:
        own: Indices | None = np.arange(len(members))
        kinds, distances = (kinds, distances) if len(first) == len(members) else (kinds[kind], distances[kind])
    else:
        own = None
    return _closest(kinds, distances, copies, own, k)


def nearest_other(members: Features) -> NDArray[np.float32]:
    """(n,) float32, the distance of every member to its nearest other member; inf when it is alone."""
    if len(members) < 2:
        return np.full(len(members), np.inf, np.float32)
    return np.ascontiguousarray(nearest(members, 2)[1][:, 1])


def _distinct(members: Features) -> tuple[Indices, Indices]:
    """Position of the first of every kind of equal rows, and the kind of every row."""
    known: dict[bytes, int] = {}
    first: list[int] = []
    kind = np.empty(len(members), np.int64)
    for i, row in enumerate(members + np.float32(0)):  # −0 and 0 are equal, their bytes are not
        kind[i] = known.setdefault(row.tobytes(), len(first))
        if kind[i] == len(first):
            first.append(i)
    return np.array(first, np.int64), kind


def _copies(kind: Indices, n_kinds: int, k: int) -> NDArray[np.int64]:
    """(kinds, c) the first rows of every kind, at most k of them; −1 where there are fewer."""
    order = np.argsort(kind, kind="stable")
    counts = np.bincount(kind, minlength=n_kinds)
    place = np.arange(len(kind)) - np.repeat(np.cumsum(counts) - counts, counts)
    is_kept = place < k
    table = np.full((n_kinds, min(k, int(counts.max()))), -1, np.int64)
    table[kind[order][is_kept], place[is_kept]] = order[is_kept]
    return table


def _closest(
    kinds: Indices, distances: NDArray[np.float64], copies: NDArray[np.int64], own: Indices | None, k: int
) -> tuple[NDArray[np.int64], Features]:
    """The k nearest rows of the kinds that were found; ``own``: rows that come first in their own list."""
    indices, found = np.empty((len(kinds), k), np.int64), np.empty((len(kinds), k), np.float32)
    step = max(1, 2**20 // (kinds.shape[1] * copies.shape[1]))
    for start in range(0, len(kinds), step):
        some = slice(start, start + step)
        rows = copies[kinds[some]].reshape(len(kinds[some]), -1)
        apart = np.repeat(distances[some], copies.shape[1], axis=1)
        if own is not None:
            rows[rows == own[some, None]] = -1
            rows = np.concatenate([own[some, None], rows], axis=1)
            apart = np.concatenate([np.full((len(rows), 1), -1.0), apart], axis=1)
        apart[rows < 0] = np.inf
        order = np.lexsort((rows, apart), axis=1)[:, :k]
        indices[some] = np.take_along_axis(rows, order, axis=1)
        found[some] = np.maximum(np.take_along_axis(apart, order, axis=1), 0.0)
    return indices, found


def _exact(members: Features, queries: Features, indices: NDArray[np.int64]) -> NDArray[np.float64]:
    distances = np.empty(indices.shape, np.float64)
    # 2 MB at a time: what stays in the cache is twice as quick as 134 MB
    step = max(1, min(_BLOCK, 2**18 // (indices.shape[1] * members.shape[1])))
    for start in range(0, len(queries), step):
        near = members[indices[start : start + step]].astype(np.float64)
        near -= queries[start : start + step, None, :]
        distances[start : start + step] = np.sqrt(np.einsum("ikd,ikd->ik", near, near))
    return distances
