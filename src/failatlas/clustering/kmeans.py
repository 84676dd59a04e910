"""k-means: round clusters of like spread, nothing left out; quick at any n.  O(n k d) per pass."""

from __future__ import annotations

import warnings

import numpy as np
from numpy.typing import NDArray

from failatlas.arrays import Embedding, Labels
from failatlas.clustering.clusterer import clusterers
from failatlas.clustering.count import MOST, check_count, choose_count, distinct
from failatlas.clustering.labels import by_size
from failatlas.clustering.squares import FULL
from failatlas.clustering.starts import Starts
from failatlas.curves import Curve
from failatlas.reduction.rows import finite_rows
from failatlas.registry import Parameter

STARTS = 4


@clusterers.register(
    "kmeans",
    parameters={
        "n_clusters": Parameter("auto", f"1 … n, or 'auto' = knee of the inertia over 2 … {MOST}", "more is finer"),
        "seed": Parameter(0, "≥ 0", "of the starting centres"),
    },
    source="Lloyd 1982, k-means++ (Arthur & Vassilvitskii 2007), through scikit-learn",
)
class KMeans:
    """k-means with the number of clusters at the knee of the inertia.

    Args:
        n_clusters: K, or ``"auto"``. Copies of one row never split, so K is at most the number of different rows.
        seed: of the starting centres; the best of four starts is kept.
    """

    labels_: Labels
    parameters_: dict[str, float | int | str]
    curves_: tuple[Curve, ...]
    notes_: tuple[str, ...]

    def __init__(self, n_clusters: int | str = "auto", seed: int = 0) -> None:
        self.n_clusters = n_clusters
        self.seed = seed

    def fit_predict(self, embedding: Embedding) -> Labels:
        """(n, k) → (n,) int64; raises DataError where rows are not finite."""
        rows = finite_rows(embedding, "embedding")
        given = check_count(self.n_clusters)
        self.curves_, self.notes_ = (), ()
        most = distinct(rows, MOST if given is None else given)
        if most < 2:
            k, self.labels_ = most, np.zeros(len(rows), np.int64)
        elif given is None:
            counts = np.arange(2, max(3, min(most, len(rows) - 1) + 1))
            starts = Starts() if len(rows) <= FULL else "k-means++"
            fits = [self._fit(rows, int(count), starts) for count in counts]
            k, curve, self.notes_ = choose_count(counts, np.array([inertia for _, inertia in fits]), "inertia")
            self.curves_ = (curve,)
            self.labels_ = fits[k - 2][0]
        else:
            k = min(given, most)
            self.labels_ = self._fit(rows, k)[0]
            if k < given:
                self.notes_ = (f"{k} clusters instead of {given}: no more different rows",)
        self.parameters_ = {"n_clusters": k}
        return self.labels_

    def _fit(self, rows: NDArray[np.float32], k: int, starts: Starts | str = "k-means++") -> tuple[Labels, float]:
        from sklearn.cluster import KMeans as Lloyd
        from sklearn.exceptions import ConvergenceWarning

        with warnings.catch_warnings():
            # rows closer than float32 resolves count as copies there; the labels stand
            warnings.simplefilter("ignore", ConvergenceWarning)
            fitted = Lloyd(k, init=starts, n_init=STARTS, random_state=self.seed).fit(rows)
        return by_size(fitted.labels_), float(fitted.inertia_)
