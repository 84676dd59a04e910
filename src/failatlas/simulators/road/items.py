"""Items: the table of everything that stands on the ground, one row each, painted from far to near.

A compiled loop cannot walk a list of objects of several kinds, so each kind lays its numbers into columns of one table;
the columns have names here and nowhere else.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from failatlas.simulators.compiled import HAS_NUMBA, compiled
from failatlas.simulators.road.light import Light, fogged
from failatlas.simulators.road.noise import mix
from failatlas.simulators.road.record import record
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
_HIDDEN_M = 0.6  # ground nearer than the item by more than this hides it, as behind a crest


@dataclass(frozen=True, slots=True, eq=False)
class Furniture:
    """What stands on the ground.

    Attributes:
        table: (n, COLUMNS) items from far to near.
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


def paint(
    view: View, light: Light, grid: NDArray[np.float32], things: Furniture,
    canvas: NDArray[np.float32], depth: NDArray[np.float32],
) -> None:  # fmt: skip
    """Paint all items onto the canvas, and bring the depth up to date."""
    solids = things.planes, things.piece, things.stuff
    if HAS_NUMBA:
        _paint_compiled(record(view), record(light), grid, things.table, *solids, canvas, depth)
    else:
        _paint_arrays(view, light, grid, things.table, *solids, canvas, depth)


@compiled
def flat(view, light, grid, item, column, row):  # type: ignore[no-untyped-def]
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
def barrier(light, item, column, row):  # type: ignore[no-untyped-def]
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
def solid(view, item, planes, piece, column, row):  # type: ignore[no-untyped-def]
    """Colour and distance of a vehicle, house or bridge on one line of sight; the distance is `solids.MISS` beside it."""
    right, slope = ray(view, column, row)
    sin, cos = item[SIN], item[COS]
    first, last = int(item[FIRST]), int(item[LAST])
    dx, dz = right * cos - sin, right * sin + cos
    t, winner = meet(planes, piece, first, last, item[EYE_X], item[EYE_Y], item[EYE_Z], dx, slope, dz)
    return t, winner, right, slope, dx, dz


@compiled
def solid_colour(light, grid, item, planes, piece, stuff, t, winner, right, slope, dx, dz):  # type: ignore[no-untyped-def]
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
    return vehicle_colour(
        light, item, what, px, py, pz, nx, ny, nz, wx, ny, wz, right * size, slope * size, size, x, y, z
    )


@compiled
def _paint_compiled(views, lights, grid, items, planes, piece, stuff, canvas, depth):  # type: ignore[no-untyped-def]
    view, light = views[0], lights[0]
    for number in range(items.shape[0]):
        item = items[number]
        kind = item[KIND]
        for row in range(int(item[TOP]), int(item[BOTTOM])):
            for column in range(int(item[LEFT]), int(item[RIGHT])):
                if depth[row, column] + _HIDDEN_M < item[FAR] and kind != RAIL and kind != BUILDING:
                    continue
                r, g, b, cover, far = 0.0, 0.0, 0.0, 0.0, item[FAR]
                right, _ = ray(view, column + 0.5, row + 0.5)
                stretch = np.sqrt(1.0 + right * right)
                if kind == VEHICLE or kind == BUILDING:
                    behind = depth[row, column] + _HIDDEN_M
                    samples = 0
                    for sample in range(_SAMPLES):
                        u, w = column + _ACROSS[sample], row + _DOWN[sample]
                        t, winner, rx, slope, dx, dz = solid(view, item, planes, piece, u, w)
                        if t < behind and kind == BUILDING and samples > 0:
                            samples += 1  # walls are even enough for one colour a pixel
                        elif t < behind:
                            sr, sg, sb = solid_colour(light, grid, item, planes, piece, stuff, t, winner, rx, slope, dx, dz)
                            r, g, b, samples, far = r + sr, g + sg, b + sb, samples + 1, t
                    if samples > 0:
                        cover = samples / _SAMPLES
                        if kind == VEHICLE:
                            r, g, b = r / samples, g / samples, b / samples
                elif kind == RAIL:
                    r, g, b, cover, far = barrier(light, item, column + 0.5, row + 0.5)
                    if depth[row, column] + _HIDDEN_M < far:
                        continue
                elif kind == GLOW:
                    _shine(item, canvas, row, column)
                    continue
                else:
                    r, g, b, cover = flat(view, light, grid, item, column + 0.5, row + 0.5)
                if cover > 0.004:
                    r, g, b = fogged(light, r, g, b, far * stretch)
                    canvas[row, column, 0] = mix(canvas[row, column, 0], r, cover)
                    canvas[row, column, 1] = mix(canvas[row, column, 1], g, cover)
                    canvas[row, column, 2] = mix(canvas[row, column, 2], b, cover)
                    if cover > 0.5:
                        depth[row, column] = far


