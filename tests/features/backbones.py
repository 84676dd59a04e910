"""Backbones as a user would bring them: small, some of them wrong."""

from __future__ import annotations

import torch
from torch import nn


class Maps(nn.Module):
    """(n, 3, h, w) → (n, 6, h/2, w/2), with batch statistics and dropout, which must be asleep."""

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(nn.Conv2d(3, 6, 3, stride=2, padding=1), nn.BatchNorm2d(6), nn.Dropout(0.5))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.body(x).relu()


def seeded(make):
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return make()


def maps() -> nn.Module:
    return seeded(Maps)


def rows() -> nn.Module:
    return seeded(lambda: nn.Sequential(nn.Flatten(), nn.Linear(3 * 16 * 16, 5)))


def grey() -> nn.Module:
    return seeded(lambda: nn.Conv2d(1, 4, 3))


def half() -> nn.Module:
    return seeded(Maps).half()


def tokens() -> nn.Module:
    return nn.Sequential(nn.Flatten(2))


class Pair(nn.Module):
    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        return x, x


def not_a_network() -> int:
    return 3
