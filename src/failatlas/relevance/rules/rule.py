"""Rule: how one operator hands the relevance of its output to its inputs; one table of rules for the whole engine."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING, Any, Literal

from torch import Tensor

if TYPE_CHECKING:
    from failatlas.relevance.composites import Composite
    from failatlas.relevance.program import Operation

Shares = Sequence[Tensor | None]  # one per signal input, in argument order; None = takes nothing
Reads = Literal["nothing", "inputs", "output", "both"]

_FAMILIES = ("linear", "convolution", "pooling", "activation", "arithmetic", "normalisation", "attention", "shape")
_rules: dict[str, Rule] = {}


class Call:
    """One operation on one batch, as a rule sees it on the way back.

    Attributes:
        operation: which one.
        args, kwargs: its arguments; a signal input is None unless the rule declared that it ``reads`` inputs.
        signals: the inputs that depend on the image, in argument order, one entry per occurrence.
        shapes: their shapes, always there.
        output: its value if the rule reads it. Where a ReLU alone reads the value, this is the rectified value.
        saved: what the rule's own ``run`` put aside on the way forward.
        rectified: whether ``output`` is rectified or otherwise known to be ≥ 0.
        nonnegative: per signal, whether it is known to be ≥ 0.
        composite: the composite in force, with its parameters.
        cache: the rule's own memory for this operation; lives as long as the engine.
    """

    __slots__ = (
        "args",
        "cache",
        "composite",
        "kwargs",
        "nonnegative",
        "operation",
        "output",
        "rectified",
        "saved",
        "shapes",
        "signals",
        "takes",
    )

    operation: Operation
    args: Sequence[Any]
    kwargs: dict[str, Any]
    signals: Sequence[Any]
    shapes: Sequence[Sequence[int]]
    output: Any
    saved: Any
    rectified: bool
    nonnegative: Sequence[bool]
    takes: Sequence[bool]
    composite: Composite
    cache: dict[str, Any]

    def arg(self, index: int, default: Any = None) -> Any:
        """Positional argument ``index``, or ``default`` where the graph leaves it out."""
        return self.args[index] if index < len(self.args) else default


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule with what the engine must know to plan memory and short cuts.

    Attributes:
        name: for the table of rules.
        operators: the ATen overloads it serves.
        share: splits the output's relevance.
        reads: which values it needs on the way back; all others are freed on the way forward.
        vanishing: gives zero relevance to zero inputs: always, never, or (None) if its own output's relevance does.
        nonnegative: its output is ≥ 0: always, unknown, (None) if all its inputs are; or a function of the operation.
        takes: which signal inputs receive relevance; None = all.
        run: replaces the operator on the way forward; returns (value, saved).
        weighted: applies the composite's rule for layers with weights; its weights must be constant.
    """

    name: str
    operators: tuple[str, ...]
    share: Callable[[Call, Any], Shares]
    reads: Reads
    vanishing: bool | None
    nonnegative: bool | Callable[[Operation], bool | None] | None
    takes: Callable[[Operation, Composite, Callable[[int], bool]], Sequence[bool]] | None
    run: Callable[..., tuple[Any, Any]] | None
    weighted: bool


def serves(
    *operators: str,
    reads: Reads = "nothing",
    vanishing: bool | None = None,
    nonnegative: bool | Callable[[Operation], bool | None] | None = False,
    takes: Callable[[Operation, Composite, Callable[[int], bool]], Sequence[bool]] | None = None,
    run: Callable[..., tuple[Any, Any]] | None = None,
    weighted: bool = False,
) -> Callable[[Callable[[Call, Any], Shares]], Callable[[Call, Any], Shares]]:
    """Register a function ``(call, relevance of the output) -> one share per signal input`` for ATen overloads.

    Args:
        operators: names such as ``"aten.relu.default"``.
        reads, vanishing, nonnegative, takes, run, weighted: see :class:`Rule`.

    Raises:
        TypeError: the function has no docstring, no operator is named, or an operator has a rule already.
    """

    def add(share: Callable[[Call, Any], Shares]) -> Callable[[Call, Any], Shares]:
        name = share.__name__.replace("_", " ")
        if not operators or not share.__doc__:
            raise TypeError(f"rule {name!r} must name an operator and say in a docstring what it does")
        rule = Rule(name, operators, share, reads, vanishing, nonnegative, takes, run, weighted)
        for operator in operators:
            if operator in _rules and _rules[operator].share.__qualname__ != share.__qualname__:
                raise TypeError(f"operator {operator} has a rule already: {_rules[operator].name!r}")
            _rules[operator] = rule
        return share

    return add


def find(operator: str) -> Rule | None:
    """The rule of an operator, or None."""
    _load()
    return _rules.get(operator)


def served() -> Iterator[tuple[str, Rule]]:
    """Every operator with its rule, by name."""
    _load()
    return iter(sorted(_rules.items()))


@cache
def _load() -> None:
    for family in _FAMILIES:
        import_module(f"failatlas.relevance.rules.{family}")
