"""Weighted: the literature's rules for y = W x + b, written once for every linear map (dense, convolution, …).

x are inputs, y outputs, R the relevance of y. Every rule is R_in = Σ_parts x ⊙ Wᵀ(R / z) for its own parts of x and W.
The bias takes part in the denominators of ε and γ alone; its share is absorbed and shows as conservation error.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol

import torch
from torch import Tensor

from failatlas.errors import UsageError

# z⁻ below this share of z⁺ is computed, not inferred; float32 sums are good to about 1e-6
_CANCELLED = 1e-3


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

    def apply_pair(self, a: Tensor, b: Tensor, first: Tensor, second: Tensor) -> Tensor:
        """``first`` · a + ``second`` · b."""

    def transpose_pair(self, s: Tensor, first: Tensor, second: Tensor) -> tuple[Tensor, Tensor]:
        """``first``ᵀ · s and ``second``ᵀ · s."""

    def bias_like(self, bias: Tensor) -> Tensor:
        """A bias, shaped to be added to y."""


class WeightRule(Protocol):
    """Splits the relevance of a linear map's outputs among its inputs."""

    reads_output: ClassVar[bool]  # it uses y
    raw: ClassVar[bool]  # its y is meant before any ReLU
    rectifies: ClassVar[bool]  # its y is meant after the ReLU that follows, whatever comes back
    vanishing: ClassVar[bool]  # a zero input gets zero relevance

    def propagate(self, m: LinearMap, R: Tensor) -> Tensor:
        """Relevance of x, a new tensor."""


class _Base:
    __slots__ = ()
    reads_output: ClassVar[bool] = False
    raw: ClassVar[bool] = False
    rectifies: ClassVar[bool] = False
    vanishing: ClassVar[bool] = True


@dataclass(frozen=True, slots=True)
class Epsilon(_Base):
    """LRP-ε: R_in = x ⊙ Wᵀ(R / (y + ε·sign y)), bias in y; ε → 0 is LRP-0, which is gradient × input in ReLU nets.

    Args:
        epsilon: added to denominators with their sign, in units of y; a larger one absorbs weak neurons' relevance.

    Source: Bach et al., PLoS ONE 10(7), 2015, eq. 58.
    """

    epsilon: float = 1e-6

    def __post_init__(self) -> None:
        _positive("epsilon", self.epsilon)

    reads_output: ClassVar[bool] = True

    def propagate(self, m: LinearMap, R: Tensor) -> Tensor:
        """Relevance of x."""
        return m.transpose(divided(R, m.y, self.epsilon, m.y_nonnegative), m.weight).mul_(m.x)


