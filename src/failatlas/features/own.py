"""Own: any backbone the user has code and weights for: ImageNet's VGG16 or ResNet-50, Xception, DINOv2, CLIP, …

Runs in torch, not ONNX Runtime; what an image costs is what the network costs. Its code runs because the user names it.
"""

from __future__ import annotations

import copy
import hashlib
import os
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from failatlas.arrays import Features, Indices
from failatlas.errors import ModelError, UsageError
from failatlas.features.extractor import extractors
from failatlas.features.graph import Graph
from failatlas.features.trunk import Trunk
from failatlas.images.records import Batch
from failatlas.models.model import Model, Preprocess
from failatlas.registry import Parameter

if TYPE_CHECKING:
    from failatlas.models.module import TorchModel

PREPROCESS = "imagenet,224x224"
_VERSION = 1
PARAMETERS = {
    "backbone": Parameter("", "module:callable or file.py:callable", "what builds it: (n, d) features or (n, c, h, w)"),
    "backbone_weights": Parameter("", "a safetensors file", "its weights, where the callable does not bring them"),
    "backbone_preprocess": Parameter(PREPROCESS, "as --preprocess, with a size", "how images become its input"),
}


@extractors.register("own", parameters=PARAMETERS, source="any torch module that the user names")
class Own:
    """A backbone of the user's own (--backbone module:callable); maps are average-pooled over height and width.

    Args:
        model: ignored; the backbone looks at images alone.
        backbone: builds a ``torch.nn.Module`` whose forward gives (n, d) features or (n, c, h, w) maps.
        backbone_weights: safetensors with its weights; empty = the callable brings them.
        backbone_preprocess: how images become its input; see ``parse_preprocess``.

    Raises:
        UsageError: no backbone is named, or no size.
        ModelError: it cannot be built, or gives neither features nor maps.
        UnsafeInputError: the weights are a pickle.
    """

    def __init__(
        self,
        model: Model | None = None,  # noqa: ARG002 - the shared signature
        *,
        backbone: str = "",
        backbone_weights: str | os.PathLike[str] = "",
        backbone_preprocess: str = PREPROCESS,
    ) -> None:
        self._network = _opened(backbone, backbone_weights, backbone_preprocess)
        self._width = _width(self._network)

    @property
    def digest(self) -> str:
        """SHA-256 over weights, code, preprocessing and version."""
        return _digest(self._network)

    def extract(self, batch: Batch, score: Indices) -> Features:  # noqa: ARG002 - the shared signature
        """(b, d) float32, d as the backbone gives it."""
        return self._network.predict(batch.pixels) if batch.pixels else np.empty((0, self._width), np.float32)


def trunk(
    backbone: str = "", backbone_weights: str | os.PathLike[str] = "", backbone_preprocess: str = PREPROCESS
) -> Trunk:
    """The backbone, cut before its first layer, for nobody knows where else: all of it can learn.

    The map at the cut is the preprocessed image, so that lessons cost h·w·c numbers each, and each epoch a pass forth
    and back through the whole network.

    Raises:
        as ``Own``.
    """
    network = _opened(backbone, backbone_weights, backbone_preprocess)
    preprocess = network.preprocess
    height, width = preprocess.size or (0, 0)
    return Trunk(
        "own",
        preprocess,
        _digest(network),
        (preprocess.channels, height, width),
        _width(network),
        lower=partial(_images, preprocess.channels),
        # a copy, not a second call: a callable without weights would start from other numbers
        upper=partial(copy.deepcopy, network.module),
        features=None,
    )


def _opened(backbone: str, weights: str | os.PathLike[str], words: str) -> TorchModel:
    from failatlas.features.blocks import Pooled
    from failatlas.models import load_model
    from failatlas.models.module import TorchModel, bad_weights

    place, colon, name = backbone.rpartition(":")
    if not (place and colon and name.isidentifier()):
        what = f"backbone {backbone!r} is no module:callable" if backbone else "no backbone is named"
        raise UsageError(what, where="extractor own", remedy="--backbone module:callable (docs/how-to/own-backbone.md)")
    loaded = load_model(backbone, weights=weights or None)
    assert isinstance(loaded, TorchModel)  # all that a callable can build
    bad = bad_weights(loaded.module)
    if bad:
        raise ModelError(
            f"weights {bad!r} hold nan or infinity, so no feature is finite",
            where=f"backbone {backbone}",
            remedy="load another checkpoint",
            code="E_MODEL_WEIGHTS",
        )
    # half-precision weights would want half-precision maps, and learn badly
    return TorchModel(Pooled(loaded.module.float()), _sized(words), name)


def _sized(words: str) -> Preprocess:
    from failatlas.models import parse_preprocess

    found = parse_preprocess(words)
    if found.size is None:
        raise UsageError(
            f"backbone preprocessing {words!r} has no size",
            where="extractor own",
            remedy=f"--backbone-preprocess {','.join(filter(None, (words, '224x224')))}",
        )
    return found


def _width(network: TorchModel) -> int:
    """Columns of its features; a black image finds out, before hours of work, whether it gives any."""
    return int(network.predict([np.zeros((1, 1, 3), np.uint8)]).shape[1])


def _digest(network: TorchModel) -> str:
    return hashlib.sha256(f"own {_VERSION} {network.digest}".encode()).hexdigest()


def _images(channels: int) -> bytes:
    return Graph(channels).map("images", channels, "own")
