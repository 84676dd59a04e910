"""DBCV: density-based clustering validation, in [-1, 1].  O(n²) time for the n clustered rows, blocks in memory.

High: every cluster is denser inside than the ground between it and its nearest neighbour. Unlike the silhouette it
does not ask that clusters be round.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from failatlas.arrays import Embedding, Labels
from failatlas.clustering.criteria import SAMPLE, subsample
from failatlas.clustering.labels import members

_Matrix = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class _Cluster:
    """What DBCV needs of one cluster: its inner rows, their core distances, and its sparsest inner link."""

    rows: _Matrix
    core: _Matrix
    sparseness: float


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
    points, names = rows[chosen].astype(np.float64), labels[chosen]
    groups = [group for group in members(names) if len(group) > 1]
    if len(groups) < 2:
        return -1.0
    clusters = [_describe(points[group]) for group in groups]
    separation = np.full((len(clusters), len(clusters)), np.inf)
    for i, a in enumerate(clusters):
        for j in range(i + 1, len(clusters)):
            separation[i, j] = separation[j, i] = _separation(a, clusters[j])
    total = 0.0
    for size, cluster, nearest in zip(map(len, groups), clusters, separation.min(axis=1), strict=True):
        larger = max(nearest, cluster.sparseness)
        # both 0: two clusters on one spot, no better together than apart
        total += size * ((nearest - cluster.sparseness) / larger if larger > 0 else 0.0)
    return float(total / len(names))


def _describe(points: _Matrix) -> _Cluster:
    distances = _distances(points, points)
    np.fill_diagonal(distances, 0.0)
    core = _core_distances(distances, points.shape[1])
    reach = np.maximum(distances, np.maximum(core[:, None], core[None, :]))
    heads, tails, weights = _spanning_tree(reach, distances)
    degree = np.bincount(np.concatenate([heads, tails]), minlength=len(points))
    inner = degree > 1
    if not inner.any():
        inner[:] = True
    links = weights[inner[heads] & inner[tails]]
    # one inner node only: its star has no inner link, so every link is looked at
    return _Cluster(points[inner], core[inner], float((links if len(links) else weights).max()))


def _core_distances(distances: _Matrix, dimension: int) -> _Matrix:
    """(Σ_{j≠i} d_ij^-D / (n−1))^(−1/D): the D-dimensional density around each row, as a distance."""
    n = len(distances)
    with np.errstate(divide="ignore"):
        powers = -dimension * np.log(distances)
    np.fill_diagonal(powers, -np.inf)
    top = powers.max(axis=1)
    copies = np.isposinf(top)  # somebody sits on the same spot: infinitely dense
    top = np.where(copies, 0.0, top)
    with np.errstate(over="ignore"):
        total = np.exp(powers - top[:, None]).sum(axis=1)
    core = np.exp(-(top + np.log(total / (n - 1))) / dimension)
    return np.where(copies, 0.0, core)


def _spanning_tree(weights: _Matrix, ties: _Matrix) -> tuple[NDArray[np.int64], NDArray[np.int64], _Matrix]:
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


def _separation(a: _Cluster, b: _Cluster) -> float:
    """Smallest mutual reachability between the inner rows of two clusters."""
    least = np.inf
    for start in range(0, len(a.rows), 512):
        distances = _distances(a.rows[start : start + 512], b.rows)
        reach = np.maximum(distances, np.maximum(a.core[start : start + 512, None], b.core[None, :]))
        least = min(least, float(reach.min()))
    return least


def _distances(a: _Matrix, b: _Matrix) -> _Matrix:
    from scipy.spatial.distance import cdist

    return np.asarray(cdist(a, b), dtype=np.float64)
