"""Trunk: a pretrained backbone in two parts: a lower one that stays as it is and an upper one that can learn.

The lower part runs once an image, as ONNX (five times as fast as torch on two cores); its maps are small enough to be
kept, so that fine-tuning the upper part costs no further pass over the images.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from failatlas.arrays import Features, Indices, Pixels
from failatlas.images.records import Batch
from failatlas.models.model import Preprocess

if TYPE_CHECKING:
    import onnxruntime
    import torch


@dataclass(frozen=True, slots=True, eq=False)
class Trunk:
    """A pretrained backbone, cut once.

    ``upper()(lower(x))`` equals ``features(x)`` to float32 (1e-4).

    Attributes:
        name: of the extractor that gives its frozen features, e.g. ``"backbone"``.
        preprocess: how pixels become its input; the size is fixed.
        digest: SHA-256 (hex) over everything that decides the features: weights, preprocessing, version.
        shape: (c, h, w) of one image's map at the cut.
        width: columns of its features.
        lower: serialised ONNX model: ``images`` (n, 3, H, W) float32 → ``map`` (n, c, h, w) float32.
        upper: a new torch module with the pretrained weights, in evaluation mode, every parameter trainable: map →
            (n, width) pooled features. Keep it in evaluation mode while it learns: those that have batch statistics
            learnt them from more images than the lessons are.
        features: serialised ONNX model: ``images`` → ``features`` (n, width) float32; None when there is only torch.
    """

    name: str
    preprocess: Preprocess
    digest: str
    shape: tuple[int, int, int]
    width: int
    lower: Callable[[], bytes]
    upper: Callable[[], torch.nn.Module]
    features: Callable[[], bytes] | None

    def __repr__(self) -> str:
        c, h, w = self.shape
        return f"<Trunk {self.name}: map {c} × {h} × {w}, {self.width} features>"


class Frozen:
    """An extractor that is a trunk as it is; a backbone only says which.

    Args:
        trunk: one that has ``features``.
    """

    def __init__(self, trunk: Trunk) -> None:
        assert trunk.features is not None
        self._trunk = trunk
        self._rows = Session(trunk.preprocess, trunk.features, trunk.width)

    @property
    def digest(self) -> str:
        """SHA-256 over weights, preprocessing and version."""
        return self._trunk.digest

    def extract(self, batch: Batch, score: Indices) -> Features:  # noqa: ARG002 - the shared signature
        """(b, d) float32, the trunk's pooled features."""
        return self._rows(batch.pixels)


class Session:
    """A serialised ONNX model with one input ``images`` and one output, opened at its first batch.

    Args:
        preprocess: how pixels become its input.
        model: gives the serialised model.
        width: columns of no images at all.
    """

    def __init__(self, preprocess: Preprocess, model: Callable[[], bytes], width: int) -> None:
        self._preprocess = preprocess
        self._model = model
        self._width = width
        self._session: onnxruntime.InferenceSession | None = None

    def __call__(self, pixels: Sequence[Pixels]) -> Features:
        """(b, …) float32."""
        from failatlas.models.preprocess import apply

        if not pixels:
            return np.empty((0, self._width), np.float32)
        if self._session is None:
            self._session = open_session(self._model())
        return np.asarray(self._session.run(None, {"images": apply(self._preprocess, pixels)})[0], np.float32)


def open_session(model: bytes) -> onnxruntime.InferenceSession:
    """ONNX Runtime over a serialised model, on the cores that are really allowed."""
    import onnxruntime

    from failatlas.models.onnx import n_threads

    options = onnxruntime.SessionOptions()
    # the cores really allowed: a container often shows more, and waiting threads cost tenfold
    options.intra_op_num_threads = n_threads()
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
