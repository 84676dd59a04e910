r"""Condition: which scenes are meant, over parameters and labels by name, as a person writes it.

>>> where = Condition.parse("abs(head_yaw) > 30 and glasses = sun")
>>> where.holds({"head_yaw": -41.0, "glasses": "sun"}), where.holds({"head_yaw": -41.0, "glasses": "none"})
(True, False)

| written | means |
|---|---|
| `yaw > 30`, `yaw >= 30`, `yaw < 30`, `yaw <= 30`, `30 < yaw` | a number on one side of another |
| `10 <= yaw < 20`, `yaw in 10..20` | between two; `..` has both ends, and `sun in 350..10` passes through the turn |
| `time = dusk`, `time == dusk`, `time != dusk` | a text or a number that is equalled, or not |
| `time in dusk\|night`, `time not in dusk\|night` | one of several, or none of them |
| `abs(yaw) > 30` | of the number without its sign |
| `not …`, `… and …`, `… or …`, `( … )` | in this order of strength |
| `'50'`, `"not"` | quotes for a text that looks like a number or a word of the language |

A number that could not be measured (nan) satisfies no comparison.
"""

from __future__ import annotations

import difflib
import math
import operator
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import NoReturn, TypeAlias

from failatlas.errors import UsageError
from failatlas.parameters import Parameter, Space, Value, Values

_Comparison: TypeAlias = Callable[[Value, Value], bool]
_ORDER: dict[str, _Comparison] = {">": operator.gt, ">=": operator.ge, "<": operator.lt, "<=": operator.le}
_COMPARE: dict[str, _Comparison] = {**_ORDER, "=": operator.eq, "!=": operator.ne}
_TURNED = {">": "<", ">=": "<=", "<": ">", "<=": ">=", "=": "=", "!=": "!="}  # 30 < yaw is yaw > 30
_SAME = {"==": "=", "≥": ">=", "≤": "<=", "≠": "!="}
_KEYWORDS = ("and", "or", "not", "in", "abs")
_MOST_NESTED = 50  # Python's own stack would end at some hundred
_EXAMPLE = 'write e.g. "head_yaw > 30 and glasses = sun"'
_TOKEN = re.compile(
    r"\s*(?:(?P<number>[+-]?(?:\d+(?:\.\d+)?|\.\d+)(?:[eE][+-]?\d+)?(?!\w))"
    r"|(?P<word>\w+(?:-\w+)*)"
    r"|'(?P<single>[^']*)'|\"(?P<double>[^\"]*)\""
    r"|(?P<sign>>=|<=|==|!=|\.\.|[><=≥≤≠|()])"
    r"|(?P<end>\Z))"
)


@dataclass(frozen=True, slots=True, repr=False)
class Condition:
    """What a scene must fulfil; its ``repr`` is the canonical text, which parses to an equal condition.

    Attributes:
        root: the parsed expression.
    """

    root: _Node

    @classmethod
    def parse(cls, text: str) -> Condition:
        """The condition that ``text`` says, in the language of this module.

        Raises:
            UsageError: it says none; names the place.
        """
        return cls(_Parser(text).parsed())

    @property
    def names(self) -> tuple[str, ...]:
        """Parameters and labels it speaks of, in order of first mention."""
        return tuple(dict.fromkeys(leaf.quantity.name for leaf in self.root.leaves()))

    def holds(self, values: Values) -> bool:
        """Whether a scene with these parameters and labels fulfils it.

        Raises:
            UsageError: a name is missing, or a text is compared with a number.
        """
        return self.root.holds(values)

    def check(self, known: Space | Iterable[str]) -> None:
        """Refuse a condition that cannot be meant.

        Args:
            known: the space of the simulator, or merely the names there are.

        Raises:
            UsageError: an unknown name (with the nearest known one); of a space also a text compared with a number, a
                value outside the range or none of the choices: names parameter, value and range.
        """
        names = known.names if isinstance(known, Space) else tuple(known)
        for leaf in self.root.leaves():
            if leaf.quantity.name not in names:
                raise _unknown(leaf.quantity.name, names)
            if isinstance(known, Space):
                leaf.check(known[leaf.quantity.name])

    def __repr__(self) -> str:
        return self.root.text


