"""Plan: what is known before the first image: which rule serves which operation, what to keep, where to stop."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from failatlas.errors import UnknownOperator
from failatlas.relevance.composites import Composite
from failatlas.relevance.layers import Layer
from failatlas.relevance.program import Operation, Program
from failatlas.relevance.rules.rule import Rule, find

Fallback = Literal["gradient"]
_RELU = ("aten.relu.default", "aten.relu_.default")
_GATES = frozenset(
    {"aten.sigmoid.default", "aten.hardsigmoid.default", "aten.softmax.int", "aten._softmax.default",
     "aten.rsqrt.default", "aten.reciprocal.default", "aten.sqrt.default"}
)  # fmt: skip
_CAPPED = frozenset({"aten.relu6.default", "aten.hardtanh.default", "aten.clamp.default"})
_FRESH = ("conv", "linear", "addmm", "add", "affine")  # their values are new tensors that a ReLU may overwrite
_MOVING = "failatlas.relevance.rules.shape"


@dataclass(slots=True)
class Step:
    """One operation as the engine runs it.

    Attributes:
        operation: what runs.
        rule: how relevance passes it; None where none must.
        fallback: relevance passes by gradient, for want of a rule.
        takes: which signal inputs get relevance.
        reads_inputs, reads_output: what the rule needs on the way back.
        output_from: position whose value stands for its output: itself, or the ReLU that alone reads it.
        rectified: that value is ≥ 0.
        nonnegative: per signal input, whether it is ≥ 0.
        run: the rule's own way forward, instead of the operator's.
        in_place: a ReLU that may overwrite its input.
        frees: positions whose values nobody needs after this step on the way forward.
        frees_back: the same on the way back.
        cache: the rule's memory.
    """

    operation: Operation
    rule: Rule | None = None
    fallback: bool = False
    takes: tuple[bool, ...] = ()
    reads_inputs: bool = False
    reads_output: bool = False
    output_from: int = -1
    rectified: bool = False
    nonnegative: tuple[bool, ...] = ()
    run: Callable[..., tuple[Any, Any]] | None = None
    in_place: bool = False
    frees: tuple[int, ...] = ()
    frees_back: tuple[int, ...] = ()
    cache: dict[str, Any] = field(default_factory=dict)


@dataclass(slots=True)
class Plan:
    """Steps in forward order, and which of them relevance passes on the way back.

    Attributes:
        forward: steps to run.
        backward: positions to pass, last first.
        stops: position of a wanted tensor → the names of the layers that read it.
    """

    steps: dict[int, Step]
    forward: tuple[int, ...]
    backward: tuple[int, ...]
    stops: dict[int, tuple[str, ...]]


def make_plan(program: Program, layers: Sequence[Layer], composite: Composite, fallback: Fallback | None) -> Plan:
    """Plan one program for a choice of layers.

    Raises:
        UnknownOperator: relevance must pass an operator without a rule and there is no fallback.
    """
    operations = program.operations
    stops: dict[int, tuple[str, ...]] = {}
    for layer in layers:
        stops[layer.input] = (*stops.get(layer.input, ()), layer.name)
    _mark_first(program)
    alive = _ancestors(program)
    steps = {i: _step(operations[i]) for i in sorted(alive) if operations[i].constant is None}
    backward = _assign_rules(program, steps, stops, composite, fallback)
    nonnegative = _nonnegative(program, steps)
    vanishing = _vanishing(program, steps, backward, composite)
    consumers = [[j for j in readers if j in steps] for readers in program.consumers()]
    for i in backward:
        step = steps[i]
        step.output_from = i
        step.nonnegative = tuple(nonnegative[j] for j in step.operation.signals)
        readers = consumers[i]
        alone = len(readers) == 1 and operations[readers[0]].operator in _RELU and i != program.output
        weights = composite.weight_rule(step.operation) if _is_weighted(step) else None
        rectifies, raw = (weights.rectifies, weights.raw) if weights else (False, False)
        may = step.reads_output and not step.fallback and not raw
        if may and alone and (vanishing[readers[0]] or rectifies):
            step.output_from = readers[0]
        step.rectified = nonnegative[step.output_from]
    _free(program, steps, backward, consumers)
    return Plan(steps, tuple(steps), backward, stops)


def is_gate(program: Program, index: int) -> bool:
    """Whether a value is a gate: sigmoid, softmax, capped ReLU over a constant, inverse norm, moved or scaled."""
    scaled = False
    while True:
        operation = program.operations[index]
        if operation.operator in _GATES:
            return True
        if operation.operator in _CAPPED:
            # relu6(x + 3) / 6 is the hard sigmoid spelled out
            return scaled
        rule = find(operation.operator)
        moves = rule is not None and rule.share.__module__ == _MOVING
        scales = operation.operator in ("aten.mul.Tensor", "aten.div.Tensor", "aten.mul.Scalar", "aten.div.Scalar")
        if len(operation.signals) != 1 or not (moves or scales):
            return False
        scaled = scaled or scales
        index = operation.signals[0]


def _step(operation: Operation) -> Step:
    # also where no relevance passes: the network's own "view" may not fit our strides
    rule = find(operation.operator)
    return Step(operation, run=rule.run if rule else None)


def _mark_first(program: Program) -> None:
    pixels = {program.input}
    for operation in program.operations:
        rule = find(operation.operator)
        if operation.signals and all(i in pixels for i in operation.signals):
            if rule is not None and rule.share.__module__ == _MOVING:
                pixels.add(operation.index)
            operation.first = True


def _ancestors(program: Program) -> set[int]:
    alive, open_ends = set(), [program.output]
    while open_ends:
        index = open_ends.pop()
        if index not in alive:
            alive.add(index)
            open_ends.extend(program.operations[index].inputs)
    return alive | {program.input}


def _assign_rules(
    program: Program,
    steps: dict[int, Step],
    stops: dict[int, tuple[str, ...]],
    composite: Composite,
    fallback: Fallback | None,
) -> tuple[int, ...]:
    depends: set[int] = set()
    for i in sorted(steps):
        if any(j in stops or j in depends for j in steps[i].operation.signals):
            depends.add(i)
    reached = {program.output}
    backward: list[int] = []
    for i in sorted(steps, reverse=True):
        if i not in reached or i not in depends:
            continue
        step = steps[i]
        _assign_rule(program, step, composite, fallback)
        backward.append(i)
        reached.update(j for j, taken in zip(step.operation.signals, step.takes, strict=True) if taken)
    return tuple(backward)


def _assign_rule(program: Program, step: Step, composite: Composite, fallback: Fallback | None) -> None:
    operation = step.operation
    step.takes = (True,) * len(operation.signals)
    if operation.operator == "getitem":
        return
    rule = find(operation.operator)
    # weights computed from the image are no weights
    if rule is None or (rule.weighted and len(operation.signals) != 1):
        if fallback != "gradient":
            raise UnknownOperator(
                f"no relevance rule for {operation.operator}",
                where=f"layer {operation.where}",
                remedy="choose a later layer (--layer), pass --fallback gradient, or add a rule: "
                "docs/how-to/operator-rule.md",
            )
        step.fallback = step.reads_inputs = step.reads_output = True
        return
    step.rule = rule
    step.reads_inputs = rule.reads in ("inputs", "both")
    step.reads_output = rule.reads in ("output", "both")
    if rule.weighted:
        step.reads_output = composite.weight_rule(operation).reads_output
    if rule.takes is not None:
        step.takes = tuple(rule.takes(operation, composite, lambda index: is_gate(program, index)))


def _nonnegative(program: Program, steps: dict[int, Step]) -> list[bool]:
    known = [False] * len(program.operations)
    for i in sorted(steps):
        operation = program.operations[i]
        rule = find(operation.operator)
        claim: bool | None = None if operation.operator == "getitem" else False
        if rule is not None:
            claim = rule.nonnegative(operation) if callable(rule.nonnegative) else rule.nonnegative
        if claim is None:
            claim = bool(operation.inputs) and all(_input_nonnegative(program, known, j) for j in operation.inputs)
            claim = claim and all(number >= 0 for number in _numbers(operation))
        known[i] = claim
    return known


def _input_nonnegative(program: Program, known: list[bool], index: int) -> bool:
    constant = program.operations[index].constant
    return known[index] if constant is None else bool((constant >= 0).all())


def _numbers(operation: Operation) -> list[float]:
    # only arithmetic mixes numbers into values; elsewhere a number is an axis or a size
    if operation.kind not in ("add", "mul", "maximum", "minimum"):
        return []
    return [arg for arg in (*operation.args, *operation.kwargs.values()) if isinstance(arg, int | float)]


def _vanishing(program: Program, steps: dict[int, Step], backward: Sequence[int], composite: Composite) -> list[bool]:
    """Per value: whether its relevance is zero wherever it is zero; then R / (y⁺ + ε) needs no sign and no raw y."""
    vanishes = [True] * len(program.operations)
    for i in backward:
        step = steps[i]
        if step.fallback:
            own: bool | None = True
        elif step.rule is None:
            own = None
        elif step.rule.weighted:
            own = composite.weight_rule(step.operation).vanishing
        else:
            own = step.rule.vanishing
        for j, taken in zip(step.operation.signals, step.takes, strict=True):
            if taken:
                vanishes[j] = vanishes[j] and (vanishes[i] if own is None else own)
    return vanishes


def _is_weighted(step: Step) -> bool:
    return step.rule is not None and step.rule.weighted


def _free(program: Program, steps: dict[int, Step], backward: Sequence[int], consumers: list[list[int]]) -> None:
    last_reader = {program.output: program.output}
    for i in backward:
        step = steps[i]
        reads = set(step.operation.signals) if step.reads_inputs else set()
        reads |= {step.output_from} if step.reads_output else set()
        last_reader.update(dict.fromkeys(sorted(reads), i))
    for value, reader in last_reader.items():
        steps[reader].frees_back = (*steps[reader].frees_back, value)
    keep = set(last_reader)
    for i in steps:
        if consumers[i] and i not in keep and steps[i].operation.signal:
            last = max(consumers[i])
            steps[last].frees = (*steps[last].frees, i)
    for i, step in steps.items():
        if step.operation.operator in _RELU and step.operation.signals:
            source = step.operation.signals[0]
            fresh = steps[source].operation.kind.startswith(_FRESH)
            step.in_place = fresh and source not in keep and consumers[source] == [i]
