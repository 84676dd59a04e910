"""Ward: a tree of merges that keeps clusters compact; nothing left out.  O(n²) time and memory, 8 n² bytes."""

from __future__ import annotations

import numpy as np

from failatlas.arrays import Embedding, Labels
from failatlas.clustering import dendrogram
from failatlas.clustering.clusterer import clusterers
from failatlas.clustering.count import MOST, check_count, choose_count, distinct
from failatlas.curves import Curve
from failatlas.reduction.rows import finite_rows
from failatlas.registry import Parameter


@clusterers.register(
    "ward",
    parameters={
        "n_clusters": Parameter("auto", f"1 … n, or 'auto' = knee of the inertia over 2 … {MOST}", "more is finer"),
    },
    source="Ward 1963, through SciPy",
)
class Ward:
    """Ward's hierarchical clustering with the number of clusters at the knee of the inertia.

    The whole curve comes from the heights of one tree. No randomness.

    Args:
        n_clusters: K, or ``"auto"``. Merges of equal height are done together, so fewer may come out.
    """

    labels_: Labels
    parameters_: dict[str, float | int | str]
    curves_: tuple[Curve, ...]
    notes_: tuple[str, ...]

    def __init__(self, n_clusters: int | str = "auto") -> None:
        self.n_clusters = n_clusters

    def fit_predict(self, embedding: Embedding) -> Labels:
        """(n, k) → (n,) int64; raises DataError where rows are not finite."""
        rows = finite_rows(embedding, "embedding")
        given = check_count(self.n_clusters)
        self.curves_, self.notes_ = (), ()
        most = distinct(rows, MOST if given is None else given)
        if most < 2:
            self.labels_ = np.zeros(len(rows), np.int64)
        else:
            tree = dendrogram.ward(rows)
            k = min(given, most) if given is not None else self._choose(tree, min(most, len(rows) - 1))
            self.labels_ = dendrogram.cut(tree, k)
            if given is not None and self.labels_.max() + 1 < given:
                self.notes_ = (f"{self.labels_.max() + 1} clusters instead of {given}: copies or ties do not split",)
        self.parameters_ = {"n_clusters": int(self.labels_.max()) + 1 if len(rows) else 0}
        return self.labels_

    def _choose(self, tree: dendrogram.Merges, most: int) -> int:
        counts = np.arange(2, max(3, most + 1))
        k, curve, self.notes_ = choose_count(counts, dendrogram.inertia_curve(tree)[counts - 1], "inertia")
        self.curves_ = (curve,)
        return k