@dataclass(frozen=True, slots=True)
class _Quantity:
    """A name, or its absolute value."""

    name: str
    absolute: bool = False

    def of(self, values: Values, other: Value) -> Value:
        """Its value in a scene, of the same kind as ``other``."""
        if self.name not in values:
            raise _unknown(self.name, tuple(values))
        value = values[self.name]
        if isinstance(value, str) != isinstance(other, str):
            kind = "a text" if isinstance(value, str) else "a number"
            raise _refused(self.name, other, f"compare it with {kind}, as it is {value!r} here")
        return abs(float(value)) if self.absolute else value

    def check(self, parameter: Parameter, value: Value) -> None:
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
        return f"abs({self.name})" if self.absolute else self.name


@dataclass(frozen=True, slots=True)
class _Compare:
    """``quantity sign value``."""

    quantity: _Quantity
    sign: str
    value: Value

    def holds(self, values: Values) -> bool:
        value = self.quantity.of(values, self.value)
        return value == value and _COMPARE[self.sign](value, self.value)

    def check(self, parameter: Parameter) -> None:
        self.quantity.check(parameter, self.value)

    def leaves(self) -> Iterator[_Leaf]:
        yield self

    @property
    def text(self) -> str:
        return f"{self.quantity.text} {self.sign} {_shown(self.value)}"


@dataclass(frozen=True, slots=True)
class _Between:
    """``low sign quantity sign high``; an arc has both ends, and passes through the turn when low > high."""

    quantity: _Quantity
    low: float
    signs: tuple[str, str]
    high: float

    def holds(self, values: Values) -> bool:
        value = self.quantity.of(values, self.low)
        above = _ORDER[self.signs[0]](self.low, value)
        below = _ORDER[self.signs[1]](value, self.high)
        return (above or below) if self.low > self.high else (above and below)

    def check(self, parameter: Parameter) -> None:
        self.quantity.check(parameter, self.low)
        self.quantity.check(parameter, self.high)
        if self.low > self.high and (not parameter.circular or self.quantity.absolute):
            span = f"{_shown(self.low)}..{_shown(self.high)}"
            raise UsageError(
                f"parameter {self.quantity.text!r} in {span}",
                remedy=f"give the smaller number first, within {parameter.range}",
                code="E_PARAMETER",
            )

    def leaves(self) -> Iterator[_Leaf]:
        yield self

    @property
    def text(self) -> str:
        low, high = _shown(self.low), _shown(self.high)
        if self.low > self.high:
            return f"{self.quantity.text} in {low}..{high}"
        return f"{low} {self.signs[0]} {self.quantity.text} {self.signs[1]} {high}"


@dataclass(frozen=True, slots=True)
class _Among:
    """``quantity in member|member``."""

    quantity: _Quantity
    members: tuple[Value, ...]

    def holds(self, values: Values) -> bool:
        return any(self.quantity.of(values, member) == member for member in self.members)

    def check(self, parameter: Parameter) -> None:
        for member in self.members:
            self.quantity.check(parameter, member)

    def leaves(self) -> Iterator[_Leaf]:
        yield self

    @property
    def text(self) -> str:
        return f"{self.quantity.text} in {'|'.join(_shown(member) for member in self.members)}"


@dataclass(frozen=True, slots=True)
class _Not:
    inner: _Node

    def holds(self, values: Values) -> bool:
        return not self.inner.holds(values)

    def leaves(self) -> Iterator[_Leaf]:
        yield from self.inner.leaves()

    @property
    def text(self) -> str:
        return f"not {_bracketed(self.inner, _All, _Any)}"


