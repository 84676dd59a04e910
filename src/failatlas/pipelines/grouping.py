"""Grouping: what a pipeline made of the error-inducing images."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from failatlas.arrays import NOISE, Embedding, Features, Labels
from failatlas.curves import Curve


@dataclass(frozen=True, slots=True, eq=False)
class Grouping:
    """Labels of m error-inducing images and how they came about.

    Attributes:
        ids: m image ids.
        labels: (m,) int64, 0 … K−1 by falling size, -1 = noise.
        embedding: (m, k) float32, what was clustered.
        map: (m, 2) float32, the same images laid out for the eye.
        pipeline: e.g. ``"stages+none+consensus"``.
        parameters: every parameter used, chosen or given, e.g. ``{"umap.n_components": 25, "dbscan.eps": 0.42}``.
        curves: how automatic parameters were chosen.
        notes: what a reader must know, e.g. ``"n < 50: PCA instead of UMAP"``.
        seed: from which every random choice was drawn.
    """

    ids: tuple[str, ...]
    labels: Labels
    embedding: Embedding
    map: Features
    pipeline: str
    parameters: Mapping[str, float | int | str]
    curves: tuple[Curve, ...]
    notes: tuple[str, ...]
    seed: int

    @property
    def n_clusters(self) -> int:
        """K, noise not counted."""
        return int(self.labels.max()) + 1 if len(self.labels) else 0

    def __repr__(self) -> str:
        noise = int((self.labels == NOISE).sum())
        return f"<Grouping {self.pipeline}: {len(self.ids)} images, {self.n_clusters} clusters, {noise} noise>"

    def _repr_html_(self) -> str:
        from failatlas.pipelines.fragment import grouping_html

        return grouping_html(self)
