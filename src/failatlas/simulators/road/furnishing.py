"""Furnishing: puts trees, posts, rails, houses, bridges and vehicles along the lane, as a table of items."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from failatlas.parameters import Values
from failatlas.seeds import generator
from failatlas.simulators.road import items
from failatlas.simulators.road.alignment import Course, Pose, height_at, place
from failatlas.simulators.road.items import COLUMNS, Furniture, Rows
from failatlas.simulators.road.light import Light
from failatlas.simulators.road.solids import Solid, bridge, house, vehicle
from failatlas.simulators.road.surface import Surface
from failatlas.simulators.road.view import CAMERA_AHEAD_M, LENS_NEAR_M, View, pixel

POST_GAP_M = 25.0  # between delineators; the usual 50 m of a straight would leave most pictures without
RAIL_M = 4.0  # between the posts of a guard rail
REACH_M = 160.0  # nothing is put further ahead

_PAINTS = {
    "silver": (0.42, 0.43, 0.45), "white": (0.72, 0.72, 0.70), "black": (0.020, 0.020, 0.024),
    "red": (0.42, 0.030, 0.025), "blue": (0.035, 0.085, 0.32), "green": (0.045, 0.16, 0.070),
    "yellow": (0.62, 0.40, 0.035),
}  # fmt: skip
_LEAVES = {"summer": (0.075, 0.130, 0.035), "autumn": (0.30, 0.145, 0.030), "winter": (0.080, 0.062, 0.048)}
_CORNERS = np.array([(a, b, c) for a in (-1.0, 1.0) for b in (0.0, 1.0) for c in (-1.0, 1.0)])
_FIR = (0.030, 0.060, 0.028)


class _Yard:
    """Collects items of one picture."""

    def __init__(self, view: View, lane: Course, pose: Pose, light: Light) -> None:
        self.view, self.lane, self.pose, self.light = view, lane, pose, light
        self.rows: list[Rows] = []
        self.solids: list[Solid] = []
        self.footprints: list[Rows] = []

    def where(self, s: Rows, d: Rows) -> tuple[Rows, Rows, Rows, Rows]:
        """Right, up and ahead of the camera, and the lane's course against the car's, of places along the lane."""
        x, z, course = place(self.lane, s, d)
        right, ahead = self.pose.to_car(x, z)
        ahead = ahead - CAMERA_AHEAD_M
        return right, height_at(self.view.bend, ahead) - self.view.eye, ahead, course - self.pose.heading

    def project(self, x: Rows, y: Rows, z: Rows) -> tuple[Rows, Rows, Rows]:
        """Columns, rows and depths; points behind the lens are put just before it."""
        column, row, depth = pixel(self.view, x, y, np.maximum(z, LENS_NEAR_M))
        return column, row, depth

    def add(self, rows: Rows) -> None:
        """Items whose pixel bounds, as real numbers, are cut to the picture; those outside are dropped."""
        rows[:, items.LEFT] = np.clip(np.floor(rows[:, items.LEFT]), 0, self.view.width)
        rows[:, items.RIGHT] = np.clip(np.ceil(rows[:, items.RIGHT]), 0, self.view.width)
        rows[:, items.TOP] = np.clip(np.floor(rows[:, items.TOP]), 0, self.view.height)
        rows[:, items.BOTTOM] = np.clip(np.ceil(rows[:, items.BOTTOM]), 0, self.view.height)
        shown = (rows[:, items.LEFT] < rows[:, items.RIGHT]) & (rows[:, items.TOP] < rows[:, items.BOTTOM])
        self.rows.append(rows[shown])

    def flat(
        self, kind: float, s: Rows, d: Rows, height: Rows, half_width: Rows, near: float
    ) -> tuple[Rows, NDArray[np.bool_]]:
        """Rows for trees or posts that stand further than ``near``, and which of the places they are."""
        x, y, z, _ = self.where(s, d)
        column, row, depth = self.project(x, y, z)
        scale = self.view.focal / depth
        rows = np.zeros((len(s), COLUMNS))
        rows[:, items.KIND], rows[:, items.FAR], rows[:, items.ASIDE] = kind, z, x
        rows[:, items.COLUMN], rows[:, items.ROW], rows[:, items.METRES] = column, row, height
        rows[:, items.HALF_WIDTH] = np.maximum(half_width * scale, 0.25)
        rows[:, items.HEIGHT] = np.maximum(height * scale, 0.5)
        wide = rows[:, items.HALF_WIDTH] * 1.12 + 1
        rows[:, items.LEFT], rows[:, items.RIGHT] = column - wide, column + wide
        rows[:, items.TOP], rows[:, items.BOTTOM] = row - rows[:, items.HEIGHT] * 1.06 - 1, row + 1
        kept = z > near
        return rows[kept], kept

    def solid(self, kind: float, shapes: list[Solid], s: Rows, d: Rows, turn: Rows, paint: Rows) -> Rows:
        """A row for each solid; the caller fills in what is its own and adds them."""
        x, y, z, course = self.where(s, d)
        sin, cos = np.sin(course + turn), np.cos(course + turn)
        half = np.array([shape.half for shape in shapes])
        wide, high, deep = (half[:, i, None] * _CORNERS[:, i] for i in range(3))
        ahead = z[:, None] + deep * cos[:, None] - wide * sin[:, None]
        column, row, _ = self.project(x[:, None] + wide * cos[:, None] + deep * sin[:, None], y[:, None] + high, ahead)
        rows = np.zeros((len(shapes), COLUMNS))
        rows[:, items.KIND], rows[:, items.FAR] = kind, z
        rows[:, items.PAINT : items.PAINT + 3] = paint
        rows[:, items.WIDE : items.DEEP + 1], rows[:, items.BELT] = half, [shape.belt for shape in shapes]
        rows[:, items.EYE_X], rows[:, items.EYE_Y], rows[:, items.EYE_Z] = z * sin - x * cos, -y, -x * sin - z * cos
        rows[:, items.SIN], rows[:, items.COS] = sin, cos
        rows[:, items.LEFT], rows[:, items.RIGHT] = column.min(1) - 1, column.max(1) + 1
        rows[:, items.TOP], rows[:, items.BOTTOM] = row.min(1) - 1, row.max(1) + 1
        rows[ahead.max(1) < LENS_NEAR_M, items.RIGHT] = 0
        last = np.cumsum([len(shape.planes) for shape in shapes]) + sum(len(shape.planes) for shape in self.solids)
        rows[:, items.FIRST], rows[:, items.LAST] = last - [len(shape.planes) for shape in shapes], last
        self.solids += shapes
        return rows

    def shine(
        self, x: float, y: float, z: float, size: float, strength: float, tint: tuple[float, ...], wet: float
    ) -> None:
        """A lamp's halo, and its streak on a wet road."""
        if z < 2.0 or strength <= 0.0:
            return
        column, row, depth = (float(v[0]) for v in self.project(np.array([x]), np.array([y]), np.array([z])))
        radius = max(size * self.view.focal / depth, 0.7)
        ground = float(self.project(np.array([x]), np.array([-self.view.eye]), np.array([z]))[1][0])
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
        self.add(rows)


