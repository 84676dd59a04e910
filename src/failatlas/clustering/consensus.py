"""Consensus: clusters on which several looks at the neighbour graph agree.  ~0.3 s for 1,000 rows; nothing random.

For rows of many columns whose direction tells, as departures from correct images. It reduces by itself: give it rows
as they are. One look finds the leaves of the density tree among the graph's first coordinates; how many coordinates
one should look at, nobody knows, and clusters come and go with it. What most looks find stays.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from failatlas.arrays import Embedding, Features, Labels
from failatlas.clustering.clusterer import clusterers
from failatlas.clustering.count import distinct
from failatlas.clustering.directions import belonging, centred, joined
from failatlas.clustering.hdbscan import density_tree
from failatlas.clustering.labels import by_size, n_clusters
from failatlas.clustering.validity import complaint
from failatlas.curves import Curve
from failatlas.errors import UsageError
from failatlas.reduction.diffusion import coordinates
from failatlas.reduction.rows import deviation, finite_rows
from failatlas.reduction.umap import FEWEST, graph
from failatlas.registry import Parameter

if TYPE_CHECKING:
    from scipy.sparse import coo_matrix

SHARE, FEWEST_MEMBERS = 0.01, 10  # of the rows; but ten images are needed to see what they have in common
MIN_SAMPLES = 5
NEIGHBOURS = 15
LOOKS = (12, 16, 20, 24, 32)  # coordinates in each look
ALIKE, BELONGS = 0.5, 0.7


@clusterers.register(
    "consensus",
    parameters={
        "min_cluster_size": Parameter(
            "auto", "2 … n, or 'auto' = 1 % of the rows, at least 10, at most a tenth", "more overlooks rare causes"
        ),
        "n_neighbors": Parameter(NEIGHBOURS, "2 … n − 1", "more looks at coarser structure"),
        "alike": Parameter(ALIKE, "above 0 … 1", "more keeps clusters apart that point nearly the same way"),
        "belongs": Parameter(BELONGS, "above 0 … 1", "more makes clusters purer and leaves more noise"),
    },
    source="ours, of Laplacian coordinates, HDBSCAN's leaves and a majority",
)
class Consensus:
    """Leaves of the density tree that most looks agree on, joined and trimmed by direction.

    Neighbour graph of the standardised rows; leaves among its first 12, 16, 20, 24 and 32 coordinates; neighbours that
    share a leaf in most looks stay together; clusters that point alike are joined; then a row belongs where it points
    nearly as members do. Fewer than 50 rows have no graph worth a name: one look at the rows themselves.

    Args:
        min_cluster_size: fewest rows of a leaf and of a cluster, or ``"auto"``.
        n_neighbors: of the graph, the row itself included.
        alike: smallest cosine between the means of two clusters that are joined.
        belongs: smallest cosine of a member with its cluster's mean, as a share of its average.

    Source: agreement of clusterings as in Fred & Jain, IEEE TPAMI 27(6), 2005. Ours: asked of neighbours only.
    """

    labels_: Labels
    parameters_: dict[str, float | int | str]
    curves_: tuple[Curve, ...]
    notes_: tuple[str, ...]

    def __init__(
        self,
        min_cluster_size: int | str = "auto",
        n_neighbors: int = NEIGHBOURS,
        alike: float = ALIKE,
        belongs: float = BELONGS,
    ) -> None:
        self.min_cluster_size = min_cluster_size
        self.n_neighbors = n_neighbors
        self.alike = alike
        self.belongs = belongs

    def fit_predict(self, embedding: Embedding) -> Labels:
        """(n, d) → (n,) int64; raises DataError where rows are not finite."""
        rows = finite_rows(embedding, "embedding")
        n = len(rows)
        self._check()
        size = self._size(n)
        self.curves_, self.notes_ = (), ()
        self.parameters_ = {
            "min_cluster_size": size,
            "n_neighbors": self.n_neighbors,
            "alike": self.alike,
            "belongs": self.belongs,
        }
        if n < max(2, size) or distinct(rows, 2) < 2:
            # no density to compare; copies of one row are one cluster
            self.labels_ = np.full(n, 0 if n >= size else -1, np.int64)
            self.notes_ = ("all rows are alike",) if n > 1 and distinct(rows, 2) < 2 else ()
            return self.labels_
        labels = _agreed(rows, min(self.n_neighbors, n - 1), size)
        if n_clusters(labels) > 1:
            seen = centred(rows, labels)
            labels = belonging(joined(labels, seen, self.alike), seen, self.belongs, size)
        self.labels_ = _as_first_copy(labels, rows)
        reason = complaint(self.labels_)
        self.notes_ = (reason,) if reason else ()
        return self.labels_

    def _size(self, n: int) -> int:
        if self.min_cluster_size == "auto":
            return max(2, min(FEWEST_MEMBERS, n // 10), round(SHARE * n))
        return int(self.min_cluster_size)

    def _check(self) -> None:
        size = self.min_cluster_size
        if size != "auto" and (isinstance(size, str) or size < 2):
            raise UsageError(f"min_cluster_size is {size!r}", remedy="a number ≥ 2 or 'auto'")
        if isinstance(self.n_neighbors, str) or self.n_neighbors < 2:
            raise UsageError(f"n_neighbors is {self.n_neighbors!r}", remedy="a number ≥ 2")
        for name, value in (("alike", self.alike), ("belongs", self.belongs)):
            if isinstance(value, str) or not 0 < value <= 1:
                raise UsageError(f"{name} is {value!r}", remedy="a number above 0, at most 1")


def _agreed(rows: Features, n_neighbors: int, size: int) -> Labels:
    """(n,) clusters of rows that most looks hold together."""
    standard = (rows - rows.mean(axis=0, dtype=np.float64).astype(np.float32)) / deviation(rows)
    if len(rows) < FEWEST:
        return density_tree(standard, size, min(MIN_SAMPLES, len(rows)), selection="leaf")
    weights = graph(standard, n_neighbors)
    looks = [k for k in LOOKS if k < len(rows)]
    placed = coordinates(weights, looks[-1])
    # of a graph in parts, what tells these apart is part of every look
    apart = max(0, placed.shape[1] - looks[-1])
    return _majority([_leaves(placed[:, : apart + k], size) for k in looks], weights, size)


def _leaves(placed: Embedding, size: int) -> Labels:
    """Leaves among rows of length 1: how far out a row lies says how dense its group is, not which group it is."""
    length = np.linalg.norm(placed, axis=1, keepdims=True)
    return density_tree(placed / np.maximum(length, 1e-12), size, MIN_SAMPLES, selection="leaf")


def _majority(looks: Sequence[Labels], weights: coo_matrix, size: int) -> Labels:
    """What hangs together when only neighbours are linked that share a leaf in at least half of the looks."""
    from scipy.sparse import coo_matrix
    from scipy.sparse.csgraph import connected_components

    votes = sum((look[weights.row] == look[weights.col]) & (look[weights.row] >= 0) for look in looks)
    linked = np.flatnonzero(2 * np.asarray(votes) >= len(looks))
    links = coo_matrix((np.ones(len(linked)), (weights.row[linked], weights.col[linked])), shape=weights.shape)
    parts = connected_components(links, directed=False)[1]
    return by_size(np.where(np.bincount(parts)[parts] >= size, parts, -1))


def _as_first_copy(labels: Labels, rows: Features) -> Labels:
    """Copies of one row share the label of the first: which of them are neighbours, their order decides."""
    _, first, kind = np.unique(rows, axis=0, return_index=True, return_inverse=True)
    return by_size(labels[first[kind.ravel()]])
