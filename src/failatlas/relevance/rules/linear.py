"""Linear: dense layers (``nn.Linear``, products with a constant matrix), by the composite's dense rule."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from failatlas.relevance.rules.rule import Call, Shares, serves


class Dense:
    """y = x Wᵀ + b over the last axis; the LinearMap of dense layers."""

    __slots__ = ("bias", "cache", "weight", "x", "x_nonnegative", "y", "y_nonnegative")

    def __init__(self, call: Call, x: Tensor, weight: Tensor, bias: Tensor | None) -> None:
        self.x, self.y, self.weight, self.bias = x, call.output, weight, bias
        self.x_nonnegative, self.y_nonnegative = call.nonnegative[0], call.rectified
        self.cache: dict[str, Any] = call.cache

    def apply(self, x: Tensor, weight: Tensor) -> Tensor:
        """X Wᵀ."""
        return torch.matmul(x, weight.t())

    def transpose(self, s: Tensor, weight: Tensor) -> Tensor:
        """S W."""
        return torch.matmul(s, weight)

    def apply_pair(self, a: Tensor, b: Tensor, first: Tensor, second: Tensor) -> Tensor:
        """A · firstᵀ + b · secondᵀ."""
        return self.apply(a, first).add_(self.apply(b, second))

    def transpose_pair(self, s: Tensor, first: Tensor, second: Tensor) -> tuple[Tensor, Tensor]:
        """S · first and s · second."""
        return self.transpose(s, first), self.transpose(s, second)

    def bias_like(self, bias: Tensor) -> Tensor:
        """Already on the last axis."""
        return bias


@serves("aten.linear.default", reads="both", vanishing=True, weighted=True)
def dense(call: Call, R: Tensor) -> Shares:
    """The composite's dense rule for x Wᵀ + b."""
    return [call.composite.weight_rule(call.operation).propagate(Dense(call, *_operands(call)), R)]


def _operands(call: Call) -> tuple[Tensor, Tensor, Tensor | None]:
    return call.args[0], call.args[1], call.arg(2)


@serves("aten.addmm.default", reads="both", vanishing=True, weighted=True)
def dense_addmm(call: Call, R: Tensor) -> Shares:
    """The composite's dense rule for b + x W."""
    rule = call.composite.weight_rule(call.operation)
    return [rule.propagate(Dense(call, call.args[1], call.args[2].t(), call.args[0]), R)]
