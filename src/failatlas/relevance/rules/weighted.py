"""Weighted: the literature's rules for y = W x + b, written once for every linear map (dense, convolution, …).

x are inputs, y outputs, R the relevance of y. Every rule is R_in = Σ_parts x ⊙ Wᵀ(R / z) for its own parts of x and W. The
bias takes its part of ε, γ and αβ denominators only where noted; that part is absorbed and shows as conservation error.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Protocol

import torch
from torch import Tensor

from failatlas.errors import UsageError


class LinearMap(Protocol):
    """A linear operator at one batch; ``apply`` leaves the bias out."""

    x: Tensor
    y: Tensor  # with bias; rectified where a ReLU alone reads it and ``y_nonnegative``
    weight: Tensor
    bias: Tensor | None
    x_nonnegative: bool
    y_nonnegative: bool
    cache: dict[str, Any]

    def apply(self, x: Tensor, weight: Tensor) -> Tensor:
        """Weight · x."""

    def transpose(self, s: Tensor, weight: Tensor) -> Tensor:
        """Weightᵀ · s, shaped as x; always a new tensor."""

    def bias_like(self, bias: Tensor) -> Tensor:
        """A bias, shaped to be added to y."""


class WeightRule(Protocol):
    """Splits the relevance of a linear map's outputs among its inputs."""

    @property
    def reads_output(self) -> bool:
        """Whether it uses y."""

    @property
    def rectifies(self) -> bool:
        """Whether its y is meant after the ReLU that follows, whatever comes back."""

    @property
    def vanishing(self) -> bool:
        """Whether a zero input gets zero relevance."""

    def propagate(self, m: LinearMap, R: Tensor) -> Tensor:
        """Relevance of x, a new tensor."""


@dataclass(frozen=True, slots=True)
class _Base:
    @property
    def reads_output(self) -> bool:
        return False

    @property
    def rectifies(self) -> bool:
        return False

    @property
    def vanishing(self) -> bool:
        return True


@dataclass(frozen=True, slots=True)
class Epsilon(_Base):
    """LRP-ε: R_in = x ⊙ Wᵀ(R / (y + ε·sign y)), with the bias in y; ε → 0 is LRP-0, which is gradient × input in ReLU nets.

    Args:
        epsilon: added to denominators with their sign, in units of y; a larger one absorbs the relevance of weak neurons.

    Source: Bach et al., PLoS ONE 10(7), 2015, eq. 58.
    """

    epsilon: float = 1e-6

    def __post_init__(self) -> None:
        _positive("epsilon", self.epsilon)

    @property
    def reads_output(self) -> bool:
        return True

    def propagate(self, m: LinearMap, R: Tensor) -> Tensor:
        """Relevance of x."""
        return m.transpose(divided(R, m.y, self.epsilon, m.y_nonnegative), m.weight).mul_(m.x)


@dataclass(frozen=True, slots=True)
class Rectified(_Base):
    """HUDD's convolution rule: s = R / (y⁺ + ε), R_in = x ⊙ Wᵀ s; y⁺ is the output after the ReLU that follows it.

    The original reads y through a hook after an in-place ReLU has overwritten it; here y is rectified where a ReLU alone
    reads it, in-place or not. ε has no sign.

    Source: the public HUDD implementation (Fahmy et al., IEEE Trans. Reliability 70(4), 2021).
    """

    epsilon: float = 1e-9

    def __post_init__(self) -> None:
        _positive("epsilon", self.epsilon)

    @property
    def reads_output(self) -> bool:
        return True

    @property
    def rectifies(self) -> bool:
        return True

    def propagate(self, m: LinearMap, R: Tensor) -> Tensor:
        """Relevance of x."""
        return m.transpose(divided(R, m.y, self.epsilon, True), m.weight).mul_(m.x)


@dataclass(frozen=True, slots=True)
class ZPlus(_Base):
    """z⁺: only positive contributions, no bias: R_in = x⁺ ⊙ W⁺ᵀ(R/z) + x⁻ ⊙ W⁻ᵀ(R/z), z = W⁺x⁺ + W⁻x⁻ + ε.

    Args:
        epsilon: keeps z off zero.
        positive_inputs: take x as ≥ 0 and z = W⁺x even if it is not (as HUDD's code does).

    Source: Montavon et al., Pattern Recognition 65, 2017, eq. 14 (inputs ≥ 0); both signs as in αβ with α = 1, β = 0.
    """

    epsilon: float = 1e-9
    positive_inputs: bool = False

    def __post_init__(self) -> None:
        _positive("epsilon", self.epsilon)

    def propagate(self, m: LinearMap, R: Tensor) -> Tensor:
        """Relevance of x."""
        positive = part(m, "positive")
        if m.x_nonnegative or self.positive_inputs:
            z = m.apply(m.x, positive)
            # ε without a sign (z ≥ 0); with signed inputs taken as positive, z may be negative: the original's choice too
            torch.div(R, z.add_(self.epsilon), out=z)
            return m.transpose(z, positive).mul_(m.x)
        negative = part(m, "negative")
        up, down = m.x.clamp(min=0), m.x.clamp(max=0)
        z = m.apply(up, positive).add_(m.apply(down, negative)).add_(self.epsilon)
        torch.div(R, z, out=z)
        return m.transpose(z, positive).mul_(up).add_(m.transpose(z, negative).mul_(down))