@dataclass(frozen=True, slots=True)
class _All:
    parts: tuple[_Node, ...]

    def holds(self, values: Values) -> bool:
        return all(part.holds(values) for part in self.parts)

    def leaves(self) -> Iterator[_Leaf]:
        for part in self.parts:
            yield from part.leaves()

    @property
    def text(self) -> str:
        return " and ".join(_bracketed(part, _All, _Any) for part in self.parts)


@dataclass(frozen=True, slots=True)
class _Any:
    parts: tuple[_Node, ...]

    def holds(self, values: Values) -> bool:
        return any(part.holds(values) for part in self.parts)

    def leaves(self) -> Iterator[_Leaf]:
        for part in self.parts:
            yield from part.leaves()

    @property
    def text(self) -> str:
        return " or ".join(_bracketed(part, _Any) for part in self.parts)


_Leaf: TypeAlias = _Compare | _Between | _Among
_Node: TypeAlias = _Leaf | _Not | _All | _Any


@dataclass(frozen=True, slots=True)
class _Token:
    kind: str  # number, text (quoted), word, sign, end
    text: str
    place: int  # of its first character, from 1

    @property
    def keyword(self) -> str:
        """The word of the language it is, or nothing."""
        lower = self.text.lower()
        return lower if self.kind == "word" and lower in _KEYWORDS else ""

    @property
    def shown(self) -> str:
        return "the end" if self.kind == "end" else repr(self.text)


