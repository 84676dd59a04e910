"""Every trunk against its own frozen features: the two parts, one after the other, give what the whole gives."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
import torch

from failatlas.features import backbone, lite2, resnet50, vgg16
from failatlas.features.trunk import Trunk, open_session

SIDES = (64, 112)
TRUNKS = {"backbone": backbone.trunk, "lite2": lite2.trunk, "resnet50": resnet50.trunk, "vgg16": vgg16.trunk}


def images(trunk: Trunk) -> np.ndarray:
    """Two random images as the trunk's preprocessing would give them."""
    from failatlas.models.preprocess import apply

    draw = np.random.default_rng(0)
    return apply(trunk.preprocess, list(draw.integers(0, 256, (2, 40, 40, 3), dtype=np.uint8)))


@pytest.mark.parametrize("side", SIDES)
@pytest.mark.parametrize("name", TRUNKS)
def test_upper_of_lower_is_the_whole(name: str, side: int) -> None:
    trunk = TRUNKS[name](side)
    x = images(trunk)
    (whole,) = open_session(trunk.features()).run(["features"], {"images": x})
    (maps,) = open_session(trunk.lower()).run(["map"], {"images": x})
    assert maps.shape == (2, *trunk.shape)
    assert whole.shape == (2, trunk.width)
    with torch.inference_mode():
        found = trunk.upper()(torch.from_numpy(maps)).numpy()
    assert whole.std() > 0.01  # features that are nothing would agree too
    np.testing.assert_allclose(found, whole, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("name", TRUNKS)
def test_every_parameter_of_the_upper_part_can_learn(name: str) -> None:
    trunk = TRUNKS[name](64)
    upper = trunk.upper()
    assert not upper.training
    maps = torch.from_numpy(np.random.default_rng(0).normal(size=(2, *trunk.shape)).astype(np.float32))
    upper(maps).square().sum().backward()
    parameters = dict(upper.named_parameters())
    assert parameters
    assert [name for name, one in parameters.items() if one.grad is None or not one.grad.abs().sum() > 0] == []
    # a second upper part starts from the pretrained weights again
    with torch.no_grad():
        for one in upper.parameters():
            one.zero_()
    assert all(one.abs().sum() > 0 for one in trunk.upper().parameters())


@pytest.mark.parametrize("name", TRUNKS)
def test_a_trunk_says_what_it_is_and_travels_to_another_process(name: str) -> None:
    trunk = TRUNKS[name](64)
    assert trunk.name == name
    assert len(trunk.digest) == 64
    assert TRUNKS[name](96).digest != trunk.digest
    c, h, w = trunk.shape
    assert repr(trunk) == f"<Trunk {name}: map {c} × {h} × {w}, {trunk.width} features>"
    assert pickle.loads(pickle.dumps(trunk)).digest == trunk.digest
