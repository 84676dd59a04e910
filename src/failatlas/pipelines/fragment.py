"""Fragment: the map of a grouping as SVG, one path a cluster, so that 10,000 images stay a few dozen nodes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from failatlas.arrays import NOISE
from failatlas.markup import Html, coordinate, element, number, visible
from failatlas.pipelines.grouping import Grouping

WIDTH, HEIGHT = 760, 480  # viewBox units
_MARGIN = 24
_MOST_LABELS = 60  # more numbers than this cover the points

# Six hues that people with a colour-vision deficiency tell apart, each ≥ 3:1 on white; with five shapes (6 and 5 have
# no common factor) 30 clusters differ twice over, and each carries its number.
COLOURS = ("#0b6bb0", "#c9540a", "#0a7f5f", "#a83d87", "#7a6400", "#5f4bc4")
_GREY = "#666e78"
_SHAPES = ("circle", "square", "triangle", "diamond", "cross")


@dataclass(frozen=True, slots=True, eq=False)
class Places:
    """Where images lie on the map: (m, 2) float64 in viewBox units; nan where an image has no finite place."""

    at: NDArray[np.float64]
    labels: NDArray[np.int64]

    def of(self, label: int) -> NDArray[np.float64]:
        """Finite places of one cluster, (c, 2)."""
        rows = self.at[self.labels == label]
        kept: NDArray[np.float64] = rows[np.isfinite(rows).all(axis=1)]
        return kept


def places(grouping: Grouping) -> Places:
    """Fit the map into the picture, its aspect kept; a map without extent lies in the middle."""
    at = np.asarray(grouping.map, dtype=np.float64).reshape(-1, 2).copy()
    is_finite = np.isfinite(at).all(axis=1)
    at[~is_finite] = np.nan
    room = np.array([WIDTH, HEIGHT], dtype=np.float64)
    if is_finite.any():
        low, high = at[is_finite].min(axis=0), at[is_finite].max(axis=0)
        extent = np.maximum(high - low, 1e-12)
        scale = min((room - 2 * _MARGIN) / extent) if (high > low).any() else 1.0
        at = room / 2 + (at - (low + high) / 2) * scale * (1, -1)
    return Places(at, grouping.labels)


def scatter(grouping: Grouping) -> Html:
    """The map as one SVG picture: colour, shape and number tell clusters apart, noise is small and grey."""
    drawn = places(grouping)
    n_noise = int((grouping.labels == NOISE).sum())
    if not len(grouping.ids):
        return element("p", "No error-inducing images: the map is empty.", class_="empty")
    size = 7.0 if len(grouping.ids) <= 400 else 5.0 if len(grouping.ids) <= 3000 else 3.5
    label = (
        f"Map of {number(len(grouping.ids))} error-inducing images in {number(grouping.n_clusters)} clusters "
        f"and {number(n_noise)} as noise; near means alike to the network or the features"
    )
    clusters = range(grouping.n_clusters)
    return element(
        "svg",
        marks(drawn.of(NOISE), NOISE, 0.7 * size),
        [marks(drawn.of(cluster), cluster, size) for cluster in clusters],
        [_number(drawn.of(cluster), cluster) for cluster in clusters[:_MOST_LABELS]],
        viewBox=f"0 0 {WIDTH} {HEIGHT}",
        width=WIDTH,
        height=HEIGHT,
        font_family="system-ui, sans-serif",
        role="img",
        aria_label=label,
        class_="map",
    )


def marks(at: NDArray[np.float64], cluster: int, size: float) -> Html | None:
    """All points of one cluster as a single path in its colour and shape."""
    if not len(at):
        return None
    is_noise = cluster == NOISE
    shape = "circle" if is_noise else _SHAPES[cluster % len(_SHAPES)]
    colour = _GREY if is_noise else COLOURS[cluster % len(COLOURS)]
    start, stroke = _sign(shape, size)
    d = "".join(f"M{coordinate(round(x, 1))} {coordinate(round(y, 1))}{start}" for x, y in at)
    is_line = stroke > 0
    return element(
        "path",
        d=d,
        fill="none" if is_line else colour,
        stroke=colour if is_line else None,
        stroke_width=stroke if is_line else None,
        stroke_linecap="round" if is_line else None,
        opacity=0.65 if is_noise else 0.85,
        class_=f"marks {'line' if is_line else 'fill'} {'noise' if is_noise else f'c{cluster % len(COLOURS)}'}",
    )


def _sign(shape: str, size: float) -> tuple[str, float]:
    """A path relative to the point's middle, and the width of its stroke (0: it is filled)."""
    if shape == "circle":
        return "h0", size
    if shape == "square":
        r, s = coordinate(0.42 * size), coordinate(0.84 * size)  # a square cap of no length is lost in PDF
        return f"m-{r}-{r}h{s}v{s}h-{s}z", 0.0
    r, s = coordinate(0.65 * size), coordinate(1.3 * size)
    if shape == "triangle":
        return f"m0-{r}l{r} {s}h-{s}z", 0.0
    if shape == "diamond":
        return f"m0-{r}l{r} {r}l-{r} {r}l-{r}-{r}z", 0.0
    return f"m-{r}-{r}l{s} {s}m0-{s}l-{s} {s}", max(1.2, 0.32 * size)


def _number(at: NDArray[np.float64], cluster: int) -> Html | None:
    if not len(at):
        return None
    middle = at[
        np.square(at - np.median(at, axis=0)).sum(axis=1).argmin()
    ]  # a member, so the number lies on its points
    return element(
        "text",
        number(cluster),
        x=float(middle[0]),
        y=float(middle[1]) + 5,
        text_anchor="middle",
        font_size=15,
        font_weight="bold",
        paint_order="stroke",
        stroke="#ffffff",
        stroke_width=4,
        stroke_linejoin="round",
        fill="#14171a",
        class_="label",
    )


def key(cluster: int) -> Html:
    """A cluster's sign as on the map, to stand beside its name."""
    sign = marks(np.array([[8.0, 8.0]]), cluster, 9.0)
    return element("svg", sign, viewBox="0 0 16 16", width=16, height=16, class_="key", aria_hidden="true")


def grouping_html(grouping: Grouping) -> Html:
    """A grouping for a notebook: its map, its chosen parameters, what a reader must know."""
    chosen = ", ".join(
        f"{key} = {value if isinstance(value, str) else number(value)}" for key, value in grouping.parameters.items()
    )
    return element(
        "figure",
        scatter(grouping),
        element("figcaption", f"{visible(grouping.pipeline)}; {visible(chosen)}; seed {grouping.seed}"),
        element("ul", [element("li", visible(note)) for note in grouping.notes]) if grouping.notes else None,
        class_="failatlas",
    )
