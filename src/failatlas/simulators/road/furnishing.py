"""Furnishing: puts trees, posts, rails, houses, bridges and vehicles along the lane, as a table of items."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from failatlas.parameters import Values
from failatlas.seeds import generator
from failatlas.simulators.compiled import compiled, lanes, select
from failatlas.simulators.noise import mix
from failatlas.simulators.record import Records, record
from failatlas.simulators.road import items
from failatlas.simulators.road.alignment import Course
from failatlas.simulators.road.items import COLUMNS, Furniture, Rows
from failatlas.simulators.road.light import Light
from failatlas.simulators.road.solids import Solid, bridge, house, vehicle
from failatlas.simulators.road.surface import Surface
from failatlas.simulators.road.view import CAMERA_AHEAD_M, LENS_NEAR_M, View, from_camera, pixel

POST_GAP_M = 25.0  # between delineators; the usual 50 m of a straight would leave most pictures without
RAIL_M = 4.0  # between the posts of a guard rail
REACH_M = 160.0  # nothing is put further ahead

_PAINTS = {
    "silver": (0.42, 0.43, 0.45), "white": (0.72, 0.72, 0.70), "black": (0.020, 0.020, 0.024),
    "red": (0.42, 0.030, 0.025), "blue": (0.035, 0.085, 0.32), "green": (0.045, 0.16, 0.070),
    "yellow": (0.62, 0.40, 0.035),
}  # fmt: skip
_LEAVES = {"summer": (0.075, 0.130, 0.035), "autumn": (0.30, 0.145, 0.030), "winter": (0.080, 0.062, 0.048)}
_BEYOND = 1.0e9  # px, outside every picture
_FIR = (0.030, 0.060, 0.028)


class _Yard:
    """Collects items of one picture."""

    def __init__(self, view: View, lane: Course, light: Light) -> None:
        self.view, self.lane, self.light = view, lane, light
        self.views = record(view)
        self.rows: list[Rows] = []
        self.solids: list[Solid] = []
        self.planes = 0
        self.footprints: list[Rows] = []

    def flat(
        self, kind: float, s: Rows, d: Rows, height: Rows, half_width: Rows, near: float
    ) -> tuple[Rows, NDArray[np.bool_]]:
        """Rows for trees or posts that stand further than ``near``, and which of the places they are."""
        rows = np.zeros((len(s), COLUMNS))
        rows[:, items.KIND] = kind
        _stand(self.views, self.lane, s, d, height, half_width, rows)
        kept = rows[:, items.FAR] > near
        return rows[kept], kept

    def solid(self, kind: float, shapes: list[Solid], s: Rows, d: Rows, turn: Rows, paint: Rows) -> Rows:
        """A row for each solid; the caller fills in what is its own and adds them."""
        rows = np.zeros((len(shapes), COLUMNS))
        rows[:, items.KIND] = kind
        rows[:, items.PAINT : items.PAINT + 3] = paint
        rows[:, items.WIDE : items.BELT + 1] = [(*shape.half, shape.belt) for shape in shapes]
        _bound(self.views, self.lane, s, d, turn, rows)
        for row, shape in zip(rows, shapes, strict=True):
            row[items.FIRST] = self.planes
            self.planes += len(shape.planes)
            row[items.LAST] = self.planes
        self.solids += shapes
        return rows

    def shine(
        self, x: float, y: float, z: float, size: float, strength: float, tint: tuple[float, ...], wet: float
    ) -> None:
        """A lamp's halo, and its streak on a wet road."""
        if z < 2.0 or strength <= 0.0:
            return
        column, row, depth = pixel(self.views[0], x, y, z)
        _, ground, _ = pixel(self.views[0], x, -self.view.eye, z)
        radius = max(size * self.view.focal / depth, 0.7)
        rows = np.zeros((1, COLUMNS))
        one = rows[0]
        one[items.KIND], one[items.FAR] = items.GLOW, z - 0.5
        one[items.CENTRE], one[items.MIDDLE], one[items.RADIUS] = column, row, radius
        one[items.STRENGTH], one[items.WET] = strength * math.exp(-self.light.fog * depth), wet
        one[items.TINT : items.TINT + 3] = tint
        one[items.BELOW] = (2 * ground - row - row) / radius
        reach = radius * 9
        one[items.LEFT], one[items.RIGHT] = column - reach, column + reach
        one[items.TOP], one[items.BOTTOM] = row - reach, max(row + reach, 2 * ground - row + 6 * radius)
        self.rows.append(rows)

    def table(self) -> Rows:
        """All items from near to far, their bounds cut to whole pixels of the picture; those outside are dropped."""
        rows = np.concatenate([*self.rows, np.zeros((0, COLUMNS))])
        limits = self.view.width, self.view.width, self.view.height, self.view.height
        bounds = rows[:, items.LEFT : items.BOTTOM + 1]
        np.floor(bounds[:, ::2], out=bounds[:, ::2])
        np.ceil(bounds[:, 1::2], out=bounds[:, 1::2])
        np.minimum(np.maximum(bounds, 0.0), limits, out=bounds)
        shown = (bounds[:, 0] < bounds[:, 1]) & (bounds[:, 2] < bounds[:, 3])
        rows = rows[shown]
        return rows[np.argsort(rows[:, items.FAR], kind="stable")]


