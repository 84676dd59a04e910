"""Solids: vehicles, houses and bridges as unions of convex pieces, cut out of planes.

A ray meets a convex piece between the last plane it enters and the first it leaves (Kay and Kajiya, SIGGRAPH 1986),
in plain arithmetic. Normals are blended over neighbouring planes, so that a shell of a dozen planes looks rounded.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from failatlas.arrays import freeze
from failatlas.simulators.compiled import Lane, compiled, select
from failatlas.simulators.noise import mix, scatter, step
from failatlas.simulators.road.light import Light, lamp_light
from failatlas.simulators.road.sky import clear_sky

Point: TypeAlias = tuple[float, float, float]
Plane: TypeAlias = tuple[Point, Point]  # outward normal, a point on it

# what a piece is made of; the numbers are compared inside compiled code
PAINTED, GLAZED, TYRE, WALL, CONCRETE, CARGO = 0.0, 1.0, 2.0, 3.0, 4.0, 5.0
MISS = 1.0e9


@dataclass(frozen=True, slots=True, eq=False)
class Solid:
    """Convex pieces in their own frame: x right, y up, z forward, metres, origin on the ground in the middle.

    Attributes:
        planes: (n, 4) outward unit normal and offset: p is inside when normal · p ≤ offset for all of its piece.
        piece: (n,) the piece of each plane.
        stuff: (m,) what each piece is made of.
        half: half extent in x, height, half extent in z.
        belt: height at which the windows begin.
    """

    planes: NDArray[np.float64]
    piece: NDArray[np.float64]
    stuff: NDArray[np.float64]
    half: Point
    belt: float


@cache
def vehicle(kind: str) -> Solid:
    """A saloon car, a van or a lorry."""
    if kind == "car":
        pieces = [
            _shell(0.90, 0.24, 0.93, -2.2, 2.2, 0.16, hood=0.16),
            _cabin(0.84, 0.88, 1.45, -2.0, 1.05, 0.62, 0.75),
        ]
        stuff, half, belt, wheels = [PAINTED, GLAZED], (0.92, 1.46, 2.25), 0.93, (0.78, -1.35, 1.35, 0.33)
    elif kind == "van":
        pieces = [_shell(0.98, 0.28, 1.15, -2.5, 2.5, 0.14, hood=0.3), _cabin(0.95, 1.1, 2.05, -2.48, 1.75, 0.06, 0.75)]
        stuff, half, belt, wheels = [PAINTED, GLAZED], (1.0, 2.06, 2.55), 1.15, (0.84, -1.6, 1.55, 0.36)
    else:
        pieces = [_box((-1.24, 0.95, -4.0), (1.24, 3.7, 2.0), 0.05), _shell(1.2, 0.5, 3.1, 2.2, 4.1, 0.2, hood=0.1)]
        pieces.append(_box((-1.1, 0.45, -3.9), (1.1, 0.95, 2.1), 0.05))
        stuff, half, belt = [CARGO, PAINTED, TYRE], (1.26, 3.72, 4.15), 1.9
        wheels = (1.0, -2.9, 3.1, 0.5)
    x, rear, front, radius = wheels
    pieces += [_wheel(side * x, z, radius) for side in (-1, 1) for z in (rear, front)]
    return _solid(pieces, stuff + [TYRE] * 4, half, belt)


@cache
def house(wide: float, deep: float, eaves: float, pitch: float) -> Solid:
    """A house with a saddle roof whose ridge runs along z; ``pitch`` is the rise of the roof, 0 for a flat one."""
    top = eaves + pitch
    slope = math.hypot(pitch, wide)
    roof: list[Plane] = [((side * pitch / slope, wide / slope, 0.0), (side * wide, eaves, 0.0)) for side in (-1, 1)]
    body = [*_box((-wide, -2.0, -deep), (wide, top, deep), 0.0), *roof]
    return _solid([body], [WALL], (wide, top, deep), eaves)


@cache
def bridge(span: float) -> Solid:
    """A concrete bridge across the road, 8.4 m deep, on two abutments ``span`` metres from the middle."""
    pieces = [_box((-60.0, 5.2, -4.2), (60.0, 6.3, 4.2), 0.0), _box((-60.0, 6.3, -4.2), (60.0, 7.2, -3.9), 0.0)]
    pieces += [_box((x - 1.2, -2.0, -3.6), (x + 1.2, 5.3, 3.6), 0.0) for x in (-span, span)]
    return _solid(pieces, [CONCRETE] * 4, (60.0, 7.2, 4.2), 6.3)


@compiled
def meet(
    planes: NDArray[np.float64],
    piece: NDArray[np.float64],
    first: int,
    last: int,
    ox: Lane,
    oy: Lane,
    oz: Lane,
    dx: Lane,
    dy: Lane,
    dz: Lane,
) -> Lane:
    """Where a ray first meets a solid: (t, piece), t = `MISS` where it does not.

    Args:
        first, last: the rows of its planes.
    """
    best = ox * 0.0 + dx * 0.0 + MISS
    winner = best * 0.0 - 1.0
    enter = best * 0.0
    leave = best * 0.0 + MISS
    for i in range(first, last):
        toward = planes[i, 0] * dx + planes[i, 1] * dy + planes[i, 2] * dz
        left = planes[i, 3] - planes[i, 0] * ox - planes[i, 1] * oy - planes[i, 2] * oz
        t = left / select(np.abs(toward) > 1e-9, toward, 1e-9)
        enter = select(toward < 0.0, np.maximum(enter, t), enter)
        leave = select(toward > 0.0, np.minimum(leave, t), leave)
        if i + 1 == last or piece[i + 1] != piece[i]:
            hit = (enter < leave) & (enter > 0.05) & (enter < best)
            best = select(hit, enter, best)
            winner = select(hit, piece[i], winner)
            enter = best * 0.0
            leave = best * 0.0 + MISS
    return best, winner


@compiled
def facing(
    planes: NDArray[np.float64],
    piece: NDArray[np.float64],
    first: int,
    last: int,
    winner: Lane,
    px: Lane,
    py: Lane,
    pz: Lane,
    bevel: Lane,
) -> Lane:
    """Unit normal of the winning piece at a point, blended over ``bevel`` metres around its edges."""
    nx, ny, nz = px * 0.0, px * 0.0, px * 0.0
    for i in range(first, last):
        gap = planes[i, 3] - planes[i, 0] * px - planes[i, 1] * py - planes[i, 2] * pz
        near = bevel / (bevel + np.maximum(gap, 0.0))
        weight = select(winner == piece[i], near * near * near * near, 0.0)
        nx, ny, nz = nx + weight * planes[i, 0], ny + weight * planes[i, 1], nz + weight * planes[i, 2]
    size = 1.0 / np.sqrt(nx * nx + ny * ny + nz * nz + 1e-12)
    return nx * size, ny * size, nz * size


@compiled
def lit(
    light: Light, red: Lane, green: Lane, blue: Lane, nx: Lane, ny: Lane, nz: Lane, x: Lane, y: Lane, z: Lane
) -> Lane:
    """A matt colour in the light of sun, sky, ground and own lamps; normal and place in the car's frame."""
    sun = np.maximum(nx * light.sun_x + ny * light.sun_y + nz * light.sun_z, 0.0)
    up = 0.5 + 0.5 * ny
    bounce = (1.0 - up) * 0.16
    beam = lamp_light(light, x, y, z) * np.maximum(-nz, 0.1)
    return (
        red * (light.sun_r * (sun + bounce) + (0.5 * light.top_r + 0.3 * light.low_r) * (0.3 + 0.7 * up) + beam),
        green
        * (light.sun_g * (sun + bounce) + (0.5 * light.top_g + 0.3 * light.low_g) * (0.3 + 0.7 * up) + 0.95 * beam),
        blue
        * (light.sun_b * (sun + bounce) + (0.5 * light.top_b + 0.3 * light.low_b) * (0.3 + 0.7 * up) + 0.82 * beam),
    )


