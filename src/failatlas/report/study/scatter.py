"""Scatter: every pipeline by purity and coverage; the front is filled, colour is the extractor, shape the clusterer."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from failatlas.curves import ticks
from failatlas.markup import Html, element, name
from failatlas.report.study.reading import (
    PUBLISHED_BEST,
    Reading,
    duration,
    effort,
    family,
    found,
    of_causes,
    plain_name,
    three,
)
from failatlas.studies.grid import preset_of
from failatlas.studies.score import Entry

WIDTH, HEIGHT = 760, 440  # viewBox units
_LEFT, _RIGHT, _TOP, _BOTTOM = 62, 18, 52, 48  # labels of the best have their room above 100 %
HUES = 8  # colours of the style sheet; further extractors share a grey
_SHAPES = ("circle", "square", "triangle", "diamond", "cross")
_MOST_LABELS, _CHARACTER, _LINE = 6, 7.4, 15.0  # of 12 px bold text

_Point = tuple[float, float]
_Box = tuple[float, float, float, float]  # left, top, right, bottom


@dataclass(frozen=True, slots=True)
class _Axis:
    low: float
    start: float
    end: float

    def at(self, value: float) -> float:
        """Place of a share; the axis ends at 1."""
        return self.start + (value - self.low) / (1 - self.low) * (self.end - self.start)


def scatter(reading: Reading) -> Html | None:
    """Purity against coverage with a legend; None where no pipeline made a cluster of known causes.

    A pipeline of the front is a link to its row, so the keyboard reaches it too; each says its numbers when pointed at.
    """
    drawn = [entry for entry in reading.ranking if found(entry).n_clusters and found(entry).causes]
    if not drawn:
        return None
    across = _Axis(_floor(found(entry).purity for entry in drawn), _LEFT, WIDTH - _RIGHT)
    up = _Axis(_floor(found(entry).coverage for entry in drawn), HEIGHT - _BOTTOM, _TOP)
    places = {entry.pipeline: (across.at(found(entry).purity), up.at(found(entry).coverage)) for entry in drawn}
    later = sorted(drawn, key=lambda entry: (entry.pipeline in reading.front, -reading.ranks[entry.pipeline]))
    picture = element(
        "svg",
        _axes(across, up),
        _border(drawn, places),
        [_mark(reading, entry, *places[entry.pipeline]) for entry in later],
        list(_labels(reading, drawn, places)),
        viewBox=f"0 0 {WIDTH} {HEIGHT}",
        width=WIDTH,
        height=HEIGHT,
        font_size=12,
        font_family="system-ui, sans-serif",
        fill="currentColor",
        role="group",
        aria_label=f"Purity against coverage of {len(drawn)} pipelines; the same numbers stand in the table of all",
        class_="scatter",
    )
    idle = len(reading.ranking) - len(drawn)
    rest = f" {idle} that made no cluster {'is' if idle == 1 else 'are'} not drawn." if idle else ""
    return element(
        "figure",
        element("div", picture, class_="map-box", tabindex=0, role="region", aria_label="Scatter"),
        element(
            "figcaption",
            _legend(reading),
            element(
                "p",
                "Up and right is better. Filled: on the Pareto front, no other is at least as good in purity, "
                f"coverage, clusters to read and seconds, and better in one. The broken line joins the purest at each "
                f"coverage.{rest}",
                class_="how",
            ),
        ),
        class_="scatter-frame",
    )


def _floor(values: Iterable[float]) -> float:
    """A round tenth below all of them, so that the crowd near 1 has room."""
    return max(0.0, min(math.floor(min(values) * 10 - 0.2) / 10, 0.8))


def _axes(across: _Axis, up: _Axis) -> Iterable[Html]:
    low, left = HEIGHT - _BOTTOM, _LEFT
    for value in ticks(up.low, 1.0):
        y = up.at(value)
        yield element("line", x1=left, x2=WIDTH - _RIGHT, y1=y, y2=y, stroke="currentColor", stroke_opacity=0.12)
        yield element("text", f"{100 * value:.0f} %", x=left - 8, y=y + 4, text_anchor="end")
    for value in ticks(across.low, 1.0, 8):
        x = across.at(value)
        yield element("line", x1=x, x2=x, y1=_TOP, y2=low, stroke="currentColor", stroke_opacity=0.12)
        yield element("text", f"{value:.2g}" if value < 1 else "1.0", x=x, y=low + 17, text_anchor="middle")
    yield element("line", x1=left, x2=WIDTH - _RIGHT, y1=low, y2=low, stroke="currentColor")
    yield element("line", x1=left, x2=left, y1=_TOP, y2=low, stroke="currentColor")
    middle = (left + WIDTH - _RIGHT) / 2
    yield element("text", "purity: mean over clusters", x=middle, y=HEIGHT - 8, text_anchor="middle", class_="axis")
    yield element(
        "text",
        "coverage: causes found",
        x=-(_TOP + low) / 2,
        y=14,
        text_anchor="middle",
        transform="rotate(-90)",
        class_="axis",
    )


def _border(drawn: Sequence[Entry], places: dict[str, _Point]) -> Html:
    """The staircase of the purest pipeline at each coverage: nothing lies beyond it."""
    steps: list[_Point] = []
    for entry in sorted(drawn, key=lambda one: (-found(one).coverage, -found(one).purity)):
        x, y = places[entry.pipeline]
        if not steps or x > steps[-1][0]:
            steps.append((x, y))
    d = f"M{_LEFT} {steps[0][1]:.1f}H{steps[0][0]:.1f}"
    d += "".join(f"V{y:.1f}H{x:.1f}" for x, y in steps[1:]) + f"V{HEIGHT - _BOTTOM}"
    return element("path", d=d, fill="none", stroke="currentColor", class_="border")


def _mark(reading: Reading, entry: Entry, x: float, y: float) -> Html:
    is_front = entry.pipeline in reading.front
    said = (
        f"{plain_name(entry.pipeline)}: purity {three(found(entry).purity)}, "
        f"covers {of_causes(len(found(entry).covered), len(found(entry).causes))}, "
        f"{effort(found(entry).redundancy)} clusters to read per cause, {duration(entry.seconds)}"
    )
    return element(
        "a",
        element("title", said),
        _sign(_shape(reading, entry.clusterer), x, y, 6.5 if is_front else 5.0),
        href=f"#{reading.anchor(entry)}",
        tabindex=0 if is_front else -1,
        aria_label=said,
        class_=f"mark {hue(reading, family(entry))} {'front' if is_front else 'beaten'}",
    )


def hue(reading: Reading, extractor: str) -> str:
    """The class that colours an extractor's family."""
    place = reading.families.index(extractor)
    return f"k{place}" if place < HUES else f"k{HUES}"


