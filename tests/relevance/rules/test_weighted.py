"""Every weight rule against the paper's formula, neuron by neuron, on the map's explicit matrix."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from failatlas.errors import UsageError
from failatlas.relevance import Composite, Engine
from failatlas.relevance.rules.weighted import AlphaBeta, Box, Epsilon, Flat, Gamma, WeightRule, WSquare, ZPlus

MAPS: dict[str, tuple[Callable[[], nn.Module], tuple[int, ...]]] = {
    "dense": (lambda: nn.Linear(12, 5), (3, 1, 12)),
    "convolution": (lambda: nn.Conv2d(2, 4, 3, padding=1), (2, 5, 5)),
    "wide convolution": (lambda: nn.Conv2d(9, 4, 3), (9, 4, 4)),
    "strided": (lambda: nn.Conv2d(3, 4, 5, stride=2, padding=2), (3, 9, 8)),
    "stride leaves a rest": (lambda: nn.Conv2d(3, 4, 3, stride=3), (3, 8, 8)),
    "stride wider than kernel": (lambda: nn.Conv2d(3, 4, 2, stride=3, padding=1), (3, 9, 7)),
    "uneven strides": (lambda: nn.Conv2d(3, 4, 3, stride=(2, 1)), (3, 8, 7)),
    "dilated": (lambda: nn.Conv2d(2, 3, 3, stride=2, dilation=2), (2, 9, 9)),
    "grouped": (lambda: nn.Conv2d(4, 4, 3, groups=2, padding=1), (4, 4, 4)),
    "depthwise": (lambda: nn.Conv2d(3, 3, 3, groups=3), (3, 5, 5)),
    "same padding, even kernel": (lambda: nn.Conv2d(2, 3, 4, padding="same"), (2, 5, 5)),
    "transposed": (lambda: nn.ConvTranspose2d(2, 3, 3, stride=2, output_padding=1), (2, 3, 3)),
}


def matrix_of(layer: nn.Module, shape: tuple[int, ...]) -> tuple[Tensor, Tensor]:
    """(outputs, inputs) float64 matrix and bias of an affine layer, by its answers to unit vectors."""
    size = int(np.prod(shape))
    with torch.no_grad():
        bias = layer(torch.zeros(1, *shape)).flatten()
        columns = layer(torch.eye(size).reshape(size, *shape)).flatten(1) - bias
    return columns.T.double(), bias.double()


def by_the_paper(rule: WeightRule, x: Tensor, W: Tensor, b: Tensor, R: Tensor) -> Tensor:
    """R_i = Σ_j (share of i in j) R_j from z_ij = w_ij x_i, written out for one image."""
    z = W * x
    y = z.sum(1) + b

    def sign(value: Tensor) -> Tensor:
        return torch.where(value < 0, -1.0, 1.0)

    match rule:
        case Epsilon():
            share = z / (y + rule.epsilon * sign(y))[:, None]
        case ZPlus():
            positive = z.clamp(min=0)
            share = positive / (positive.sum(1) + rule.epsilon)[:, None]
        case AlphaBeta():
            positive, negative = z.clamp(min=0), z.clamp(max=0)
            share = rule.alpha * positive / (positive.sum(1) + rule.epsilon)[:, None]
            share = share - rule.beta * negative / (negative.sum(1) - rule.epsilon)[:, None]
        case Gamma():
            favoured = torch.where((z * sign(y)[:, None]) > 0, 1 + rule.gamma, 1.0) * z
            bias = torch.where(b * sign(y) > 0, 1 + rule.gamma, 1.0) * b
            total = favoured.sum(1) + bias
            share = favoured / (total + rule.epsilon * sign(total))[:, None]
        case Box():
            boxed = z - W.clamp(min=0) * rule.low - W.clamp(max=0) * rule.high
            share = boxed / (boxed.sum(1) + rule.epsilon)[:, None]
        case WSquare():
            share = W**2 / ((W**2).sum(1) + rule.epsilon)[:, None]
        case _:
            reach = (W != 0).double()
            share = reach / (reach.sum(1) + 1e-9)[:, None]
    return share.T @ R


RULES: list[WeightRule] = [
    Epsilon(), Epsilon(0.25), ZPlus(), AlphaBeta(), AlphaBeta(1, 0), AlphaBeta(3, 2), Gamma(), Gamma(2.0),
    Box(-3, 3), WSquare(), Flat(),
]  # fmt: skip


class Single(nn.Module):
    """The layer alone, over inputs that are known to be ≥ 0 (``relu``) or not."""

    def __init__(self, layer: nn.Module, relu: bool) -> None:
        super().__init__()
        self.before, self.layer = nn.ReLU() if relu else nn.Identity(), layer

    def forward(self, x: Tensor) -> Tensor:
        return self.layer(self.before(x)).flatten(1)


@pytest.mark.filterwarnings("ignore:Using padding=.same.")  # the oracle runs torch's own layer
@pytest.mark.parametrize("name", MAPS)
@pytest.mark.parametrize("relu", [False, True], ids=["signed", "nonnegative"])
def test_every_rule_equals_the_formula_of_its_paper(name: str, relu: bool) -> None:
    make, shape = MAPS[name]
    layer = make()
    W, b = matrix_of(layer, shape)
    images = torch.randn(3, *shape)
    engine = Engine(Single(layer, relu), images)
    x = (images.relu() if relu else images).flatten(1).double()
    y = x @ W.T + b
    target = y.argmax(1)
    for rule in RULES:
        relevance = engine.using(Composite("test", rule, rule)).run(images, target)
        for i in range(len(images)):
            R = torch.zeros(len(b), dtype=torch.float64)
            R[target[i]] = y[i, target[i]]
            expected = by_the_paper(rule, x[i], W, b, R)
            got, scale = relevance["layer"][i].ravel(), 2e-5 * float(expected.abs().max())
            np.testing.assert_allclose(got, expected, rtol=2e-4, atol=scale, err_msg=str(rule))


@pytest.mark.parametrize("rule", [Epsilon(), ZPlus(), AlphaBeta(), Gamma()], ids=lambda rule: type(rule).__name__)
def test_relevance_of_many_neurons_at_once_equals_the_sum_over_neurons(rule: WeightRule) -> None:
    # behind a second layer every output of the first brings relevance, of either sign
    net = nn.Sequential(nn.Conv2d(3, 6, 3), nn.Flatten(), nn.Linear(54, 4))
    images = torch.randn(2, 3, 5, 5)
    relevance = Engine(net, images, Composite("test", rule, rule)).run(images)
    W, b = matrix_of(net[0], (3, 5, 5))
    for i in range(2):
        R = torch.from_numpy(relevance["2"][i].copy()).double()
        expected = by_the_paper(rule, images[i].flatten().double(), W, b, R)
        scale = 2e-5 * float(expected.abs().max())
        np.testing.assert_allclose(relevance["0"][i].ravel(), expected, rtol=2e-4, atol=scale)


@settings(max_examples=20, deadline=None)
@given(st.floats(0, 10), st.floats(-2, 2))
def test_alpha_beta_refuses_whatever_does_not_conserve(beta: float, off: float) -> None:
    if abs(off) > 1e-6:
        with pytest.raises(UsageError, match="is not 1"):
            AlphaBeta(1 + beta + off, beta)
    else:
        assert AlphaBeta(1 + beta, beta).beta == beta


def test_bad_parameters_are_refused_at_construction() -> None:
    bad = (lambda: Epsilon(-1.0), lambda: Gamma(float("nan")), lambda: Box(1.0, 0.0), lambda: AlphaBeta(0.5, -0.5))
    for make in bad:
        with pytest.raises(UsageError):
            make()


def test_box_takes_one_bound_a_channel() -> None:
    net = Single(nn.Conv2d(2, 3, 3), relu=False)
    images = torch.rand(1, 2, 4, 4)
    one = Engine(net, images, Composite("a", Epsilon(), Box(-1.0, 2.0)))
    many = one.using(Composite("b", Epsilon(), Box((-1.0, -1.0), (2.0, 2.0))))
    np.testing.assert_array_equal(one.run(images)["layer"], many.run(images)["layer"])
