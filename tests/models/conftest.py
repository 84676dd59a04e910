"""A tiny real network, the same in every format, and images for it."""

from __future__ import annotations

import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from onnx import TensorProto, helper, numpy_helper
from torch import nn


class TinyNet(nn.Module):
    """Convolution, batch norm with real statistics, in-place ReLU, dropout, linear: (n, 3, h, w) → (n, 4)."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 6, 3, padding=1)
        self.norm = nn.BatchNorm2d(6)
        self.act = nn.ReLU(inplace=True)
        self.drop = nn.Dropout(0.5)
        self.head = nn.Linear(6, 4)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head(self.drop(self.act(self.norm(self.conv(x))).mean((2, 3))))


@pytest.fixture
def net() -> TinyNet:
    torch.manual_seed(0)
    module = TinyNet()
    with torch.no_grad():
        module.norm.running_mean.uniform_(-0.5, 0.5)
        module.norm.running_var.uniform_(0.5, 2.0)
    return module.eval()


@pytest.fixture
def pixels() -> list[np.ndarray]:
    draw = np.random.default_rng(1)
    return [draw.integers(0, 256, (8, 8, 3), dtype=np.uint8) for _ in range(5)]


@pytest.fixture
def export(tmp_path: Path) -> Callable[..., Path]:
    """``export(module, dynamic=True)`` → a genuine ``.pt2``."""

    def make(module: nn.Module, *, dynamic: bool = True, name: str = "net.pt2") -> Path:
        path = tmp_path / name
        shapes = ({0: torch.export.Dim("n", min=1)},) if dynamic else None
        program = torch.export.export(module, (torch.zeros(2, 3, 8, 8),), dynamic_shapes=shapes)
        torch.export.save(program, path)
        return path

    return make


@pytest.fixture
def rezip(tmp_path: Path) -> Callable[..., Path]:
    """``rezip(path, {member: bytes | None})``: the same archive with members changed, added, or (None) removed."""

    def make(source: Path, changes: dict[str, bytes | None], *, compress: tuple[str, ...] = ()) -> Path:
        target = tmp_path / "changed.pt2"
        with zipfile.ZipFile(source) as archive:
            root = archive.namelist()[0].split("/", 1)[0]
            members = {info.filename.split("/", 1)[1]: archive.read(info) for info in archive.infolist()}
        members.update(changes)
        with zipfile.ZipFile(target, "w") as archive:
            for name, data in members.items():
                if data is not None:
                    kind = zipfile.ZIP_DEFLATED if name in compress else zipfile.ZIP_STORED
                    archive.writestr(name if name.startswith("/") else f"{root}/{name}", data, compress_type=kind)
        return target

    return make


def tiny_onnx(net: TinyNet, *, batch: int | str = "n", metadata: dict[str, str] | None = None) -> onnx.ModelProto:
    """The same network written node by node."""
    state = {name: numpy_helper.from_array(value.numpy(), name) for name, value in net.state_dict().items()}
    state.pop("norm.num_batches_tracked")
    nodes = [
        helper.make_node("Conv", ["x", "conv.weight", "conv.bias"], ["c"], pads=[1, 1, 1, 1]),
        helper.make_node(
            "BatchNormalization", ["c", "norm.weight", "norm.bias", "norm.running_mean", "norm.running_var"], ["b"]
        ),
        helper.make_node("Relu", ["b"], ["r"]),
        helper.make_node("GlobalAveragePool", ["r"], ["p"]),
        helper.make_node("Flatten", ["p"], ["f"]),
        helper.make_node("Gemm", ["f", "head.weight", "head.bias"], ["y"], transB=1),
    ]
    graph = helper.make_graph(
        nodes,
        "tiny",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [batch, 3, 8, 8])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [batch, 4])],
        list(state.values()),
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    if metadata:
        helper.set_model_props(model, metadata)
    return model


@pytest.fixture
def onnx_model() -> Callable[..., onnx.ModelProto]:
    return tiny_onnx


@pytest.fixture
def canary(tmp_path: Path) -> Path:
    """A file that exists only if a payload ran."""
    return tmp_path / "canary"