@compiled
def vehicle_colour(
    light: Light,
    row: NDArray[np.float64],
    stuff: Lane,
    px: Lane,
    py: Lane,
    pz: Lane,
    nx: Lane,
    nz: Lane,
    wx: Lane,
    wy: Lane,
    wz: Lane,
    vx: Lane,
    vy: Lane,
    vz: Lane,
    x: Lane,
    y: Lane,
    z: Lane,
) -> Lane:
    """Radiance of a vehicle's surface.

    Args:
        row: its row of the table of solids.
        px … nz: place and level part of the normal in its own frame; wx … wz: the normal in the car's frame.
        vx … vz: direction of sight; x, y, z: the place in the car's frame.
    """
    wide, top, deep, belt = row[11], row[12], row[13], row[14]
    glazed = stuff == GLAZED
    tyre = stuff == TYRE
    aside = np.abs(px)
    rear = nz < -0.55
    front = nz > 0.45
    # windows: a band of the cabin, with pillars
    pane_end = (
        (rear | front) & (aside < wide * (0.80 - 0.30 * (py - belt) / top)) & (py > belt + 0.06) & (py < top - 0.13)
    )
    between = np.abs(pz + 0.12 * deep) > 0.05  # the pillar behind the front door
    pane_side = (np.abs(nx) > 0.6) & (py > belt + 0.05) & (py < top - 0.16) & (np.abs(pz + 0.2) < 0.60 * deep) & between
    pane = (glazed & (pane_end | pane_side)) | (
        (stuff == PAINTED) & front & (belt > 1.7) & (py > belt) & (py < top * 0.78)
    )
    low = belt * 0.50
    lamp = (
        ((stuff == PAINTED) | (stuff == CARGO))
        & (py > belt * 0.62)
        & (py < belt * 0.90)
        & (aside > wide * 0.60)
        & (aside < wide * 0.96)
    )
    lamp = select(stuff == CARGO, rear & (py < 1.28) & (py > 1.02) & (aside > wide * 0.72), lamp)
    tail = lamp & rear & (stuff != TYRE)
    head = lamp & front & (stuff == PAINTED)
    plate = (rear | front) & (aside < 0.26) & (py > low) & (py < low + 0.12) & (stuff == PAINTED)
    bumper = (py < belt * 0.40) & (stuff == PAINTED)
    grille = front & (stuff == PAINTED) & (aside < wide * 0.5) & (py > belt * 0.46) & (py < belt * 0.66)
    door = (stuff == CARGO) & rear & ((aside < 0.03) | (aside > wide * 0.94) | (py > top - 0.12))
    red, green, blue = row[8], row[9], row[10]
    seam = select((stuff == PAINTED) & (np.abs(nx) > 0.7) & (np.abs(np.abs(pz + 0.1) - 0.55) < 0.02), 0.6, 1.0)
    seam = select(door, 0.55, seam)
    red, green, blue = red * seam, green * seam, blue * seam
    dark = tyre | grille | bumper
    red = select(dark, 0.022, select(plate, 0.62, select(tail, 0.30, select(head, 0.34, red))))
    green = select(dark, 0.022, select(plate, 0.62, select(tail, 0.02, select(head, 0.35, green))))
    blue = select(dark, 0.024, select(plate, 0.58, select(tail, 0.02, select(head, 0.38, blue))))
    red, green, blue = select(pane, 0.012, red), select(pane, 0.014, green), select(pane, 0.016, blue)
    shade = 0.45 + 0.55 * step(0.1, 0.6, py)  # the road's darkness below
    red, green, blue = lit(light, red * shade, green * shade, blue * shade, wx, wy, wz, x, y, z)
    # clear coat: the sky, brighter at grazing view, and the sun
    facing_us = np.maximum(-(wx * vx + wy * vy + wz * vz), 0.0)
    fresnel = 0.05 + 0.75 * (1.0 - facing_us) ** 4
    mx, my, mz = vx + 2.0 * facing_us * wx, vy + 2.0 * facing_us * wy, vz + 2.0 * facing_us * wz
    sky_r, sky_g, sky_b = clear_sky(light, mx, np.maximum(my, 0.0), mz)
    above = step(-0.12, 0.12, my)
    gloss = select(tyre, 0.01, select(stuff == CARGO, 0.05, select(pane, fresnel + 0.07, fresnel * 0.8)))
    shine = np.minimum(0.07 * light.top_g + above, 1.0)
    red = mix(red, np.minimum(sky_r, 3.0) * shine, gloss)
    green = mix(green, np.minimum(sky_g, 3.0) * shine, gloss)
    blue = mix(blue, np.minimum(sky_b, 3.0) * shine, gloss)
    burning = (row[15] + 0.14 * (1.0 - light.dark)) * select(tail, 1.0, 0.0)
    shining = row[16] * select(head, 1.0, 0.0)
    return (
        red + burning * 1.5 + shining * 4.0,
        green + burning * 0.06 + shining * 3.7,
        blue + burning * 0.04 + shining * 3.0,
    )