def furnish(values: Values, seed: int, view: View, lane: Course, pose: Pose, road: Surface, light: Light) -> Furniture:
    """Everything that stands along the lane."""
    plants, houses, vehicles = (generator(seed, "road", purpose) for purpose in ("plants", "houses", "traffic"))
    yard = _Yard(view, lane, pose, light)
    edges = road.left - road.shoulder, road.right + road.shoulder
    _plant(yard, values, plants, edges)
    if values["surroundings"] == "town":
        _build(yard, houses, edges)
    if values["roadside"] == "rail":
        for edge in (edges[0] - 0.5, edges[1] + 0.5):
            _fence(yard, edge)
    elif values["roadside"] == "posts":
        for edge in (edges[0] - 0.5, edges[1] + 0.5):
            _mark(yard, edge)
    if values["structure"] == "bridge":
        span = max(-edges[0], edges[1]) + 2.2
        deck = np.array([road.bridge + 2.0]), np.array([0.5 * (edges[0] + edges[1])])
        yard.add(yard.solid(items.BUILDING, [bridge(span)], *deck, np.zeros(1), np.array([(0.34, 0.33, 0.31)])))
    gap = _traffic(yard, values, vehicles, road)
    table = np.concatenate([*yard.rows, np.zeros((0, COLUMNS))])
    table = table[np.argsort(table[:, items.FAR], kind="stable")]
    return Furniture(table, *_joined(yard.solids), np.array(yard.footprints).reshape(-1, 6), gap)


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
    yard.add(rows)


