"""Density tree: the clusters of DBSCAN at every radius, from one spanning tree.  A cut is O(n min_samples) time.

Two core rows share a cluster at radius ε when a chain of core rows joins them, each step ≤ ε: when no step of the
smallest spanning tree between them is longer, where a step between two rows counts at least their core distances (this
is mutual reachability). Prim's algorithm visits the rows of a cluster one after the other, so the whole tree is kept as
that order and the length of each step, and a cut is a cumulative sum. Border rows have fewer than ``min_samples`` rows
within ε, so their nearest few decide to which cluster they go.

Costs of the trees of ``DensityTrees``: up to 5,000 rows a matrix of squared distances, 8 n² bytes and once more half of
it while it is made, shared by all, and O(n²) time for each tree: 2,000 × 10 values need 40 ms of a core for matrix and
neighbours and 12 ms for each tree. Beyond, O(n) memory and O(n² k) time for each tree: 20,000 × 10 values need 0.5 s
and 1.3 s. A single cut of so many rows is cheaper by scikit-learn.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from failatlas.arrays import NOISE, Embedding, Indices, Labels
from failatlas.clustering.squares import FULL, squares
from failatlas.progress import track

_Squares = NDArray[np.float64]

TREE, FEW = 15, 12  # columns up to which scikit-learn searches by boxes and not by products, and rows from which


@dataclass(frozen=True, slots=True, eq=False)
class DensityTree:
    """The density clusters of some rows for one ``min_samples``; lengths are squared.

    Attributes:
        min_samples: rows in a neighbourhood, itself included, that make a core row.
        core: (n,) squared distance to the ``min_samples``-th nearest row, the row itself being the first; inf where
            there are fewer rows.
        order: (n,) the rows as Prim's algorithm visits them.
        steps: (n,) squared mutual reachability by which each row of ``order`` was reached; inf for the first.
        near: (n, m) some rows that are nearest to each, all that a border row can have within its radius.
        near_squares: (n, m) how far they are.
        is_single: scikit-learn rounds ε² to float32 for such rows; a radius that is a distance between two rows, as a
            knee is, is thereby decided.
    """

    min_samples: int
    core: _Squares
    order: Indices
    steps: _Squares
    near: Indices
    near_squares: _Squares
    is_single: bool = False

    def cut(self, eps: float) -> Labels:
        """(n,) int64 labels of scikit-learn's DBSCAN at radius ``eps`` > 0, its numbers included; -1 is noise.

        A row at distance ε exactly is a neighbour, which is decided on squares as scikit-learn does (but where its
        tree takes a whole box of rows at once, it decides on roots). A border row between clusters goes to the one
        whose first core row comes first.

        Source: Ester et al. 1996, with scikit-learn's order of visits.
        """
        limit = self._limit(eps)
        labels = np.full(len(self.core), NOISE, np.int64)
        is_core = self.core <= limit
        if self.min_samples > len(self.core) or not is_core.any():
            return labels
        chain = np.empty(len(labels), np.int64)
        chain[self.order] = np.cumsum(self.steps > limit)
        inside = np.flatnonzero(is_core)
        _, first, name = np.unique(chain[inside], return_index=True, return_inverse=True)
        rank = np.empty(len(first), np.int64)
        rank[np.argsort(first)] = np.arange(len(first))
        labels[inside] = rank[name]
        border = np.flatnonzero(~is_core)
        if len(border) and self.near.shape[1]:
            near = self.near[border]
            reached = is_core[near] & (self.near_squares[border] <= limit)
            lowest = np.where(reached, labels[near], len(labels)).min(axis=1)
            labels[border] = np.where(lowest < len(labels), lowest, NOISE)
        return labels

    def _limit(self, eps: float) -> float:
        if not self.is_single:
            return eps * eps
        with np.errstate(over="ignore", under="ignore"):
            return float(np.float32(eps) * np.float32(eps))


class DensityTrees:
    """Density trees of the same rows: what they have in common is computed once, each tree when first asked for.

    Args:
        rows: (n, k) finite.
        most: the largest ``min_samples`` that will be asked for.
    """

    def __init__(self, rows: Embedding, most: int) -> None:
        self.rows = rows
        self.squares: _Squares | None = squares(rows) if len(rows) <= FULL else None
        self._points = rows.astype(np.float64)
        # where scikit-learn's DBSCAN searches by products, in the precision of the rows
        self._is_single = rows.dtype == np.float32 and (rows.shape[1] > TREE or len(rows) < FEW)
        self._near, self._near_squares = self._nearest(min(most, len(rows)))
        self._trees: dict[int, DensityTree] = {}

    def tree(self, min_samples: int) -> DensityTree:
        """The tree for one ``min_samples`` ≥ 1, at most ``most``."""
        if min_samples not in self._trees:
            self._trees[min_samples] = self._grow(min_samples)
        return self._trees[min_samples]

    def _grow(self, min_samples: int) -> DensityTree:
        n = len(self.rows)
        if min_samples > n:
            core, order, steps = np.full(n, np.inf), np.arange(n), np.full(n, np.inf)
        else:
            core = self._near_squares[:, min_samples - 1].copy()
            order, steps = _visits(self.squares, core) if self.squares is not None else _walk(self._points, core)
        # a border row has fewer than min_samples rows within its radius
        near, near_squares = self._near[:, : min_samples - 1], self._near_squares[:, : min_samples - 1]
        return DensityTree(min_samples, core, order, steps, near, near_squares, self._is_single)

    def _nearest(self, count: int) -> tuple[Indices, _Squares]:
        """The ``count`` nearest rows of every row, itself or a copy of it first; which of equals does not matter."""
        n = len(self.rows)
        if not n or not count:
            return np.zeros((n, 0), np.int64), np.zeros((n, 0))
        if self.squares is None:
            return _searched(self._points, count)
        near, away = np.empty((n, count), np.int64), np.empty((n, count))
        for start in range(0, n, 512):
            block = self.squares[start : start + 512]
            some = np.argpartition(block, count - 1, axis=1)[:, :count].astype(np.int64)
            some, apart = _sorted(some, np.take_along_axis(block, some, axis=1))
            near[start : start + 512], away[start : start + 512] = some, apart
        return near, away


def _sorted(near: Indices, away: _Squares) -> tuple[Indices, _Squares]:
    order = np.argsort(away, axis=1, kind="stable")
    return np.take_along_axis(near, order, axis=1), np.take_along_axis(away, order, axis=1)


def _searched(points: _Squares, count: int) -> tuple[Indices, _Squares]:
    """Neighbours without a matrix; distances from the differences, for a search by products rounds them."""
    from sklearn.neighbors import NearestNeighbors

    search = NearestNeighbors(n_neighbors=count, algorithm="kd_tree" if points.shape[1] <= TREE else "brute")
    near = np.asarray(search.fit(points).kneighbors(return_distance=False, X=points), dtype=np.int64)
    away = np.empty(near.shape)
    for start in range(0, len(near), 256):
        some = slice(start, start + 256)
        apart = points[near[some]] - points[some, None, :]
        away[some] = np.einsum("ijk,ijk->ij", apart, apart)
    return _sorted(near, away)


def _visits(matrix: _Squares, core: _Squares) -> tuple[Indices, _Squares]:
    """Prim's order and steps, from the full matrix."""
    n = len(core)
    order, steps = np.zeros(n, np.int64), np.full(n, np.inf)
    floor, best, reach = core.copy(), np.full(n, np.inf), np.empty(n)
    node = 0
    for at in range(1, n):
        floor[node] = best[node] = np.inf  # nobody is visited twice
        np.maximum(matrix[node], floor, out=reach)
        np.maximum(reach, core[node], out=reach)
        np.minimum(best, reach, out=best)
        node = int(best.argmin())
        order[at], steps[at] = node, best[node]
    return order, steps


def _walk(points: _Squares, core: _Squares) -> tuple[Indices, _Squares]:
    """Prim's order and steps without a matrix: each visit computes its distances to the rows still unvisited."""
    from scipy.spatial.distance import cdist

    n = len(core)
    order, steps = np.zeros(n, np.int64), np.full(n, np.inf)
    left = np.arange(1, n)  # unvisited rows, and some visited ones until the next tidying
    others, floor, best = points[1:], core[1:].copy(), np.full(n - 1, np.inf)
    node, tidy = 0, n * 7 // 8
    for at in track(range(1, n), "density tree", n - 1):
        reach = cdist(points[node : node + 1], others, "sqeuclidean")[0]
        np.maximum(reach, floor, out=reach)
        np.maximum(reach, core[node], out=reach)
        np.minimum(best, reach, out=best)
        place = int(best.argmin())
        node = int(left[place])
        order[at], steps[at] = node, best[place]
        floor[place] = best[place] = np.inf
        if n - at <= tidy:
            keep = np.isfinite(floor)
            left, others, floor, best = left[keep], others[keep], floor[keep], best[keep]
            tidy = len(left) * 7 // 8
    return order, steps
