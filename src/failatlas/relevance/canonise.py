"""Canonise: rewrite a program into one that means the same and that rules understand: batch norm disappears.

In evaluation mode batch norm is x·scale + shift. Behind a convolution or dense layer that nothing else reads, it is
folded into the weights; LRP on both as separate layers would depend on how the same function is written (Guillemot et
al., 2020). Elsewhere it becomes one affine operator of its own.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from failatlas.relevance.program import Operation, Program, Ref
from failatlas.relevance.rules.normalisation import affine_map

_BATCH_NORM = ("aten._native_batch_norm_legit_no_training.default", "aten.batch_norm.default")
_FOLDABLE = {
    "aten.linear.default": 0,
    "aten.conv1d.default": 0,
    "aten.conv2d.default": 0,
    "aten.conv3d.default": 0,
    "aten.conv1d.padding": 0,
    "aten.conv2d.padding": 0,
    "aten.conv3d.padding": 0,
    "aten.conv_transpose1d.default": 1,
    "aten.conv_transpose2d.input": 1,
    "aten.conv_transpose3d.input": 1,
}


@dataclass(frozen=True, slots=True)
class Canonised:
    """A rewritten program.

    Attributes:
        program: the program.
        moved: old position → new position of values that were merged away.
        folded: (batch norm's layer, weights' layer) of every folding.
    """

    program: Program
    moved: dict[int, int]
    folded: tuple[tuple[str, str], ...]


def canonise(program: Program) -> Canonised:
    """Turn batch norms into weights or affine maps, in place."""
    consumers = program.consumers()
    moved: dict[int, int] = {}
    folded: list[tuple[str, str]] = []
    for norm in list(program.operations):
        if norm.operator not in _BATCH_NORM or not norm.signal:
            continue
        result = _result(program, consumers, norm)
        scale, shift = _affine(program, norm)
        if result is None or scale is None or shift is None:
            continue
        source = program.operations[norm.args[0].index]
        if _can_fold(program, consumers, source):
            _fold(program, source, result, scale, shift)
            moved[source.index] = result.index
            folded.append((norm.where, source.where))
        else:
            _replace(program, norm, result, scale, shift)
    return Canonised(program, moved, tuple(folded))


def _result(program: Program, consumers: list[list[int]], norm: Operation) -> Operation | None:
    """The operation whose value is the normalised tensor."""
    if norm.operator == "aten.batch_norm.default":
        return norm
    readers = [program.operations[i] for i in consumers[norm.index]]
    firsts = [reader for reader in readers if reader.operator == "getitem" and reader.args[1] == 0]
    return firsts[0] if len(firsts) == 1 and len(readers) == 1 else None


def _affine(program: Program, norm: Operation) -> tuple[Tensor | None, Tensor | None]:
    def given(position: int) -> Any:
        value = norm.args[position] if position < len(norm.args) else None
        return program.operations[value.index].constant if isinstance(value, Ref) else value

    weight, bias, mean, variance = (given(position) for position in (1, 2, 3, 4))
    training = norm.operator == "aten.batch_norm.default" and norm.args[5]
    if not isinstance(mean, Tensor) or not isinstance(variance, Tensor) or training:
        return None, None
    eps = norm.args[7] if norm.operator == "aten.batch_norm.default" else norm.args[6]
    scale = torch.rsqrt(variance + eps)
    scale = scale if weight is None else scale * weight
    shift = -mean * scale
    return scale, shift if bias is None else shift + bias


def _can_fold(program: Program, consumers: list[list[int]], source: Operation) -> bool:
    if source.operator not in _FOLDABLE or len(consumers[source.index]) != 1 or len(source.signals) != 1:
        return False
    weights = [arg for arg in source.args[1:3] if arg is not None]
    constant = all(
        isinstance(arg, Ref) and isinstance(program.operations[arg.index].constant, Tensor) for arg in weights
    )
    transposed_groups = _FOLDABLE[source.operator] == 1 and len(source.args) > 6 and source.args[6] != 1
    return constant and not transposed_groups and source.args[0] == Ref(source.signals[0])


def _fold(program: Program, source: Operation, result: Operation, scale: Tensor, shift: Tensor) -> None:
    weight = program.operations[source.args[1].index].constant
    shape = [1] * weight.ndim
    shape[_FOLDABLE[source.operator]] = -1
    bias = source.args[2] if len(source.args) > 2 else None
    offset = shift if bias is None else torch.addcmul(shift, program.operations[bias.index].constant, scale)
    scaled = program.add_constant(weight * scale.reshape(shape))
    result.args = (source.args[0], scaled, program.add_constant(offset), *source.args[3:])
    result.kwargs, result.operator, result.run = source.kwargs, source.operator, source.run
    result.signals = source.signals
    result.module, result.call, result.leaf = source.module, source.call, source.leaf


def _replace(program: Program, norm: Operation, result: Operation, scale: Tensor, shift: Tensor) -> None:
    shape = (-1, *[1] * (program.operations[norm.args[0].index].rank - 2))
    constants = (program.add_constant(scale.reshape(shape)), program.add_constant(shift.reshape(shape)))
    result.args = (norm.args[0], *constants)
    result.kwargs, result.operator, result.run = {}, "failatlas.affine", affine_map
    result.signals = (norm.args[0].index,)
