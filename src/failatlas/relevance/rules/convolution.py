"""Convolution: 1 to 3 dimensions, grouped, dilated, strided and transposed, by the composite's convolution rule."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from failatlas.relevance.rules.rule import Call, Shares, serves

_NARROW = 4  # channels


class Convolution:
    """y = W ∗ x + b; the LinearMap of convolutions."""

    __slots__ = ("bias", "cache", "settings", "weight", "widths", "x", "x_nonnegative", "y", "y_nonnegative")

    def __init__(self, call: Call, settings: tuple[Any, ...], widths: Sequence[int] = ()) -> None:
        self.x, self.y, self.weight, self.bias = call.args[0], call.output, call.args[1], call.arg(2)
        self.x_nonnegative, self.y_nonnegative = call.nonnegative[0], call.rectified
        self.cache: dict[str, Any] = call.cache
        # stride, padding, dilation, transposed, output_padding, groups
        self.settings = settings
        # zeros around x that the settings cannot say
        self.widths = list(widths) if any(widths) else []

    def apply(self, x: Tensor, weight: Tensor) -> Tensor:
        """W ∗ x."""
        x = torch.constant_pad_nd(x, self.widths) if self.widths else x
        return torch.ops.aten.convolution(x, weight, None, *self.settings)  # type: ignore[no-any-return]

    def transpose(self, s: Tensor, weight: Tensor) -> Tensor:
        """The transposed convolution, shaped as x."""
        return self._transposed(s, weight, self.x.shape)

    def apply_pair(self, a: Tensor, b: Tensor, first: Tensor, second: Tensor) -> Tensor:
        """``first`` ∗ a + ``second`` ∗ b; as one convolution where channels are few."""
        if self._is_narrow():
            return self.apply(torch.cat([a, b], 1), torch.cat([first, second], 1))
        return self.apply(a, first).add_(self.apply(b, second))

    def transpose_pair(self, s: Tensor, first: Tensor, second: Tensor) -> tuple[Tensor, Tensor]:
        """Both transposed convolutions of s; as one where channels are few."""
        # by phases three channels cost less than half of six (67 against 170 ms on AlexNet's first layer)
        if not self._is_narrow() or self._has_phases(self.x.shape[1]):
            return self.transpose(s, first), self.transpose(s, second)
        key = f"pair {id(first)} {id(second)}"
        if key not in self.cache:
            self.cache[key] = torch.cat([first, second], 1)
        pair: Tensor = self.cache[key]
        a, b = self._transposed(s, pair, (self.x.shape[0], 2 * self.x.shape[1], *self.x.shape[2:])).chunk(2, 1)
        return a, b

    def _transposed(self, s: Tensor, weight: Tensor, shape: Sequence[int]) -> Tensor:
        for axis, (before, after) in enumerate(zip(self.widths[::2], self.widths[1::2], strict=True)):
            shape = [*shape[: -1 - axis], shape[-1 - axis] + before + after, *shape[len(shape) - axis :]]
        if self._has_phases(shape[1]):
            share = self._by_phases(s, weight, shape)
        else:
            # the kernel that autograd would use, for the input alone; it reads the template's shape, not its values
            template = s.new_empty(1).expand(shape)
            mask = [True, False, False]
            share = torch.ops.aten.convolution_backward(s, template, weight, None, *self.settings, mask)[0]
        return torch.constant_pad_nd(share, [-width for width in self.widths]) if self.widths else share

    def _is_narrow(self) -> bool:
        # 3 and 6 input channels cost the CPU kernels nearly the same
        *_, transposed, _, groups = self.settings
        return not transposed and groups == 1 and self.x.shape[1] <= _NARROW

    def _has_phases(self, channels: int) -> bool:
        stride, _, dilation, transposed, _, groups = self.settings
        return (
            not transposed
            and groups == 1
            and self.x.ndim == 4
            and stride[0] == stride[1] > 1
            and list(dilation) == [1, 1]
            and channels <= _NARROW
        )

    def _by_phases(self, s: Tensor, weight: Tensor, shape: Sequence[int]) -> Tensor:
        """A strided layer of few channels as a dense one of stride² times as many, then interleaved.

        Kernels for transposed convolutions are slow on three channels: 274 → 152 ms on AlexNet's first layer.
        """
        (stride, _), padding = self.settings[0], self.settings[1]
        key = f"phases {id(weight)}"
        if key not in self.cache:
            self.cache[key] = (weight, _phases(weight, stride))
        share = torch.pixel_shuffle(torch.conv_transpose2d(s, self.cache[key][1]), stride)
        height, width = shape[2:]
        top, left = padding[0], padding[1]
        missing = (max(0, left + width - share.shape[3]), max(0, top + height - share.shape[2]))
        if any(missing):
            share = torch.constant_pad_nd(share, [0, missing[0], 0, missing[1]])
        return share[:, :, top : top + height, left : left + width].contiguous()

    def bias_like(self, bias: Tensor) -> Tensor:
        """A bias a channel."""
        return bias.reshape(-1, *[1] * (self.x.ndim - 2))


@serves(
    "aten.conv1d.default", "aten.conv2d.default", "aten.conv3d.default",
    reads="both", vanishing=True, weighted=True,
)  # fmt: skip
def convolution(call: Call, R: Tensor) -> Shares:
    """The composite's convolution rule."""
    d = call.args[1].ndim - 2
    padding, dilation = _spread(call.arg(4, 0), d), _spread(call.arg(5, 1), d)
    settings = (_spread(call.arg(3, 1), d), padding, dilation, False, [0] * d, call.arg(6, 1))
    return [call.composite.weight_rule(call.operation).propagate(Convolution(call, settings), R)]


