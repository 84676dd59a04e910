"""Lite2: the larger sister of ``backbone``: another frozen ImageNet network that looks at images alone.

Cost: 1.5 × ``backbone`` at 224 px, 2.1 × at 260 px, for which it was made (python -m benchmarks.backbones). Its weights
are an extra, ``backbones``.
"""

from __future__ import annotations

from failatlas.features.efficientnet import LITE2, open_trunk
from failatlas.features.extractor import extractors
from failatlas.features.trunk import Frozen, Trunk
from failatlas.models.model import Model
from failatlas.registry import Parameter

_VERSION = 1
_SIDE = Parameter(224, "48 … 512", "pixels a side; larger sees finer detail and costs its square")


@extractors.register("lite2", parameters={"side": _SIDE}, source="EfficientNet-lite2, ImageNet: width 1.1, depth 1.2")
class Lite2(Frozen):
    """EfficientNet-lite2 trained on ImageNet, average-pooled: 1,280 columns.

    Args:
        model: ignored; the backbone looks at images alone.
        side: images are resized to side × side pixels.
    """

    def __init__(self, model: Model | None = None, *, side: int = 224) -> None:  # noqa: ARG002 - the shared signature
        super().__init__(trunk(side))


def trunk(side: int = 224) -> Trunk:
    """EfficientNet-lite2 at side × side pixels, cut after its sixth stage.

    Raises:
        ModelError: its weights are not installed.
    """
    return open_trunk("lite2", LITE2, side, _VERSION)