@compiled
def building_colour(
    light: Light,
    row: NDArray[np.float64],
    grid: NDArray[np.float32],
    stuff: Lane,
    px: Lane,
    py: Lane,
    pz: Lane,
    nx: Lane,
    ny: Lane,
    nz: Lane,
    wx: Lane,
    wy: Lane,
    wz: Lane,
    x: Lane,
    y: Lane,
    z: Lane,
) -> Lane:
    """Radiance of a house or bridge; arguments as for `vehicle_colour`."""
    eaves = row[14]
    wall = stuff == WALL
    side = np.abs(nx) > np.abs(nz)
    along = select(side, pz, px)
    roof = wall & (ny > 0.25)
    column, storey = np.floor(along / 2.4), np.floor(py / 2.9)
    u, v = along / 2.4 - column, py / 2.9 - storey
    chance = scatter(grid, column + row[17] + select(side, 40.0, 0.0), storey + row[17])
    hole = wall & (ny <= 0.25) & (u > 0.28) & (u < 0.74) & (v > 0.30) & (v < 0.80) & (py < eaves) & (chance > 0.12)
    frame = hole & ((u < 0.33) | (u > 0.69) | (v < 0.35) | (np.abs(u - 0.51) < 0.025))
    base = select(py < 0.6, 0.72, 1.0)
    stain = 0.88 + 0.2 * scatter(grid, along * 1.3 + row[17], py * 0.9)
    red, green, blue = row[8] * base * stain, row[9] * base * stain, row[10] * base * stain
    tile = (0.85 + 0.3 * scatter(grid, along * 2.5, py * 4.0)) * select(row[16] > 0.5, 0.75, 1.0)
    red = select(roof, 0.23 * tile, select(frame, 0.65, select(hole, 0.035, red)))
    green = select(roof, select(row[16] > 0.5, 0.20, 0.085) * tile, select(frame, 0.65, select(hole, 0.042, green)))
    blue = select(roof, select(row[16] > 0.5, 0.20, 0.060) * tile, select(frame, 0.63, select(hole, 0.055, blue)))
    red, green, blue = lit(light, red, green, blue, wx, wy, wz, x, y, z)
    pane = select(hole, 1.0, 0.0) * select(frame, 0.0, 1.0)
    glow = pane * light.dark * select(chance > 0.62, 0.35, 0.0)
    gleam = pane * 0.16
    return (
        red + gleam * light.low_r + glow,
        green + gleam * light.low_g + glow * 0.72,
        blue + gleam * light.low_b + glow * 0.36,
    )


