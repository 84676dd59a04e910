from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from failatlas.errors import ModelError
from failatlas.models.exported import exports, load_exported
from failatlas.models.load import load_model
from failatlas.models.model import Preprocess, WhiteBox


def test_module_pt2_and_onnx_agree(net, pixels, export, onnx_model, tmp_path):
    (tmp_path / "net.onnx").write_bytes(onnx_model(net).SerializeToString())
    preprocess = Preprocess(size=(8, 8), mean=(0.1, 0.2, 0.3), std=(0.5,))
    formats = (net, export(net), tmp_path / "net.onnx")
    outputs = [load_model(spec, preprocess=preprocess).predict(pixels) for spec in formats]
    assert outputs[0].shape == (5, 4)
    assert len({tuple(row.round(3)) for row in outputs[0]}) == 5  # the images do differ
    for other in outputs[1:]:
        assert np.allclose(outputs[0], other, atol=1e-5)


def test_a_fixed_batch_size_is_padded_and_cut(net, pixels, export):
    fixed, free = (load_exported(export(net, dynamic=flag, name=f"{flag}.pt2")) for flag in (False, True))
    assert (fixed.batch_size, free.batch_size) == (2, None)
    for n in (1, 2, 3, 5):
        assert np.allclose(fixed.predict(pixels[:n]), free.predict(pixels[:n]), atol=1e-6)


def test_input_shape_becomes_preprocessing(net, export):
    model = load_exported(export(net))
    assert model.preprocess == Preprocess(size=(8, 8), channels=3)
    assert isinstance(model, WhiteBox)
    assert load_exported(export(net), Preprocess(scale=1.0)).preprocess == Preprocess(size=(8, 8), scale=1.0)


def test_layer_names_survive_screening(net, export):
    model = load_exported(export(net))
    stacks = [node.meta.get("nn_module_stack") for node in model.module.graph.nodes if node.op == "call_function"]
    assert {path for stack in stacks if stack for path, _ in stack.values()} >= {"conv", "norm", "head"}


def test_the_digest_is_the_same_for_two_readings_and_differs_between_weights(net, export):
    path = export(net)
    first, second = load_exported(path), load_exported(path)
    assert first.digest == second.digest
    with torch.no_grad():
        net.head.bias[0] += 1e-3
    assert load_exported(export(net)).digest != first.digest


def test_M1_train_mode_baked_into_an_export_is_refused(export):
    class Noisy(nn.Module):
        def forward(self, x):
            return torch.dropout(x, 0.5, True).mean((2, 3))

    with pytest.raises(ModelError, match="training mode") as caught:
        load_exported(export(Noisy()))
    assert ".eval()" in caught.value.remedy


def test_M1_several_inputs_are_refused(tmp_path):
    class Two(nn.Module):
        def forward(self, x, y):
            return x.mean((2, 3)) + y

    program = torch.export.export(Two(), (torch.zeros(2, 3, 8, 8), torch.zeros(2, 3)))
    torch.export.save(program, tmp_path / "two.pt2")
    with pytest.raises(ModelError, match="takes inputs"):
        load_exported(tmp_path / "two.pt2")


def test_why_a_network_cannot_be_exported_is_one_line(net):
    class Jumpy(nn.Module):
        def forward(self, x):
            return x.mean((2, 3)) if x.sum().item() > 0 else x.amax((2, 3))

    assert exports(net, torch.zeros(2, 3, 8, 8)) == ""
    reason = exports(Jumpy(), torch.zeros(2, 3, 8, 8))
    assert reason
    assert "\n" not in reason
