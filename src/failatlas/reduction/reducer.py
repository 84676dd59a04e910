"""Reducer: fewer columns for the same rows, with scikit-learn's contract."""

from __future__ import annotations

from typing import Protocol

from failatlas.arrays import Embedding, Features
from failatlas.curves import Curve
from failatlas.registry import Registry


class Reducer(Protocol):
    """Constructor only stores; ``fit_transform`` works and sets ``parameters_``, ``curves_``, ``notes_``."""

    parameters_: dict[str, float | int | str]
    curves_: tuple[Curve, ...]
    notes_: tuple[str, ...]

    def fit_transform(self, features: Features) -> Embedding:
        """(n, d) float32 → (n, k) float32; any n ≥ 0."""


reducers: Registry[Reducer] = Registry(
    "reducer",
    methods=("fit_transform",),
    modules=("failatlas.reduction.identity", "failatlas.reduction.pca", "failatlas.reduction.umap"),
    group="failatlas.reducers",
)