class _Parser:
    """Recursive descent: or, and, not, comparison."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._tokens = list(self._split())
        self._at = 0
        self._nested = 0

    def parsed(self) -> _Node:
        node = self._any()
        if self._next.kind != "end":
            self._expected("'and', 'or' or the end")
        return node

    def _any(self) -> _Node:
        parts = [self._all()]
        while self._taken_word("or"):
            parts.append(self._all())
        return _joined(_Any, parts)

    def _all(self) -> _Node:
        parts = [self._not()]
        while self._taken_word("and"):
            parts.append(self._not())
        return _joined(_All, parts)

    def _not(self) -> _Node:
        if self._nested >= _MOST_NESTED:
            self._fail(f"nested more than {_MOST_NESTED} deep")
        self._nested += 1
        if self._taken_word("not"):
            node: _Node = _Not(self._not())
        elif self._taken_sign("("):
            node = self._any()
            if not self._taken_sign(")"):
                self._expected("')'")
        else:
            node = self._comparison()
        self._nested -= 1
        return node

    def _comparison(self) -> _Node:
        if self._next.kind == "number":
            return self._turned(self._number())
        quantity = self._quantity()
        if self._next.keyword == "not" and self._tokens[self._at + 1].keyword == "in":
            self._at += 1
            return _Not(self._membership(quantity))
        if self._next.keyword == "in":
            return self._membership(quantity)
        sign = self._sign()
        value = self._value()
        if isinstance(value, str) and sign in _ORDER:
            self._at -= 1
            self._fail(f"a text has no order, so it cannot be {sign} {value!r}")
        return _Compare(quantity, sign, value)

    def _turned(self, low: float) -> _Node:
        """``low sign quantity``, and a second bound if there is one."""
        first = self._sign()
        quantity = self._quantity()
        if self._next.kind != "sign" or self._next.text not in _COMPARE:
            return _Compare(quantity, _TURNED[first], low)
        place = self._at
        second = self._sign()
        high = self._number()
        if first in (">", ">=") and second in (">", ">="):
            low, high, first, second = high, low, _TURNED[second], _TURNED[first]
        if first not in ("<", "<=") or second not in ("<", "<="):
            self._at = place
            self._fail(f"{first} and {second} make no range")
        if low > high or (low == high and "<" in (first, second)):
            self._at = place
            self._fail("nothing lies in that range")
        return _Between(quantity, low, (first, second), high)

    def _membership(self, quantity: _Quantity) -> _Node:
        self._at += 1
        value = self._value()
        if isinstance(value, float) and self._taken_sign(".."):
            return _Between(quantity, value, ("<=", "<="), self._number())
        members = [value]
        while self._taken_sign("|"):
            members.append(self._value())
        return _Among(quantity, tuple(dict.fromkeys(members)))

    def _quantity(self) -> _Quantity:
        if self._next.keyword == "abs":
            self._at += 1
            if not self._taken_sign("("):
                self._expected("'('")
            name = self._name()
            if not self._taken_sign(")"):
                self._expected("')'")
            return _Quantity(name, absolute=True)
        return _Quantity(self._name())

    def _name(self) -> str:
        if self._next.kind != "word" or self._next.keyword:
            self._expected("a name")
        return self._taken().text

    def _sign(self) -> str:
        if self._next.kind != "sign" or self._next.text not in _COMPARE:
            self._expected("one of > >= < <= = != in")
        return self._taken().text

    def _number(self) -> float:
        if self._next.kind != "number":
            self._expected("a number")
        number = float(self._next.text)
        if not math.isfinite(number):
            self._fail(f"{self._next.text} is too large a number")
        self._at += 1
        return number

    def _value(self) -> Value:
        if self._next.kind == "number":
            return self._number()
        if self._next.keyword or self._next.kind not in ("word", "text"):
            self._expected("a number or a text")
        return self._taken().text

    @property
    def _next(self) -> _Token:
        return self._tokens[self._at]

    def _taken(self) -> _Token:
        self._at += 1
        return self._tokens[self._at - 1]

    def _taken_word(self, word: str) -> bool:
        found = self._next.keyword == word
        self._at += found
        return found

    def _taken_sign(self, sign: str) -> bool:
        found = self._next.kind == "sign" and self._next.text == sign
        self._at += found
        return found

    def _expected(self, what: str) -> NoReturn:
        self._fail(f"expected {what}, found {self._next.shown}")

    def _fail(self, reason: str) -> NoReturn:
        raise _malformed(self._text, reason, self._next.place)

    def _split(self) -> Iterator[_Token]:
        at = 0
        while True:
            found = _TOKEN.match(self._text, at)
            if found is None:
                at += len(self._text[at:]) - len(self._text[at:].lstrip())
                raise _malformed(self._text, f"{self._text[at]!r} is not understood", at + 1)
            kind = str(found.lastgroup)
            text = found[kind]
            place = found.start(kind) + 1
            if kind in ("single", "double"):
                kind, place = "text", place - 1
            yield _Token(kind, _SAME.get(text, text) if kind == "sign" else text, place)
            if kind == "end":
                return
            at = found.end()


def _joined(kind: type[_All | _Any], parts: list[_Node]) -> _Node:
    return parts[0] if len(parts) == 1 else kind(tuple(parts))


def _bracketed(node: _Node, *kinds: type[_All | _Any]) -> str:
    return f"({node.text})" if isinstance(node, kinds) else node.text


def _shown(value: Value) -> str:
    if not isinstance(value, str):
        return repr(float(value)).removesuffix(".0")
    found = _TOKEN.fullmatch(value)
    if found and found.lastgroup == "word" and found["word"] == value and value.lower() not in _KEYWORDS:
        return value
    quote = '"' if "'" in value else "'"
    return f"{quote}{value}{quote}"


def _malformed(text: str, reason: str, place: int) -> UsageError:
    shown = text if len(text) <= 80 else text[:79] + "…"
    return UsageError(f"condition {shown!r}: {reason}", where=f"character {place}", remedy=_EXAMPLE)


def _refused(name: str, value: Value, remedy: str) -> UsageError:
    return UsageError(f"parameter {name!r} is compared with {value!r}", remedy=remedy, code="E_PARAMETER")


def _unknown(name: str, names: tuple[str, ...]) -> UsageError:
    near = difflib.get_close_matches(name, names, n=1)
    hint = f"did you mean {near[0]!r}? " if near else ""
    what = f"no parameter or label {name!r}"
    return UsageError(what, remedy=f"{hint}there are: {', '.join(names)}", code="E_PARAMETER")