@dataclass(frozen=True, slots=True)
class Rectified(_Base):
    """HUDD's convolution rule: s = R / (y⁺ + ε), R_in = x ⊙ Wᵀ s; y⁺ is the output after the ReLU that follows it.

    The original reads y through a hook after an in-place ReLU has overwritten it; here y is rectified where a ReLU
    alone reads it, in-place or not. ε has no sign.

    Source: the public HUDD implementation (Fahmy et al., IEEE Trans. Reliability 70(4), 2021).
    """

    epsilon: float = 1e-9

    def __post_init__(self) -> None:
        _positive("epsilon", self.epsilon)

    reads_output: ClassVar[bool] = True
    rectifies: ClassVar[bool] = True

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
            # ε without a sign: z ≥ 0, but where signed inputs are taken as positive, as the original does
            torch.div(R, z.add_(self.epsilon), out=z)
            return m.transpose(z, positive).mul_(m.x)
        negative = part(m, "negative")
        up, down = m.x.clamp(min=0), m.x.clamp(max=0)
        z = m.apply_pair(up, down, positive, negative).add_(self.epsilon)
        first, second = m.transpose_pair(torch.div(R, z, out=z), positive, negative)
        return up.mul_(first).add_(down.mul_(second))


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

    raw: ClassVar[bool] = True
    reads_output: ClassVar[bool] = True

    def propagate(self, m: LinearMap, R: Tensor) -> Tensor:
        """Relevance of x."""
        positive, negative = part(m, "positive"), part(m, "negative")
        if m.x_nonnegative:
            z = m.apply(m.x, positive)
            against = self._against(m, R, z) if self.beta else None
            share = m.transpose(torch.div(R, z.add_(self.epsilon), out=z).mul_(self.alpha), positive)
            if against is not None:
                share.sub_(m.transpose(against, negative))
            return share.mul_(m.x)
        up, down = m.x.clamp(min=0), m.x.clamp(max=0)
        z = m.apply_pair(up, down, positive, negative)
        against = self._against(m, R, z) if self.beta else None
        first, second = m.transpose_pair(torch.div(R, z.add_(self.epsilon), out=z).mul_(self.alpha), positive, negative)
        if against is not None:
            third, fourth = m.transpose_pair(against, negative, positive)
            first, second = first.sub_(third), second.sub_(fourth)
        return up.mul_(first).add_(down.mul_(second))

    def _against(self, m: LinearMap, R: Tensor, positive: Tensor) -> Tensor:
        """β R / z⁻, where z⁻ = y − bias − z⁺ saves a pass through the map."""
        z = m.y - positive
        guard = positive * _CANCELLED
        if m.bias is not None:
            bias = m.bias_like(m.bias)
            z.sub_(bias)
            guard.add_(bias.abs().mul_(_CANCELLED))
        # a difference of nearly equal numbers is noise: where that would matter, the map is applied after all
        if bool(((z + guard > 0) & (R != 0)).any()):
            negative_weights, positive_weights = part(m, "negative"), part(m, "positive")
            if m.x_nonnegative:
                z = m.apply(m.x, negative_weights)
            else:
                z = m.apply_pair(m.x.clamp(min=0), m.x.clamp(max=0), negative_weights, positive_weights)
        return torch.div(R, z.clamp_(max=0).sub_(self.epsilon), out=z).mul_(self.beta)


@dataclass(frozen=True, slots=True)
class Gamma(_Base):
    """LRP-γ: contributions that agree in sign with y count 1 + γ times, the others once, with the bias treated alike.

    Args:
        gamma: 0 is LRP-ε, ∞ is z⁺; 0.25 is usual in lower convolutions.
        epsilon: added to denominators with their sign.

    Source: Montavon et al., LNCS 11700, 2019, §10.2.3 (inputs ≥ 0); signed inputs as generalised by Andéol et al.,
    2021: where y < 0 the negative contributions are the favoured ones.
    """

    gamma: float = 0.25
    epsilon: float = 1e-6

    def __post_init__(self) -> None:
        _positive("gamma", self.gamma)
        _positive("epsilon", self.epsilon)

    reads_output: ClassVar[bool] = True

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
            z = m.apply_pair(x_up, x_down, first, second)
            if m.bias is not None:
                favoured = m.bias.clamp(min=0) if first is up else m.bias.clamp(max=0)
                z.add_(m.bias_like(m.bias + self.gamma * favoured))
            s = divided(R, z, self.epsilon, False).mul_(active)
            a, b = m.transpose_pair(s, first, second)
            share = a.mul_(x_up).add_(b.mul_(x_down))
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

    vanishing: ClassVar[bool] = False

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

    vanishing: ClassVar[bool] = False

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

    vanishing: ClassVar[bool] = False

    def propagate(self, m: LinearMap, R: Tensor) -> Tensor:
        """Relevance of x."""
        return _input_free(m, R, part(m, "ones"), self.epsilon)


def divided(R: Tensor, y: Tensor, epsilon: float, nonnegative: bool) -> Tensor:
    """R / (y + ε·sign y) with sign 0 = 1, in a new tensor; ``nonnegative`` saves a pass."""
    # copysign is vectorised and 4 × faster than torch.where; the sign bit of −0.0 is as good a sign as any
    signed = epsilon if nonnegative else torch.copysign(torch.tensor(epsilon, dtype=y.dtype), y)
    stabilised = y + signed
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
