"""Captum's LRP as an oracle on the networks it supports: chains of convolutions, dense layers, ReLU and max-pooling."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from captum.attr import LRP
from captum.attr._utils.lrp_rules import EpsilonRule
from torch import Tensor, nn

from failatlas.relevance import Composite, Engine
from failatlas.relevance.rules.weighted import Epsilon


class Plain(nn.Module):
    """Captum has no rule for ``nn.Flatten``, so the reshaping is a function."""

    def __init__(self) -> None:
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(3, 6, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(6, 8, 3), nn.ReLU(), nn.AvgPool2d(2)
        )
        self.head = nn.Sequential(nn.Linear(8, 10), nn.ReLU(), nn.Linear(10, 4))

    def forward(self, x: Tensor) -> Tensor:
        return self.head(torch.flatten(self.features(x), 1))


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("epsilon", [1e-6, 0.1])
def test_epsilon_equals_captum_at_the_pixels(seed: int, epsilon: float) -> None:
    torch.manual_seed(seed)
    net = Plain().eval()
    images = torch.randn(4, 3, 10, 10)
    rule = Epsilon(epsilon)
    ours = Engine(net, images, Composite("ε", rule, rule, epsilon=epsilon)).run(images)
    for module in net.modules():
        if isinstance(module, nn.Conv2d | nn.Linear | nn.AvgPool2d):
            module.rule = EpsilonRule(epsilon)
    target = torch.from_numpy(ours.target.copy())
    theirs = LRP(net).attribute(images.clone().requires_grad_(), target=target).detach().numpy()
    np.testing.assert_allclose(ours["features.0"], theirs, rtol=1e-3, atol=2e-4 * abs(theirs).max())