def _shape(reading: Reading, clusterer: str) -> str:
    return _SHAPES[min(reading.clusterers.index(clusterer), len(_SHAPES) - 1)]


def _sign(shape: str, x: float, y: float, r: float) -> Html:
    if shape == "circle":
        return element("circle", cx=x, cy=y, r=r)
    if shape == "square":
        return element("rect", x=x - 0.88 * r, y=y - 0.88 * r, width=1.76 * r, height=1.76 * r)
    corners = {
        "triangle": [(0, -1.15), (1.1, 0.85), (-1.1, 0.85)],
        "diamond": [(0, -1.25), (1.25, 0), (0, 1.25), (-1.25, 0)],
        "cross": [
            *[(-0.4, -1.2), (0.4, -1.2), (0.4, -0.4), (1.2, -0.4), (1.2, 0.4), (0.4, 0.4)],
            *[(0.4, 1.2), (-0.4, 1.2), (-0.4, 0.4), (-1.2, 0.4), (-1.2, -0.4), (-0.4, -0.4)],
        ],
    }[shape]
    return element("polygon", points=" ".join(f"{x + r * a:.1f},{y + r * b:.1f}" for a, b in corners))


def _labels(reading: Reading, drawn: Sequence[Entry], places: dict[str, _Point]) -> Iterable[Html]:
    """Names of the first, of presets and of the published best, where they hide least."""
    named = [entry for entry in drawn if reading.ranks[entry.pipeline] == 1 or _is_known(entry)][:_MOST_LABELS]
    taken: list[_Box] = []
    for entry in named:
        mark, preset = places[entry.pipeline], preset_of(entry.pipeline)
        text = f"{plain_name(entry.pipeline)} ({preset})" if preset else plain_name(entry.pipeline)
        text = text if len(text) <= 44 else f"{text[:43]}…"
        box = _free(mark, _CHARACTER * len(text), taken, list(places.values()))
        if box is None:
            continue
        taken.append(box)
        x, y = _nearest(mark, box)
        yield element("line", x1=mark[0], y1=mark[1], x2=x, y2=y, class_="lead-line")
        # at the end that is near the mark, for how wide a font is nobody knows here
        anchor, at = (
            ("end", box[2]) if box[2] < mark[0] else ("start", box[0]) if box[0] > mark[0] else ("middle", None)
        )
        middle = (box[0] + box[2]) / 2
        yield element("text", text, x=middle if at is None else at, y=box[1] + 11.5, text_anchor=anchor, class_="label")