@dataclass(frozen=True, slots=True)
class AlphaBeta(_Base):
    """αβ: R_in = α · (positive contributions' share) − β · (negative contributions' share), α − β = 1, no bias.

    Args:
        alpha, beta: weights of what speaks for and against; α2β1 is the usual choice.
        epsilon: keeps both denominators off zero.

    Raises:
        UsageError: α − β ≠ 1 or β < 0: relevance would not be conserved.

    Source: Bach et al., PLoS ONE 10(7), 2015, eq. 60. The bias is left out, so that no relevance is absorbed by it.
    """

    alpha: float = 2.0
    beta: float = 1.0
    epsilon: float = 1e-6

    def __post_init__(self) -> None:
        _positive("epsilon", self.epsilon)
        if self.beta < 0 or not math.isclose(self.alpha - self.beta, 1.0, abs_tol=1e-9):
            raise UsageError(
                f"alpha {self.alpha} − beta {self.beta} is not 1",
                where="AlphaBeta",
                remedy="choose beta ≥ 0 and alpha = 1 + beta, e.g. alpha=2, beta=1",
            )

    def propagate(self, m: LinearMap, R: Tensor) -> Tensor:
        """Relevance of x."""
        positive, negative = part(m, "positive"), part(m, "negative")
        if m.x_nonnegative:
            z = m.apply(m.x, positive).add_(self.epsilon)
            share = m.transpose(torch.div(R, z, out=z).mul_(self.alpha), positive)
            if self.beta:
                z = m.apply(m.x, negative).sub_(self.epsilon)
                share.sub_(m.transpose(torch.div(R, z, out=z).mul_(self.beta), negative))
            return share.mul_(m.x)
        up, down = m.x.clamp(min=0), m.x.clamp(max=0)
        z = m.apply(up, positive).add_(m.apply(down, negative)).add_(self.epsilon)
        torch.div(R, z, out=z).mul_(self.alpha)
        total = m.transpose(z, positive).mul_(up).add_(m.transpose(z, negative).mul_(down))
        if self.beta:
            z = m.apply(up, negative).add_(m.apply(down, positive)).sub_(self.epsilon)
            torch.div(R, z, out=z).mul_(self.beta)
            total.sub_(m.transpose(z, negative).mul_(up)).sub_(m.transpose(z, positive).mul_(down))
        return total


@dataclass(frozen=True, slots=True)
class Gamma(_Base):
    """LRP-γ: contributions that agree in sign with y count 1 + γ times, the others once, with the bias treated alike.

    Args:
        gamma: 0 is LRP-ε, ∞ is z⁺; 0.25 is usual in lower convolutions.
        epsilon: added to denominators with their sign.

    Source: Montavon et al., LNCS 11700, 2019, §10.2.3 (inputs ≥ 0); signed inputs as generalised by Andéol et al., 2021:
    where y < 0 the negative contributions are the favoured ones.
    """

    gamma: float = 0.25
    epsilon: float = 1e-6

    def __post_init__(self) -> None:
        _positive("gamma", self.gamma)
        _positive("epsilon", self.epsilon)

    @property
    def reads_output(self) -> bool:
        return True

    def propagate(self, m: LinearMap, R: Tensor) -> Tensor:
        """Relevance of x."""
        up = part(m, "gamma up", self.gamma)
        if m.x_nonnegative and m.y_nonnegative:
            z = m.apply(m.x, up)
            if m.bias is not None:
                z.add_(m.bias_like(m.bias + self.gamma * m.bias.clamp(min=0)))
            # an inactive neuron brings no relevance, whatever its z
            return m.transpose(divided(R, z, self.epsilon, False), up).mul_(m.x)
        down = part(m, "gamma down", self.gamma)
        x_up, x_down = m.x.clamp(min=0), m.x.clamp(max=0)
        total: Tensor | None = None
        for first, second, active in ((up, down, m.y >= 0), (down, up, m.y < 0)):
            z = m.apply(x_up, first).add_(m.apply(x_down, second))
            if m.bias is not None:
                favoured = m.bias.clamp(min=0) if first is up else m.bias.clamp(max=0)
                z.add_(m.bias_like(m.bias + self.gamma * favoured))
            s = divided(R, z, self.epsilon, False).mul_(active)
            share = m.transpose(s, first).mul_(x_up).add_(m.transpose(s, second).mul_(x_down))
            total = share if total is None else total.add_(share)
        assert total is not None
        return total


