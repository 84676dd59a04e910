"""Quantities: parameters of images made ready to be compared between groups: where they lie, how much they vary."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from failatlas.arrays import Mask, Vector
from failatlas.rootcauses.columns import TRUTH, Column, Columns, as_texts, is_circular
from failatlas.rootcauses.intervals import number_from_json, number_to_json
from failatlas.statistics import circular_mean

if TYPE_CHECKING:
    from failatlas.parameters import Parameter, Space

Measure = Literal["variance", "circular variance", "Gini index"]

Matrix = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Location:
    """Where the values of one parameter lie in one group of images.

    Attributes:
        n: images whose value is known.
        mean: of numbers; the mean direction where circular; nan for choices.
        low, high: the range of numbers; where circular the shortest arc that holds all of them, from low upwards to
            high, through the end of the turn when low > high; nan for choices.
        typical: the most frequent choice; "" for numbers.
        share: of the known values that are the most frequent choice; nan for numbers.
    """

    n: int
    mean: float = math.nan
    low: float = math.nan
    high: float = math.nan
    typical: str = ""
    share: float = math.nan


@dataclass(frozen=True, slots=True)
class Quantity:
    """One parameter as it varies over all error-inducing images.

    Attributes:
        name: of the column.
        unit: e.g. ``"deg"``; empty when not declared.
        measure: what is compared. Choices by the Gini index, 1 − Σ shares²: our analogue, never part of "explained".
        overall: over all error-inducing images.
        period: of a full turn; 0 when not circular.
    """

    name: str
    unit: str
    measure: Measure
    overall: Location
    period: float = 0.0

    @property
    def is_choice(self) -> bool:
        """Whether its values are texts."""
        return self.measure == "Gini index"


@dataclass(frozen=True, slots=True, eq=False)
class Compared:
    """One parameter with its values and with the moments that give its dispersion in any group of rows.

    Moments are x, x² of numbers; cos, sin of directions; a 0/1 column a choice; 0 where the value is missing.
    """

    quantity: Quantity
    values: Column
    known: Vector  # (m,) 1 where the value is known
    moments: Matrix  # (m, k)
    low: float = 0.0  # where the turn of a circular one begins
    is_constant: bool = False

    def dispersion(self, sums: Matrix, n: Vector) -> Vector:
        """(groups,) variance, circular variance or Gini index; nan for fewer than two known values."""
        count = np.where(n >= 2, n, np.nan)
        if self.quantity.measure == "variance":
            found = (sums[:, 1] - sums[:, 0] ** 2 / count) / (count - 1)
        elif self.quantity.measure == "circular variance":
            found = 1 - np.hypot(sums[:, 0], sums[:, 1]) / count
        else:
            found = (1 - ((sums / count[:, None]) ** 2).sum(axis=1)) * count / (count - 1)
        return np.asarray(np.maximum(found, 0.0), np.float64)

    def located(self, rows: Mask) -> Location:
        """Where the values of some rows lie."""
        if not isinstance(self.values, np.ndarray):
            counts = Counter(value for value, inside in zip(self.values, rows, strict=True) if inside and value)
            if not counts:
                return Location(0)
            typical = min(counts, key=lambda value: (-counts[value], value))
            return Location(counts.total(), typical=typical, share=counts[typical] / counts.total())
        values = self.values[rows & (self.known > 0)]
        if not len(values):
            return Location(0)
        if self.quantity.period:
            return self._on_the_circle(values)
        scale = float(np.abs(values).max()) or 1.0  # before the sum, which could overflow
        return Location(len(values), scale * float((values / scale).mean()), float(values.min()), float(values.max()))

    def _on_the_circle(self, values: Vector) -> Location:
        period = self.quantity.period
        turn = np.sort((values - self.low) % period)
        gaps = np.append(turn[1:], turn[0] + period) - turn
        last = int(gaps.argmax())  # the arc begins where the widest gap ends
        mean = circular_mean(turn * (360 / period)) * (period / 360)
        first = turn[(last + 1) % len(turn)]
        return Location(len(values), self.low + mean, self.low + float(first), self.low + float(turn[last]))


def compared(columns: Columns, space: Space | None) -> list[Compared]:
    """The columns that are parameters and of which something is known, in order.

    Args:
        columns: metadata of the same m images.
        space: what the parameters are; without it every column of numbers is one.
    """
    found = [_compared(name, column, parameter) for name, column, parameter in _chosen(columns, space)]
    return [one for one in found if one is not None]


def _chosen(columns: Columns, space: Space | None) -> list[tuple[str, Column, Parameter | None]]:
    """The columns that are parameters; of what a schema declares those that the set has."""
    if space is not None:
        return [(one.name, columns[one.name], one) for one in space if one.name in columns and one.name not in TRUTH]
    numeric = ((name, column) for name, column in columns.items() if isinstance(column, np.ndarray))
    return [(name, column, None) for name, column in numeric if name not in TRUTH]


def _compared(name: str, column: Column, parameter: Parameter | None) -> Compared | None:
    """A column ready to be compared; None where nothing is known of it or its values are not of its kind."""
    if parameter is not None and parameter.choices:
        return _choices(name, as_texts(column), parameter.unit)
    if not isinstance(column, np.ndarray) or not np.isfinite(column).any():
        return None
    if parameter is not None and parameter.circular:
        return _directions(name, column, parameter.unit, parameter.low, parameter.high - parameter.low)
    if parameter is None and is_circular(name, column):
        return _directions(name, column, "deg", 0.0, 360.0)
    return _numbers(name, column, parameter.unit if parameter is not None else "")


def _numbers(name: str, column: Vector, unit: str) -> Compared:
    known = np.isfinite(column)
    # to [-1, 1] around the mean, so that squares neither overflow nor cancel
    x = np.where(known, column, 0.0) / (np.abs(column[known]).max() or 1.0)
    x = np.where(known, x - x[known].mean(), 0.0)
    is_constant = bool(column[known].min() == column[known].max())
    x = x / (np.abs(x).max() or 1.0)
    return _finished(name, unit, "variance", column, known, np.column_stack([x, x**2]), is_constant=is_constant)


def _directions(name: str, column: Vector, unit: str, low: float, period: float) -> Compared:
    known = np.isfinite(column)
    turn = np.where(known, column - low, 0.0) % period
    angle = turn * (2 * np.pi / period)
    moments = np.column_stack([np.cos(angle), np.sin(angle)]) * known[:, None]
    is_constant = bool(turn[known].min() == turn[known].max())
    return _finished(name, unit, "circular variance", column, known, moments, low, period, is_constant)


def _choices(name: str, texts: tuple[str, ...], unit: str) -> Compared | None:
    values = sorted({text for text in texts if text})
    if not values:
        return None
    place = {value: i for i, value in enumerate(values)}
    moments = np.zeros((len(texts), len(values)))
    for row, text in enumerate(texts):
        if text:
            moments[row, place[text]] = 1.0
    return _finished(name, unit, "Gini index", texts, moments.sum(axis=1) > 0, moments, is_constant=len(values) == 1)


def _finished(
    name: str,
    unit: str,
    measure: Measure,
    values: Column,
    known: Mask,
    moments: Matrix,
    low: float = 0.0,
    period: float = 0.0,
    is_constant: bool = False,
) -> Compared:
    open_ = Quantity(name, unit, measure, Location(0), period)
    one = Compared(open_, values, known.astype(np.float64), moments, low, is_constant)
    return replace(one, quantity=replace(open_, overall=one.located(np.ones(len(known), np.bool_))))


def location_to_json(location: Location) -> dict[str, object]:
    """Every field; null = not measured."""
    return {
        name: number_to_json(value) if isinstance(value, float) else value for name, value in asdict(location).items()
    }


def location_from_json(data: Mapping[str, Any]) -> Location:
    """The inverse of :func:`location_to_json`."""
    numbers = {name: number_from_json(data[name]) for name in ("mean", "low", "high", "share")}
    return Location(n=data["n"], typical=data["typical"], **numbers)
