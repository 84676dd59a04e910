"""Expressions: what a condition over scenes is made of; each holds or not, can be checked, and has a canonical text."""

from __future__ import annotations

import difflib
import operator
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TypeAlias

from failatlas.errors import UsageError
from failatlas.parameters import Parameter, Value, Values

_Comparison: TypeAlias = Callable[[Value, Value], bool]
ORDER: dict[str, _Comparison] = {">": operator.gt, ">=": operator.ge, "<": operator.lt, "<=": operator.le}
COMPARE: dict[str, _Comparison] = {**ORDER, "=": operator.eq, "!=": operator.ne}
KEYWORDS = ("and", "or", "not", "in", "abs")
NUMBER = r"[+-]?(?:\d+(?:\.\d+)?|\.\d+)(?:[eE][+-]?\d+)?(?!\w)"
WORD = r"\w+(?:-\w+)*"


@dataclass(frozen=True, slots=True)
class Quantity:
    """A name, or its absolute value."""

    name: str
    absolute: bool = False

    def of(self, values: Values, other: Value) -> Value:
        """Its value in a scene, of the same kind as ``other``."""
        if self.name not in values:
            raise unknown_name(self.name, tuple(values))
        value = values[self.name]
        if isinstance(value, str) != isinstance(other, str):
            kind = "a text" if isinstance(value, str) else "a number"
            raise _refused(self.name, other, f"compare it with {kind}, as it is {value!r} here")
        return abs(float(value)) if self.absolute else value

    def check(self, parameter: Parameter, value: Value) -> None:
        """Refuse what ``parameter`` cannot be."""
        if parameter.choices:
            if value not in parameter.choices:
                raise _refused(self.name, value, f"give {parameter.range}")
            return
        low, high = parameter.low, parameter.high
        if self.absolute:
            low, high = 0.0 if low <= 0 <= high else min(abs(low), abs(high)), max(abs(low), abs(high))
        if isinstance(value, str) or not low <= value <= high:
            limits = f"{low:g} … {high:g} {parameter.unit}".strip()
            raise _refused(self.text, value, f"give {limits if self.absolute else parameter.range}")

    @property
    def text(self) -> str:
        """Canonical, so that it parses to the same."""
        return f"abs({self.name})" if self.absolute else self.name


@dataclass(frozen=True, slots=True)
class Compare:
    """``quantity sign value``."""

    quantity: Quantity
    sign: str
    value: Value

    def holds(self, values: Values) -> bool:
        """Whether a scene fulfils it."""
        value = self.quantity.of(values, self.value)
        return value == value and COMPARE[self.sign](value, self.value)

    def check(self, parameter: Parameter) -> None:
        """Refuse what ``parameter`` cannot be."""
        self.quantity.check(parameter, self.value)

    def leaves(self) -> Iterator[Leaf]:
        """Its comparisons, from left to right."""
        yield self

    @property
    def text(self) -> str:
        """Canonical, so that it parses to the same."""
        return f"{self.quantity.text} {self.sign} {_shown(self.value)}"


@dataclass(frozen=True, slots=True)
class Between:
    """``low sign quantity sign high``; an arc has both ends, and passes through the turn when low > high."""

    quantity: Quantity
    low: float
    signs: tuple[str, str]
    high: float

    def holds(self, values: Values) -> bool:
        """Whether a scene fulfils it."""
        value = self.quantity.of(values, self.low)
        above = ORDER[self.signs[0]](self.low, value)
        below = ORDER[self.signs[1]](value, self.high)
        return (above or below) if self.low > self.high else (above and below)

    def check(self, parameter: Parameter) -> None:
        """Refuse what ``parameter`` cannot be."""
        self.quantity.check(parameter, self.low)
        self.quantity.check(parameter, self.high)
        if self.low > self.high and (not parameter.circular or self.quantity.absolute):
            span = f"{_shown(self.low)}..{_shown(self.high)}"
            raise UsageError(
                f"parameter {self.quantity.text!r} in {span}",
                remedy=f"give the smaller number first, within {parameter.range}",
                code="E_PARAMETER",
            )

    def leaves(self) -> Iterator[Leaf]:
        """Its comparisons, from left to right."""
        yield self

    @property
    def text(self) -> str:
        """Canonical, so that it parses to the same."""
        low, high = _shown(self.low), _shown(self.high)
        if self.low > self.high:
            return f"{self.quantity.text} in {low}..{high}"
        return f"{low} {self.signs[0]} {self.quantity.text} {self.signs[1]} {high}"