def _plane(normal: Point, point: Point) -> tuple[float, float, float, float]:
    size = math.sqrt(sum(c * c for c in normal))
    nx, ny, nz = (c / size for c in normal)
    return nx, ny, nz, nx * point[0] + ny * point[1] + nz * point[2]


def _solid(pieces: list[list[Plane]], stuff: list[float], half: Point, belt: float) -> Solid:
    planes = np.array([_plane(*plane) for piece in pieces for plane in piece])
    owner = np.repeat(np.arange(len(pieces), dtype=np.float64), [len(piece) for piece in pieces])
    return Solid(freeze(planes), freeze(owner), freeze(np.array(stuff)), half, belt)


def _box(low: Point, high: Point, chamfer: float) -> list[Plane]:
    planes: list[Plane] = []
    for axis in range(3):
        for sign, corner in ((-1.0, low), (1.0, high)):
            normal = tuple(sign if i == axis else 0.0 for i in range(3))
            planes.append(((normal[0], normal[1], normal[2]), corner))
    if chamfer:
        for x, cx in ((-1.0, low[0]), (1.0, high[0])):
            for z, cz in ((-1.0, low[2]), (1.0, high[2])):
                planes.append(((x, 0.0, z), (cx - x * chamfer, 0.0, cz)))
            planes.append(((x, 1.0, 0.0), (cx - x * chamfer, high[1], 0.0)))
    return planes


