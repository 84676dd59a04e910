"""The operator table: one row an operator, its rule against an independent form on the operator's explicit Jacobian.

All rows of a test share one network: every operator sits on a branch of its own between two marks, whose heatmaps are
the relevance that arrives at the operator's output and the relevance that it hands to its input.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from failatlas.relevance import Engine
from failatlas.relevance.rules.rule import served

Op = Callable[[Tensor], Tensor]
Oracle = Callable[[Op, Tensor, Tensor], Tensor]  # operator, one image's input, relevance of its output
EPSILON = 1e-6


def jacobian(op: Op, x: Tensor) -> Tensor:
    """(outputs, inputs) at one image."""
    matrix = torch.autograd.functional.jacobian(lambda v: op(v[None])[0], x)
    return matrix.reshape(-1, x.numel()).double()


def identity(_op: Op, _x: Tensor, R: Tensor) -> Tensor:
    return R


def copies(op: Op, x: Tensor, R: Tensor) -> Tensor:
    """Every output is a copy of one input: an input gets what its copies got."""
    J = jacobian(op, x)
    assert set(J.unique().tolist()) <= {0.0, 1.0}
    assert bool((J.sum(1) <= 1).all())
    return J.T @ R


def shares(op: Op, x: Tensor, R: Tensor) -> Tensor:
    """Every output is a sum of parts z_ij = J_ij x_i and possibly a constant; ε-stabilised shares of the whole."""
    z = jacobian(op, x) * x.flatten().double()
    y = op(x[None]).flatten().double()
    return (z / (y + EPSILON * torch.where(y < 0, -1.0, 1.0))[:, None]).T @ R


def shares_without(*fixed: str) -> Oracle:
    """As ``shares``, of the operator with its statistics held fixed (``FIXED`` has these forms)."""
    return lambda op, x, R: shares(FIXED[fixed[0]](x), x, R)


def layer_norm_fixed(x: Tensor) -> Op:
    deviation = (x.var(-1, correction=0, keepdim=True) + 1e-5).sqrt()
    return lambda v: (v - v.mean(-1, keepdim=True)) / deviation * LN_WEIGHT + LN_BIAS


def group_norm_fixed(x: Tensor) -> Op:
    grouped = x.reshape(2, -1)
    deviation = (grouped.var(-1, correction=0, keepdim=True) + 1e-5).sqrt()

    def op(v: Tensor) -> Tensor:
        g = v.reshape(len(v), 2, -1)
        return ((g - g.mean(-1, keepdim=True)) / deviation).reshape(v.shape) * GN_WEIGHT[:, None, None]

    return op


LN_WEIGHT, LN_BIAS, GN_WEIGHT = torch.linspace(0.5, 1.5, 6), torch.linspace(-0.2, 0.2, 6), torch.linspace(0.5, 1.5, 4)
CONSTANT = torch.linspace(-1, 2, 6)
SQUARE = torch.linspace(-1, 1, 36).reshape(6, 6)
FIXED = {"layer norm": layer_norm_fixed, "group norm": group_norm_fixed}


@dataclass(frozen=True)
class Row:
    operator: str
    op: Op
    oracle: Oracle


def half_then_fold(parts: Callable[[Tensor], list[Tensor]]) -> Oracle:
    """A product of two moved copies of x: each factor gets half of the relevance at its place."""

    def oracle(op: Op, x: Tensor, R: Tensor) -> Tensor:
        return sum((jacobian(lambda v, k=k: parts(v)[k], x).T @ (R / 2) for k in range(2)), torch.zeros(x.numel()))

    return oracle


ROWS = [
    *[
        Row(f"aten.{name}.default", op, identity)
        for name, op in {
            "relu": F.relu, "relu6": F.relu6, "gelu": F.gelu, "silu": F.silu, "tanh": torch.tanh, "elu": F.elu,
            "leaky_relu": F.leaky_relu, "hardswish": F.hardswish, "mish": F.mish, "sigmoid": torch.sigmoid,
            "hardsigmoid": F.hardsigmoid, "softplus": F.softplus, "hardtanh": lambda x: F.hardtanh(x, -2, 2),
            "clamp": lambda x: torch.clamp(x, -1, 1), "clamp_min": lambda x: torch.ops.aten.clamp_min(x, -1.0),
            "clamp_max": lambda x: torch.ops.aten.clamp_max(x, 1.0), "neg": torch.neg, "exp": torch.exp,
            "threshold": lambda x: F.threshold(x, 0.1, 0.0), "prelu": lambda x: F.prelu(x, torch.tensor([0.2])),
            "erf": torch.erf,
            "clone": lambda x: x.clone(), "selu": F.selu, "celu": F.celu,
        }.items()
    ],
    Row("aten.mul.Tensor", lambda x: x * 3.0, identity),
    Row("aten.div.Tensor", lambda x: x / 3.0, identity),
    Row("aten.max_pool2d.default", lambda x: F.max_pool2d(x, 3, 2, 1), copies),
    Row("aten.max_pool2d.default", lambda x: F.max_pool2d(x, 2, ceil_mode=True), copies),
    Row("aten.max_pool2d.default", lambda x: F.max_pool2d(x, 2, 1, dilation=2), copies),
    Row("aten.adaptive_max_pool2d.default", lambda x: F.adaptive_max_pool2d(x, 2), copies),
    Row("aten.max_pool1d.default", lambda x: F.max_pool1d(x.flatten(2), 2), copies),
    Row("aten.max_pool3d.default", lambda x: F.max_pool3d(x[:, None], 2), copies),
    Row("aten.max.dim", lambda x: x.max(3)[0], copies),
    Row("aten.amax.default", lambda x: x.amax((2, 3)), copies),
    Row("aten.avg_pool2d.default", lambda x: F.avg_pool2d(x, 3, 2, 1), shares),
    Row("aten.avg_pool2d.default", lambda x: F.avg_pool2d(x, 3, 2, 1, count_include_pad=False), shares),
    Row("aten.avg_pool1d.default", lambda x: F.avg_pool1d(x.flatten(2), 2), shares),
    Row("aten.avg_pool3d.default", lambda x: F.avg_pool3d(x[:, None], 2), shares),
    Row("aten.adaptive_avg_pool2d.default", lambda x: F.adaptive_avg_pool2d(x, 1), shares),
    Row("aten.adaptive_avg_pool2d.default", lambda x: F.adaptive_avg_pool2d(x, (4, 3)), shares),
    Row("aten.adaptive_avg_pool1d.default", lambda x: F.adaptive_avg_pool1d(x.flatten(2), 5), shares),
    Row("aten.adaptive_avg_pool3d.default", lambda x: F.adaptive_avg_pool3d(x[:, None], 2), shares),
    Row("aten.mean.dim", lambda x: x.mean((2, 3)), shares),
    Row("aten.mean.dim", lambda x: x.mean(-1, keepdim=True), shares),
    Row("aten.sum.dim_IntList", lambda x: x.sum((1, -1)), shares),
    Row("aten.cumsum.default", lambda x: x.cumsum(1), shares),
    Row("aten.upsample_bilinear2d.vec", lambda x: F.interpolate(x, scale_factor=2, mode="bilinear"), shares),
    Row("aten.upsample_bicubic2d.vec", lambda x: F.interpolate(x, scale_factor=2, mode="bicubic"), shares),
    Row("aten.add.Tensor", lambda x: x + CONSTANT, shares),
    Row("aten.add.Tensor", lambda x: x + x.flip(3), shares),
    Row("aten.add.Tensor", lambda x: torch.add(x, x.mean(1, keepdim=True), alpha=2), shares),
    Row("aten.sub.Tensor", lambda x: x - CONSTANT, shares),
    Row("aten.rsub.Scalar", lambda x: 2 - x, shares),
    Row("aten.rsub.Scalar", lambda x: torch.rsub(x, 2.0), shares),
    Row("aten.sub.Tensor", lambda x: x - 0.5 * x.roll(1, 3), shares),
    Row("aten.maximum.default", lambda x: torch.maximum(x, x.flip(3) + 0.01), lambda op, x, R: maximum(x, R)),
    Row("aten.minimum.default", lambda x: torch.minimum(x, CONSTANT), copies),
    Row("aten.mul.Tensor", lambda x: x * x.flip(3), half_then_fold(lambda x: [x, x.flip(3)])),
    Row("aten.mul.Tensor", lambda x: x * x, identity),
    Row("aten.mul.Tensor", lambda x: x * torch.sigmoid(x.mean(1, keepdim=True)), identity),
    Row("aten.mul.Tensor", lambda x: F.relu6(x.mean(1, keepdim=True) + 3) / 6 * x, identity),
    Row("aten.div.Tensor", lambda x: x / (x.abs().sum(1, keepdim=True) + 1), identity),
    Row("aten.glu.default", lambda x: F.glu(x, 3), lambda op, x, R: first_half(x, R)),
    Row("failatlas.affine", nn.BatchNorm2d(4).eval(), shares),
    Row("aten.layer_norm.default", lambda x: F.layer_norm(x, (6,), LN_WEIGHT, LN_BIAS), shares_without("layer norm")),
    Row("aten.group_norm.default", lambda x: F.group_norm(x, 2, GN_WEIGHT), shares_without("group norm")),
    Row("aten.matmul.default", lambda x: x @ SQUARE, shares),
    Row("aten.matmul.default", lambda x: SQUARE @ x, shares),
    Row("aten.linear.default", lambda x: F.linear(x, SQUARE), shares),
    Row("aten.view.default", lambda x: x.flatten(1), identity),
    Row("aten.unsqueeze.default", lambda x: x.unsqueeze(2), identity),
    Row("aten.squeeze.dims", lambda x: x[:, :1].squeeze((1,)), copies),
    Row("aten.squeeze.dim", lambda x: x[:, :1].squeeze(1), copies),
    Row("aten.permute.default", lambda x: x.permute(0, 2, 3, 1), copies),
    Row("aten.transpose.int", lambda x: x.transpose(1, 3), copies),
    Row("aten.slice.Tensor", lambda x: x[:, 1:3, :, ::2], copies),
    Row("aten.select.int", lambda x: x[:, 2], copies),
    Row("aten.expand.default", lambda x: x[:, :1].expand(-1, 5, -1, -1), copies),
    Row("aten.cat.default", lambda x: torch.cat([x, x[:, :2], torch.ones(2, 1, 6, 6)[: x.shape[0]]], 1), copies),
    Row("aten.stack.default", lambda x: torch.stack([x, x.flip(1)], 2), copies),
    Row("aten.split.Tensor", lambda x: x.split(3, 1)[1], copies),
    Row("aten.split_with_sizes.default", lambda x: x.split([1, 2, 1], 1)[1], copies),
    Row("aten.unbind.int", lambda x: x.unbind(1)[1], copies),
    Row("aten.pad.default", lambda x: F.pad(x, (1, 2, -1, 1)), copies),
    Row("aten.constant_pad_nd.default", lambda x: torch.ops.aten.constant_pad_nd(x, [1, 2, -1, 1]), copies),
    Row("aten._to_copy.default", lambda x: x.double().float(), identity),
    Row("aten.masked_fill.Scalar", lambda x: x.masked_fill(CONSTANT > 1, 0.5), copies),
    Row("aten.where.self", lambda x: torch.where(x > 0.1, x, x.roll(1, 3)), copies),
    Row("aten.where.ScalarSelf", lambda x: torch.where(x > 0.1, 0.5, x), copies),
    Row("aten.where.ScalarOther", lambda x: torch.where(x > 0.1, x, 0.5), copies),
    Row("aten.pad.default", lambda x: F.pad(x, (1, 2, 1, 1), mode="reflect"), copies),
    Row("aten.roll.default", lambda x: x.roll((1, -2), (2, 3)), copies),
    Row("aten.flip.default", lambda x: x.flip(2), copies),
    Row("aten.repeat.default", lambda x: x.repeat(1, 2, 1, 1), copies),
    Row("aten.index.Tensor", lambda x: x[:, torch.tensor([0, 2, 2])], copies),
    Row("aten.index_select.default", lambda x: x.index_select(1, torch.tensor([3, 0, 3])), copies),
    Row("aten.gather.default", lambda x: x.gather(3, torch.zeros_like(x[..., :2], dtype=torch.long)), copies),
    Row("aten.upsample_nearest2d.vec", lambda x: F.interpolate(x, scale_factor=2), copies),
    Row("aten.pixel_shuffle.default", lambda x: F.pixel_shuffle(x, 2), copies),
    Row("aten.pixel_unshuffle.default", lambda x: F.pixel_unshuffle(x, 2), copies),
    Row("aten.channel_shuffle.default", lambda x: torch.channel_shuffle(x, 2), copies),
    Row("aten.im2col.default", lambda x: F.unfold(x, 2), copies),
    Row("aten.unfold.default", lambda x: x.unfold(3, 3, 2), copies),
]  # fmt: skip

# served where another test has the oracle: weights (test_weighted), attention (test_attention)
ELSEWHERE = {
    "aten.conv1d.default", "aten.conv2d.default", "aten.conv3d.default", "aten.conv1d.padding", "aten.conv2d.padding",
    "aten.conv3d.padding", "aten.conv_transpose1d.default", "aten.conv_transpose2d.input",
    "aten.conv_transpose3d.input", "aten.convolution.default", "aten.addmm.default", "aten.bmm.default",
    "aten.mm.default", "aten._unsafe_view.default", "aten.softmax.int", "aten._softmax.default",
    "aten.scaled_dot_product_attention.default",
}  # fmt: skip


def maximum(x: Tensor, R: Tensor) -> Tensor:
    other = (x.flip(2) + 0.01).flatten()
    wins = (x.flatten() > other).double()
    moved = (R * (1 - wins)).reshape(x.shape)
    # the offset of 0.01 takes its ε-share on the way
    flipped = x.flip(2).double()
    moved = moved * flipped / (flipped + 0.01 + EPSILON * torch.where(flipped + 0.01 < 0, -1.0, 1.0))
    return R * wins + moved.flip(2).flatten()


def first_half(x: Tensor, R: Tensor) -> Tensor:
    return F.pad(R.reshape(4, 6, 3), (0, 3)).flatten()


class Branches(nn.Module):
    """x → mark → op → mark, for every row; all marks are hard tanh of a range that nothing leaves."""

    def __init__(self, rows: list[Row], x: Tensor) -> None:
        super().__init__()
        self.marks = nn.ModuleList(nn.Hardtanh(-1e6, 1e6) for _ in range(3 * len(rows)))
        self.ops = [row.op for row in rows]
        self.norms = nn.ModuleList(row.op for row in rows if isinstance(row.op, nn.Module))
        self.head = nn.Linear(self.features(x).shape[1], 3)

    def features(self, x: Tensor) -> Tensor:
        parts = []
        for k, op in enumerate(self.ops):
            y = self.marks[3 * k + 2](op(self.marks[3 * k + 1](self.marks[3 * k](x))))
            parts.append(y.flatten(1))
        return torch.cat(parts, 1)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.features(x))


@pytest.mark.parametrize("group", range(4))
def test_every_operator_hands_on_what_its_independent_form_says(group: int) -> None:
    rows = ROWS[group::4]
    for row in rows:
        if isinstance(row.op, nn.BatchNorm2d):
            row.op.running_mean.normal_()
            row.op.bias.data.normal_()
    images = torch.randn(2, 4, 6, 6)
    net = Branches(rows, images).eval()
    engine = Engine(net, images)
    relevance = engine.run(images)
    operators = [rule.operator for rule in engine.rules]
    for k, row in enumerate(rows):
        assert row.operator in operators, row.operator
        for i in range(2):
            R = torch.from_numpy(relevance[f"marks.{3 * k + 2}"][i].copy()).flatten().double()
            got = relevance[f"marks.{3 * k + 1}"][i].ravel()
            with torch.enable_grad():
                expected = row.oracle(row.op, images[i], R).detach().numpy()
            np.testing.assert_allclose(got, expected, rtol=1e-3, atol=1e-5 * abs(expected).max(), err_msg=row.operator)


def test_every_served_operator_has_a_row() -> None:
    served_operators = {operator for operator, _ in served()}
    assert served_operators - {row.operator for row in ROWS} - ELSEWHERE == set()
