"""Leaves: the smallest clusters that density knows, none of them a heap.  O(n²) time in more than a few dimensions.

Where causes shade into each other, the best-separated clustering joins them: two or three clusters, each several
causes. The leaves of HDBSCAN's tree are the densest spots of every branch. A cause may own several leaves, and what
lies between them is noise; but a leaf rarely mixes causes.
"""

from __future__ import annotations

import numpy as np

from failatlas.arrays import Embedding, Labels
from failatlas.clustering.clusterer import clusterers
from failatlas.clustering.count import distinct
from failatlas.clustering.hdbscan import density_tree
from failatlas.clustering.validity import complaint
from failatlas.curves import Curve
from failatlas.errors import UsageError
from failatlas.reduction.rows import finite_rows
from failatlas.registry import Parameter

SHARE, FEWEST = 0.02, 10  # of the rows; but ten images are needed to see what they have in common
MIN_SAMPLES = 5


@clusterers.register(
    "leaves",
    parameters={
        "min_cluster_size": Parameter(
            "auto",
            "2 … n, or 'auto' = 2 % of the rows, at least 10, at most a tenth",
            "more makes fewer, larger leaves",
        ),
        "min_samples": Parameter(MIN_SAMPLES, "1 … n", "more smooths the density: fewer leaves and more noise"),
    },
    source="Campello, Moulavi & Sander 2013, leaf selection, through scikit-learn",
)
class Leaves:
    """HDBSCAN's leaf clusters: the densest spot of every branch of the density tree.

    Args:
        min_cluster_size: fewest rows of a leaf, or ``"auto"``.
        min_samples: rows in a neighbourhood, itself included, by which density is measured.
    """

    labels_: Labels
    parameters_: dict[str, float | int | str]
    curves_: tuple[Curve, ...]
    notes_: tuple[str, ...]

    def __init__(self, min_cluster_size: int | str = "auto", min_samples: int = MIN_SAMPLES) -> None:
        self.min_cluster_size = min_cluster_size
        self.min_samples = min_samples

    def fit_predict(self, embedding: Embedding) -> Labels:
        """(n, k) → (n,) int64; raises DataError where rows are not finite."""
        rows = finite_rows(embedding, "embedding")
        n = len(rows)
        size, samples = self._size(n), self._samples()
        self.curves_, self.notes_ = (), ()
        self.parameters_ = {"min_cluster_size": size, "min_samples": samples}
        if n < max(2, size) or distinct(rows, 2) < 2:
            # no density to compare; copies of one row are one cluster
            self.labels_ = np.full(n, 0 if n >= size else -1, np.int64)
            self.notes_ = ("all rows are alike",) if n > 1 and distinct(rows, 2) < 2 else ()
            return self.labels_
        self.labels_ = density_tree(rows, size, min(samples, n), selection="leaf")
        reason = complaint(self.labels_)
        self.notes_ = (reason,) if reason else ()
        return self.labels_

    def _size(self, n: int) -> int:
        if self.min_cluster_size == "auto":
            return max(2, min(FEWEST, n // 10), round(SHARE * n))
        if isinstance(self.min_cluster_size, str) or self.min_cluster_size < 2:
            raise UsageError(f"min_cluster_size is {self.min_cluster_size!r}", remedy="a number ≥ 2 or 'auto'")
        return int(self.min_cluster_size)

    def _samples(self) -> int:
        if isinstance(self.min_samples, str) or self.min_samples < 1:
            raise UsageError(f"min_samples is {self.min_samples!r}", remedy="a number ≥ 1")
        return int(self.min_samples)
