"""Attention: products of two signals summed over an axis, softmax, and the fused scaled dot product.

``Composite.products`` decides (see ``arithmetic``): ``"signal"`` holds the attention weights fixed, so values take all
and relevance is conserved (CP-LRP); ``"half"`` also follows queries and keys (AttnLRP, Achtibat et al., ICML 2024,
prop. 3.1–3.3) and absorbs what softmax does not conserve.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from failatlas.relevance.rules.arithmetic import _fold, _is_signal, _product_takers
from failatlas.relevance.rules.linear import Dense
from failatlas.relevance.rules.rule import Call, Shares, serves
from failatlas.relevance.rules.weighted import divided

if TYPE_CHECKING:
    from failatlas.relevance.composites import Composite
    from failatlas.relevance.program import Operation


@serves(
    "aten.matmul.default", "aten.bmm.default", "aten.mm.default", reads="both", vanishing=True, takes=_product_takers
)
def matrix_product(call: Call, R: Tensor) -> Shares:
    """A constant matrix is a dense layer; of two signals the gate gets nothing, or both get half."""
    a, b = call.args[:2]
    first, second = (_is_signal(call.operation, original) for original in call.operation.args[:2])
    if not second and b.ndim == 2 and a.ndim >= 2:
        return [call.composite.weight_rule(call.operation).propagate(Dense(call, a, b.t(), None), R)]
    s = divided(R, call.output, call.composite.epsilon, call.rectified)
    if sum(call.takes) > 1:
        s.div_(2)
    takes = iter(call.takes)
    shares: list[Tensor | None] = []
    if first:
        shares.append(_fold(torch.matmul(s, b.transpose(-1, -2)), a.shape).mul(a) if next(takes) else None)
    if second:
        shares.append(_fold(torch.matmul(a.transpose(-1, -2), s), b.shape).mul(b) if next(takes) else None)
    return shares


@serves("aten.softmax.int", "aten._softmax.default", reads="both", vanishing=True, nonnegative=True)
def softmax(call: Call, R: Tensor) -> Shares:
    """First-order Taylor: R_in = x ⊙ (R − p·Σ R) (AttnLRP, prop. 3.1); reached only where attention is followed."""
    return [_softmax_share(call.args[0], call.output, R, call.args[1])]


def _softmax_share(x: Tensor, p: Tensor, R: Tensor, axis: int) -> Tensor:
    # a masked score is −∞ and its weight 0: it said nothing
    return torch.where(p > 0, x, 0.0) * (R - p * R.sum(axis, keepdim=True))


def _attention_takers(operation: Operation, composite: Composite, _gate: Callable[[int], bool]) -> Sequence[bool]:
    query, key, value = (_is_signal(operation, original) for original in operation.args[:3])
    follow = composite.products == "half"
    takes = [follow] * (query + key) + [True] * value
    return takes + [False] * (len(operation.signals) - len(takes))


@serves("aten.scaled_dot_product_attention.default", reads="both", vanishing=True, takes=_attention_takers)
def scaled_dot_product_attention(call: Call, R: Tensor) -> Shares:
    """Values by contribution; queries and keys nothing, or AttnLRP's halves."""
    q, k, v = call.args[:3]
    attention, scores, scale = _weights(call, q, k)
    if k.shape[-3:-2] != v.shape[-3:-2]:
        v = v.repeat_interleave(q.shape[-3] // v.shape[-3], -3)
    s = divided(R, call.output, call.composite.epsilon, call.rectified)
    follow = call.composite.products == "half"
    if follow:
        s.div_(2)
    signal = [_is_signal(call.operation, original) for original in call.operation.args[:3]]
    shares: list[Tensor | None] = []
    R_q = R_k = None
    if follow:
        R_scores = _softmax_share(scores, attention, attention * torch.matmul(s, v.transpose(-1, -2)), -1)
        t = divided(R_scores, scores.nan_to_num(neginf=0.0), call.composite.epsilon, False).div_(2).mul_(scale)
        R_q = torch.matmul(t, k).mul_(q)
        R_k = torch.matmul(t.transpose(-1, -2), q).mul_(k)
    R_v = torch.matmul(attention.transpose(-1, -2), s).mul_(v)
    for is_signal, share in zip(signal, (R_q, R_k, R_v), strict=True):
        if is_signal:
            shares.append(share)
    return shares + [None] * (len(call.operation.signals) - len(shares))


def _weights(call: Call, q: Tensor, k: Tensor) -> tuple[Tensor, Tensor, float]:
    scale: Any = call.kwargs.get("scale")
    scale = 1 / math.sqrt(q.shape[-1]) if scale is None else float(scale)
    scores = torch.matmul(q, k.transpose(-1, -2)).mul_(scale)
    mask = call.arg(3, call.kwargs.get("attn_mask"))
    if call.arg(5, call.kwargs.get("is_causal", False)):
        mask = torch.ones(scores.shape[-2:], dtype=torch.bool).tril()
    if mask is not None:
        scores = scores.masked_fill(~mask, -math.inf) if mask.dtype == torch.bool else scores + mask
    return torch.softmax(scores, -1), scores, scale