def _run_padded(
    x: Tensor, weight: Tensor, bias: Tensor | None = None, stride: Any = 1, padding: str = "valid", dilation: Any = 1,
    groups: int = 1,
) -> tuple[Tensor, None]:  # fmt: skip
    # torch's own warns about the copy that an even kernel needs
    settings, widths = _named_padding(weight, stride, padding, dilation, groups)
    return torch.ops.aten.convolution(torch.constant_pad_nd(x, widths), weight, bias, *settings), None


@serves(
    "aten.conv1d.padding", "aten.conv2d.padding", "aten.conv3d.padding",
    reads="both", vanishing=True, weighted=True, run=_run_padded,
)  # fmt: skip
def named_padding_convolution(call: Call, R: Tensor) -> Shares:
    """The composite's convolution rule, for ``padding="same"`` or ``"valid"``."""
    settings, widths = _named_padding(
        call.args[1], call.arg(3, 1), call.arg(4, "valid"), call.arg(5, 1), call.arg(6, 1)
    )
    return [call.composite.weight_rule(call.operation).propagate(Convolution(call, settings, widths), R)]


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


def _named_padding(
    weight: Tensor, stride: Any, padding: str, dilation: Any, groups: int
) -> tuple[tuple[Any, ...], list[int]]:
    """Settings without padding, and the widths to pad the input by: an even kernel's odd one goes to the end."""
    d = weight.ndim - 2
    dilation = _spread(dilation, d)
    total = [dilation[i] * (weight.shape[2 + i] - 1) if padding == "same" else 0 for i in range(d)]
    widths = [side for t in reversed(total) for side in (t // 2, t - t // 2)]
    return (_spread(stride, d), [0] * d, dilation, False, [0] * d, groups), widths


def _phases(weight: Tensor, stride: int) -> Tensor:
    """(o, i, kh, kw) → (o, i·stride², ⌈kh/stride⌉, ⌈kw/stride⌉): channel (i, r, c) has the taps at row r, column c."""
    o, i, kh, kw = weight.shape
    rows, columns = -(-kh // stride), -(-kw // stride)
    padded = torch.constant_pad_nd(weight, [0, columns * stride - kw, 0, rows * stride - kh])
    split = padded.reshape(o, i, rows, stride, columns, stride).permute(0, 1, 3, 5, 2, 4)
    return split.reshape(o, i * stride * stride, rows, columns).contiguous()


def _spread(value: Any, d: int) -> list[int]:
    values = list(value) if isinstance(value, list | tuple) else [value]
    return values * d if len(values) == 1 else values
