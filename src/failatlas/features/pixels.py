"""Pixels: the image itself, small; the baseline that every other extractor must beat."""

from __future__ import annotations

import hashlib

import numpy as np

from failatlas.arrays import Features, Indices
from failatlas.features.extractor import extractors
from failatlas.images.records import Batch
from failatlas.models.model import Model, Preprocess
from failatlas.registry import Parameter

_VERSION = 1
_SIDE = Parameter(32, "4 … 128", "pixels a side; columns grow with its square")


@extractors.register("pixels", parameters={"side": _SIDE}, source="baseline")
class Pixels:
    """Raw pixels in 0–1, resized to side × side and flattened: 3·side² columns.

    Args:
        model: ignored.
        side: pixels a side.
    """

    def __init__(self, model: Model | None = None, *, side: int = 32) -> None:  # noqa: ARG002 - the shared signature
        self.preprocess = Preprocess(size=(side, side))

    @property
    def digest(self) -> str:
        """SHA-256 over preprocessing and version."""
        return hashlib.sha256(f"pixels {_VERSION} {self.preprocess}".encode()).hexdigest()

    def extract(self, batch: Batch, score: Indices) -> Features:  # noqa: ARG002 - the shared signature
        """(b, 3·side²) float32 in 0–1."""
        from failatlas.models.preprocess import apply

        side = self.preprocess.size[0] if self.preprocess.size else 0
        if not batch.pixels:
            return np.empty((0, 3 * side * side), np.float32)
        return apply(self.preprocess, batch.pixels).reshape(len(batch.pixels), -1)
