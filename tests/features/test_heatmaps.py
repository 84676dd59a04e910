from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from failatlas.features.heatmaps import LayerHeatmaps, fit
from failatlas.images.records import Batch
from failatlas.models import Preprocess, load_model
from failatlas.models.module import TorchModel


def net():
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 3)).eval()


@pytest.mark.parametrize("size", [1, 2, 4])
def test_a_network_exported_for_one_batch_size_has_the_same_heatmaps(tmp_path, size):
    torch.export.save(torch.export.export(net(), (torch.zeros(size, 3, 8, 8),)), tmp_path / "net.pt2")
    draw = np.random.default_rng(0)
    batch = Batch((0, 1, 2, 3, 4), tuple(draw.integers(0, 256, (8, 8, 3), dtype=np.uint8) for _ in range(5)))
    score = np.array([0, 2, 1, 0, 2])
    fixed = LayerHeatmaps(load_model(tmp_path / "net.pt2")).run(batch, score)
    free = LayerHeatmaps(TorchModel(net(), Preprocess(size=(8, 8)))).run(batch, score)
    assert fixed.shapes["4"] == free.shapes["4"] == (4,)
    for layer in ("0", "4"):
        np.testing.assert_allclose(fixed.rows[layer], free.rows[layer], rtol=1e-4, atol=1e-6)
        np.testing.assert_allclose(fixed.conservation[layer], free.conservation[layer], atol=1e-4)


@pytest.mark.parametrize("shape", [(5, 7), (1, 1), (28, 3), (60, 61)])
def test_a_map_of_any_size_keeps_its_amount_of_relevance(shape):
    maps = np.random.default_rng(0).normal(size=(2, *shape)).astype(np.float32)
    np.testing.assert_allclose(fit(maps, 28).sum(axis=(1, 2)), maps.sum(axis=(1, 2)), rtol=1e-4, atol=1e-4)


def one_output(bias: float) -> TorchModel:
    """Answers Σ of a 2 × 2 block of the image plus a bias: only the block can speak for it."""
    conv = nn.Conv2d(3, 1, 2, stride=2, bias=False)
    nn.init.ones_(conv.weight)
    dense = nn.Linear(1, 1)
    nn.init.ones_(dense.weight)
    nn.init.constant_(dense.bias, bias)
    module = nn.Sequential(conv, nn.AdaptiveAvgPool2d(1), nn.Flatten(), dense)
    return TorchModel(module, Preprocess(size=(4, 4)))


@pytest.mark.parametrize("task", ["regression", "landmarks"])
def test_what_pulls_a_negative_answer_down_speaks_for_it(task: str):
    pixels = np.full((4, 4, 3), 255, np.uint8)
    for bias, sign in ((0.0, 1.0), (-100.0, -1.0)):
        found = LayerHeatmaps(one_output(bias), "epsilon").run(Batch((0,), (pixels,)), np.zeros(1, np.int64))
        assert np.sign(found.output[0]) == sign
        plain = found.rows["0"].reshape(3, 4, 4).sum(axis=0)
        np.testing.assert_allclose(found.for_the_answer("0", "epsilon", task)[0], sign * plain, rtol=1e-5)
        # a class is named by the highest output, whatever its sign: nothing turns
        np.testing.assert_allclose(found.for_the_answer("0", "epsilon", "classification")[0], plain, rtol=1e-5)


def test_hudds_relevance_has_the_sign_of_the_logit_and_is_turned_to_speak_for_the_answer():
    torch.manual_seed(1)
    module = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(4 * 36, 2))
    nn.init.constant_(module[3].bias, -50.0)
    pixels = np.random.default_rng(0).integers(0, 256, (8, 8, 3), dtype=np.uint8)
    found = LayerHeatmaps(TorchModel(module.eval(), Preprocess(size=(8, 8))), "hudd").run(
        Batch((0,), (pixels,)), np.zeros(1, np.int64)
    )
    assert found.output[0] < 0
    assert found.rows["1"].sum() < 0 < found.for_the_answer("1", "hudd", "classification").sum()
