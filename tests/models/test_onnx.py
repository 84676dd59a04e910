from __future__ import annotations

import json

import numpy as np
import onnx
import pytest
import torch
from onnx import TensorProto, helper, numpy_helper

from failatlas.errors import ModelError, UnsafeInputError
from failatlas.models.model import Model, Preprocess, WhiteBox
from failatlas.models.onnx import OnnxModel, n_threads


@pytest.fixture
def write(tmp_path):
    def make(model: onnx.ModelProto, name: str = "net.onnx"):
        path = tmp_path / name
        path.write_bytes(model.SerializeToString())
        return path

    return make


def test_the_shape_becomes_preprocessing_and_it_is_a_black_box(net, onnx_model, write):
    model = OnnxModel(write(onnx_model(net)))
    assert model.preprocess == Preprocess(size=(8, 8), channels=3)
    assert isinstance(model, Model)
    assert not isinstance(model, WhiteBox)


@pytest.mark.parametrize("batch", [1, 2, 3, 7, "n"])
def test_every_batch_size_gives_the_same_rows(net, onnx_model, write, pixels, batch):
    rows = OnnxModel(write(onnx_model(net, batch=batch))).predict(pixels)
    with torch.no_grad():
        expected = net(torch.from_numpy(np.stack(pixels).transpose(0, 3, 1, 2) / np.float32(255)))
    assert np.allclose(rows, expected.numpy(), atol=1e-5)


@pytest.mark.parametrize(
    ("metadata", "expected"),
    [
        ({"classes": json.dumps(["cat", "dog"])}, ("cat", "dog")),
        ({"names": "{0: 'cat', 10: 'eel', 2: 'dog'}"}, ("cat", "dog", "eel")),
        ({"labels": "cat, dog"}, ("cat", "dog")),
        ({"names": "__import__('os').abort()"}, ("__import__('os').abort()",)),
        ({}, ()),
    ],
)
def test_classes_are_read_from_metadata_as_data(net, onnx_model, write, metadata, expected):
    assert OnnxModel(write(onnx_model(net, metadata=metadata))).classes == expected


def test_channels_last_input_is_fed_channels_last(write, pixels):
    graph = helper.make_graph(
        [helper.make_node("ReduceMean", ["x"], ["y"], axes=[1, 2], keepdims=0)],
        "mean",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", 8, 8, 3])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["n", 3])],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    rows = OnnxModel(write(model), Preprocess(scale=1.0)).predict(pixels)
    assert np.allclose(rows, np.stack(pixels).mean((1, 2)), atol=1e-3)


def test_weights_beside_the_model_are_read_and_belong_to_the_digest(net, onnx_model, tmp_path, pixels):
    inside = OnnxModel(_saved(onnx_model(net), tmp_path / "inside.onnx", external=False))
    outside = OnnxModel(_saved(onnx_model(net), tmp_path / "outside.onnx", external=True))
    assert (tmp_path / "weights.bin").exists()
    assert np.allclose(inside.predict(pixels), outside.predict(pixels), atol=1e-6)
    before = outside.digest
    data = bytearray((tmp_path / "weights.bin").read_bytes())
    data[0] ^= 1
    (tmp_path / "weights.bin").write_bytes(data)
    assert OnnxModel(tmp_path / "outside.onnx").digest != before


@pytest.mark.parametrize("place", ["../secret.bin", "/etc/passwd", "sub/../../secret.bin", "link.bin"])
def test_weights_outside_the_folder_are_refused(net, onnx_model, tmp_path, place):
    folder = tmp_path / "model"
    folder.mkdir()
    (tmp_path / "secret.bin").write_bytes(b"\0" * 4096)
    (folder / "link.bin").symlink_to(tmp_path / "secret.bin")
    model = onnx_model(net)
    tensor = model.graph.initializer[0]
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    entry = tensor.external_data.add()
    entry.key, entry.value = "location", place
    (folder / "net.onnx").write_bytes(model.SerializeToString())
    with pytest.raises(UnsafeInputError, match="outside") as caught:
        OnnxModel(folder / "net.onnx")
    assert caught.value.exit_status == 4


def test_custom_operators_are_named_and_no_library_is_loaded(net, onnx_model, write):
    model = onnx_model(net)
    model.graph.node[2].domain = "com.stranger"
    model.opset_import.append(helper.make_opsetid("com.stranger", 1))
    with pytest.raises(ModelError, match=r"com\.stranger\.Relu"):
        OnnxModel(write(model))


def test_M1_wrong_channels_carry_the_networks_own_message(net, onnx_model, write, pixels):
    with pytest.raises(ModelError, match=r"\(5, 1, 8, 8\)"):
        OnnxModel(write(onnx_model(net)), Preprocess(channels=1)).predict(pixels)


def test_M1_nan_weights_are_named(net, onnx_model, write):
    model = onnx_model(net)
    index = next(i for i, tensor in enumerate(model.graph.initializer) if tensor.name == "head.bias")
    broken = np.array([0, np.nan, 0, 0], dtype=np.float32)
    model.graph.initializer[index].CopyFrom(numpy_helper.from_array(broken, "head.bias"))
    assert OnnxModel(write(model)).bad_weights == "head.bias"


@pytest.mark.parametrize("content", [b"", b"not a graph", b"\x08\x09" * 30])
def test_a_file_that_is_no_graph_is_one_line(tmp_path, content):
    (tmp_path / "x.onnx").write_bytes(content)
    with pytest.raises(ModelError) as caught:
        OnnxModel(tmp_path / "x.onnx")
    assert "\n" not in str(caught.value)


def test_threads_follow_the_environment(monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    assert n_threads() == 3
    monkeypatch.setenv("OMP_NUM_THREADS", "many")
    assert n_threads() >= 1


def _saved(model, path, *, external):
    onnx.save(
        model, path, save_as_external_data=external, location="weights.bin" if external else None, size_threshold=0
    )
    return path
