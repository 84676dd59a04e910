"""Curves: how an automatic parameter was chosen, kept so that the choice can be looked at and doubted."""

from __future__ import annotations

from dataclasses import dataclass

from failatlas.arrays import Vector


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