@dataclass(frozen=True, slots=True)
class Box(_Base):
    """z^B, for pixels in a box: R_in = x ⊙ Wᵀs − l ⊙ W⁺ᵀs − h ⊙ W⁻ᵀs with s = R / (Wx − W⁺l − W⁻h + ε), no bias.

    Args:
        low, high: smallest and largest value of an input **after preprocessing**: one number, or one a channel.
        epsilon: added to the (non-negative) denominator.

    Raises:
        UsageError: a low bound is above its high bound.

    Source: Montavon et al., Pattern Recognition 65, 2017, eq. 15.
    """

    low: float | tuple[float, ...] = -3.0
    high: float | tuple[float, ...] = 3.0
    epsilon: float = 1e-6

    def __post_init__(self) -> None:
        _positive("epsilon", self.epsilon)
        low, high = torch.as_tensor(self.low), torch.as_tensor(self.high)
        if bool((low > high).any()):
            raise UsageError(f"low {self.low} is above high {self.high}", where="Box", remedy="swap the bounds")

    @property
    def vanishing(self) -> bool:
        return False

    def propagate(self, m: LinearMap, R: Tensor) -> Tensor:
        """Relevance of x."""
        positive, negative = part(m, "positive"), part(m, "negative")
        low, high = _bound(self.low, m.x), _bound(self.high, m.x)
        z = m.apply(m.x, m.weight).sub_(m.apply(low, positive)).sub_(m.apply(high, negative)).add_(self.epsilon)
        torch.div(R, z, out=z)
        share = m.transpose(z, m.weight).mul_(m.x)
        return share.sub_(m.transpose(z, positive).mul_(low)).sub_(m.transpose(z, negative).mul_(high))


@dataclass(frozen=True, slots=True)
class WSquare(_Base):
    """w²: shares by squared weights, whatever the inputs: R_in = (W²)ᵀ(R / Σ_i w²).

    Source: Montavon et al., Pattern Recognition 65, 2017, eq. 12.
    """

    epsilon: float = 1e-9

    def __post_init__(self) -> None:
        _positive("epsilon", self.epsilon)

    @property
    def vanishing(self) -> bool:
        return False

    def propagate(self, m: LinearMap, R: Tensor) -> Tensor:
        """Relevance of x."""
        return _input_free(m, R, part(m, "square"), self.epsilon)


@dataclass(frozen=True, slots=True)
class Flat(_Base):
    """Flat: every input in a neuron's reach gets the same share.

    Source: Bach et al., ICIP 2016 (arXiv 1602.07279), §2.
    """

    epsilon: float = 1e-9

    def __post_init__(self) -> None:
        _positive("epsilon", self.epsilon)

    @property
    def vanishing(self) -> bool:
        return False

    def propagate(self, m: LinearMap, R: Tensor) -> Tensor:
        """Relevance of x."""
        return _input_free(m, R, part(m, "ones"), self.epsilon)


def divided(R: Tensor, y: Tensor, epsilon: float, nonnegative: bool) -> Tensor:
    """R / (y + ε·sign y) with sign 0 = 1, in a new tensor; ``nonnegative`` saves a pass."""
    if nonnegative:
        stabilised = y.add(epsilon)
    else:
        # copysign is vectorised and 4 × faster than torch.where
        stabilised = torch.copysign(torch.tensor(epsilon, dtype=y.dtype), y).add_(y)
        # copysign follows the sign bit of −0.0, which is as good a sign as any
    return torch.div(R, stabilised, out=stabilised)


def part(m: LinearMap, name: str, gamma: float = 0.0) -> Tensor:
    """A part of the weights, computed once an engine."""
    if name not in m.cache:
        m.cache[name] = _part(m.weight, name, gamma)
    weight: Tensor = m.cache[name]
    return weight


def _part(weight: Tensor, name: str, gamma: float) -> Tensor:
    match name:
        case "positive":
            return weight.clamp(min=0)
        case "negative":
            return weight.clamp(max=0)
        case "square":
            return weight.square()
        case "gamma up":
            return weight + gamma * weight.clamp(min=0)
        case "gamma down":
            return weight + gamma * weight.clamp(max=0)
        case _:
            return torch.ones_like(weight)


def _input_free(m: LinearMap, R: Tensor, weight: Tensor, epsilon: float) -> Tensor:
    if "reach" not in m.cache:
        m.cache["reach"] = m.apply(torch.ones_like(m.x[:1]), weight).add_(epsilon)
    return m.transpose(R / m.cache["reach"], weight)


def _bound(bound: float | tuple[float, ...], x: Tensor) -> Tensor:
    value = torch.as_tensor(bound, dtype=x.dtype)
    if value.ndim:
        value = value.reshape(-1, *[1] * (x.ndim - 2))
    return value.expand(x.shape)


def _positive(name: str, value: float) -> None:
    if not value >= 0 or not math.isfinite(value):
        raise UsageError(f"{name} must be a finite number ≥ 0, got {value}", remedy=f"set {name} ≥ 0")
