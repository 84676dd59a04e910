"""Table: one row a measured step; ours, the peer's, their ratio, the goal and what physics allows."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from benchmarks.measuring import Spread

HEADINGS = ("step", "ours", "peer", "ratio (spread)", "goal", "reached?", "physical limit")


@dataclass(frozen=True, slots=True)
class Row:
    """One measured step.

    Attributes:
        step: what is done.
        ours, peer: costs with their unit; "–" where there is no peer.
        ratio, low, high: median and extremes over the rounds; nan where there is nothing to compare.
        goal: in words, with its unit.
        reached: None where no goal is set.
        limit: what physics or another part of the work allows.
    """

    step: str
    ours: str
    peer: str
    ratio: float
    low: float
    high: float
    goal: str
    reached: bool | None
    limit: str


def row(
    step: str,
    ours: str,
    peer: str,
    ratio: Spread,
    *,
    at_least: float | None = None,
    at_most: float | None = None,
    limit: str = "–",
) -> Row:
    """A row whose goal is a bound on the ratio; both bounds may stay open."""
    if at_least is not None:
        goal, reached = f"≥ {at_least:g}", ratio.median >= at_least
    elif at_most is not None:
        goal, reached = f"≤ {at_most:g}", ratio.median <= at_most
    else:
        goal, reached = "–", None
    return Row(step, ours, peer, ratio.median, ratio.low, ratio.high, goal, reached, limit)


def to_json(rows: Iterable[Row]) -> list[dict[str, Any]]:
    """Rows as plain JSON; nan becomes null."""
    return [{key: _finite(value) for key, value in dataclasses.asdict(row).items()} for row in rows]


def from_json(rows: Iterable[Mapping[str, Any]]) -> list[Row]:
    """The inverse of :func:`to_json`."""
    numbers = ("ratio", "low", "high")
    return [Row(**{k: math.nan if k in numbers and v is None else v for k, v in row.items()}) for row in rows]


def formatted(rows: Sequence[Row]) -> str:
    """The table as aligned Markdown, so that it reads on a terminal and pastes into a README."""
    cells = [HEADINGS, *(_cells(row) for row in rows)]
    widths = [max(len(line[column]) for line in cells) for column in range(len(HEADINGS))]
    lines = [_line(line, widths) for line in cells]
    return "\n".join([lines[0], _line(["-" * width for width in widths], widths), *lines[1:]])


def _cells(row: Row) -> tuple[str, ...]:
    reached = {None: "–", True: "yes", False: "no"}[row.reached]
    return (row.step, row.ours, row.peer, _ratio(row), row.goal, reached, row.limit)


def _ratio(row: Row) -> str:
    if math.isnan(row.ratio):
        return "–"
    if math.isnan(row.low) or row.low == row.high:
        return short(row.ratio)
    return f"{short(row.ratio)} ({short(row.low)}–{short(row.high)})"


def short(value: float) -> str:
    """Three digits that matter: 0.052, 1.25, 38.1, 1,240."""
    if value >= 100:
        return f"{value:,.0f}"
    return f"{value:.3g}"


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    return "| " + " | ".join(cell.ljust(width) for cell, width in zip(cells, widths, strict=True)) + " |"


def _finite(value: object) -> object:
    return None if isinstance(value, float) and not math.isfinite(value) else value
