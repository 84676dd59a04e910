"""Shape: operators that only move, copy or drop values; a value gets what its copies got, a dropped one nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from failatlas.relevance.program import Ref
from failatlas.relevance.rules.derivative import pullback
from failatlas.relevance.rules.rule import Call, Shares, serves

if TYPE_CHECKING:
    from failatlas.relevance.program import Operation


def _same(x: Tensor, *_: Any, **__: Any) -> tuple[Tensor, None]:
    return x, None


def _reshape(x: Tensor, shape: Any) -> tuple[Tensor, None]:
    # "view" is a promise about strides that the original network kept; ours may differ
    return x.reshape([int(size) for size in shape]), None


@serves(
    "aten.clone.default",
    nonnegative=None, run=_same,
)  # fmt: skip
def same(_call: Call, R: Tensor) -> Shares:
    """Identity; dropout does nothing in evaluation mode."""
    return [R]


@serves("aten._to_copy.default", nonnegative=None)
def conversion(_call: Call, R: Tensor) -> Shares:
    """Identity."""
    return [R]


@serves("aten.view.default", "aten._unsafe_view.default", nonnegative=None, run=_reshape)
def reshaped(call: Call, R: Tensor) -> Shares:
    """The same values in the input's shape."""
    return [R.reshape(tuple(call.shapes[0]))]


@serves(
    "aten.unsqueeze.default", "aten.squeeze.dim", "aten.squeeze.dims",
    nonnegative=None,
)  # fmt: skip
def with_other_axes(call: Call, R: Tensor) -> Shares:
    """The same values in the input's shape."""
    return [R.reshape(tuple(call.shapes[0]))]


@serves("aten.permute.default", nonnegative=None)
def permuted(call: Call, R: Tensor) -> Shares:
    """Axes back in their order."""
    axes = [axis % R.ndim for axis in call.args[1]]
    return [R.permute([axes.index(axis) for axis in range(R.ndim)])]


@serves("aten.transpose.int", nonnegative=None)
def transposed(call: Call, R: Tensor) -> Shares:
    """Axes back in their order."""
    if len(call.args) < 3:
        return [R.t()]
    return [R.transpose(call.args[1], call.args[2])]


@serves("aten.slice.Tensor", nonnegative=None)
def sliced(call: Call, R: Tensor) -> Shares:
    """Zeros around the slice."""
    shape = list(call.shapes[0])
    if list(R.shape) == shape:
        return [R]
    size = shape[call.arg(1, 0)]
    start, end, step = call.arg(2) or 0, call.arg(3), call.arg(4, 1)
    return [torch.ops.aten.slice_backward(R, shape, call.arg(1, 0), start, size if end is None else end, step)]


@serves("aten.select.int", nonnegative=None)
def selected(call: Call, R: Tensor) -> Shares:
    """Zeros beside the selected index."""
    return [torch.ops.aten.select_backward(R, list(call.shapes[0]), call.args[1], call.args[2])]


@serves("aten.expand.default", nonnegative=None)
def expanded(call: Call, R: Tensor) -> Shares:
    """The sum over the copies."""
    return [R.sum_to_size(*call.shapes[0])]


@serves("aten.cat.default", nonnegative=None)
def concatenated(call: Call, R: Tensor) -> Shares:
    """Each part its own; what falls on a constant part is absorbed."""
    axis = call.arg(1, 0) % R.ndim
    shares: list[Tensor] = []
    shapes = iter(call.shapes)
    start = 0
    for original, value in zip(call.operation.args[0], call.args[0], strict=True):
        is_signal = isinstance(original, Ref) and original.index in call.operation.signals
        size = next(shapes)[axis] if is_signal else value.shape[axis]
        if is_signal:
            shares.append(R.narrow(axis, start, size))
        start += size
    return shares


@serves("aten.stack.default", nonnegative=None)
def stacked(call: Call, R: Tensor) -> Shares:
    """Each part its own."""
    layers = R.unbind(call.arg(1, 0))
    originals = zip(call.operation.args[0], layers, strict=True)
    return [layer for original, layer in originals if original.index in call.operation.signals]


@serves("aten.split.Tensor", "aten.split_with_sizes.default", nonnegative=None)
def split(call: Call, R: Any) -> Shares:
    """The parts side by side again; a part that nobody reads brings zeros."""
    shape = list(call.shapes[0])
    axis = call.arg(2, 0) % len(shape)
    known = next(r for r in R if r is not None)
    sizes = _sizes(call, shape[axis])
    parts = [
        known.new_zeros([*shape[:axis], size, *shape[axis + 1 :]]) if r is None else r
        for r, size in zip(R, sizes, strict=True)
    ]
    return [torch.cat(parts, axis)]


@serves("aten.unbind.int", nonnegative=None)
def unbound(call: Call, R: Any) -> Shares:
    """The parts stacked again; a part that nobody reads brings zeros."""
    known = next(r for r in R if r is not None)
    return [torch.stack([torch.zeros_like(known) if r is None else r for r in R], call.arg(1, 0))]


def _padded_with(operation: Operation) -> bool | None:
    # pad(x, widths, mode, value) or constant_pad_nd(x, widths, value)
    values = [arg for arg in operation.args[2:] if isinstance(arg, int | float)]
    return None if all(value >= 0 for value in values) else False


@serves("aten.constant_pad_nd.default", nonnegative=_padded_with)
def zero_padded(call: Call, R: Tensor) -> Shares:
    """The padding's relevance is dropped (it is zero unless the constant is not)."""
    return [torch.constant_pad_nd(R, [-width for width in call.args[1]])]


@serves(
    "aten.roll.default",
    "aten.flip.default", "aten.repeat.default", "aten.index.Tensor", "aten.index_select.default", "aten.gather.default",
    "aten.upsample_nearest2d.vec", "aten.pixel_shuffle.default",
    "aten.pixel_unshuffle.default", "aten.channel_shuffle.default", "aten.im2col.default", "aten.unfold.default",
    reads="inputs", nonnegative=None,
)  # fmt: skip
def moved(call: Call, R: Tensor) -> Shares:
    """Jᵀ R: every output is a copy of one input, so this is the sum over copies, exactly."""
    return pullback(call, [R])


@serves("aten.pad.default", reads="inputs", nonnegative=_padded_with)
def padded(call: Call, R: Tensor) -> Shares:
    """The sum over copies; the relevance of a constant border is dropped."""
    return pullback(call, [R])


def _sizes(call: Call, size: int) -> list[int]:
    given = call.args[1]
    if isinstance(given, list | tuple):
        return list(given)
    return [min(given, size - start) for start in range(0, size, given)]
