"""Curves: how an automatic parameter was chosen, kept so that the choice can be looked at and doubted."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from failatlas.arrays import Vector
from failatlas.markup import Html, coordinate, element, number, visible

_WIDTH, _HEIGHT = 360, 210  # viewBox units; the page scales them
_LEFT, _RIGHT, _TOP, _BOTTOM = 52, 14, 14, 36
_MOST_POINTS = 400  # a k-distance curve has one point an image; more than the picture's pixels only cost bytes


@dataclass(frozen=True, slots=True, eq=False)
class Curve:
    """One criterion over the values of one parameter.

    Attributes:
        parameter: what was chosen, e.g. ``"n_clusters"`` or ``"eps"``; the x axis.
        criterion: what was looked at, e.g. ``"WICD"``; the y axis.
        x: (m,) float64, values tried, ascending.
        y: (m,) float64, the criterion at each.
        chosen: the value taken.
        rule: how it was taken, e.g. ``"knee"``, ``"maximum"``, ``"90th percentile: no knee"``.
    """

    parameter: str
    criterion: str
    x: Vector
    y: Vector
    chosen: float
    rule: str

    def __repr__(self) -> str:
        return f"<Curve {self.criterion} over {self.parameter}: {len(self.x)} values, {self.chosen:g} by {self.rule}>"

    def _repr_html_(self) -> Html:
        """The curve as a figure with the chosen value marked; the report shows the same."""
        caption = element(
            "figcaption",
            element("b", f"{visible(self.parameter)} = {number(self.chosen)}"),
            f" by {visible(self.rule)}; {number(len(self.x))} values tried.",
        )
        return element("figure", _svg(self), caption, class_="curve")


def ticks(low: float, high: float, most: int = 5) -> list[float]:
    """Round numbers (1, 2 or 5 × 10ᵏ apart) between two values, for an axis.

    >>> ticks(0.0, 9.0)
    [0.0, 2.0, 4.0, 6.0, 8.0]
    """
    if not high > low:
        return [low]
    rough = (high - low) / most
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(factor * power for factor in (1, 2, 5, 10) if factor * power >= rough * 0.999)
    first = math.ceil(low / step - 1e-9)
    count = math.floor(high / step + 1e-9) - first + 1
    return [float(f"{(first + i) * step:.10g}") for i in range(count)]


def _svg(curve: Curve) -> Html:
    axes = f"{visible(curve.criterion)} over {visible(curve.parameter)}"
    label = f"{axes}; chosen {number(curve.chosen)} by {visible(curve.rule)}"
    finite = np.isfinite(curve.x) & np.isfinite(curve.y)
    x, y = curve.x[finite], curve.y[finite]
    if not len(x):
        return element("p", f"{label}: no value could be tried.", class_="empty")
    across = _Axis.over(x, _LEFT, _WIDTH - _RIGHT)
    up = _Axis.over(y, _HEIGHT - _BOTTOM, _TOP)
    return element(
        "svg",
        [_grid_line(up, value) for value in ticks(up.low, up.high)],
        [_foot(across, value) for value in ticks(across.low, across.high)],
        element(
            "line", x1=_LEFT, x2=_WIDTH - _RIGHT, y1=_HEIGHT - _BOTTOM, y2=_HEIGHT - _BOTTOM, stroke="currentColor"
        ),
        element("text", visible(curve.parameter), x=(_LEFT + _WIDTH - _RIGHT) / 2, y=_HEIGHT - 4, text_anchor="middle"),
        element(
            "text",
            visible(curve.criterion),
            x=-(_TOP + _HEIGHT - _BOTTOM) / 2,
            y=11,
            text_anchor="middle",
            transform="rotate(-90)",
        ),
        element(
            "path",
            d=_path(across, up, x, y),
            fill="none",
            stroke="#0b6bb0",
            stroke_width=2,
            stroke_linejoin="round",
            class_="line",
        ),
        _dots(across, up, x, y),
        _mark(across, up, x, y, curve.chosen),
        viewBox=f"0 0 {_WIDTH} {_HEIGHT}",
        width=_WIDTH,
        height=_HEIGHT,
        font_size=11,
        font_family="system-ui, sans-serif",
        fill="currentColor",
        role="img",
        aria_label=label,
    )


@dataclass(frozen=True, slots=True)
class _Axis:
    """Values low … high drawn from start to end (SVG units)."""

    low: float
    high: float
    start: float
    end: float

    @classmethod
    def over(cls, values: Vector, start: float, end: float) -> _Axis:
        low, high = float(values.min()), float(values.max())
        spare = 0.04 * (high - low) or 0.5 * abs(high) or 0.5  # a constant curve still needs a height
        return cls(low - spare, high + spare, start, end)

    def at(self, value: float) -> float:
        return self.start + (value - self.low) / (self.high - self.low) * (self.end - self.start)


def _grid_line(up: _Axis, value: float) -> Html:
    y = up.at(value)
    line = element("line", x1=_LEFT, x2=_WIDTH - _RIGHT, y1=y, y2=y, stroke="currentColor", stroke_opacity=0.15)
    return Html(line + element("text", number(value), x=_LEFT - 6, y=y + 4, text_anchor="end"))


def _foot(across: _Axis, value: float) -> Html:
    x, y = across.at(value), _HEIGHT - _BOTTOM
    line = element("line", x1=x, x2=x, y1=y, y2=y + 4, stroke="currentColor")
    return Html(line + element("text", number(value), x=x, y=y + 16, text_anchor="middle"))


def _path(across: _Axis, up: _Axis, x: Vector, y: Vector) -> str:
    shown = np.unique(np.linspace(0, len(x) - 1, min(len(x), _MOST_POINTS)).round().astype(np.int64))
    places = [f"{coordinate(across.at(float(x[i])))} {coordinate(up.at(float(y[i])))}" for i in shown]
    return "M" + "L".join(places)


def _dots(across: _Axis, up: _Axis, x: Vector, y: Vector) -> Html | None:
    if len(x) > 40:
        return None
    d = "".join(
        f"M{coordinate(across.at(float(a)))} {coordinate(up.at(float(b)))}h0" for a, b in zip(x, y, strict=True)
    )
    return element("path", d=d, stroke="#0b6bb0", stroke_width=5, stroke_linecap="round", class_="line")


def _mark(across: _Axis, up: _Axis, x: Vector, y: Vector, chosen: float) -> Html | None:
    if not (math.isfinite(chosen) and across.low <= chosen <= across.high):
        return None
    at_x, at_y = across.at(chosen), up.at(float(np.interp(chosen, x, y)))
    right = at_x > (_LEFT + _WIDTH - _RIGHT) / 2
    return element(
        "g",
        element(
            "line",
            x1=at_x,
            x2=at_x,
            y1=_TOP,
            y2=_HEIGHT - _BOTTOM,
            stroke="#c2410c",
            stroke_width=1.5,
            stroke_dasharray="4 3",
        ),
        element("circle", cx=at_x, cy=at_y, r=5, fill="#c2410c"),
        element(
            "text",
            f"chosen: {number(chosen)}",
            x=at_x + (-7 if right else 7),
            y=_TOP + 9,
            text_anchor="end" if right else "start",
            font_weight="bold",
        ),
        class_="chosen",
    )
