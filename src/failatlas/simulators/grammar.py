"""Grammar: the text of a condition, read by recursive descent: or, and, not, comparison. Nothing in it becomes code."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NoReturn

from failatlas.errors import UsageError
from failatlas.parameters import Value
from failatlas.simulators.expressions import (
    COMPARE,
    KEYWORDS,
    NUMBER,
    ORDER,
    WORD,
    All,
    Among,
    AnyOf,
    Between,
    Compare,
    Node,
    Not,
    Quantity,
)

_TURNED = {">": "<", ">=": "<=", "<": ">", "<=": ">=", "=": "=", "!=": "!="}  # 30 < yaw is yaw > 30
_SAME = {"==": "=", "≥": ">=", "≤": "<=", "≠": "!="}
_MOST_NESTED = 50  # Python's own stack would end at some hundred
_EXAMPLE = 'write e.g. "head_yaw > 30 and glasses = sun"'
_TOKEN = re.compile(
    rf"\s*(?:(?P<number>{NUMBER})|(?P<word>{WORD})"
    r"|'(?P<single>[^']*)'|\"(?P<double>[^\"]*)\""
    r"|(?P<sign>>=|<=|==|!=|\.\.|[><=≥≤≠|()])"
    r"|(?P<end>\Z))"
)


def parsed(text: str) -> Node:
    """The expression that ``text`` says.

    Raises:
        UsageError: it says none; names the place.
    """
    return _Parser(text).parsed()


@dataclass(frozen=True, slots=True)
class _Token:
    kind: str  # number, text (quoted), word, sign, end
    text: str
    place: int  # of its first character, from 1

    @property
    def keyword(self) -> str:
        """The word of the language it is, or nothing."""
        lower = self.text.lower()
        return lower if self.kind == "word" and lower in KEYWORDS else ""

    @property
    def shown(self) -> str:
        return "the end" if self.kind == "end" else repr(self.text)


class _Parser:
    """One text; every method takes in what its name says."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._tokens = list(self._split())
        self._at = 0
        self._nested = 0

    def parsed(self) -> Node:
        node = self._any()
        if self._next.kind != "end":
            self._expected("'and', 'or' or the end")
        return node

    def _any(self) -> Node:
        parts = [self._all()]
        while self._taken_word("or"):
            parts.append(self._all())
        return _joined(AnyOf, parts)

    def _all(self) -> Node:
        parts = [self._not()]
        while self._taken_word("and"):
            parts.append(self._not())
        return _joined(All, parts)

    def _not(self) -> Node:
        if self._nested >= _MOST_NESTED:
            self._fail(f"nested more than {_MOST_NESTED} deep")
        self._nested += 1
        if self._taken_word("not"):
            node: Node = Not(self._not())
        elif self._taken_sign("("):
            node = self._any()
            if not self._taken_sign(")"):
                self._expected("')'")
        else:
            node = self._comparison()
        self._nested -= 1
        return node

    def _comparison(self) -> Node:
        if self._next.kind == "number":
            return self._turned(self._number())
        quantity = self._quantity()
        if self._next.keyword == "not" and self._tokens[self._at + 1].keyword == "in":
            self._at += 1
            return Not(self._membership(quantity))
        if self._next.keyword == "in":
            return self._membership(quantity)
        sign = self._sign()
        value = self._value()
        if isinstance(value, str) and sign in ORDER:
            self._at -= 1
            self._fail(f"a text has no order, so it cannot be {sign} {value!r}")
        return Compare(quantity, sign, value)

    def _turned(self, low: float) -> Node:
        """``low sign quantity``, and a second bound if there is one."""
        first = self._sign()
        quantity = self._quantity()
        if self._next.kind != "sign" or self._next.text not in COMPARE:
            return Compare(quantity, _TURNED[first], low)
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
        return Between(quantity, low, (first, second), high)

    def _membership(self, quantity: Quantity) -> Node:
        self._at += 1
        value = self._value()
        if isinstance(value, float) and self._taken_sign(".."):
            return Between(quantity, value, ("<=", "<="), self._number())
        members = [value]
        while self._taken_sign("|"):
            members.append(self._value())
        return Among(quantity, tuple(dict.fromkeys(members)))

    def _quantity(self) -> Quantity:
        if self._next.keyword == "abs":
            self._at += 1
            if not self._taken_sign("("):
                self._expected("'('")
            name = self._name()
            if not self._taken_sign(")"):
                self._expected("')'")
            return Quantity(name, absolute=True)
        return Quantity(self._name())

    def _name(self) -> str:
        if self._next.kind != "word" or self._next.keyword:
            self._expected("a name")
        return self._taken().text

    def _sign(self) -> str:
        if self._next.kind != "sign" or self._next.text not in COMPARE:
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


def _joined(kind: type[All | AnyOf], parts: list[Node]) -> Node:
    return parts[0] if len(parts) == 1 else kind(tuple(parts))


def _malformed(text: str, reason: str, place: int) -> UsageError:
    shown = text if len(text) <= 80 else text[:79] + "…"
    return UsageError(f"condition {shown!r}: {reason}", where=f"character {place}", remedy=_EXAMPLE)