@dataclass(frozen=True, slots=True)
class Among:
    """``quantity in member|member``."""

    quantity: Quantity
    members: tuple[Value, ...]

    def holds(self, values: Values) -> bool:
        """Whether a scene fulfils it."""
        return any(self.quantity.of(values, member) == member for member in self.members)

    def check(self, parameter: Parameter) -> None:
        """Refuse what ``parameter`` cannot be."""
        for member in self.members:
            self.quantity.check(parameter, member)

    def leaves(self) -> Iterator[Leaf]:
        """Its comparisons, from left to right."""
        yield self

    @property
    def text(self) -> str:
        """Canonical, so that it parses to the same."""
        return f"{self.quantity.text} in {'|'.join(_shown(member) for member in self.members)}"


@dataclass(frozen=True, slots=True)
class Not:
    """The opposite of ``inner``."""

    inner: Node

    def holds(self, values: Values) -> bool:
        """Whether a scene fulfils it."""
        return not self.inner.holds(values)

    def leaves(self) -> Iterator[Leaf]:
        """Its comparisons, from left to right."""
        yield from self.inner.leaves()

    @property
    def text(self) -> str:
        """Canonical, so that it parses to the same."""
        return f"not {_bracketed(self.inner, All, AnyOf)}"


@dataclass(frozen=True, slots=True)
class All:
    """Every part holds."""

    parts: tuple[Node, ...]

    def holds(self, values: Values) -> bool:
        """Whether a scene fulfils it."""
        return all(part.holds(values) for part in self.parts)

    def leaves(self) -> Iterator[Leaf]:
        """Its comparisons, from left to right."""
        for part in self.parts:
            yield from part.leaves()

    @property
    def text(self) -> str:
        """Canonical, so that it parses to the same."""
        return " and ".join(_bracketed(part, All, AnyOf) for part in self.parts)


@dataclass(frozen=True, slots=True)
class AnyOf:
    """Some part holds."""

    parts: tuple[Node, ...]

    def holds(self, values: Values) -> bool:
        """Whether a scene fulfils it."""
        return any(part.holds(values) for part in self.parts)

    def leaves(self) -> Iterator[Leaf]:
        """Its comparisons, from left to right."""
        for part in self.parts:
            yield from part.leaves()

    @property
    def text(self) -> str:
        """Canonical, so that it parses to the same."""
        return " or ".join(_bracketed(part, AnyOf) for part in self.parts)


Leaf: TypeAlias = Compare | Between | Among
Node: TypeAlias = Leaf | Not | All | AnyOf


def unknown_name(name: str, names: tuple[str, ...]) -> UsageError:
    """``name`` is none of ``names``; the message offers the nearest."""
    near = difflib.get_close_matches(name, names, n=1)
    hint = f"did you mean {near[0]!r}? " if near else ""
    what = f"no parameter or label {name!r}"
    return UsageError(what, remedy=f"{hint}there are: {', '.join(names)}", code="E_PARAMETER")


def _bracketed(node: Node, *kinds: type[All | AnyOf]) -> str:
    return f"({node.text})" if isinstance(node, kinds) else node.text


def _shown(value: Value) -> str:
    if not isinstance(value, str):
        return repr(float(value)).removesuffix(".0")
    if re.fullmatch(WORD, value) and not re.fullmatch(NUMBER, value) and value.lower() not in KEYWORDS:
        return value
    quote = '"' if "'" in value else "'"
    return f"{quote}{value}{quote}"


def _refused(name: str, value: Value, remedy: str) -> UsageError:
    return UsageError(f"parameter {name!r} is compared with {value!r}", remedy=remedy, code="E_PARAMETER")
