"""Convolution: 1-, 2- and 3-dimensional, grouped, dilated, strided and transposed, by the composite's convolution rule."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from failatlas.relevance.rules.rule import Call, Shares, serves


class Convolution:
    """y = W ∗ x + b; the LinearMap of convolutions."""

    __slots__ = ("bias", "cache", "settings", "weight", "x", "x_nonnegative", "y", "y_nonnegative")

    def __init__(self, call: Call, settings: tuple[Any, ...]) -> None:
        self.x, self.y, self.weight, self.bias = call.args[0], call.output, call.args[1], call.arg(2)
        self.x_nonnegative, self.y_nonnegative = call.nonnegative[0], call.rectified
        self.cache: dict[str, Any] = call.cache
        # stride, padding, dilation, transposed, output_padding, groups
        self.settings = settings

    def apply(self, x: Tensor, weight: Tensor) -> Tensor:
        """W ∗ x."""
        return torch.ops.aten.convolution(x, weight, None, *self.settings)  # type: ignore[no-any-return]

    def transpose(self, s: Tensor, weight: Tensor) -> Tensor:
        """The transposed convolution, shaped as x, by the kernel that autograd would use for the input alone."""
        mask = [True, False, False]
        share: Tensor = torch.ops.aten.convolution_backward(s, self.x, weight, None, *self.settings, mask)[0]
        return share

    def bias_like(self, bias: Tensor) -> Tensor:
        """A bias a channel."""
        return bias.reshape(-1, *[1] * (self.x.ndim - 2))


@serves(
    "aten.conv1d.default", "aten.conv2d.default", "aten.conv3d.default",
    "aten.conv1d.padding", "aten.conv2d.padding", "aten.conv3d.padding",
    reads="both", vanishing=True, weighted=True,
)  # fmt: skip
def convolution(call: Call, R: Tensor) -> Shares:
    """The composite's convolution rule."""
    d = call.args[1].ndim - 2
    dilation = _spread(call.arg(5, 1), d)
    padding = call.arg(4, 0)
    if isinstance(padding, str):
        # "same" pads the odd one at the end, which convolution_backward cannot say; torch pads the input in that case
        kernel = call.args[1].shape[2:]
        total = [dilation[i] * (kernel[i] - 1) if padding == "same" else 0 for i in range(d)]
        if any(t % 2 for t in total):
            return _padded(call, R, total)
        padding = [t // 2 for t in total]
    settings = (_spread(call.arg(3, 1), d), _spread(padding, d), dilation, False, [0] * d, call.arg(6, 1))
    return [call.composite.weight_rule(call.operation).propagate(Convolution(call, settings), R)]


@serves(
    "aten.conv_transpose1d.default", "aten.conv_transpose2d.input", "aten.conv_transpose3d.input",
    reads="both", vanishing=True, weighted=True,
)  # fmt: skip
def transposed_convolution(call: Call, R: Tensor) -> Shares:
    """The composite's convolution rule, for a transposed convolution."""
    d = call.args[1].ndim - 2
    settings = (
        _spread(call.arg(3, 1), d), _spread(call.arg(4, 0), d), _spread(call.arg(7, 1), d), True,
        _spread(call.arg(5, 0), d), call.arg(6, 1),
    )  # fmt: skip
    return [call.composite.weight_rule(call.operation).propagate(Convolution(call, settings), R)]


@serves("aten.convolution.default", reads="both", vanishing=True, weighted=True)
def general_convolution(call: Call, R: Tensor) -> Shares:
    """The composite's convolution rule, for the operator that spells every setting out."""
    return [call.composite.weight_rule(call.operation).propagate(Convolution(call, tuple(call.args[3:9])), R)]


def _padded(call: Call, R: Tensor, total: Sequence[int]) -> Shares:
    d = len(total)
    widths = [side for t in reversed(total) for side in (t // 2, t - t // 2)]
    whole = Call()
    for name in ("operation", "kwargs", "output", "saved", "rectified", "nonnegative", "takes", "composite", "cache"):
        setattr(whole, name, getattr(call, name))
    whole.args = (torch.nn.functional.pad(call.args[0], widths), *call.args[1:])
    settings = (_spread(call.arg(3, 1), d), [0] * d, _spread(call.arg(5, 1), d), False, [0] * d, call.arg(6, 1))
    share = call.composite.weight_rule(call.operation).propagate(Convolution(whole, settings), R)
    return [torch.nn.functional.pad(share, [-width for width in widths])]


def _spread(value: Any, d: int) -> list[int]:
    values = list(value) if isinstance(value, list | tuple) else [value]
    return values * d if len(values) == 1 else values
