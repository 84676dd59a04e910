"""Items: the table of everything that stands on the ground, one row each, painted from near to far.

A compiled loop cannot walk a list of objects of several kinds, so each kind lays its numbers into columns of one table;
the columns have names here and nowhere else.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from failatlas.simulators.compiled import HAS_NUMBA, Lane, compiled
from failatlas.simulators.noise import mix
from failatlas.simulators.record import Records, record
from failatlas.simulators.road.light import Light, fogged
from failatlas.simulators.road.picture import Picture
from failatlas.simulators.road.solids import building_colour, facing, meet, vehicle_colour
from failatlas.simulators.road.things import glow, post, rail, tree
from failatlas.simulators.road.view import CAMERA_AHEAD_M, View, ray

Rows: TypeAlias = NDArray[np.float64]

COLUMNS = 24
KIND, FAR, LEFT, RIGHT, TOP, BOTTOM = range(6)  # of every item; FAR = metres ahead, LEFT … BOTTOM = pixels it may touch
TREE, POST, RAIL, VEHICLE, BUILDING, GLOW = (float(kind) for kind in range(6))
# trees and posts
COLUMN, ROW, HALF_WIDTH, HEIGHT, SHIFT, TONE, NEEDLES, BARE, RED, GREEN, BLUE, ASIDE, METRES = range(6, 19)
# guard rails, between two ends A and B; S = arc length
COLUMN_A, TOP_A, BASE_A, NEAR_A, COLUMN_B, TOP_B, BASE_B, NEAR_B, S_A, S_B, X_A, X_B = range(6, 18)
# solids; columns 8 … 17 are read by their colours
FIRST, LAST, PAINT, WIDE, HIGH, DEEP, BELT, TAIL, HEAD, SALT, EYE_X, EYE_Y, EYE_Z, SIN, COS = (
    6, 7, 8, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22,
)  # fmt: skip
# glows
CENTRE, MIDDLE, RADIUS, STRENGTH, TINT, BELOW, WET = 6, 7, 8, 9, 10, 13, 14

_SAMPLES = 3  # rays a pixel through solids, no two in one row or column of thirds
_ACROSS = (1 / 6, 1 / 2, 5 / 6)
_DOWN = (1 / 2, 5 / 6, 1 / 6)
OPAQUE = 0.004  # of a pixel: what is less clear than this shows nothing that lies behind
_HIDDEN_M = 0.6  # ground nearer than the item by more than this hides it, as behind a crest


@dataclass(frozen=True, slots=True, eq=False)
class Furniture:
    """What stands on the ground.

    Attributes:
        table: (n, COLUMNS) items from near to far.
        planes, piece, stuff: of all solids together, as in `solids.Solid`.
        footprints: (m, 6) of vehicles, for the shade under them: place before the camera, sine and cosine of the
            course, half width and half length.
        gap_m: from the camera to the rear of the vehicle ahead; nan without one.
    """

    table: Rows
    planes: Rows
    piece: Rows
    stuff: Rows
    footprints: Rows
    gap_m: float


def paint(view: View, light: Light, grid: NDArray[np.float32], things: Furniture, picture: Picture) -> None:
    """Paint all items into a blank picture."""
    solids = things.planes, things.piece, things.stuff
    buffers = picture.canvas, picture.clear, picture.ground, picture.front
    if HAS_NUMBA:
        _paint_compiled(record(view), record(light), grid, things.table, *solids, *buffers)
    else:
        _paint_arrays(view, light, grid, things.table, *solids, *buffers)


@compiled
def flat(light: Light, grid: NDArray[np.float32], item: Rows, column: Lane, row: Lane) -> Lane:
    """Colour and coverage of a tree or post at a pixel."""
    u = (column - item[COLUMN]) / item[HALF_WIDTH]
    v = (item[ROW] - row) / item[HEIGHT]
    x, y, z = item[ASIDE], v * item[METRES], item[FAR] + CAMERA_AHEAD_M
    if item[KIND] == TREE:
        soft = 0.5 / item[HALF_WIDTH] + 0.5 / item[HEIGHT]
        return tree(
            light, grid, u, v, soft, item[NEEDLES], item[BARE], item[SHIFT], item[TONE],
            item[RED], item[GREEN], item[BLUE], x, y, z,
        )  # fmt: skip
    return post(light, u, v, 0.5 / item[HALF_WIDTH], 0.5 / item[HEIGHT], x, y, z)


@compiled
def barrier(light: Light, item: Rows, column: Lane, row: Lane) -> Lane:
    """Colour, coverage and distance of a stretch of guard rail at a pixel; its edges are straight in the picture."""
    t = (column - item[COLUMN_A]) / (item[COLUMN_B] - item[COLUMN_A])
    near = mix(item[NEAR_A], item[NEAR_B], t)
    near = np.maximum(near, 1e-3)
    share = t * item[NEAR_B] / near  # of the way, in perspective
    top = mix(item[TOP_A], item[TOP_B], t)
    tall = np.maximum(mix(item[BASE_A], item[BASE_B], t) - top, 0.2)
    v = 1.0 - (row - top) / tall
    x = mix(item[X_A], item[X_B], share)
    red, green, blue, cover = rail(
        light, v, mix(item[S_A], item[S_B], share), 0.5 / tall, x, v * 0.75, 1.0 / near + CAMERA_AHEAD_M
    )
    return red, green, blue, cover, 1.0 / near


@compiled
def solid(view: View, item: Rows, planes: Rows, piece: Rows, column: Lane, row: Lane) -> Lane:
    """Colour and distance of a vehicle, house or bridge on one line of sight; `solids.MISS` beside it."""
    right, slope = ray(view, column, row)
    sin, cos = item[SIN], item[COS]
    first, last = int(item[FIRST]), int(item[LAST])
    dx, dz = right * cos - sin, right * sin + cos
    t, winner = meet(planes, piece, first, last, item[EYE_X], item[EYE_Y], item[EYE_Z], dx, slope, dz)
    return t, winner, right, slope, dx, dz


@compiled
def solid_colour(
    light: Light,
    grid: NDArray[np.float32],
    item: Rows,
    planes: Rows,
    piece: Rows,
    stuff: Rows,
    t: Lane,
    winner: Lane,
    right: Lane,
    slope: Lane,
    dx: Lane,
    dz: Lane,
) -> Lane:
    """Radiance where the ray of `solid` met."""
    sin, cos = item[SIN], item[COS]
    first, last = int(item[FIRST]), int(item[LAST])
    px, py, pz = item[EYE_X] + t * dx, item[EYE_Y] + t * slope, item[EYE_Z] + t * dz
    bevel = 0.05
    if item[KIND] == BUILDING:
        bevel = 0.001
    nx, ny, nz = facing(planes, piece, first, last, winner, px, py, pz, bevel)
    wx, wz = nx * cos + nz * sin, nz * cos - nx * sin
    x, y, z = right * t, py, t + CAMERA_AHEAD_M
    what = stuff[np.int64(winner)]
    if item[KIND] == BUILDING:
        return building_colour(light, item, grid, what, px, py, pz, nx, ny, nz, wx, ny, wz, x, y, z)
    size = 1.0 / np.sqrt(right * right + slope * slope + 1.0)
    return vehicle_colour(light, item, what, px, py, pz, nx, nz, wx, ny, wz, right * size, slope * size, size, x, y, z)


@compiled
def _paint_compiled(
    views: Records,
    lights: Records,
    grid: NDArray[np.float32],
    items: Rows,
    planes: Rows,
    piece: Rows,
    stuff: Rows,
    canvas: NDArray[np.float32],
    clear: NDArray[np.float32],
    ground: NDArray[np.float32],
    front: NDArray[np.float32],
) -> None:
    view, light = views[0], lights[0]
    for number in range(items.shape[0]):
        item = items[number]
        kind = item[KIND]
        for row in range(int(item[TOP]), int(item[BOTTOM])):
            for column in range(int(item[LEFT]), int(item[RIGHT])):
                left = clear[row, column]
                if left < OPAQUE:
                    continue
                if ground[row, column] + _HIDDEN_M < item[FAR] and kind != RAIL and kind != BUILDING:
                    continue
                r, g, b, cover, far = 0.0, 0.0, 0.0, 0.0, item[FAR]
                if kind == BUILDING:
                    behind = ground[row, column] + _HIDDEN_M
                    # two rays that agree speak for the pixel, else a third decides; one colour is enough for a wall
                    t, winner, rx, slope, dx, dz = solid(view, item, planes, piece, column + _ACROSS[0], row + _DOWN[0])
                    other = solid(view, item, planes, piece, column + _ACROSS[2], row + _DOWN[2])
                    if t < behind and other[0] < behind:
                        cover = 1.0
                    elif t < behind or other[0] < behind:
                        third = solid(view, item, planes, piece, column + _ACROSS[1], row + _DOWN[1])
                        cover = (1.0 + (1.0 if third[0] < behind else 0.0)) / _SAMPLES
                        if t >= behind:
                            t, winner, rx, slope, dx, dz = other
                    if cover > 0.0:
                        r, g, b = solid_colour(light, grid, item, planes, piece, stuff, t, winner, rx, slope, dx, dz)
                        far = t
                elif kind == VEHICLE:
                    behind = ground[row, column] + _HIDDEN_M
                    samples = 0
                    for sample in range(_SAMPLES):
                        u, w = column + _ACROSS[sample], row + _DOWN[sample]
                        t, winner, rx, slope, dx, dz = solid(view, item, planes, piece, u, w)
                        if t < behind:
                            sr, sg, sb = solid_colour(
                                light, grid, item, planes, piece, stuff, t, winner, rx, slope, dx, dz
                            )
                            r, g, b, samples, far = r + sr, g + sg, b + sb, samples + 1, t
                    if samples > 0:
                        cover = samples / _SAMPLES
                        r, g, b = r / samples, g / samples, b / samples
                elif kind == RAIL:
                    r, g, b, cover, far = barrier(light, item, column + 0.5, row + 0.5)
                    if ground[row, column] + _HIDDEN_M < far:
                        continue
                elif kind == GLOW:
                    _shine(item, canvas, left, row, column)
                    continue
                else:
                    r, g, b, cover = flat(light, grid, item, column + 0.5, row + 0.5)
                if cover > 0.004:
                    if light.fog > 0.0:
                        right, _ = ray(view, column + 0.5, row + 0.5)
                        r, g, b = fogged(light, r, g, b, far * np.sqrt(1.0 + right * right))
                    canvas[row, column, 0] += left * cover * r
                    canvas[row, column, 1] += left * cover * g
                    canvas[row, column, 2] += left * cover * b
                    clear[row, column] = left * (1.0 - cover)
                    if cover > 0.5:
                        front[row, column] = min(far, front[row, column])


@compiled
def _shine(item: Rows, canvas: NDArray[np.float32], left: Lane, row: Lane, column: Lane) -> None:
    u = (column + 0.5 - item[CENTRE]) / item[RADIUS]
    v = (row + 0.5 - item[MIDDLE]) / item[RADIUS]
    share = left * item[STRENGTH] * glow(u, v, item[BELOW], item[WET])
    for channel in range(3):
        canvas[row, column, channel] += share * item[TINT + channel]


def _paint_arrays(
    view: View,
    light: Light,
    grid: NDArray[np.float32],
    items: NDArray[np.float64],
    planes: NDArray[np.float64],
    piece: NDArray[np.float64],
    stuff: NDArray[np.float64],
    canvas: NDArray[np.float32],
    clear: NDArray[np.float32],
    ground: NDArray[np.float32],
    front: NDArray[np.float32],
) -> None:
    for item in items:
        left, right, top, bottom = (int(edge) for edge in item[[LEFT, RIGHT, TOP, BOTTOM]])
        if left >= right or top >= bottom:
            continue
        rows, columns = np.nonzero(clear[top:bottom, left:right] >= OPAQUE)
        rows, columns = rows + top, columns + left
        kind = item[KIND]
        behind = ground[rows, columns].astype(np.float64) + _HIDDEN_M
        if kind not in (RAIL, BUILDING):
            seen = behind >= item[FAR]
            rows, columns, behind = rows[seen], columns[seen], behind[seen]
        far = np.full(len(rows), item[FAR])
        if kind == GLOW:
            share = item[STRENGTH] * glow(
                (columns + 0.5 - item[CENTRE]) / item[RADIUS],
                (rows + 0.5 - item[MIDDLE]) / item[RADIUS],
                item[BELOW],
                item[WET],
            )
            share = share * clear[rows, columns]
            canvas[rows, columns] += (share[:, None] * item[TINT : TINT + 3]).astype(np.float32)
            continue
        if kind in (VEHICLE, BUILDING):
            colours, cover, far = _solid_arrays(view, light, grid, item, planes, piece, stuff, rows, columns, behind)
        elif kind == RAIL:
            r, g, b, cover, far = barrier(light, item, columns + 0.5, rows + 0.5)
            colours, cover = np.stack((r, g, b), 1), np.where(behind < far, 0.0, cover)
        else:
            r, g, b, cover = flat(light, grid, item, columns + 0.5, rows + 0.5)
            colours = np.stack((r, g, b), 1)
        shown = cover > 0.004
        rows, columns, cover, far = rows[shown], columns[shown], cover[shown], far[shown]
        stretch = np.sqrt(1.0 + ray(view, columns + 0.5, rows + 0.5)[0] ** 2)
        colours = colours[shown]
        colours = np.stack(fogged(light, colours[:, 0], colours[:, 1], colours[:, 2], far * stretch), 1)
        share = clear[rows, columns] * cover
        canvas[rows, columns] += (share[:, None] * colours).astype(np.float32)
        clear[rows, columns] *= (1.0 - cover).astype(np.float32)
        full = cover > 0.5
        front[rows[full], columns[full]] = np.minimum(far[full], front[rows[full], columns[full]])


def _solid_arrays(
    view: View,
    light: Light,
    grid: NDArray[np.float32],
    item: NDArray[np.float64],
    planes: NDArray[np.float64],
    piece: NDArray[np.float64],
    stuff: NDArray[np.float64],
    rows: NDArray[np.int64],
    columns: NDArray[np.int64],
    behind: NDArray[np.float64],
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    rays = [solid(view, item, planes, piece, columns + u, rows + w) for u, w in zip(_ACROSS, _DOWN, strict=True)]
    hits = [ray_[0] < behind for ray_ in rays]
    if item[KIND] == BUILDING:
        first, third, second = hits
        cover = np.where(first & second, 1.0, np.where(first | second, (1.0 + third) / _SAMPLES, 0.0))
        seen = [np.where(first, one, other) for one, other in zip(rays[0], rays[2], strict=True)]
        return _coloured(light, grid, item, planes, piece, stuff, seen, cover > 0.0), cover, seen[0]
    cover, colours, far = np.zeros(len(rows)), np.zeros((len(rows), 3)), np.full(len(rows), item[FAR])
    for ray_, hit in zip(rays, hits, strict=True):
        colours += _coloured(light, grid, item, planes, piece, stuff, ray_, hit)
        cover += hit
        far = np.where(hit, ray_[0], far)
    return colours / np.maximum(cover, 1.0)[:, None], cover / _SAMPLES, far


def _coloured(
    light: Light,
    grid: NDArray[np.float32],
    item: Rows,
    planes: Rows,
    piece: Rows,
    stuff: Rows,
    seen: Sequence[Rows],
    hit: NDArray[np.bool_],
) -> Rows:
    colours = np.zeros((len(hit), 3))
    inside = (part[hit] for part in seen)
    colours[hit] = np.stack(solid_colour(light, grid, item, planes, piece, stuff, *inside), 1)
    return colours