def _shell(wide: float, low: float, top: float, rear: float, nose: float, corner: float, hood: float) -> list[Plane]:
    """The lower body: rounded corners in plan, sides that lean in, a hood that falls towards the nose."""
    middle = (low + top) / 2
    planes: list[Plane] = [
        ((0, -1, 0), (0, low, 0)), ((0, 1, 0), (0, top, 0)),
        ((0, 0.06, -1), (0, middle, rear)), ((0, 0.1, 1), (0, middle, nose)),
        ((0, -0.75, -0.7), (0, low, rear + 0.18)), ((0, -0.75, 0.7), (0, low, nose - 0.18)),
        ((0, 0.8, -0.6), (0, top, rear + 0.10)), ((0, 1.0, hood), (0, top, 0.45 * nose)),
        ((0, 0.75, 0.66), (0, top - 0.55 * hood * nose, nose - 0.12)),
    ]  # fmt: skip
    for side in (-1.0, 1.0):
        planes += [
            ((side, 0.05, 0), (side * wide, middle, 0)),
            ((side, 0.75, 0), (side * (wide - 0.04), top - 0.05, 0)),
            ((side, -0.5, 0), (side * (wide - 0.02), low + 0.08, 0)),
            ((side, 0, -1), (side * (wide - corner), 0, rear)),
            ((side, 0, 1), (side * (wide - 1.6 * corner), 0, nose)),
            ((side, 0, -0.35), (side * wide, 0, rear + 2.2 * corner)),
        ]
    return planes


def _cabin(wide: float, low: float, top: float, rear: float, front: float, back: float, screen: float) -> list[Plane]:
    """The part with windows; ``back`` and ``screen`` are how far rear window and windscreen lean, 0 upright."""
    planes: list[Plane] = [
        ((0, -1, 0), (0, low, 0)), ((0, 1, 0), (0, top, 0)),
        ((0, back, -1), (0, low, rear)), ((0, screen, 1), (0, low, front)),
        ((0, 1, -0.45), (0, top - 0.03, rear + (top - low) * back + 0.12)),
        ((0, 1, 0.3), (0, top - 0.02, front - (top - low) * screen - 0.2)),
    ]  # fmt: skip
    for side in (-1.0, 1.0):
        planes += [
            ((side, 0.24, 0), (side * wide, low, 0)),
            ((side, 1.0, 0), (side * (wide - 0.2), top - 0.02, 0)),
            ((side, 0.15, -0.9), (side * (wide - 0.16), low, rear)),
            ((side, 0.15, 0.9), (side * (wide - 0.22), low, front)),
        ]
    return planes


def _wheel(x: float, z: float, radius: float) -> list[Plane]:
    planes: list[Plane] = [((-1, 0, 0), (x - 0.11, 0, 0)), ((1, 0, 0), (x + 0.11, 0, 0))]
    for corner in range(8):
        angle = math.pi * (corner + 0.5) / 4
        normal = (0.0, math.sin(angle), math.cos(angle))
        planes.append((normal, (x, radius + normal[1] * radius, z + normal[2] * radius)))
    return planes
