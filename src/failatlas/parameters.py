"""Parameters: named quantities with kind, unit and range, by which a scene is described and searched.

A simulator declares a `Space`; a picture is one point of it. Values are numbers or, for choices, texts.

>>> space = Space((Parameter("yaw", low=-90, high=90, unit="deg"), Parameter("time", choices=("day", "night"))))
>>> space.validated({"yaw": 30})
{'yaw': 30.0, 'time': 'day'}
>>> space.to_vector({"yaw": 45, "time": "night"})
array([0.5, 0.5])
>>> space.from_vector([0.5, 0.5])
{'yaw': 45.0, 'time': 'night'}
"""

from __future__ import annotations

import difflib
import json
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias, final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from failatlas.arrays import freeze
from failatlas.errors import DataError, UsageError

Value: TypeAlias = float | str
Values: TypeAlias = Mapping[str, Value]
Kind: TypeAlias = Literal["number", "integer", "choice"]

SCHEMA = 1  # of the JSON form
_NAME = re.compile(r"[a-z][a-z0-9_]*")


@dataclass(frozen=True, slots=True)
class Parameter:
    """One quantity of a scene.

    Attributes:
        name: lower case, digits and underscores.
        low, high: the closed range of a number or integer; of a choice, 0 and the last position.
        default: the value when nobody says otherwise; the middle of the range, or the first choice.
        unit: e.g. ``"deg"``, ``"cm"``, ``"1/m"``; empty for a share or a choice.
        choices: the texts a choice may take; a parameter with choices is of kind ``"choice"``.
        integer: whole numbers only.
        circular: ``high`` is the same place as ``low``, as for an azimuth; values beyond wrap around.
        meaning: what it does, in a few words.

    Raises:
        UsageError: a malformed name, an empty range, or a default outside it.
    """

    name: str
    low: float = 0.0
    high: float = 1.0
    default: Value | None = None
    unit: str = ""
    choices: tuple[str, ...] = ()
    integer: bool = False
    circular: bool = False
    meaning: str = ""

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.name):
            raise UsageError(f"parameter name {self.name!r}", remedy="lower case letters, digits and _")
        choices = tuple(str(choice) for choice in self.choices)
        object.__setattr__(self, "choices", choices)
        if choices:
            object.__setattr__(self, "low", 0.0)
            object.__setattr__(self, "high", float(len(choices) - 1))
            if len(set(choices)) < len(choices) or self.circular or self.integer:
                raise UsageError(f"parameter {self.name!r}: choices must differ, and are neither circular nor integer")
        elif not (math.isfinite(self.low) and math.isfinite(self.high) and self.low < self.high):
            raise UsageError(
                f"parameter {self.name!r} has the range {self.low} … {self.high}", remedy="give low < high"
            )
        if self.default is None:
            middle = (self.low + self.high) / 2
            object.__setattr__(self, "default", choices[0] if choices else round(middle) if self.integer else middle)
        object.__setattr__(self, "default", self.checked(self.default))

    @property
    def kind(self) -> Kind:
        """``"number"``, ``"integer"`` or ``"choice"``."""
        return "choice" if self.choices else "integer" if self.integer else "number"

    @property
    def range(self) -> str:
        """The values it may take, in words.

        >>> Parameter("yaw", low=-90, high=90, unit="deg").range
        '-90 … 90 deg'
        """
        if self.choices:
            return " | ".join(self.choices)
        return f"{self.low:g} … {self.high:g} {self.unit}".strip() + (" (circular)" if self.circular else "")

    def checked(self, value: object) -> Value:
        """``value`` as the simulator takes it.

        Raises:
            UsageError: it is outside the range, no number, or none of the choices; names parameter, value and range.
        """
        if self.choices:
            if isinstance(value, str) and value in self.choices:
                return value
            raise self._refused(value)
        if isinstance(value, bool | str) or not _is_finite(value):
            raise self._refused(value)
        number = float(value)  # type: ignore[arg-type]  # finite, so a number
        if self.circular:
            number = self.low + (number - self.low) % (self.high - self.low)
        if not self.low <= number <= self.high or (self.integer and number != round(number)):
            raise self._refused(value)
        return number

    def to_unit(self, value: Value) -> float:
        """``value`` as a coordinate in [-1, 1]; a choice lies in the middle of its share of the interval."""
        if self.choices:
            return (2 * self.choices.index(str(value)) + 1) / len(self.choices) - 1
        return 2 * (float(value) - self.low) / (self.high - self.low) - 1

    def from_unit(self, coordinate: float) -> Value:
        """The value at a coordinate; beyond [-1, 1] a circular parameter wraps, any other stops at its bound."""
        if self.circular:
            coordinate = (coordinate + 1) % 2 - 1
        coordinate = min(1.0, max(-1.0, coordinate))
        if self.choices:
            return self.choices[min(len(self.choices) - 1, int((coordinate + 1) / 2 * len(self.choices)))]
        number = min(self.high, max(self.low, self.low + (coordinate + 1) / 2 * (self.high - self.low)))
        return float(math.floor(number + 0.5)) if self.integer else number

    def to_json(self) -> dict[str, object]:
        """As stored in ``parameters.json`` and spoken by simulators of users."""
        row: dict[str, object] = {"name": self.name, "kind": self.kind, "default": self.default, "unit": self.unit}
        row |= {"choices": list(self.choices)} if self.choices else {"low": self.low, "high": self.high}
        return row | {"circular": self.circular, "meaning": self.meaning}

    def _refused(self, value: object) -> UsageError:
        shown = repr(value)[:60]
        return UsageError(f"parameter {self.name!r} is {shown}", remedy=f"give {self.range}", code="E_PARAMETER")


