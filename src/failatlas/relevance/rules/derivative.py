"""Derivative: Jᵀ·cotangent of one operator, by autograd on that operator alone."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from failatlas.relevance.program import Ref
from failatlas.relevance.rules.rule import Call, Shares
from failatlas.relevance.rules.weighted import divided


def pullback(call: Call, cotangents: Sequence[Tensor | None]) -> list[Tensor | None]:
    """Jᵀ·cotangent for every signal input; None where an input has no derivative.

    Args:
        call: the operation; its rule must read inputs.
        cotangents: one per output, None for an output that brings nothing.
    """
    operation = call.operation
    leaves: list[Tensor] = []

    def leaf(value: Any, original: Any) -> Any:
        if isinstance(original, Ref) and original.index in operation.signals:
            leaves.append(value.detach().requires_grad_())
            return leaves[-1]
        if isinstance(original, list | tuple):
            return [leaf(v, o) for v, o in zip(value, original, strict=True)]
        return value

    assert operation.run is not None
    with torch.enable_grad():
        outputs = operation.run(*leaf(call.args, operation.args), **call.kwargs)
        outputs = [outputs] if isinstance(outputs, Tensor) else list(outputs)
        pairs = [
            (output, cotangent)
            for output, cotangent in zip(outputs, cotangents, strict=False)
            if cotangent is not None and isinstance(output, Tensor) and output.requires_grad
        ]
        if not pairs:
            return [None] * len(leaves)
        reached, brought = zip(*pairs, strict=True)
        return list(torch.autograd.grad(reached, leaves, brought, allow_unused=True))


def linear_share(call: Call, R: Tensor) -> Shares:
    """LRP-ε for an operator that is linear in its inputs and has no weights: x ⊙ Jᵀ(R / (y + ε·sign y))."""
    shares = pullback(call, [divided(R, call.output, call.composite.epsilon, call.rectified)])
    return [None if share is None else share * x for share, x in zip(shares, call.signals, strict=True)]


def gradient_fallback(call: Call, R: Any) -> Shares:
    """The same formula for any operator and any number of outputs: exact where it is linear, a guess elsewhere."""
    outputs = [call.output] if isinstance(call.output, Tensor) else list(call.output)
    relevances = [R] if isinstance(R, Tensor) else list(R)
    epsilon = call.composite.epsilon
    cotangents = [
        None if r is None else divided(r, y, epsilon, False) for r, y in zip(relevances, outputs, strict=False)
    ]
    shares = pullback(call, cotangents)
    return [None if share is None else share * x for share, x in zip(shares, call.signals, strict=True)]
