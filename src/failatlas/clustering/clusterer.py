"""Clusterer: a label for every row, with scikit-learn's contract."""

from __future__ import annotations

from typing import Protocol

from failatlas.arrays import Embedding, Labels
from failatlas.curves import Curve
from failatlas.registry import Registry


class Clusterer(Protocol):
    """Constructor only stores; ``fit_predict`` validates, works, and sets the attributes that end in ``_``.

    Labels are 0 … K−1 by falling size (ties: by first member), -1 = noise, whatever the library underneath says.
    """

    labels_: Labels
    parameters_: dict[str, float | int | str]
    curves_: tuple[Curve, ...]
    notes_: tuple[str, ...]

    def fit_predict(self, embedding: Embedding) -> Labels:
        """(n, k) float32 → (n,) int64; any n ≥ 0."""


clusterers: Registry[Clusterer] = Registry(
    "clusterer",
    methods=("fit_predict",),
    modules=(
        "failatlas.clustering.consensus",
        "failatlas.clustering.dbscan",
        "failatlas.clustering.hdbscan",
        "failatlas.clustering.kmeans",
        "failatlas.clustering.leaves",
        "failatlas.clustering.ward",
    ),
    group="failatlas.clusterers",
)
