"""Composition: one reducer, then one clusterer, as the tail of every pipeline does it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeVar

from failatlas.arrays import NOISE, Embedding, Features, Labels, freeze
from failatlas.clustering.clusterer import Clusterer, clusterers
from failatlas.curves import Curve
from failatlas.errors import UsageError
from failatlas.reduction.reducer import Reducer, reducers
from failatlas.registry import Part, Registry
from failatlas.seeds import derive

_T = TypeVar("_T")
Value = float | int | str


@dataclass(frozen=True, slots=True, eq=False)
class Clustering:
    """A label for every row, and how it came about.

    Attributes:
        labels: (n,) int64, 0 … K−1 by falling size, -1 = noise; read-only.
        embedding: (n, k) float32, what was clustered; read-only.
        parameters: every parameter used, given or chosen, e.g. ``{"umap.n_components": 25, "dbscan.eps": 0.4}``.
        curves: how automatic parameters were chosen.
        notes: what a reader must know.
    """

    labels: Labels
    embedding: Embedding
    parameters: Mapping[str, Value]
    curves: tuple[Curve, ...]
    notes: tuple[str, ...]

    @property
    def n_clusters(self) -> int:
        """K, noise not counted."""
        return int(self.labels.max()) + 1 if len(self.labels) else 0

    def __repr__(self) -> str:
        noise = int((self.labels == NOISE).sum())
        parts = " + ".join(dict.fromkeys(name.split(".")[0] for name in self.parameters))
        return f"<Clustering {parts}: {len(self.labels)} rows, {self.n_clusters} clusters, {noise} noise>"


def cluster(
    features: Features, reduction: str = "umap", clustering: str = "dbscan", seed: int = 0, **parameters: Value
) -> Clustering:
    """Reduce features, then cluster them.

    Args:
        features: (n, d) finite numbers, n ≥ 0.
        reduction: name of a reducer, e.g. ``"none"``, ``"pca"``, ``"umap"``.
        clustering: name of a clusterer, e.g. ``"kmeans"``, ``"ward"``, ``"dbscan"``, ``"hdbscan"``.
        seed: every random choice is derived from it.
        parameters: of either part, by name (``eps=0.4``), or with its part where both know the name
            (``**{"dbscan.eps": 0.4}``).

    Raises:
        UsageError: no such part or parameter.
        DataError: features are not finite.

    >>> import numpy as np
    >>> rows = np.repeat(np.eye(3, dtype=np.float32), [3, 5, 2], axis=0)
    >>> cluster(rows, "none", "ward", n_clusters=3).labels
    array([1, 1, 1, 0, 0, 0, 0, 0, 2, 2])
    """
    first, second = reducers.get(reduction), clusterers.get(clustering)
    for_first, for_second = _divide(first, second, parameters)
    reducer = _create(reducers, first, seed, for_first)
    clusterer = _create(clusterers, second, seed, for_second)
    embedding = reducer.fit_transform(features)
    labels = clusterer.fit_predict(embedding)
    used: dict[str, Value] = {f"{first.name}.{key}": value for key, value in reducer.parameters_.items()}
    used |= {f"{second.name}.{key}": value for key, value in clusterer.parameters_.items()}
    # a reducer may return the very array it was given, and that one stays the caller's
    kept = embedding.copy() if embedding is features else embedding
    return Clustering(
        freeze(labels),
        freeze(kept),
        used,
        (*reducer.curves_, *clusterer.curves_),
        (*reducer.notes_, *clusterer.notes_),
    )


def _divide(
    first: Part[Reducer], second: Part[Clusterer], parameters: Mapping[str, Value]
) -> tuple[dict[str, Value], dict[str, Value]]:
    """Parameters of the reducer and of the clusterer."""
    tables = ((first.name, first.parameters), (second.name, second.parameters))
    divided: tuple[dict[str, Value], dict[str, Value]] = ({}, {})
    for key, value in parameters.items():
        part, _, bare = key.rpartition(".")
        takers = [
            index
            for index, (name, table) in enumerate(tables)
            if part in ("", name) and bare in table and bare != "seed"
        ]
        if len(takers) != 1:
            known = sorted(f"{name}.{own}" for name, table in tables for own in table if own != "seed")
            what = "belongs to both parts" if takers else f"is unknown to {first.name!r} and {second.name!r}"
            raise UsageError(f"parameter {key!r} {what}", remedy=f"one of: {', '.join(known) or 'none'}")
        divided[takers[0]][bare] = value
    return divided


def _create(registry: Registry[_T], part: Part[_T], seed: int, parameters: Mapping[str, Value]) -> _T:
    own = {"seed": derive(seed, part.name)} if "seed" in part.parameters else {}
    return registry.create(part.name, **{**own, **parameters})
