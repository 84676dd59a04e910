"""Graph: a network's ONNX graph while it is written in memory, node by node; no file is touched."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

# old enough for every ONNX Runtime in the supported range
OPSET = 17
IR_VERSION = 8

Weight = NDArray[np.float32]


class Graph:
    """Collects nodes and initialisers; a value is the name of what a node gives; the input is called ``images``.

    Args:
        channels: of the images.
    """

    def __init__(self, channels: int = 3) -> None:
        self._channels = channels
        self._nodes: list[Any] = []
        self._constants: list[Any] = []

    def node(self, operator: str, *inputs: str, **attributes: object) -> str:
        """Write one node; returns its value."""
        from onnx import helper

        output = f"{operator}_{len(self._nodes)}"
        self._nodes.append(helper.make_node(operator, list(inputs), [output], **attributes))
        return output

    def constant(self, name: str, value: Weight) -> str:
        """Write one initialiser; returns its value."""
        from onnx import numpy_helper

        self._constants.append(numpy_helper.from_array(np.ascontiguousarray(value), name))
        return name

    def convolution(self, value: str, name: str, weight: Weight, bias: Weight, **attributes: object) -> str:
        """(n, c, h, w) → (n, k, …) by a kernel (k, c/groups, h, w) and a bias (k,)."""
        return self.node(
            "Conv",
            value,
            self.constant(name + ".weight", weight),
            self.constant(name + ".bias", bias),
            kernel_shape=list(weight.shape[2:]),
            **attributes,
        )

    def flat_mean(self, value: str) -> str:
        """(n, c, h, w) → (n, c)."""
        return self.node("Flatten", self.node("GlobalAveragePool", value))

    def features(self, value: str, width: int, name: str) -> bytes:
        """Serialised model called ``name``: ``images`` (n, c, h, w) → ``features`` (n, width)."""
        return self._serialise(value, "features", ["n", width], name)

    def map(self, value: str, channels: int, name: str) -> bytes:
        """Serialised model called ``name``: ``images`` (n, c, h, w) → ``map`` (n, channels, …)."""
        return self._serialise(value, "map", ["n", channels, "y", "x"], name)

    def _serialise(self, value: str, output: str, shape: list[str | int], name: str) -> bytes:
        from onnx import TensorProto, helper

        images = helper.make_tensor_value_info("images", TensorProto.FLOAT, ["n", self._channels, "h", "w"])
        result = helper.make_tensor_value_info(output, TensorProto.FLOAT, shape)
        nodes = [*self._nodes, helper.make_node("Identity", [value], [output])]
        graph = helper.make_graph(nodes, name, [images], [result], self._constants)
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR_VERSION)
        return bytes(model.SerializeToString())
