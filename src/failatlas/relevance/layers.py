"""Layers: which tensors of the program are called what.

A layer is a leaf module that computes something (convolution, dense, pooling, activation, norm, …), or a convolution or
dense operator that a container calls itself; a module's second call is ``name#2``. The relevance of a layer is the
relevance of the neurons it **reads**, from all their readers: in a residual net the tensor in front of a block has one
relevance, not one for the branch and one for the skip. A network without a single such module names its operators
instead (``relu_1``).
"""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from dataclasses import dataclass

from failatlas.errors import UsageError
from failatlas.relevance.program import Operation, Program
from failatlas.relevance.rules.rule import find

_SHAPE = "failatlas.relevance.rules.shape"


@dataclass(frozen=True, slots=True)
class Layer:
    """A layer's name and the position of the tensor it reads."""

    name: str
    input: int


def named_layers(program: Program) -> tuple[Layer, ...]:
    """Every layer in forward order."""
    groups: dict[tuple[str, int], list[Operation]] = {}
    functional: list[Layer] = []
    weighted: list[tuple[int, Layer]] = []
    for operation in program.operations:
        if not operation.signals or operation.operator == "getitem":
            continue
        if operation.leaf:
            groups.setdefault((operation.module, operation.call), []).append(operation)
        elif not _moves_only(operation):
            rule = find(operation.operator)
            path = f"{operation.module}." if operation.module else ""
            layer = Layer(path + operation.name, operation.signals[0])
            functional.append(layer)
            if rule is not None and rule.weighted:
                weighted.append((operation.index, layer))
    found: list[tuple[int, Layer]] = []
    for (module, call), operations in groups.items():
        worker = next((operation for operation in operations if not _moves_only(operation)), None)
        if worker is not None:
            name = module if call == 1 else f"{module}#{call}"
            found.append((worker.index, Layer(name, _module_input(program, worker))))
    if not found:
        return tuple(layer for layer in functional if program.operations[layer.input].batch is not None)
    ordered = [layer for _, layer in sorted(found + weighted, key=lambda pair: pair[0])]
    # where n is in no axis (windows, merged heads), there is no array per image
    return tuple(layer for layer in ordered if _per_image(program.operations[layer.input]))


def choose(layers: Sequence[Layer], names: Sequence[str] | None) -> tuple[Layer, ...]:
    """The layers called ``names``, in forward order; all of them for None.

    Raises:
        UsageError: a name is unknown; the message offers the nearest.
    """
    if names is None:
        return tuple(layers)
    known = {layer.name: layer for layer in layers}
    for name in names:
        if name not in known:
            near = difflib.get_close_matches(name, known, n=1)
            hint = f"did you mean {near[0]!r}? " if near else ""
            raise UsageError(f"unknown layer {name!r}", remedy=f"{hint}known: {', '.join(known)}")
    return tuple(layer for layer in layers if layer.name in names)


def _module_input(program: Program, worker: Operation) -> int:
    """What the module read: its first worker's input, or what it was before the module moved its axes."""
    index = worker.signals[0]
    while not _per_image(program.operations[index]) or program.operations[index].batch != (0, 1):
        source = program.operations[index]
        same_module = (source.module, source.call) == (worker.module, worker.call)
        if not (same_module and _moves_only(source) and len(source.signals) == 1):
            break
        index = source.signals[0]
    return index


def _per_image(operation: Operation) -> bool:
    return operation.batch is not None and operation.batch[1] == 1


def _moves_only(operation: Operation) -> bool:
    rule = find(operation.operator)
    return operation.operator == "getitem" or (rule is not None and rule.share.__module__ == _SHAPE)
