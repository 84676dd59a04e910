"""Intervals as JSON: null where a number is nan or infinite, so that the form stays strict."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from failatlas.statistics import Interval


def not_measured(n: int = 0) -> Interval:
    """The interval of a share that could not be measured: nan, which no text and no JSON shows."""
    return Interval(math.nan, 0.0, 1.0, n, "not measured")


def number_to_json(value: float) -> float | None:
    """A number, or null where there is none."""
    return value if math.isfinite(value) else None


def number_from_json(value: float | None) -> float:
    """The inverse of :func:`number_to_json`; what was not finite is nan."""
    return math.nan if value is None else float(value)


def interval_to_json(interval: Interval) -> dict[str, object]:
    """Every field of an interval."""
    return {
        "value": number_to_json(interval.value),
        "low": number_to_json(interval.low),
        "high": number_to_json(interval.high),
        "n": interval.n,
        "method": interval.method,
    }


def interval_from_json(data: Mapping[str, Any]) -> Interval:
    """The inverse of :func:`interval_to_json`."""
    value, low, high = (number_from_json(data[name]) for name in ("value", "low", "high"))
    return Interval(value, low, high, data["n"], data["method"])