@compiled
def _shine(item, canvas, row, column):  # type: ignore[no-untyped-def]
    u = (column + 0.5 - item[CENTRE]) / item[RADIUS]
    v = (row + 0.5 - item[MIDDLE]) / item[RADIUS]
    share = item[STRENGTH] * glow(u, v, item[BELOW], item[WET])
    for channel in range(3):
        canvas[row, column, channel] += share * item[TINT + channel]


def _paint_arrays(
    view: View, light: Light, grid: NDArray[np.float64], items: NDArray[np.float64], planes: NDArray[np.float64],
    piece: NDArray[np.float64], stuff: NDArray[np.float64], canvas: NDArray[np.float32], depth: NDArray[np.float32],
) -> None:
    for item in items:
        left, right, top, bottom = (int(edge) for edge in item[[LEFT, RIGHT, TOP, BOTTOM]])
        if left >= right or top >= bottom:
            continue
        rows, columns = (grid_axis.ravel() for grid_axis in np.mgrid[top:bottom, left:right])
        kind = item[KIND]
        behind = depth[rows, columns].astype(np.float64) + _HIDDEN_M
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
            canvas[rows, columns] += (share[:, None] * item[TINT : TINT + 3]).astype(np.float32)
            continue
        if kind in (VEHICLE, BUILDING):
            colours, cover, far = _solid_arrays(view, light, grid, item, planes, piece, stuff, rows, columns, behind)
        elif kind == RAIL:
            r, g, b, cover, far = barrier(light, item, columns + 0.5, rows + 0.5)
            colours, cover = np.stack((r, g, b), 1), np.where(behind < far, 0.0, cover)
        else:
            r, g, b, cover = flat(view, light, grid, item, columns + 0.5, rows + 0.5)
            colours = np.stack((r, g, b), 1)
        shown = cover > 0.004
        rows, columns, cover, far = rows[shown], columns[shown], cover[shown], far[shown]
        stretch = np.sqrt(1.0 + ray(view, columns + 0.5, rows + 0.5)[0] ** 2)
        colours = np.stack(fogged(light, *colours[shown].T, far * stretch), 1)
        canvas[rows, columns] = mix(canvas[rows, columns], colours, cover[:, None])
        full = cover > 0.5
        depth[rows[full], columns[full]] = far[full]


def _solid_arrays(
    view: View, light: Light, grid: NDArray[np.float64], item: NDArray[np.float64], planes: NDArray[np.float64],
    piece: NDArray[np.float64], stuff: NDArray[np.float64], rows: NDArray[np.int64], columns: NDArray[np.int64],
    behind: NDArray[np.float64],
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    colours, cover, far = np.zeros((len(rows), 3)), np.zeros(len(rows)), np.full(len(rows), item[FAR])
    for across, down in zip(_ACROSS, _DOWN, strict=True):
        t, winner, rx, slope, dx, dz = solid(view, item, planes, piece, columns + across, rows + down)
        hit = t < behind
        far = np.where(hit & ((cover == 0.0) | (item[KIND] == VEHICLE)), t, far)
        shaded = hit & (cover == 0.0) if item[KIND] == BUILDING else hit
        seen = t[shaded], winner[shaded], rx[shaded], slope[shaded], dx[shaded], dz[shaded]
        colours[shaded] += np.stack(solid_colour(light, grid, item, planes, piece, stuff, *seen), 1)
        cover += hit / _SAMPLES
    if item[KIND] == VEHICLE:
        colours /= np.maximum(cover * _SAMPLES, 1.0)[:, None]
    return colours, cover, far
