"""Backbone: what a frozen ImageNet network sees in an image; needs no access to the network under test.

Cost: about 4 ms an image on two cores (224 px, ONNX Runtime), 5 KB a row. What ``safe`` looks through.
"""

from __future__ import annotations

from failatlas.features.efficientnet import LITE0, open_trunk
from failatlas.features.extractor import extractors
from failatlas.features.trunk import Frozen, Trunk
from failatlas.models.model import Model
from failatlas.registry import Parameter

_VERSION = 1
_SIDE = Parameter(224, "32 … 512", "pixels a side; larger sees finer detail and costs its square")


@extractors.register(
    "backbone", parameters={"side": _SIDE}, source="EfficientNet-lite0, ImageNet; the role of VGG16 in SAFE"
)
class Backbone(Frozen):
    """EfficientNet-lite0 trained on ImageNet, average-pooled: 1,280 columns.

    Args:
        model: ignored; the backbone looks at images alone.
        side: images are resized to side × side pixels.
    """

    def __init__(self, model: Model | None = None, *, side: int = 224) -> None:  # noqa: ARG002 - the shared signature
        super().__init__(trunk(side))


def trunk(side: int = 224) -> Trunk:
    """EfficientNet-lite0 at side × side pixels, cut after its sixth stage.

    Raises:
        ModelError: its weights are not installed.
    """
    return open_trunk("backbone", LITE0, side, _VERSION)
