from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from failatlas.errors import ModelError
from failatlas.features import open_extractor
from failatlas.images.records import Batch
from failatlas.models import Preprocess, load_model
from failatlas.models.module import TorchModel


@pytest.fixture
def batch():
    draw = np.random.default_rng(0)
    return Batch((0, 1, 2), tuple(draw.integers(0, 256, (8, 8, 3), dtype=np.uint8) for _ in range(3)))


def rows(model, batch, **options):
    return open_extractor("activations", model, **options).extract(batch, np.zeros(3, np.int64))


def model_of(module):
    return TorchModel(module, Preprocess(size=(8, 8)))


def net():
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(3, 4, 3), nn.ReLU(), nn.Conv2d(4, 5, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(),
        nn.Linear(5, 2),
    ).eval()  # fmt: skip


def test_they_are_what_the_last_layer_is_given(batch):
    model = model_of(net())
    with torch.no_grad():
        given = model.module[:-1](model.tensor(batch.pixels))
    np.testing.assert_allclose(rows(model, batch), given.numpy(), rtol=1e-6)


def test_maps_are_averaged_over_height_and_width(batch):
    model = model_of(net())
    with torch.no_grad():
        given = model.module[:2](model.tensor(batch.pixels)).mean((2, 3))
    np.testing.assert_allclose(rows(model, batch, layer="2"), given.numpy(), rtol=1e-5)


@pytest.mark.parametrize("layer", ["auto", "2"])
@pytest.mark.parametrize("size", [None, 1, 2, 4])
def test_an_exported_network_gives_the_same_whatever_its_batch_size(tmp_path, batch, layer, size):
    shapes = ({0: torch.export.Dim("n", min=1)},) if size is None else None
    program = torch.export.export(net(), (torch.zeros(size or 2, 3, 8, 8),), dynamic_shapes=shapes)
    torch.export.save(program, tmp_path / "net.pt2")
    found = rows(load_model(tmp_path / "net.pt2"), batch, layer=layer)
    np.testing.assert_allclose(found, rows(model_of(net()), batch, layer=layer), rtol=1e-5, atol=1e-6)


class Attentive(nn.Module):
    """Defines its head first, an unused one last, and attention whose inner projection is never called as a module."""

    def __init__(self) -> None:
        super().__init__()
        self.head = nn.Linear(48, 2)
        self.attention = nn.MultiheadAttention(48, 2, batch_first=True)
        self.unused = nn.Linear(7, 7)

    def forward(self, x):
        tokens = x.reshape(len(x), 4, 48)
        return self.head(input=self.attention(tokens, tokens, tokens)[0].mean(1))


def test_the_layer_that_is_called_last_counts_not_the_one_defined_last(batch):
    torch.manual_seed(0)
    model = model_of(Attentive())
    with torch.no_grad():
        tokens = model.tensor(batch.pixels).reshape(3, 4, 48)
        given = model.module.attention(tokens, tokens, tokens)[0].mean(1)
    np.testing.assert_allclose(rows(model, batch), given.numpy(), rtol=1e-5, atol=1e-6)


def test_a_layer_that_is_never_called_says_so(batch):
    with pytest.raises(ModelError, match="never calls layer 'unused'"):
        rows(model_of(Attentive()), batch, layer="unused")


def test_an_unknown_layer_lists_the_known_ones():
    with pytest.raises(ModelError) as refused:
        open_extractor("activations", model_of(net()), layer="7")
    assert "0, 1, 2" in refused.value.remedy


def test_a_network_without_weights_is_refused():
    with pytest.raises(ModelError, match="no layer with weights"):
        open_extractor("activations", model_of(nn.Sequential(nn.Flatten(), nn.ReLU())))


def test_a_network_of_half_precision_is_given_half_precision(batch):
    half = rows(model_of(net().half()), batch)
    assert half.dtype == np.float32
    np.testing.assert_allclose(half, rows(model_of(net()), batch), atol=1e-2)


def test_a_network_that_refuses_the_images_says_so_in_its_own_words(batch):
    with pytest.raises(ModelError, match="channels"):
        rows(model_of(nn.Sequential(nn.Conv2d(5, 4, 3), nn.Flatten(), nn.Linear(144, 2))), batch)