def _mark(yard: _Yard, edge: float) -> None:
    s = np.arange(6.0, REACH_M, POST_GAP_M)
    rows, _ = yard.flat(items.POST, s, np.full(len(s), edge), np.full(len(s), 1.0), np.full(len(s), 0.07), 2.0)
    yard.add(rows)


def _fence(yard: _Yard, edge: float) -> None:
    s = np.arange(0.0, REACH_M * 0.75, RAIL_M)
    x, y, z, _ = yard.where(s, np.full(len(s), edge))
    # the rail that passes the lens is cut where it does
    near = LENS_NEAR_M + 0.2
    ends = []
    for start in (0, 1):
        a, b = slice(start, len(s) - 1 + start), slice(1 - start, len(s) - start)
        cut = np.clip((near - z[a]) / np.where(np.abs(z[b] - z[a]) > 1e-6, z[b] - z[a], 1.0), 0.0, 1.0)
        cut = np.where(z[a] < near, cut, 0.0)
        at = [v[a] + (v[b] - v[a]) * cut for v in (x, y, z, s)]
        column, top, depth = yard.project(at[0], at[1] + 0.75, at[2])
        ends.append((column, top, yard.project(at[0], at[1], at[2])[1], 1.0 / at[2], at[3], at[0], depth))
    (ca, ta, ba, na, sa, xa, _), (cb, tb, bb, nb, sb, xb, _) = ends
    rows = np.zeros((len(ca), COLUMNS))
    rows[:, items.KIND] = items.RAIL
    rows[:, items.FAR] = 2.0 / (na + nb)
    rows[:, items.COLUMN_A : items.X_B + 1] = np.stack((ca, ta, ba, na, cb, tb, bb, nb, sa, sb, xa, xb), 1)
    # whole pixels whose centre lies between the ends, so that neighbours neither overlap nor gape
    rows[:, items.LEFT] = np.floor(np.minimum(ca, cb) + 0.5)
    rows[:, items.RIGHT] = np.floor(np.maximum(ca, cb) + 0.5)
    rows[:, items.TOP], rows[:, items.BOTTOM] = np.minimum(ta, tb) - 1, np.maximum(ba, bb) + 1
    ahead = np.maximum(z[:-1], z[1:]) > near
    yard.add(rows[ahead])


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
    yard.add(rows)


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
    row = yard.solid(items.VEHICLE, [shape], np.array([s]), np.array([d]), np.array([turn]), np.array([paint]))
    one = row[0]
    one[items.TAIL], one[items.HEAD] = tail, head * (0.3 + 0.7 * yard.light.dark)
    sin, cos = float(one[items.SIN]), float(one[items.COS])
    x, y, z, _ = (float(v[0]) for v in yard.where(np.array([s]), np.array([d])))
    wide, _, deep = shape.half
    yard.footprints.append(np.array([x, z, sin, cos, wide, deep]))
    yard.add(row)
    dark = yard.light.dark
    lorry = shape.half[1] > 3.0
    for side in (-1.0, 1.0):
        lx, back = side * wide * 0.80, -deep if tail else deep
        at = (x + lx * cos + back * sin, y + (1.15 if lorry and tail else 0.75 * shape.belt), z + back * cos - lx * sin)
        if tail and turn == 0.0:
            yard.shine(*at, 0.16, tail * (0.10 + 0.55 * dark), (1.0, 0.05, 0.03), wet)
        if head and turn != 0.0:
            yard.shine(*at, 0.22, head * (0.25 + 1.9 * dark), (1.0, 0.92, 0.74), wet)
