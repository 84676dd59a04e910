"""Activation: elementwise functions of one input pass relevance on unchanged: one neuron in, one neuron out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from failatlas.relevance.rules.rule import Call, Shares, serves

if TYPE_CHECKING:
    from failatlas.relevance.program import Operation


@serves("aten.relu.default", "aten.relu6.default", nonnegative=True)
def rectifier(_call: Call, R: Tensor) -> Shares:
    """Identity."""
    return [R]


@serves(
    "aten.gelu.default", "aten.silu.default", "aten.tanh.default", "aten.elu.default", "aten.leaky_relu.default",
    "aten.hardswish.default", "aten.mish.default", "aten.selu.default", "aten.celu.default",
    "aten.prelu.default",
    "aten.erf.default", "aten.threshold.default",
)  # fmt: skip
def odd_activation(_call: Call, R: Tensor) -> Shares:
    """Identity; the function maps 0 to 0."""
    return [R]


@serves(
    "aten.sigmoid.default", "aten.hardsigmoid.default", "aten.softplus.default", "aten.exp.default",
    vanishing=False, nonnegative=True,
)  # fmt: skip
def positive_activation(_call: Call, R: Tensor) -> Shares:
    """Identity; the function maps 0 to a positive number."""
    return [R]


def _clamped(operation: Operation) -> bool | None:
    low = operation.args[1] if len(operation.args) > 1 else (-1.0 if "hardtanh" in operation.operator else None)
    return True if isinstance(low, int | float) and low >= 0 else None


@serves(
    "aten.hardtanh.default", "aten.clamp.default", "aten.clamp_min.default", "aten.clamp_max.default",
    vanishing=False, nonnegative=_clamped,
)  # fmt: skip
def clamp(_call: Call, R: Tensor) -> Shares:
    """Identity."""
    return [R]


@serves("aten.glu.default", reads="inputs")
def gated_linear_unit(call: Call, R: Tensor) -> Shares:
    """All relevance to the signal half, none to the half that gates it (signal-takes-all)."""
    axis: Any = call.arg(1, -1)
    return [torch.cat([R, torch.zeros_like(R)], axis)]
