from __future__ import annotations

import sys

import numpy as np
import pytest
import torch
from torch import nn

from failatlas.errors import ModelError, ResourceError, ShapeError
from failatlas.models.load import load_model
from failatlas.models.model import Preprocess, WhiteBox
from failatlas.models.module import TorchModel, bad_weights, build_module

CODE = """
import torch
from torch import nn

class Net(nn.Module):
    classes = ("cat", "dog")
    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.head = nn.Linear(3, 2)
    def forward(self, x):
        return self.head(x.mean((2, 3)))

ready = Net()
number = lambda: 7
def broken():
    raise ValueError("no data folder")
"""


@pytest.fixture
def code(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "usernets.py"
    path.write_text(CODE)
    yield path
    for name in [name for name in sys.modules if name.endswith("usernets")]:
        del sys.modules[name]


@pytest.mark.parametrize("spec", ["usernets:Net", "usernets.py:Net", "usernets:ready", "{path}:Net"])
def test_module_callable_specs_give_one_network(code, pixels, spec):
    path = list(sys.path)
    model = load_model(spec.format(path=code))
    assert model.classes == ("cat", "dog")
    assert isinstance(model, WhiteBox)
    assert np.isfinite(model.predict(pixels)).all()
    assert sys.path == path


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        ("usernets:net", "has no 'net'.*did you mean 'Net'"),
        ("usernets:number", "returns int"),
        ("usernets:broken", "no data folder"),
        ("nowhere:Net", "cannot import 'nowhere'"),
        ("missing.py:Net", "cannot import 'missing.py'"),
    ],
)
def test_a_spec_that_gives_no_network_says_why(code, spec, said):
    with pytest.raises(ModelError) as caught:
        build_module(spec)
    assert __import__("re").search(said, str(caught.value))
    assert "\n" not in str(caught.value)


def test_M1_train_mode_left_on_is_switched_off_and_reported(net, pixels):
    expected = TorchModel(net).predict(pixels)
    net.train()
    model = TorchModel(net)
    assert "norm" in model.trained_layers
    assert np.array_equal(model.predict(pixels), expected)
    assert np.array_equal(model.predict(pixels), model.predict(pixels))  # dropout is off


def test_M1_nan_weights_are_named_in_network_order(net):
    assert bad_weights(net) == ""
    with torch.no_grad():
        net.head.bias[1] = float("inf")
        net.norm.running_var[0] = float("nan")
    assert bad_weights(net) == "head.bias"


def test_M1_wrong_channels_and_size_carry_the_networks_own_words(net, pixels):
    with pytest.raises(ModelError, match=r"\(5, 1, 8, 8\).*channels"):
        TorchModel(net, Preprocess(channels=1)).predict(pixels)


def test_memory_is_a_resource_error():
    class Greedy(nn.Module):
        def forward(self, x):
            return torch.empty(2**58)

    with pytest.raises(ResourceError) as caught:
        TorchModel(Greedy()).predict([np.zeros((2, 2, 3), np.uint8)])
    assert caught.value.name == "E_MEMORY"


class Returns(nn.Module):
    def __init__(self, make):
        super().__init__()
        self.make = make

    def forward(self, x):
        return self.make(x.mean((2, 3)))


class Answer:
    def __init__(self, logits):
        self.logits = logits


@pytest.mark.parametrize(
    "make",
    [
        lambda rows: rows,
        lambda rows: (rows, rows * 0),
        lambda rows: [rows],
        lambda rows: {"out": rows, "aux": rows * 0},
        lambda rows: {"scores": rows},
        lambda rows: Answer(rows),
        lambda rows: rows[:, :, None, None],
        lambda rows: rows.half().float().to(torch.bfloat16),
    ],
)
def test_outputs_in_any_usual_wrapping_are_rows(pixels, make):
    rows = TorchModel(Returns(make)).predict(pixels)
    assert rows.shape == (5, 3)
    assert rows.dtype == np.float32
    assert np.allclose(rows, np.stack(pixels).mean((1, 2)) / 255, atol=5e-3)


def test_one_number_an_image_is_one_column(pixels):
    assert TorchModel(Returns(lambda rows: rows[:, 0])).predict(pixels).shape == (5, 1)


@pytest.mark.parametrize("make", [lambda rows: rows.sum(0), lambda rows: rows[:, :, None].repeat(1, 1, 4)])
def test_outputs_that_are_no_rows_name_their_shape(pixels, make):
    with pytest.raises(ShapeError, match="for 5 images"):
        TorchModel(Returns(make)).predict(pixels)


@pytest.mark.parametrize("make", [lambda rows: "cat", lambda rows: None, lambda rows: {}])
def test_outputs_that_are_no_numbers_name_their_type(pixels, make):
    with pytest.raises(ModelError, match="not numbers"):
        TorchModel(Returns(make)).predict(pixels)


def test_half_precision_networks_get_half_precision_input(net, pixels):
    full = TorchModel(net).predict(pixels)
    half = TorchModel(net.to(torch.bfloat16)).predict(pixels)
    assert np.allclose(full, half, atol=0.1)


def test_the_digest_sees_weights_structure_buffers_code_and_preprocessing(net):
    digests = {TorchModel(net).digest, TorchModel(net, Preprocess(scale=1.0)).digest}
    with torch.no_grad():
        net.norm.running_mean[0] += 1
    digests.add(TorchModel(net).digest)
    net.drop.p = 0.25
    digests.add(TorchModel(net).digest)
    net.register_buffer("offset", torch.ones(1), persistent=False)
    digests.add(TorchModel(net).digest)
    net.offset += 1
    digests.add(TorchModel(net).digest)
    assert len(digests) == 6
    assert TorchModel(net).digest == TorchModel(net).digest


def test_an_edited_forward_is_another_network(code, tmp_path):
    first = load_model(f"{code}:Net").digest
    code.write_text(CODE.replace("x.mean((2, 3))", "x.amax((2, 3))"))
    __import__("linecache").checkcache()
    assert load_model(f"{code}:Net").digest != first