@final
class Space:
    """An ordered set of parameters.

    Raises:
        UsageError: two share a name.
    """

    __slots__ = ("_by_name", "parameters")

    def __init__(self, parameters: Sequence[Parameter]) -> None:
        self.parameters = tuple(parameters)
        self._by_name = {parameter.name: parameter for parameter in self.parameters}
        if len(self._by_name) < len(self.parameters):
            raise UsageError("two parameters share a name", where=", ".join(p.name for p in self.parameters))

    def __iter__(self) -> Iterator[Parameter]:
        return iter(self.parameters)

    def __len__(self) -> int:
        return len(self.parameters)

    def __contains__(self, name: object) -> bool:
        return name in self._by_name

    def __getitem__(self, name: str) -> Parameter:
        if name not in self._by_name:
            raise self._unknown(name)
        return self._by_name[name]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Space) and self.parameters == other.parameters

    def __hash__(self) -> int:
        return hash(self.parameters)

    def __repr__(self) -> str:
        return f"<Space {len(self)} parameters: {', '.join(self.names[:6])}{', …' if len(self) > 6 else ''}>"

    @property
    def names(self) -> tuple[str, ...]:
        """All names, in order."""
        return tuple(self._by_name)

    @property
    def defaults(self) -> dict[str, Value]:
        """Every parameter at its default."""
        return {p.name: p.default for p in self.parameters if p.default is not None}

    def validated(self, values: Values) -> dict[str, Value]:
        """All parameters in order: what ``values`` says, defaults for the rest.

        Raises:
            UsageError: an unknown name (with the nearest known one), or a value outside its range.
        """
        for name in values:
            if name not in self._by_name:
                raise self._unknown(name)
        return {p.name: p.checked(values.get(p.name, p.default)) for p in self.parameters}

    def draw(self, random: np.random.Generator, **fixed: Value) -> dict[str, Value]:
        """A point drawn uniformly, except for what is fixed."""
        point = self.from_vector(random.uniform(-1, 1, len(self)))
        return self.validated(point | fixed)

    def to_vector(self, values: Values) -> NDArray[np.float64]:
        """(d,) coordinates in [-1, 1], in the order of the parameters; for search."""
        full = self.validated(values)
        return freeze(np.array([p.to_unit(full[p.name]) for p in self.parameters], np.float64))

    def from_vector(self, vector: ArrayLike) -> dict[str, Value]:
        """The point at coordinates in [-1, 1]; numbers beyond stop at the bound or wrap.

        Raises:
            UsageError: not one finite coordinate a parameter.
        """
        coordinates = np.asarray(vector, np.float64)
        if coordinates.shape != (len(self),) or not np.isfinite(coordinates).all():
            raise UsageError(f"a vector of shape {coordinates.shape}", remedy=f"give {len(self)} finite coordinates")
        return {p.name: p.from_unit(float(x)) for p, x in zip(self.parameters, coordinates, strict=True)}

    def subset(self, names: Sequence[str]) -> Space:
        """The space of some parameters, e.g. of those that are searched."""
        return Space([self[name] for name in names])

    def to_json(self) -> dict[str, object]:
        """``{"schema": 1, "parameters": [...]}``, as in ``parameters.json``."""
        return {"schema": SCHEMA, "parameters": [parameter.to_json() for parameter in self.parameters]}

    @classmethod
    def from_json(cls, document: object, where: str = "") -> Space:
        """The space of a parsed JSON document.

        Raises:
            DataError: it does not have that form; names the entry and the field.
        """
        rows = document.get("parameters") if isinstance(document, dict) else None
        if not isinstance(document, dict) or document.get("schema") != SCHEMA or not isinstance(rows, list):
            raise DataError(
                "not a table of parameters", where=where, remedy='write {"schema": 1, "parameters": [{"name": …}]}'
            )
        try:
            return cls([_parameter(row, f"parameter {number}") for number, row in enumerate(rows)])
        except UsageError as error:  # the file is at fault, not the command line
            raise DataError(error.what, where=where, remedy=error.remedy) from error

    def to_text(self) -> str:
        """The JSON as text that ends with a line break."""
        return json.dumps(self.to_json(), ensure_ascii=False, indent=1) + "\n"

    def _unknown(self, name: str) -> UsageError:
        near = difflib.get_close_matches(name, self.names, n=1)
        hint = f"did you mean {near[0]!r}? " if near else ""
        return UsageError(
            f"no parameter {name!r}", remedy=f"{hint}there are: {', '.join(self.names)}", code="E_PARAMETER"
        )


