"""Arithmetic: sums share by contribution, products by role.

A sum z = a + b (residual, position, offset) gives a its share a/z and b its share b/z, stabilised by ε; a constant's
share is absorbed and shows as conservation error. A product with a constant passes relevance on. For a product of two
signals the literature has two answers, chosen by ``Composite.products``:

- ``"signal"``: signal-takes-all. The factor that comes out of a sigmoid, softmax or a like function is a gate and gets
  nothing (Arras et al., WASSA 2017, for gates; Ali et al., ICML 2022, "CP-LRP", for attention). Conserves exactly.
- ``"half"``: each factor gets half (Achtibat et al., ICML 2024, "AttnLRP", prop. 3.2), so queries, keys and gates get
  some.

Where neither factor is a gate, both get half in either case.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from failatlas.relevance.program import Ref
from failatlas.relevance.rules.rule import Call, Shares, serves
from failatlas.relevance.rules.weighted import divided

if TYPE_CHECKING:
    from failatlas.relevance.composites import Composite
    from failatlas.relevance.program import Operation


@serves("aten.add.Tensor", reads="both", vanishing=True, nonnegative=None)
def addition(call: Call, R: Tensor) -> Shares:
    """ε-share by contribution; what a constant contributes is absorbed."""
    return _sum(call, R, 1.0)


@serves("aten.sub.Tensor", reads="both", vanishing=True)
def subtraction(call: Call, R: Tensor) -> Shares:
    """ε-share by contribution; the second input contributes with a minus."""
    return _sum(call, R, -1.0)


@serves("aten.rsub.Scalar", reads="both", vanishing=True)
def reverse_subtraction(call: Call, R: Tensor) -> Shares:
    """ε-share by contribution of b − a."""
    s = divided(R, call.output, call.composite.epsilon, call.rectified)
    signs = (-1.0, 1.0)
    return [
        _fold(s * (value * sign), value.shape)
        for value, original, sign in zip(call.args[:2], call.operation.args[:2], signs, strict=True)
        if _is_signal(call.operation, original)
    ]


def _sum(call: Call, R: Tensor, sign: float) -> Shares:
    s = divided(R, call.output, call.composite.epsilon, call.rectified)
    scale = sign * call.kwargs.get("alpha", 1)
    shares: list[Tensor] = []
    for position, value in enumerate(call.args[:2]):
        if _is_signal(call.operation, call.operation.args[position]):
            share = s * value
            if position == 1 and scale != 1:
                share.mul_(scale)
            shares.append(_fold(share, value.shape))
    return shares


def _product_takers(operation: Operation, composite: Composite, gate: Callable[[int], bool]) -> Sequence[bool]:
    if len(operation.signals) < 2 or composite.products == "half":
        return [True] * len(operation.signals)
    gates = [gate(index) for index in operation.signals]
    return [True, True] if gates[0] == gates[1] else [not g for g in gates]


@serves("aten.mul.Tensor", nonnegative=None, takes=_product_takers)
def product(call: Call, R: Tensor) -> Shares:
    """A constant factor passes relevance on; of two signals, the gate gets nothing or both get half."""
    share = R if sum(call.takes) == 1 else R / 2
    return [_fold(share, shape) if taken else None for shape, taken in zip(call.shapes, call.takes, strict=True)]


def _numerator(operation: Operation, _composite: Composite, _gate: Callable[[int], bool]) -> Sequence[bool]:
    # the divisor is a scale (a norm, a temperature): like a gate it gets nothing
    first = _is_signal(operation, operation.args[0])
    return [first and i == 0 for i in range(len(operation.signals))]


@serves("aten.div.Tensor", takes=_numerator)
def quotient(call: Call, R: Tensor) -> Shares:
    """The numerator takes all; the divisor is a scale."""
    return [_fold(R, shape) if taken else None for shape, taken in zip(call.shapes, call.takes, strict=True)]


@serves("aten.neg.default")
def negation(_call: Call, R: Tensor) -> Shares:
    """Identity."""
    return [R]


@serves("aten.maximum.default", "aten.minimum.default", reads="inputs", nonnegative=None)
def elementwise_winner(call: Call, R: Tensor) -> Shares:
    """The larger (smaller) takes all; equals get half each."""
    a, b = call.args[:2]
    is_max = "maximum" in call.operation.operator
    first = torch.where(a == b, 0.5, ((a > b) if is_max else (a < b)).to(R.dtype))
    shares = [_fold(R * first, a.shape), _fold(R * (1 - first), b.shape)]
    return [
        share
        for share, original in zip(shares, call.operation.args[:2], strict=True)
        if _is_signal(call.operation, original)
    ]


def _chosen(operation: Operation, _composite: Composite, _gate: Callable[[int], bool]) -> Sequence[bool]:
    # the condition decides and brings nothing
    condition = _is_signal(operation, operation.args[0])
    return [not (condition and i == 0) for i in range(len(operation.signals))]


@serves(
    "aten.where.self", "aten.where.ScalarSelf", "aten.where.ScalarOther", reads="inputs", vanishing=False, takes=_chosen
)
def choice(call: Call, R: Tensor) -> Shares:
    """The chosen value takes all; the condition nothing; what falls on a constant is absorbed."""
    condition, originals = call.args[0], call.operation.args
    shares: list[Tensor | None] = [None] if _is_signal(call.operation, originals[0]) else []
    for position, taken in ((1, condition), (2, ~condition)):
        if _is_signal(call.operation, originals[position]):
            shares.append(_fold(R * taken, call.args[position].shape))
    return shares


def _unmasked(operation: Operation, _composite: Composite, _gate: Callable[[int], bool]) -> Sequence[bool]:
    first = _is_signal(operation, operation.args[0])
    return [first and i == 0 for i in range(len(operation.signals))]


@serves("aten.masked_fill.Scalar", reads="inputs", vanishing=None, takes=_unmasked)
def masked(call: Call, R: Tensor) -> Shares:
    """What was not masked keeps its relevance; what falls on the filling is absorbed."""
    return [R.masked_fill(call.args[1], 0.0) if taken else None for taken in call.takes]


def _is_signal(operation: Operation, original: Any) -> bool:
    return isinstance(original, Ref) and original.index in operation.signals


def _fold(share: Tensor, shape: Sequence[int]) -> Tensor:
    """A broadcast input gets the sum over its copies."""
    return share if share.shape == torch.Size(shape) else share.sum_to_size(*shape)
