"""Normalisation: with its statistics held fixed, a norm is a linear map.

``Composite.normalisation``: ``"epsilon"`` shares by contribution, y = J x + β with σ detached; ``"identity"`` passes
relevance on unchanged (what z⁺ composites do: a diagonal map with positive contributions only keeps each neuron's).
"""

from __future__ import annotations

import torch
from torch import Tensor

from failatlas.relevance.rules.rule import Call, Shares, serves
from failatlas.relevance.rules.weighted import divided


def affine_map(x: Tensor, scale: Tensor, shift: Tensor) -> Tensor:
    """x·scale + shift in one pass: batch norm in evaluation mode."""
    return torch.addcmul(shift, x, scale)


@serves("failatlas.affine", reads="both", vanishing=False)
def batch_norm(call: Call, R: Tensor) -> Shares:
    """Batch norm that could not be folded into a convolution or dense layer."""
    if call.composite.normalisation == "identity":
        return [R]
    x, scale, _ = call.args
    s = divided(R, call.output, call.composite.epsilon, call.rectified)
    return [s.mul_(x).mul_(scale)]


@serves("aten.layer_norm.default", reads="both", vanishing=False)
def layer_norm(call: Call, R: Tensor) -> Shares:
    """Layer norm, σ detached (Ali et al., ICML 2022, §3.2)."""
    if call.composite.normalisation == "identity":
        return [R]
    x, shape = call.args[0], call.args[1]
    axes = list(range(x.ndim - len(shape), x.ndim))
    s = divided(R, call.output, call.composite.epsilon, call.rectified)
    if call.arg(2) is not None:
        s.mul_(call.args[2])
    return [_centred_share(x, s, axes, call.arg(4, 1e-5))]


@serves("aten.group_norm.default", reads="both", vanishing=False)
def group_norm(call: Call, R: Tensor) -> Shares:
    """Group norm, σ detached."""
    if call.composite.normalisation == "identity":
        return [R]
    x, groups = call.args[0], call.args[1]
    s = divided(R, call.output, call.composite.epsilon, call.rectified)
    if call.arg(2) is not None:
        s.mul_(call.args[2].reshape(-1, *[1] * (x.ndim - 2)))
    grouped = (x.shape[0], groups, -1)
    return [_centred_share(x.reshape(grouped), s.reshape(grouped), [2], call.arg(4, 1e-5)).reshape(x.shape)]


def _centred_share(x: Tensor, s: Tensor, axes: list[int], eps: float) -> Tensor:
    """x ⊙ Jᵀ s for J = (1 − mean)/σ; J is symmetric."""
    deviation = torch.var(x, axes, correction=0, keepdim=True).add_(eps).sqrt_()
    s = s.div_(deviation)
    return s.sub_(s.mean(axes, keepdim=True)).mul_(x)
