"""DBCV: density-based clustering validation, in [-1, 1].  O(n²) time and memory for a sample of n ≤ 2,000 rows.

High: every cluster is denser inside than the ground between it and its nearest neighbour. Unlike the silhouette it
does not ask that clusters be round.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from failatlas.arrays import Embedding, Indices, Labels
from failatlas.clustering.criteria import SAMPLE, subsample
from failatlas.clustering.labels import members
from failatlas.clustering.squares import squares

_Matrix = NDArray[np.float64]

SPARE = 1e-200  # a sum below this may have lost terms to underflow


@dataclass(frozen=True, slots=True, eq=False)
class _Cluster:
    """What DBCV needs of one cluster.

    Attributes:
        inner: positions of its inner rows.
        core: (len(inner),) their core distances.
        sparseness: its sparsest inner link.
        reach: (n,) how far every row is from it: the smallest max(distance, core distance) over inner rows.
    """

    inner: Indices
    core: _Matrix
    sparseness: float
    reach: _Matrix


def dbcv(rows: Embedding, labels: Labels, *, seed: int = 0, sample: int = SAMPLE) -> float:
    """Density-based validity of a clustering; -1 with fewer than two clusters of two or more rows.

    Args:
        rows: (n, k).
        labels: (n,); noise and clusters of one count as validity 0, so they pull towards 0.
        seed: of the sample.
        sample: at most so many rows are looked at.

    Source: Moulavi et al., SDM 2014: core distance def. 1, mutual reachability def. 2, sparseness def. 5, separation
    def. 6, validity defs. 7–8. Ours: a tree without inner nodes (two or three rows may have none) counts all of its
    nodes; of equal
    reachabilities the smaller distance enters the tree; copies have core distance 0; powers of distances are summed as
    logarithms, for d may be large.
    """
    chosen = subsample(labels, sample, seed)
    return Dbcv(np.sqrt(squares(rows[chosen])), rows.shape[1])(labels[chosen])


class Dbcv:
    """DBCV of many clusterings of the same rows: distances are given once, a cluster that comes again is known.

    Args:
        distances: (n, n) float64, zero on the diagonal.
        dimension: of the rows.
    """

    def __init__(self, distances: _Matrix, dimension: int) -> None:
        self._distances, self._dimension = distances, dimension
        away = distances.copy()
        np.fill_diagonal(away, np.inf)
        self._nearest: _Matrix = away.min(axis=1, initial=np.inf)
        with np.errstate(divide="ignore", invalid="ignore"):
            # (d / d of the nearest)^-D: 1 for the nearest row, so that sums neither overflow nor, mostly, vanish
            self._powers: _Matrix = np.exp(-dimension * (np.log(away) - np.log(self._nearest)[:, None]))
        self._known: dict[bytes, _Cluster] = {}

    def __call__(self, labels: Labels) -> float:
        """DBCV of (n,) labels, see :func:`dbcv`."""
        groups = [group for group in members(labels) if len(group) > 1]
        if len(groups) < 2:
            return -1.0
        clusters = [self._cluster(group) for group in groups]
        total = 0.0
        for size, cluster, nearest in zip(map(len, groups), clusters, _separations(clusters), strict=True):
            larger = max(nearest, cluster.sparseness)
            # both 0: two clusters on one spot, no better together than apart
            total += size * ((nearest - cluster.sparseness) / larger if larger > 0 else 0.0)
        return float(total / len(labels))

    def _cluster(self, group: Indices) -> _Cluster:
        key = group.tobytes()
        if key not in self._known:
            self._known[key] = self._describe(group)
        return self._known[key]

    def _describe(self, group: Indices) -> _Cluster:
        distances = self._distances[np.ix_(group, group)]
        core = self._core_distances(group, distances)
        mutual = np.maximum(distances, np.maximum(core[:, None], core[None, :]))
        heads, tails, weights = _spanning_tree(mutual, distances)
        degree = np.bincount(np.concatenate([heads, tails]), minlength=len(group))
        inner = degree > 1
        if not inner.any():
            inner[:] = True
        links = weights[inner[heads] & inner[tails]]
        # one inner node only: its star has no inner link, so every link is looked at
        sparseness = float((links if len(links) else weights).max())
        reach = np.maximum(self._distances[group[inner]], core[inner, None]).min(axis=0)
        return _Cluster(group[inner], core[inner], sparseness, reach)

    def _core_distances(self, group: Indices, distances: _Matrix) -> _Matrix:
        """(Σ_{j≠i} d_ij^-D / (n−1))^(−1/D): the D-dimensional density around each row, as a distance."""
        total: _Matrix = self._powers[np.ix_(group, group)].sum(axis=1)
        with np.errstate(divide="ignore", invalid="ignore"):
            core: _Matrix = self._nearest[group] * (total / (len(group) - 1)) ** (-1 / self._dimension)
        # rows with a copy somewhere, and rows whose neighbours all belong to others
        odd = np.flatnonzero(~(total > SPARE) | (self._nearest[group] == 0))
        core[odd] = _core_distances(distances, odd, self._dimension)
        return core


def _separations(clusters: list[_Cluster]) -> list[float]:
    """Of each cluster: smallest mutual reachability between its inner rows and those of another cluster."""
    rows = np.concatenate([cluster.inner for cluster in clusters])
    reach = np.stack([cluster.reach for cluster in clusters])[:, rows]
    np.maximum(reach, np.concatenate([cluster.core for cluster in clusters]), out=reach)
    start = 0
    for away, cluster in zip(reach, clusters, strict=True):
        away[start : start + len(cluster.inner)] = np.inf
        start += len(cluster.inner)
    least: list[float] = reach.min(axis=1).tolist()
    return least


def _core_distances(distances: _Matrix, chosen: Indices, dimension: int) -> _Matrix:
    """Core distances of some rows of a cluster by logarithms, which no power overflows; 0 beside a copy."""
    with np.errstate(divide="ignore"):
        powers = -dimension * np.log(distances[chosen])
    powers[np.arange(len(chosen)), chosen] = -np.inf
    top = powers.max(axis=1, initial=-np.inf)
    copies = np.isposinf(top)  # somebody sits on the same spot: infinitely dense
    top = np.where(copies, 0.0, top)
    with np.errstate(over="ignore"):
        total = np.exp(powers - top[:, None]).sum(axis=1)
    core = np.exp(-(top + np.log(total / (len(distances) - 1))) / dimension)
    return np.where(copies, 0.0, core)


def _spanning_tree(weights: _Matrix, ties: _Matrix) -> tuple[Indices, Indices, _Matrix]:
    """(n−1) edges by Prim's algorithm on a full matrix; SciPy's takes a weight of 0 for no edge, and ours may be 0.

    One core distance often decides several weights, so ties are common; the smaller entry of ``ties`` wins, which
    makes the tree, and with it DBCV, independent of the order of rows.
    """
    n = len(weights)
    best, best_tie = weights[0].copy(), ties[0].copy()
    source = np.zeros(n, np.int64)
    outside = np.ones(n, dtype=np.bool_)
    outside[0] = False
    heads, tails, taken = np.empty(n - 1, np.int64), np.empty(n - 1, np.int64), np.empty(n - 1)
    for step in range(n - 1):
        least = best[outside].min()
        node = int(np.where(outside & (best == least), best_tie, np.inf).argmin())
        heads[step], tails[step], taken[step] = source[node], node, least
        outside[node] = False
        weight, tie = weights[node], ties[node]
        closer = outside & ((weight < best) | ((weight == best) & (tie < best_tie)))
        best[closer], best_tie[closer] = weight[closer], tie[closer]
        source[closer] = node
    return heads, tails, taken
