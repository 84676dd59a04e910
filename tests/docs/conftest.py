"""A workshop in which the documentation's examples run: photographs, a network of somebody's own, its predictions."""

from __future__ import annotations

import csv
import importlib.resources
import importlib.util
import math
import shutil
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

ROOT = Path(__file__).parents[2]
DOCUMENTS = ("README.md", "CONTRIBUTING.md", "CHANGELOG.md", "SECURITY.md", "ARCHITECTURE.md")

MYNET = '''"""A network of somebody's own."""
from failatlas.cases.fashion import network as build
'''

STEERING = '''"""A network that reads the angle of a bar from where it is bright; dim pictures lead it astray."""
import torch


class Steering(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.position = torch.nn.Linear(32, 1, bias=False)
        self.position.weight.data = torch.linspace(-31.0, 31.0, 32).reshape(1, 32) / 4

    def forward(self, images):
        columns = images.mean(dim=(1, 2))
        return self.position(columns)


def build():
    return Steering()
'''


def markdown() -> list[Path]:
    """Every page that a user may read."""
    return [*(ROOT / name for name in DOCUMENTS if (ROOT / name).is_file()), *sorted((ROOT / "docs").rglob("*.md"))]


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "page" in metafunc.fixturenames:
        metafunc.parametrize("page", markdown(), ids=lambda path: str(path.relative_to(ROOT)))


@pytest.fixture(scope="session")
def write_docs() -> ModuleType:
    """tools/write_docs.py."""
    spec = importlib.util.spec_from_file_location("write_docs", ROOT / "tools" / "write_docs.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def workshop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with what the examples speak of."""
    from failatlas.cases import cases
    from failatlas.cases.catalogue import make_case
    from failatlas.cases.fashion import CLASSES

    folder = tmp_path_factory.mktemp("workshop")
    make_case("fashion", split="test", count=400, seed=0, out=folder / "photos")
    make_case("fashion", split="improvement", count=40, seed=0, out=folder / "new-photos")
    (folder / "mynet.py").write_text(MYNET)
    (folder / "steering.py").write_text(STEERING)
    with importlib.resources.as_file(importlib.resources.files("failatlas.cases")) as data:
        shutil.copy(data / "data" / "fashion" / "network.safetensors", folder / "weights.safetensors")
    (folder / "classes.txt").write_text("\n".join(CLASSES))
    _predict(cases.create("fashion").model(), folder, CLASSES)
    _export_onnx(folder)
    _roads(folder / "road")
    return folder


def _predict(model, folder: Path, classes: tuple[str, ...]) -> None:
    from failatlas import ImageSet

    images = ImageSet.open(folder / "photos")
    pixels = [image for batch in images.batches(64) for image in batch.pixels]
    outputs = model.predict(pixels)
    with (folder / "predictions.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["id", "prediction"])
        writer.writerows(zip(images.ids, (classes[i] for i in outputs.argmax(axis=1)), strict=True))
    small = np.stack([image[::4, ::4].reshape(-1) for image in pixels]).astype(np.float32) / 255
    np.save(folder / "features.npy", small)


def _export_onnx(folder: Path) -> None:
    from onnx import TensorProto, helper, numpy_helper
    from safetensors.numpy import load_file

    weights = load_file(folder / "weights.safetensors")
    constants = [numpy_helper.from_array(value, name) for name, value in weights.items()]
    pool = {"kernel_shape": [2, 2], "strides": [2, 2]}
    nodes = [
        helper.make_node("Conv", ["images", "conv1.weight", "conv1.bias"], ["a"], pads=[1, 1, 1, 1]),
        helper.make_node("Relu", ["a"], ["b"]),
        helper.make_node("MaxPool", ["b"], ["c"], **pool),
        helper.make_node("Conv", ["c", "conv2.weight", "conv2.bias"], ["d"], pads=[1, 1, 1, 1]),
        helper.make_node("Relu", ["d"], ["e"]),
        helper.make_node("MaxPool", ["e"], ["f"], **pool),
        helper.make_node("Flatten", ["f"], ["g"]),
        helper.make_node("Gemm", ["g", "dense1.weight", "dense1.bias"], ["h"], transB=1),
        helper.make_node("Relu", ["h"], ["i"]),
        helper.make_node("Gemm", ["i", "dense2.weight", "dense2.bias"], ["logits"], transB=1),
    ]
    images = helper.make_tensor_value_info("images", TensorProto.FLOAT, ["n", 1, 28, 28])
    logits = helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["n", 10])
    graph = helper.make_graph(nodes, "fashion", [images], [logits], constants)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    (folder / "network.onnx").write_bytes(model.SerializeToString())


def _roads(folder: Path) -> None:
    """Bars at an angle: 60 bright pictures, which the network reads well, and 60 dim ones."""
    from PIL import Image

    random = np.random.default_rng(0)
    (folder / "images").mkdir(parents=True)
    with (folder / "manifest.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["path", "target", "light"])
        for i in range(120):
            column = int(random.integers(4, 28))
            light = 1.0 if i % 2 else 0.2
            picture = random.integers(0, 8, (32, 32)).astype(np.float64)
            picture[:, column - 1 : column + 2] = 255 * light
            Image.fromarray(picture.astype(np.uint8)).save(folder / "images" / f"{i:03d}.png")
            angle = math.fsum((2 * c - 31) / 4 for c in (column - 1, column, column + 1))
            writer.writerow([f"images/{i:03d}.png", f"{angle:g}", light])


@pytest.fixture
def in_workshop(workshop: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The workshop as current folder, from which its modules can be imported."""
    monkeypatch.chdir(workshop)
    monkeypatch.syspath_prepend(str(workshop))
    return workshop
