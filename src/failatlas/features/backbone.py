"""Backbone: what a frozen ImageNet network sees in an image; needs no access to the network under test.

Cost: about 4 ms an image on two cores (224 px, ONNX Runtime), 5 KB a row. What ``safe`` looks through.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import numpy as np

from failatlas.arrays import Features, Indices
from failatlas.features.efficientnet import WEIGHTS_SHA256, build, load_weights
from failatlas.features.extractor import extractors
from failatlas.images.records import Batch
from failatlas.models.model import Model, Preprocess
from failatlas.registry import Parameter

if TYPE_CHECKING:
    import onnxruntime

_VERSION = 1
_SIDE = Parameter(224, "32 … 512", "pixels a side; larger sees finer detail and costs its square")


@extractors.register(
    "backbone", parameters={"side": _SIDE}, source="EfficientNet-lite0, ImageNet; the role of VGG16 in SAFE"
)
class Backbone:
    """EfficientNet-lite0 trained on ImageNet, average-pooled: 1,280 columns.

    Args:
        model: ignored; the backbone looks at images alone.
        side: images are resized to side × side pixels.
    """

    def __init__(self, model: Model | None = None, *, side: int = 224) -> None:  # noqa: ARG002 - the shared signature
        # (x − 127) / 128 is how the weights were trained
        self.preprocess = Preprocess(size=(side, side), channels=3, scale=1 / 128, mean=(127 / 128,))
        self._session: onnxruntime.InferenceSession | None = None

    @property
    def digest(self) -> str:
        """SHA-256 over weights, preprocessing and version."""
        return hashlib.sha256(f"backbone {_VERSION} {WEIGHTS_SHA256} {self.preprocess}".encode()).hexdigest()

    def extract(self, batch: Batch, score: Indices) -> Features:  # noqa: ARG002 - the shared signature
        """(b, 1280) float32."""
        from failatlas.models.preprocess import apply

        if not batch.pixels:
            return np.empty((0, 1280), np.float32)
        if self._session is None:
            self._session = open_session(build(load_weights()))
        rows = self._session.run(["features"], {"images": apply(self.preprocess, batch.pixels)})[0]
        return np.asarray(rows, np.float32)


def open_session(model: bytes) -> onnxruntime.InferenceSession:
    """ONNX Runtime over a serialised model, on the cores that are really allowed."""
    import onnxruntime

    from failatlas.models.onnx import n_threads

    options = onnxruntime.SessionOptions()
    # the cores really allowed: a container often shows more, and waiting threads cost tenfold
    options.intra_op_num_threads = n_threads()
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
