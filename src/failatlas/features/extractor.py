"""Extractor: images in, rows to be clustered out."""

from __future__ import annotations

from typing import Protocol

from failatlas.arrays import Features, Indices
from failatlas.images.records import Batch
from failatlas.models.model import Model
from failatlas.registry import Registry


class Extractor(Protocol):
    """Turns a batch of images into rows; holds what it needs (a session, a network), never the images."""

    @property
    def digest(self) -> str:
        """SHA-256 (hex) over everything that decides the rows: weights, sizes, version."""

    def extract(self, batch: Batch, score: Indices) -> Features:
        """Rows of one batch.

        Args:
            batch: b images.
            score: (b,) the output from which relevance starts; extractors without relevance ignore it.

        Returns:
            (b, d) float32, finite.
        """


extractors: Registry[Extractor] = Registry(
    "extractor",
    methods=("extract",),
    modules=(
        "failatlas.features.activations",
        "failatlas.features.autoencoder",
        "failatlas.features.backbone",
        "failatlas.features.heatmaps",
        "failatlas.features.lite2",
        "failatlas.features.own",
        "failatlas.features.pixels",
        "failatlas.features.resnet50",
        "failatlas.features.stages",
        "failatlas.features.tuned",
        "failatlas.features.vgg16",
    ),
    group="failatlas.extractors",
)


def open_extractor(name: str, model: Model | None, **options: object) -> Extractor:
    """The extractor called ``name`` for a network; it takes those options that it knows.

    Raises:
        UsageError: no such extractor.
        ModelError: it needs a white box and there is none.
    """
    part = extractors.get(name)
    return part.factory(model, **{key: value for key, value in options.items() if key in part.parameters})