@compiled
def _stand(views: Records, lane: Course, s: Rows, d: Rows, height: Rows, half_width: Rows, rows: Rows) -> None:
    """Place and size of trees and posts."""
    view = views[0]
    for i in lanes(s.shape[0]):
        x, y, z, _ = from_camera(view, lane, s[i], d[i])
        # points behind the lens are put just before it
        column, row, depth = pixel(view, x, y, np.maximum(z, LENS_NEAR_M))
        scale = view.focal / depth
        half, tall = np.maximum(half_width[i] * scale, 0.25), np.maximum(height[i] * scale, 0.5)
        wide = half * 1.12 + 1.0
        rows[i, items.FAR], rows[i, items.ASIDE], rows[i, items.METRES] = z, x, height[i]
        rows[i, items.COLUMN], rows[i, items.ROW] = column, row
        rows[i, items.HALF_WIDTH], rows[i, items.HEIGHT] = half, tall
        rows[i, items.LEFT], rows[i, items.RIGHT] = column - wide, column + wide
        rows[i, items.TOP], rows[i, items.BOTTOM] = row - tall * 1.06 - 1.0, row + 1.0


@compiled
def _bound(views: Records, lane: Course, s: Rows, d: Rows, turn: Rows, rows: Rows) -> None:
    """Place, course and bounds of solids whose size is in their rows."""
    view = views[0]
    for i in lanes(s.shape[0]):
        x, y, z, course = from_camera(view, lane, s[i], d[i])
        sin, cos = np.sin(course + turn[i]), np.cos(course + turn[i])
        left, top = x * 0.0 + _BEYOND, x * 0.0 + _BEYOND
        right, bottom, furthest = -left, -left, -left
        for corner in range(8):
            wide = (corner % 2 * 2.0 - 1.0) * rows[i, items.WIDE]
            high = corner // 2 % 2 * rows[i, items.HIGH]
            deep = (corner // 4 * 2.0 - 1.0) * rows[i, items.DEEP]
            ahead = z + deep * cos - wide * sin
            column, row, _ = pixel(view, x + wide * cos + deep * sin, y + high, np.maximum(ahead, LENS_NEAR_M))
            left, right = np.minimum(left, column), np.maximum(right, column)
            top, bottom = np.minimum(top, row), np.maximum(bottom, row)
            furthest = np.maximum(furthest, ahead)
        rows[i, items.FAR], rows[i, items.SIN], rows[i, items.COS] = z, sin, cos
        rows[i, items.EYE_X], rows[i, items.EYE_Y], rows[i, items.EYE_Z] = z * sin - x * cos, -y, -x * sin - z * cos
        rows[i, items.LEFT], rows[i, items.TOP], rows[i, items.BOTTOM] = left - 1.0, top - 1.0, bottom + 1.0
        rows[i, items.RIGHT] = select(furthest < LENS_NEAR_M, 0.0, right + 1.0)


def furnish(values: Values, seed: int, view: View, lane: Course, road: Surface, light: Light) -> Furniture:
    """Everything that stands along the lane."""
    yard = _Yard(view, lane, light)
    edges = road.left - road.shoulder, road.right + road.shoulder
    _plant(yard, values, generator(seed, "road", "plants"), edges)
    if values["surroundings"] == "town":
        _build(yard, generator(seed, "road", "houses"), edges)
    beside = edges[0] - 0.5, edges[1] + 0.5
    if values["roadside"] == "rail":
        for edge in beside:
            _fence(yard, edge)
    elif values["roadside"] == "posts":
        _mark(yard, beside)
    if values["structure"] == "bridge":
        span = max(-edges[0], edges[1]) + 2.2
        deck = np.array([road.bridge + 2.0]), np.array([0.5 * (edges[0] + edges[1])])
        yard.rows.append(yard.solid(items.BUILDING, [bridge(span)], *deck, np.zeros(1), np.array([(0.34, 0.33, 0.31)])))
    gap = _traffic(yard, values, generator(seed, "road", "traffic"), road)
    return Furniture(yard.table(), *_joined(yard.solids), np.array(yard.footprints).reshape(-1, 6), gap)


def _joined(solids: list[Solid]) -> tuple[Rows, Rows, Rows]:
    pieces, count = [], 0.0
    for solid in solids:
        pieces.append(solid.piece + count)
        count += len(solid.stuff)
    return (
        np.concatenate([*(solid.planes for solid in solids), np.zeros((0, 4))]),
        np.concatenate([*pieces, np.zeros(0)]),
        np.concatenate([*(solid.stuff for solid in solids), np.zeros(0)]),
    )


def _plant(yard: _Yard, values: Values, random: np.random.Generator, edges: tuple[float, float]) -> None:
    """Trees and bushes: dense rows of a forest, or some on a meadow or in a town."""
    around, season = values["surroundings"], str(values["season"])
    count = {"forest": 64, "meadow": 26, "town": 10}[str(around)]
    s = np.sort(random.uniform(4.0, REACH_M if around == "forest" else 110.0, count))
    right = random.random(count) < 0.5
    depth = random.random(count)
    out = {"forest": 2.6 + 13.0 * depth, "meadow": 3.5 + 42.0 * depth**1.5, "town": 1.6 + 0.6 * depth}[str(around)]
    d = np.where(right, edges[1] + out, edges[0] - out)
    bush = (random.random(count) < {"forest": 0.15, "meadow": 0.55, "town": 0.3}[str(around)]) & (around != "town")
    height = np.where(bush, random.uniform(0.8, 2.2, count), random.uniform(6.0, 14.0, count))
    needles = (random.random(count) < {"forest": 0.55, "meadow": 0.2, "town": 0.0}[str(around)]) & ~bush
    slim = np.where(needles, 0.20, np.where(bush, 0.70, 0.36)) * random.uniform(0.8, 1.2, count)
    rows, kept = yard.flat(items.TREE, s, d, height, height * slim, 6.0)
    hue = np.where(needles[:, None], _FIR, np.array(_LEAVES[season]) * random.uniform(0.75, 1.3, (count, 3)))
    if season == "autumn":
        hue[:, 0] *= random.uniform(0.45, 1.1, count)
    rows[:, items.SHIFT] = (random.random(count) * 90.0)[kept]
    rows[:, items.TONE] = random.uniform(0.75, 1.2, count)[kept]
    rows[:, items.NEEDLES] = needles[kept]
    rows[:, items.BARE] = {"summer": 0.0, "autumn": 0.35, "winter": 1.0}[season]
    white = 0.55 * float(values["snow_cover"])
    rows[:, items.RED : items.BLUE + 1] = (hue * (1 - white) + 0.6 * white)[kept]
    yard.rows.append(rows)


def _mark(yard: _Yard, edges: tuple[float, float]) -> None:
    s = np.arange(6.0, REACH_M, POST_GAP_M)
    s, d = np.tile(s, 2), np.repeat(edges, len(s))
    rows, _ = yard.flat(items.POST, s, d, np.full(len(s), 1.0), np.full(len(s), 0.07), 2.0)
    yard.rows.append(rows)


def _fence(yard: _Yard, edge: float) -> None:
    s = np.arange(0.0, REACH_M * 0.75, RAIL_M)
    rows = np.zeros((len(s) - 1, COLUMNS))
    rows[:, items.KIND] = items.RAIL
    _span(yard.views, yard.lane, s, edge, rows)
    yard.rows.append(rows)


@compiled
def _span(views: Records, lane: Course, s: Rows, edge: float, rows: Rows) -> None:
    """Ends and bounds of the stretches of a guard rail; a stretch behind the lens has no pixels."""
    view = views[0]
    # the rail that passes the lens is cut where it does
    near = LENS_NEAR_M + 0.2
    for i in lanes(rows.shape[0]):
        x0, y0, z0, _ = from_camera(view, lane, s[:-1][i], edge + 0.0 * s[:-1][i])
        x1, y1, z1, _ = from_camera(view, lane, s[1:][i], edge + 0.0 * s[1:][i])
        way = select(np.abs(z1 - z0) > 1e-6, z1 - z0, 1.0)
        cut = (near - z0) / way
        first = select(z0 < near, np.minimum(np.maximum(cut, 0.0), 1.0), 0.0)
        last = select(z1 < near, np.minimum(np.maximum(cut, 0.0), 1.0), 1.0)
        xa, ya, za, sa = mix(x0, x1, first), mix(y0, y1, first), mix(z0, z1, first), mix(s[:-1][i], s[1:][i], first)
        xb, yb, zb, sb = mix(x0, x1, last), mix(y0, y1, last), mix(z0, z1, last), mix(s[:-1][i], s[1:][i], last)
        column_a, top_a, _ = pixel(view, xa, ya + 0.75, np.maximum(za, LENS_NEAR_M))
        column_b, top_b, _ = pixel(view, xb, yb + 0.75, np.maximum(zb, LENS_NEAR_M))
        _, base_a, _ = pixel(view, xa, ya, np.maximum(za, LENS_NEAR_M))
        _, base_b, _ = pixel(view, xb, yb, np.maximum(zb, LENS_NEAR_M))
        ahead = np.maximum(z0, z1) > near
        rows[i, items.FAR] = 2.0 / (1.0 / za + 1.0 / zb)
        rows[i, items.COLUMN_A], rows[i, items.TOP_A], rows[i, items.BASE_A] = column_a, top_a, base_a
        rows[i, items.COLUMN_B], rows[i, items.TOP_B], rows[i, items.BASE_B] = column_b, top_b, base_b
        rows[i, items.NEAR_A], rows[i, items.NEAR_B] = 1.0 / za, 1.0 / zb
        rows[i, items.S_A], rows[i, items.S_B], rows[i, items.X_A], rows[i, items.X_B] = sa, sb, xa, xb
        # whole pixels whose centre lies between the ends, so that neighbours neither overlap nor gape
        rows[i, items.LEFT] = np.floor(np.minimum(column_a, column_b) + 0.5)
        rows[i, items.RIGHT] = select(ahead, np.floor(np.maximum(column_a, column_b) + 0.5), 0.0)
        rows[i, items.TOP] = np.minimum(top_a, top_b) - 1.0
        rows[i, items.BOTTOM] = np.maximum(base_a, base_b) + 1.0


def _build(yard: _Yard, random: np.random.Generator, edges: tuple[float, float]) -> None:
    """Houses on both sides."""
    count = 18
    deep, wide = np.round(random.uniform(4.5, 8.5, count)), np.round(random.uniform(3.5, 5.5, count) * 2) / 2
    storeys = random.integers(1, 4, count)
    # few shapes, so that each is cut out once; a high house has a flat roof
    pitch = np.where(storeys < 3, np.round(random.uniform(1.6, 3.2, count) * 2) / 2, 0.001)
    shapes = [house(*(float(v) for v in row)) for row in zip(wide, deep, 2.9 * storeys + 0.4, pitch, strict=True)]
    side = np.where(np.arange(count) % 2 == 0, -1.0, 1.0)
    length = 2 * deep + 2.0 + 7.0 * random.random(count)
    s = np.where(side < 0, np.cumsum(np.where(side < 0, length, 0.0)), np.cumsum(np.where(side > 0, length, 0.0)))
    d = np.where(side < 0, edges[0], edges[1]) + side * (4.4 + wide + 2.5 * random.random(count))
    hue = random.uniform(0.30, 0.62, (count, 1)) * (1.05, 0.97, 0.84)
    hue[:, 2] *= random.uniform(0.8, 1.2, count)
    rows = yard.solid(items.BUILDING, shapes, s - deep, d, np.zeros(count), hue)
    rows[:, items.HEAD], rows[:, items.SALT] = random.random(count) < 0.3, random.integers(0, 90, count)
    yard.rows.append(rows)


def _traffic(yard: _Yard, values: Values, random: np.random.Generator, road: Surface) -> float:
    """Vehicles, with their lamps; the gap to the one ahead in metres."""
    dark = yard.light.dark
    murky = values["weather"] != "clear"
    burning = max(dark * 0.9, 0.35 if murky else 0.0)
    gap = math.nan
    colours = list(_PAINTS)
    oncoming = int(float(values["oncoming"]))
    s = float(values["oncoming_distance_m"]) + CAMERA_AHEAD_M
    for _ in range(3):  # drawn for all, so that one more oncoming car changes no other
        kind = ("car", "car", "van", "lorry")[int(random.integers(0, 4))]
        colour = colours[int(random.integers(0, len(colours)))]
        step, jitter = 12.0 + 20.0 * float(random.random()), float(random.uniform(-0.25, 0.25))
        shape = vehicle(kind)
        if oncoming > 0:
            _drive(
                yard, shape, s + shape.half[2], -road.lane + jitter, math.pi, _PAINTS[colour], 0.0, burning, road.wet
            )
        oncoming -= 1
        s += step + 2 * shape.half[2]
    braking, jitter = float(random.random() < 0.25), float(random.uniform(-0.2, 0.2))
    if values["lead_vehicle"] != "none":
        shape = vehicle(str(values["lead_vehicle"]))
        gap = float(values["lead_distance_m"])
        paint = _PAINTS[str(values["lead_colour"])]
        s = gap + CAMERA_AHEAD_M + shape.half[2]
        _drive(yard, shape, s, jitter, 0.0, paint, max(burning * 0.6, braking), 0.0, road.wet)
    return gap


def _drive(
    yard: _Yard,
    shape: Solid,
    s: float,
    d: float,
    turn: float,
    paint: tuple[float, float, float],
    tail: float,
    head: float,
    wet: float,
) -> None:
    places, across = np.array([s]), np.array([d])
    row = yard.solid(items.VEHICLE, [shape], places, across, np.array([turn]), np.array([paint]))
    one = row[0]
    one[items.TAIL], one[items.HEAD] = tail, head * (0.3 + 0.7 * yard.light.dark)
    sin, cos = float(one[items.SIN]), float(one[items.COS])
    x, y, z, _ = from_camera(yard.views[0], yard.lane, s, d)
    wide, _, deep = shape.half
    yard.footprints.append(np.array([x, z, sin, cos, wide, deep]))
    yard.rows.append(row)
    dark = yard.light.dark
    lorry = shape.half[1] > 3.0
    for side in (-1.0, 1.0):
        lx, back = side * wide * 0.80, -deep if tail else deep
        at = (x + lx * cos + back * sin, y + (1.15 if lorry and tail else 0.75 * shape.belt), z + back * cos - lx * sin)
        if tail and turn == 0.0:
            yard.shine(*at, 0.16, tail * (0.10 + 0.55 * dark), (1.0, 0.05, 0.03), wet)
        if head and turn != 0.0:
            yard.shine(*at, 0.22, head * (0.25 + 1.9 * dark), (1.0, 0.92, 0.74), wet)
