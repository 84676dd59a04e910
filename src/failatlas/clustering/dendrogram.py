"""Dendrogram: one tree of merges, cut at every number of clusters.  All cuts together cost what one scan of the
distances costs: each pair is read once, at the merge that brings its two rows together."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from failatlas.arrays import Labels, Vector
from failatlas.clustering.labels import by_size
from failatlas.errors import ShapeError

Merges = NDArray[np.float64]  # (n − 1, 4): SciPy's linkage matrix: two nodes, height, size; heights do not fall


def ward(rows: NDArray[np.floating[Any]]) -> Merges:
    """Ward's tree of rows, (n, d) → (n−1, 4); O(n²) time and 4 n² bytes of memory twice.

    Source: Ward 1963, through SciPy. Leaves are not re-ordered: that costs O(n³) and only changes a picture.
    """
    from scipy.cluster.hierarchy import linkage
    from scipy.spatial.distance import pdist

    if len(rows) < 2:
        return np.zeros((0, 4))
    # float64 differences, not products: copies must merge at height 0
    return np.asarray(linkage(pdist(rows.astype(np.float64)), "ward"), dtype=np.float64)


def cut(merges: Merges, k: int) -> Labels:
    """Labels of the cut into k clusters, by falling size; equal heights fall together, which may give fewer.

    As SciPy's ``fcluster(criterion="maxclust")``, which HUDD uses.
    """
    n = len(merges) + 1
    done = n - effective_counts(merges)[min(max(k, 1), n) - 1]
    parent = np.arange(n, dtype=np.int64)
    newest = np.arange(2 * n - 1, dtype=np.int64)  # node → one of its leaves
    for step in range(done):
        a, b = newest[int(merges[step, 0])], newest[int(merges[step, 1])]
        root, other = _root(parent, int(a)), _root(parent, int(b))
        parent[other] = root
        newest[n + step] = root
    return by_size([_root(parent, leaf) for leaf in range(n)])


def effective_counts(merges: Merges) -> NDArray[np.int64]:
    """(n,) how many clusters a cut into k = 1 … n really gives: the most ≤ k that splits no tie of heights."""
    n = len(merges) + 1
    counts = np.arange(1, n + 1, dtype=np.int64)
    if n == 1:
        return counts
    heights = merges[:, 2]
    # k clusters are possible when the merge left out is higher than the last one done; all apart when the first is > 0
    possible = np.ones(n, dtype=np.bool_)
    possible[1 : n - 1] = heights[:0:-1] > heights[-2::-1]
    possible[n - 1] = heights[0] > 0
    return np.asarray(np.maximum.accumulate(np.where(possible, counts, 0)), dtype=np.int64)


def wicd_curve(merges: Merges, distances: NDArray[np.floating[Any]]) -> Vector:
    """WICD for every number of clusters from one pass over the distances.

    Args:
        merges: (n−1, 4), whose cuts are judged.
        distances: (n, n); only entries above the diagonal are read, so HUDD's row-scaled, lopsided matrix may be given.

    Returns:
        (n,) float64; entry k−1 is the WICD of the cut into k clusters (ties of heights as in :func:`cut`).

    Raises:
        ShapeError: the two disagree on n.

    S(c), the sum over pairs of cluster c, grows at a merge by the block between its two parts;
    q = Σ_c S(c) / (|c| − 1) changes only there, and WICD(k) = 2 q / (k n). Leaves are put in tree order first, so that
    every block is contiguous. Equal to scanning every cut to 1e-9; see ``benchmarks/clustering.py`` for the gain.

    >>> tree = np.array([[0, 1, 2.0, 2], [2, 3, 4.0, 2], [4, 5, 9.0, 4]])
    >>> distances = np.array([[0, 2, 9, 9], [2, 0, 9, 9], [9, 9, 0, 4], [9, 9, 4, 0.0]])
    >>> [round(float(value), 3) for value in wicd_curve(tree, distances)]
    [7.0, 1.5, 0.333, 0.0]
    """
    n = len(merges) + 1
    if distances.shape != (n, n):
        raise ShapeError(f"a tree of {n} rows needs distances ({n}, {n}), got {distances.shape}")
    order, starts = _tree_order(merges)
    ordered = _upper_in_order(distances, order)
    sums, sizes = np.zeros(2 * n - 1), np.ones(2 * n - 1, dtype=np.int64)
    curve = np.zeros(n)
    q = 0.0
    for step in range(n - 1):
        a, b = int(merges[step, 0]), int(merges[step, 1])
        if starts[a] > starts[b]:
            a, b = b, a
        middle, end = starts[a] + sizes[a], starts[a] + sizes[a] + sizes[b]
        between = float(ordered[starts[a] : middle, middle:end].sum(dtype=np.float64))
        node = n + step
        sizes[node] = sizes[a] + sizes[b]
        sums[node] = sums[a] + sums[b] + between
        q += sums[node] / (sizes[node] - 1) - sums[a] / max(sizes[a] - 1, 1) - sums[b] / max(sizes[b] - 1, 1)
        curve[n - 2 - step] = 2 * q / ((n - 1 - step) * n)
    return np.asarray(curve[effective_counts(merges) - 1], dtype=np.float64)


def inertia_curve(merges: Merges) -> Vector:
    """(n,) sum of squared distances to the cluster means for k = 1 … n of a Ward tree, in O(n) from its heights.

    A Ward merge at height h adds h²/2.
    """
    added = np.concatenate([[0.0], np.cumsum(merges[:, 2] ** 2 / 2)])
    return np.asarray(added[::-1][effective_counts(merges) - 1], dtype=np.float64)


def _tree_order(merges: Merges) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Leaves so ordered that every cluster is contiguous, and the first place of every node."""
    n = len(merges) + 1
    starts = np.zeros(2 * n - 1, dtype=np.int64)
    sizes = np.concatenate([np.ones(n, np.int64), merges[:, 3].astype(np.int64)])
    for step in range(n - 2, -1, -1):
        a, b = int(merges[step, 0]), int(merges[step, 1])
        starts[a] = starts[n + step]
        starts[b] = starts[n + step] + sizes[a]
    order = np.empty(n, np.int64)
    order[starts[:n]] = np.arange(n)
    return order, starts


def _upper_in_order(distances: NDArray[np.floating[Any]], order: NDArray[np.int64]) -> NDArray[np.floating[Any]]:
    """Entry (i, j) = distances[min, max] of the rows at places i and j, so each pair keeps its one upper entry."""
    n = len(order)
    ordered = np.empty_like(distances)
    for start in range(0, n, 256):
        rows = order[start : start + 256]
        here = rows[:, None] < order[None, :]
        ordered[start : start + 256] = np.where(here, distances[rows][:, order], distances[:, rows][order].T)
    return ordered


def _root(parent: NDArray[np.int64], leaf: int) -> int:
    while parent[leaf] != leaf:
        parent[leaf] = parent[parent[leaf]]
        leaf = int(parent[leaf])
    return leaf
