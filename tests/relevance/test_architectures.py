"""The architectures that people bring: each is explained, conserves without biases, and equals gradient × input."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

ALL = (
    "alexnet", "vgg16", "resnet18", "resnet50", "mobilenet_v2", "efficientnet_lite", "gated", "densenet",
    "vit", "vit_fused",
)  # fmt: skip
RELU_NETS = ("alexnet", "vgg16", "resnet18", "resnet50", "densenet")
COMPOSITES = ("hudd", "epsilon-zplus", "alpha2-beta1", "gamma", "epsilon-zplus-box", "attnlrp", "epsilon+flat")


@pytest.mark.parametrize("name", ALL)
def test_without_biases_nothing_is_lost_or_invented_at_any_layer(name: str, prepared: Callable[..., Any]) -> None:
    _, images, engine = prepared(name, bias=False)
    relevance = engine.run(images)
    for layer in relevance.layers:
        assert relevance.conservation[layer].max() < 1e-4, layer
    assert relevance.warnings == ()
    assert relevance.fallbacks == ()


@pytest.mark.parametrize("name", RELU_NETS)
def test_without_biases_epsilon_equals_gradient_times_input(name: str, prepared: Callable[..., Any]) -> None:
    network, images, engine = prepared(name, bias=False)
    relevance = engine.run(images)
    x = images.clone().requires_grad_()
    rows = torch.arange(len(x))
    network(x)[rows, torch.from_numpy(relevance.target.copy())].sum().backward()
    expected = (x.grad * x).detach().numpy()
    got = relevance[relevance.layers[0]]
    np.testing.assert_allclose(got, expected, rtol=1e-2, atol=5e-3 * abs(expected).max())


@pytest.mark.parametrize("name", ALL)
def test_every_composite_explains_every_layer_of_the_real_network(name: str, prepared: Callable[..., Any]) -> None:
    network, images, engine = prepared(name)
    with torch.no_grad():
        answer = network(images)
    for composite in COMPOSITES:
        relevance = engine.using(composite).run(images)
        np.testing.assert_array_equal(relevance.target, answer.argmax(1))
        np.testing.assert_allclose(relevance.score, answer.max(1)[0], rtol=1e-4)
        assert len(relevance.layers) == len(set(relevance.layers)) >= 13
        for layer in relevance.layers:
            assert relevance[layer].shape[0] == len(images)
            assert np.isfinite(relevance[layer]).all(), (composite, layer)
        assert relevance[relevance.layers[0]].shape == images.shape
        assert relevance[relevance.layers[0]].any()


def test_layers_are_named_as_the_modules_that_people_know(prepared: Callable[..., Any]) -> None:
    _, _, engine = prepared("resnet18")
    assert engine.layers[:9] == (
        "conv1", "bn1", "relu", "maxpool", "stages.0.conv1", "stages.0.bn1", "stages.0.relu", "stages.0.conv2",
        "stages.0.bn2",
    )  # fmt: skip
    # the block's one ReLU module is called twice
    assert "stages.0.relu#2" in engine.layers
    _, _, engine = prepared("vit")
    assert "blocks.0.attention" in engine.layers
    assert "blocks.1.mlp.0" in engine.layers
