"""Pooling: the winner of a maximum takes all; an average is a linear map and shares by contribution."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from failatlas.relevance.rules.derivative import linear_share, pullback
from failatlas.relevance.rules.rule import Call, Shares, serves
from failatlas.relevance.rules.weighted import divided


def _with_indices(x: Tensor, *settings: Any) -> tuple[Tensor, Tensor]:
    value, indices = torch.ops.aten.max_pool2d_with_indices(x, *settings)
    return value, indices


@serves("aten.max_pool2d.default", reads="both", nonnegative=None, run=_with_indices)
def max_pool(call: Call, R: Tensor) -> Shares:
    """The winner of each window takes its relevance; windows that overlap add up.

    The composite ``hudd`` rescales by y / (y + ε), as the original does; its unpooling overwrites where windows overlap
    and loses relevance there, which is not re-enacted.
    """
    if call.composite.pooling == "rescaled":
        R = call.output / (call.output + call.composite.epsilon) * R
    kernel = _pair(call.args[1])
    stride = _pair(call.arg(2)) if call.arg(2) else kernel
    settings = (kernel, stride, _pair(call.arg(3, 0)), _pair(call.arg(4, 1)), call.arg(5, False))
    x = call.args[0]
    return [torch.ops.aten.max_pool2d_with_indices_backward(R, x, *settings, call.saved)]


@serves("aten.adaptive_max_pool2d.default", "aten.max.dim", reads="inputs",
        nonnegative=None)  # fmt: skip
def winner(call: Call, R: Any) -> Shares:
    """The winner takes all; of the two outputs, the indices bring nothing."""
    return pullback(call, list(R))


@serves("aten.max_pool1d.default", "aten.max_pool3d.default", "aten.amax.default", reads="inputs", nonnegative=None)
def maximum(call: Call, R: Tensor) -> Shares:
    """The winner takes all; ``amax`` shares evenly between equal winners."""
    return pullback(call, [R])


@serves("aten.adaptive_avg_pool2d.default", reads="both", vanishing=True, nonnegative=None)
def adaptive_average_pool(call: Call, R: Tensor) -> Shares:
    """ε-share by contribution."""
    s = divided(R, call.output, call.composite.epsilon, call.rectified)
    x = call.args[0]
    if s.shape[-1] == 1 and s.shape[-2] == 1:
        return [x * (s / (x.shape[-1] * x.shape[-2]))]
    return [torch.ops.aten._adaptive_avg_pool2d_backward(s, x).mul_(x)]


@serves("aten.mean.dim", reads="both", vanishing=True, nonnegative=None)
def mean(call: Call, R: Tensor) -> Shares:
    """ε-share by contribution."""
    s = divided(R, call.output, call.composite.epsilon, call.rectified)
    x = call.args[0]
    return [x * (_kept(s, call) / (x.numel() / max(s.numel(), 1)))]


@serves("aten.sum.dim_IntList", reads="both", vanishing=True, nonnegative=None)
def total(call: Call, R: Tensor) -> Shares:
    """ε-share by contribution."""
    return [call.args[0] * _kept(divided(R, call.output, call.composite.epsilon, call.rectified), call)]


@serves(
    "aten.avg_pool1d.default", "aten.avg_pool2d.default", "aten.avg_pool3d.default", "aten.adaptive_avg_pool1d.default",
    "aten.adaptive_avg_pool3d.default", "aten.upsample_bilinear2d.vec",
    "aten.cumsum.default",
    reads="both", vanishing=True, nonnegative=None,
)  # fmt: skip
def average(call: Call, R: Tensor) -> Shares:
    """ε-share by contribution; weights are fixed and ≥ 0."""
    return linear_share(call, R)


@serves("aten.upsample_bicubic2d.vec", reads="both", vanishing=True)
def interpolation(call: Call, R: Tensor) -> Shares:
    """ε-share by contribution; some weights are negative."""
    return linear_share(call, R)


def _kept(s: Tensor, call: Call) -> Tensor:
    x: Tensor = call.args[0]
    axes = call.arg(1)
    if call.arg(2, False) or s.ndim == x.ndim:
        return s
    axes = axes if axes else range(x.ndim)
    for axis in sorted(axis % x.ndim for axis in axes):
        s = s.unsqueeze(axis)
    return s


def _pair(value: Any) -> list[int]:
    values = list(value) if isinstance(value, list | tuple) else [value]
    return values * 2 if len(values) == 1 else values
