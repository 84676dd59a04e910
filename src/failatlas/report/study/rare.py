"""Rare: whether a cause is still found when only few of the failures have it."""

from __future__ import annotations

import math

from failatlas.markup import Content, Html, element, join, number
from failatlas.report.page import section
from failatlas.report.study.reading import (
    Reading,
    found,
    of_causes,
    pipeline_name,
    plain_name,
    rarity_at,
    share_of,
)
from failatlas.statistics import wilson
from failatlas.studies.score import Entry

_ENOUGH = 0.9  # of the causes: up to which rarity the published study calls a pipeline robust
_W, _H, _L, _R, _T, _B = 190, 150, 38, 4, 10, 38


def sparkline(reading: Reading, entry: Entry) -> Html:
    """Share of causes still covered, from frequent to rare, as a small line; for the eye only."""
    shares = [_share(entry, frequency) for frequency in reading.frequencies]
    points = [(3 + 54 * i / max(1, len(shares) - 1), 15 - 12 * s) for i, s in enumerate(shares) if math.isfinite(s)]
    line = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    return element(
        "svg",
        element("line", x1=1, x2=59, y1=15.5, y2=15.5, stroke="currentColor", stroke_opacity=0.25),
        element("polyline", points=line, fill="none", stroke="#0b6bb0", stroke_width=1.6, class_="line"),
        [element("circle", cx=x, cy=y, r=1.9, fill="#0b6bb0", class_="point") for x, y in points],
        viewBox="0 0 60 18",
        width=60,
        height=18,
        class_="spark",
        aria_hidden="true",
    )


def rare_numbers(reading: Reading, entry: Entry) -> str:
    """Causes still covered at each frequency: ``9 · 9 · 8 · 6``."""
    counts = [rarity_at(entry, frequency) for frequency in reading.frequencies]
    return " · ".join("–" if rarity is None else number(len(rarity.covered)) for rarity in counts)


def mean_share(reading: Reading, entry: Entry) -> float:
    """Mean share over the frequencies that were tried, to sort by; -1 where none was."""
    shares = [s for s in (_share(entry, frequency) for frequency in reading.frequencies) if math.isfinite(s)]
    return sum(shares) / len(shares) if shares else -1.0


def _share(entry: Entry, frequency: float) -> float:
    rarity = rarity_at(entry, frequency)
    return math.nan if rarity is None else rarity.share


def rare(reading: Reading) -> Html | None:
    """The curves of the first pipelines side by side; None where no cause was made rare."""
    if not reading.frequencies:
        return None
    said = ", ".join(share_of(frequency) for frequency in reading.frequencies)
    figures = [_curve(reading, entry) for entry in reading.top]
    return section(
        "rare",
        "When a cause is rare",
        element(
            "p",
            f"A third of the causes at a time were thinned out to {said} of the failures, so that each is rare once. "
            "The curve shows how many of the causes are "
            "still covered; the bar is the 95 % interval, and the broken line 90 %, what the published study asks for. "
            "“even” is the mixture in which all causes are about as frequent.",
        ),
        element("p", _robust(reading)),
        element("div", figures, class_="multiples"),
    )


def _robust(reading: Reading) -> Content:
    """Down to which frequency the first pipelines keep nine of ten causes."""
    for frequency in reversed(reading.frequencies):
        kept = [entry for entry in reading.top if _holds(reading, entry, frequency)]
        if kept:
            return [
                f"Down to {share_of(frequency)} at least 90 % of the causes stay covered by ",
                _listed([pipeline_name(entry.pipeline) for entry in kept]),
                ".",
            ]
    return f"At {share_of(reading.frequencies[0])} none covers 90 % of the causes any more."


def _holds(reading: Reading, entry: Entry, frequency: float) -> bool:
    above = [_share(entry, one) for one in reading.frequencies if one >= frequency]
    return all(share >= _ENOUGH - 1e-9 for share in above)


def _listed(names: list[Html]) -> Html:
    return join([[", " if i else "", one] for i, one in enumerate(names)])


def _curve(reading: Reading, entry: Entry) -> Html:
    counts = [("even", len(found(entry).covered), len(found(entry).causes))]
    for frequency in reading.frequencies:
        rarity = rarity_at(entry, frequency)
        counts.append((share_of(frequency), *((len(rarity.covered), len(rarity.tried)) if rarity else (0, 0))))
    room = (_W - _L - _R - 26) / max(1, len(counts) - 1)
    totals = {n for _, _, n in counts if n}
    is_even = len(totals) == 1
    steps = [
        (_L + 13 + room * i, wilson(k, n), label, (f"{k}" if is_even else f"{k}/{n}") if n else "–")
        for i, (label, k, n) in enumerate(counts)
    ]
    points = [(x, _y(rate.value), _y(rate.low), _y(rate.high)) for x, rate, _, _ in steps if rate.n]
    picture = element(
        "svg",
        [_level(value) for value in (0.0, 0.5, 1.0)],
        element("line", x1=_L, x2=_W - _R, y1=_y(_ENOUGH), y2=_y(_ENOUGH), class_="border", stroke="currentColor"),
        [element("text", label, x=x, y=_H - 21, text_anchor="middle") for x, _, label, _ in steps],
        [element("text", count, x=x, y=_H - 5, text_anchor="middle", class_="count") for x, _, _, count in steps],
        element("text", f"of {totals.pop()}", x=_L - 5, y=_H - 5, text_anchor="end", class_="count")
        if is_even
        else None,
        [element("line", x1=x, x2=x, y1=low, y2=high, class_="band", stroke="#0b6bb0") for x, _, low, high in points],
        element(
            "polyline",
            points=" ".join(f"{x:.1f},{y:.1f}" for x, y, _, _ in points),
            fill="none",
            stroke="#0b6bb0",
            stroke_width=2,
            class_="line",
        ),
        [element("circle", cx=x, cy=y, r=2.8, fill="#0b6bb0", class_="point") for x, y, _, _ in points],
        viewBox=f"0 0 {_W} {_H}",
        width=_W,
        height=_H,
        font_size=11,
        font_family="system-ui, sans-serif",
        fill="currentColor",
        role="img",
        aria_label=f"{plain_name(entry.pipeline)}: "
        + ", ".join(f"{label} {of_causes(k, n) if n else 'not tried'}" for label, k, n in counts),
    )
    return element(
        "figure",
        element("figcaption", element("b", f"{reading.ranks[entry.pipeline]}. "), pipeline_name(entry.pipeline)),
        picture,
        class_="multiple",
    )


def _y(share: float) -> float:
    return _T + (1 - share) * (_H - _T - _B)


def _level(share: float) -> Html:
    y = _y(share)
    line = element("line", x1=_L, x2=_W - _R, y1=y, y2=y, stroke="currentColor", stroke_opacity=0.15 if share else 0.6)
    return Html(line + element("text", f"{100 * share:.0f} %", x=_L - 5, y=y + 4, text_anchor="end"))
