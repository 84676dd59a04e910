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
_Places = NDArray[np.int64]
_ROWS = 64  # rows at a time: a block of them stays in the cache


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
    q = Σ_c S(c) / (|c| − 1) changes only there, and WICD(k) = 2 q / (k n). With leaves in tree order every row meets
    its blocks one after the other, so one pass of segment sums reads each pair once. Equal to scanning every cut to
    1e-9; see ``benchmarks/clustering.py`` for the gain. Memory: one copy of the distances.

    >>> tree = np.array([[0, 1, 2.0, 2], [2, 3, 4.0, 2], [4, 5, 9.0, 4]])
    >>> distances = np.array([[0, 2, 9, 9], [2, 0, 9, 9], [9, 9, 0, 4], [9, 9, 4, 0.0]])
    >>> [round(float(value), 3) for value in wicd_curve(tree, distances)]
    [7.0, 1.5, 0.333, 0.0]
    """
    n = len(merges) + 1
    if distances.shape != (n, n):
        raise ShapeError(f"a tree of {n} rows needs distances ({n}, {n}), got {distances.shape}")
    order, starts, sizes = _tree_order(merges)
    between = _between(_mirrored(distances), order, starts, sizes, merges).tolist()
    first, second = merges[:, 0].astype(int).tolist(), merges[:, 1].astype(int).tolist()
    counts = sizes.tolist()
    sums = [0.0] * (2 * n - 1)
    curve = np.zeros(n)
    q = 0.0
    for step, (a, b) in enumerate(zip(first, second, strict=True)):
        node = n + step
        sums[node] = sums[a] + sums[b] + between[step]
        q += sums[node] / (counts[node] - 1) - sums[a] / max(counts[a] - 1, 1) - sums[b] / max(counts[b] - 1, 1)
        curve[n - 2 - step] = 2 * q / ((n - 1 - step) * n)
    return np.asarray(curve[effective_counts(merges) - 1], dtype=np.float64)


def inertia_curve(merges: Merges) -> Vector:
    """(n,) sum of squared distances to the cluster means for k = 1 … n of a Ward tree, in O(n) from its heights.

    A Ward merge at height h adds h²/2.
    """
    added = np.concatenate([[0.0], np.cumsum(merges[:, 2] ** 2 / 2)])
    return np.asarray(added[::-1][effective_counts(merges) - 1], dtype=np.float64)


def _tree_order(merges: Merges) -> tuple[_Places, _Places, _Places]:
    """Leaves so ordered that every cluster is contiguous, its smaller part first; first place and size of every node.

    Smaller parts first keep the number of (row, block) meetings below n log2(n) / 2, however lopsided the tree.
    """
    n = len(merges) + 1
    starts = np.zeros(2 * n - 1, dtype=np.int64)
    sizes = np.concatenate([np.ones(n, np.int64), merges[:, 3].astype(np.int64)])
    for step in range(n - 2, -1, -1):
        a, b = int(merges[step, 0]), int(merges[step, 1])
        if sizes[a] > sizes[b]:
            a, b = b, a
        starts[a] = starts[n + step]
        starts[b] = starts[n + step] + sizes[a]
    order = np.empty(n, np.int64)
    order[starts[:n]] = np.arange(n)
    return order, starts, sizes


def _between(
    distances: NDArray[np.floating[Any]], order: _Places, starts: _Places, sizes: _Places, merges: Merges
) -> Vector:
    """(n−1,) for every merge, the sum of distances between its two parts."""
    n = len(order)
    nodes = merges[:, :2].astype(np.int64)
    smaller = np.minimum(sizes[nodes[:, 0]], sizes[nodes[:, 1]])
    middles = starts[n:] + smaller
    # one meeting for every row of a smaller part: its block starts at column `middle`, and the next meeting's block,
    # or the end of the row, ends it
    step = np.repeat(np.arange(n - 1), smaller)
    row = np.arange(len(step)) - np.repeat(np.cumsum(smaller) - smaller, smaller) + starts[n:][step]
    sequence = np.lexsort((middles[step], row))
    step, row = step[sequence], row[sequence]
    edges = np.searchsorted(row, np.arange(0, n + _ROWS, _ROWS))
    totals = np.zeros(n - 1)
    for number, top in enumerate(range(0, n, _ROWS)):
        mine = slice(edges[number], edges[number + 1])
        block = distances[order[top : top + _ROWS]][:, order]
        height = len(block)
        # every row also starts a segment of its own, which holds the columns before its first block and is dropped
        at = np.concatenate([(row[mine] - top) * n + middles[step[mine]], np.arange(height) * n])
        owner = np.concatenate([step[mine], np.full(height, -1)])
        ascending = np.argsort(at, kind="stable")
        sums = np.add.reduceat(block.reshape(-1), at[ascending], dtype=np.float64)
        real = owner[ascending] >= 0
        totals += np.bincount(owner[ascending][real], weights=sums[real], minlength=n - 1)
    return totals


def _mirrored(distances: NDArray[np.floating[Any]]) -> NDArray[np.floating[Any]]:
    """A copy whose lower triangle repeats the upper one, by tiles."""
    n, tile = len(distances), 256
    both = distances.copy()
    for top in range(0, n, tile):
        corner = both[top : top + tile, top : top + tile]
        upper = np.triu(corner, 1)
        corner[:] = upper + upper.T
        for left in range(top + tile, n, tile):
            both[left : left + tile, top : top + tile] = both[top : top + tile, left : left + tile].T
    return both


def _root(parent: NDArray[np.int64], leaf: int) -> int:
    while parent[leaf] != leaf:
        parent[leaf] = parent[parent[leaf]]
        leaf = int(parent[leaf])
    return leaf