_FIELDS = {"name", "kind", "low", "high", "default", "unit", "choices", "circular", "meaning"}


def _parameter(row: object, entry: str) -> Parameter:
    if not isinstance(row, dict) or not isinstance(row.get("name"), str):
        raise UsageError(f"{entry} has no name", remedy='give {"name": …, "low": …, "high": …}')
    what = f"{entry} ({row['name'][:40]!r})"
    unknown = set(row) - _FIELDS
    if unknown:
        raise UsageError(f"{what} has the unknown field {sorted(unknown)[0]!r}", remedy=f"known: {sorted(_FIELDS)}")
    kind = row.get("kind", "choice" if row.get("choices") else "number")
    choices = row.get("choices", [])
    bounds = (row.get("low", 0.0), row.get("high", 1.0))
    if kind not in ("number", "integer", "choice") or (kind == "choice") != bool(choices):
        raise UsageError(f"{what} is of kind {kind!r}", remedy="number, integer, or choice with its choices")
    if not isinstance(choices, list) or not all(isinstance(choice, str) for choice in choices):
        raise UsageError(f"{what}: choices are no list of texts")
    if not all(_is_finite(bound) and not isinstance(bound, str | bool) for bound in bounds):
        raise UsageError(f"{what} has the range {bounds[0]!r} … {bounds[1]!r}", remedy="give numbers")
    if not all(isinstance(row.get(name, ""), str) for name in ("unit", "meaning")):
        raise UsageError(f"{what}: unit and meaning are texts")
    return Parameter(
        row["name"],
        float(bounds[0]),
        float(bounds[1]),
        default=row.get("default"),
        unit=row.get("unit", ""),
        choices=tuple(choices),
        integer=kind == "integer",
        circular=bool(row.get("circular", False)),
        meaning=row.get("meaning", ""),
    )


def _is_finite(value: object) -> bool:
    try:
        return math.isfinite(value)  # type: ignore[arg-type]  # what is no number raises
    except (TypeError, OverflowError):
        return False