def _is_known(entry: Entry) -> bool:
    return bool(preset_of(entry.pipeline)) or entry.pipeline == PUBLISHED_BEST


def _free(mark: _Point, width: float, taken: Sequence[_Box], marks: Sequence[_Point]) -> _Box | None:
    """The box near a mark that hides least and lies nearest; None where every place hides another label."""
    best, least = None, math.inf
    for across, down in itertools.product((-width - 9, -width, -width / 2, 0.0, 9.0), range(-70, 75, 7)):
        left, top = mark[0] + across, mark[1] + down - _LINE / 2
        box = (left, top, left + width, top + _LINE)
        if left < _LEFT + 4 or box[2] > WIDTH - 4 or top < 2 or box[3] > HEIGHT - _BOTTOM - 3:
            continue
        if any(_overlap(box, other) for other in taken):
            continue
        x, y = _nearest(mark, box)
        line = [(mark[0] + t * (x - mark[0]), mark[1] + t * (y - mark[1])) for t in (0.25, 0.5, 0.75)]
        crossed = sum(_overlap((*point, *point), other) for point in line for other in taken)
        hidden = sum(_overlap(box, (a - 5, b - 5, a + 5, b + 5)) for a, b in marks)
        cost = 3 * hidden + 6 * crossed + math.hypot(x - mark[0], y - mark[1]) / 15
        if cost < least:
            best, least = box, cost
    return best


def _nearest(mark: _Point, box: _Box) -> _Point:
    """The place of a box that is nearest to a mark."""
    return min(max(mark[0], box[0]), box[2]), min(max(mark[1], box[1] + 2), box[3] - 2)


def _overlap(one: _Box, other: _Box) -> bool:
    return one[0] < other[2] + 2 and other[0] < one[2] + 2 and one[1] < other[3] + 2 and other[1] < one[3] + 2


def _legend(reading: Reading) -> Html:
    def key(sign: Html, class_: str) -> Html:
        return element(
            "svg",
            element("g", sign, class_=class_),
            viewBox="0 0 16 16",
            width=16,
            height=16,
            class_="key",
            aria_hidden="true",
        )

    colours = [
        element("li", key(_sign("circle", 8, 8, 5.5), f"mark front {hue(reading, one)}"), name(one))
        for one in reading.families
    ]
    shapes = [
        element("li", key(_sign(_shape(reading, one), 8, 8, 5.5), "mark plain"), name(one))
        for one in reading.clusterers
    ]
    return element(
        "div",
        element("p", "Features", class_="legend-head"),
        element("ul", colours, class_="keys", aria_label="Colours: features"),
        element("p", "Clustering", class_="legend-head"),
        element("ul", shapes, class_="keys", aria_label="Shapes: clustering"),
        class_="scatter-legend",
    )
