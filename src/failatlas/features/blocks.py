"""Blocks: torch modules from which the part of a trunk that learns is built; imported when one is built."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import nn

from failatlas.errors import ModelError, ShapeError
from failatlas.features.graph import Weight


class Residual(nn.Module):
    """A bottleneck: ReLU of what three convolutions make of a map plus the map itself, or a convolution of it.

    Args:
        body: (weight, bias) of the three convolutions.
        shortcut: of the one beside them, where the number of channels changes.
    """

    def __init__(self, body: Sequence[tuple[Weight, Weight]], shortcut: tuple[Weight, Weight] | None) -> None:
        super().__init__()
        first, second, third = (convolution(*layer) for layer in body)
        self.body = nn.Sequential(first, nn.ReLU(), second, nn.ReLU(), third)
        self.shortcut = nn.Identity() if shortcut is None else convolution(*shortcut)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(n, c, h, w) → (n, k, h, w)."""
        return torch.relu(self.body(x) + self.shortcut(x))


class Pooled(nn.Module):
    """A network of anybody's, whose features come as rows or as maps.

    Args:
        network: (n, …) → (n, d), or (n, c, h, w), whose mean over height and width counts.
    """

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(n, …) → (n, d).

        Raises:
            ModelError: the network returns no tensor.
            ShapeError: one that holds neither rows nor maps.
        """
        found = self.network(x)
        remedy = "wrap the backbone in a module that returns features (n, d) or maps (n, c, h, w)"
        if not isinstance(found, torch.Tensor):
            raise ModelError(f"the backbone returns {type(found).__name__}, not a tensor", remedy=remedy)
        if found.ndim not in (2, 4) or len(found) != len(x):
            raise ShapeError(f"the backbone gives shape {tuple(found.shape)} for {len(x)} images", remedy=remedy)
        return found.mean((2, 3)) if found.ndim == 4 else found


def convolution(weight: Weight, bias: Weight, groups: int = 1) -> nn.Conv2d:
    """A convolution of stride 1 that keeps height and width, with these weights (k, c/groups, odd, odd) and (k,)."""
    kernel = weight.shape[2]
    layer = nn.Conv2d(weight.shape[1] * groups, len(weight), kernel, padding=kernel // 2, groups=groups)
    layer.load_state_dict({"weight": torch.tensor(weight), "bias": torch.tensor(bias)})
    return layer


def pooled(*parts: nn.Module) -> nn.Module:
    """The parts, then the mean over height and width: (n, c, h, w) → (n, k); in evaluation mode."""
    return nn.Sequential(*parts, nn.AdaptiveAvgPool2d(1), nn.Flatten()).eval()
