"""Stages: how an image looks half-way through a frozen ImageNet network: texture, light, weather, what covers what.

The last layer of such a network says *what* is in an image and forgets how it looked, for that is what it was trained
for; causes of failures are mostly the latter. Of the ten nearest failures of the traffic-sign case 65 % share the cause
in ``backbone`` rows and 82 % in these. Cost: about that of ``backbone``. The default of ``best``.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import numpy as np

from failatlas.arrays import Features, Indices
from failatlas.features.backbone import open_session
from failatlas.features.efficientnet import WEIGHTS_SHA256, build_stages, load_weights, stage_width
from failatlas.features.extractor import extractors
from failatlas.images.records import Batch
from failatlas.models.model import Model, Preprocess
from failatlas.registry import Parameter

if TYPE_CHECKING:
    import onnxruntime

_VERSION = 1
_SIDE = Parameter(224, "32 … 512", "pixels a side; larger sees finer detail and costs its square")
# the first two see little but edges and colours, the last the object's class
FIRST, LAST = 3, 6


@extractors.register("stages", parameters={"side": _SIDE}, source="EfficientNet-lite0, ImageNet; its stages 3 to 6")
class Stages:
    """Mean of every channel of the four middle stages of EfficientNet-lite0: 424 columns.

    Args:
        model: ignored; the network looks at images alone.
        side: images are resized to side × side pixels.
    """

    def __init__(self, model: Model | None = None, *, side: int = 224) -> None:  # noqa: ARG002 - the shared signature
        # (x − 127) / 128 is how the weights were trained
        self.preprocess = Preprocess(size=(side, side), channels=3, scale=1 / 128, mean=(127 / 128,))
        self._session: onnxruntime.InferenceSession | None = None

    @property
    def digest(self) -> str:
        """SHA-256 over weights, stages, preprocessing and version."""
        text = f"stages {_VERSION} {WEIGHTS_SHA256} {FIRST} {LAST} {self.preprocess}"
        return hashlib.sha256(text.encode()).hexdigest()

    def extract(self, batch: Batch, score: Indices) -> Features:  # noqa: ARG002 - the shared signature
        """(b, 424) float32."""
        from failatlas.models.preprocess import apply

        if not batch.pixels:
            return np.empty((0, stage_width(FIRST, LAST)), np.float32)
        if self._session is None:
            self._session = open_session(build_stages(load_weights(), FIRST, LAST))
        rows = self._session.run(["features"], {"images": apply(self.preprocess, batch.pixels)})[0]
        return np.asarray(rows, np.float32)
