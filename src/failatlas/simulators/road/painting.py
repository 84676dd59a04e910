"""Painting: ground and sky of every pixel that nothing hides, and the camera's curve.

Each loop exists twice: scalar and compiled, and over gathered arrays for a Python without numba. Both call the same
formulas.
"""

from __future__ import annotations

from functools import cache
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from failatlas.arrays import Pixels
from failatlas.simulators.compiled import HAS_NUMBA, Lane, compiled
from failatlas.simulators.road.alignment import Course, along_and_across, ground_hit
from failatlas.simulators.road.items import OPAQUE
from failatlas.simulators.road.light import Light, fogged
from failatlas.simulators.road.noise import mix, step
from failatlas.simulators.road.picture import Picture
from failatlas.simulators.road.record import record
from failatlas.simulators.road.sky import Horizon, land, ridges, sky
from failatlas.simulators.road.surface import Surface, carriageway, paved, verge
from failatlas.simulators.road.view import View, bearing, ray, to_road

Canvas: TypeAlias = NDArray[np.float32]  # (h, w, 3) linear light

SHADE_M = 7.5  # from a vehicle's middle to where its shade ends
_CURVE = 4096  # entries of the tone curve
_BRIGHTEST = 16.0


def background(
    view: View,
    lane: Course,
    road: Surface,
    light: Light,
    horizon: Horizon,
    grid: NDArray[np.float32],
    cars: NDArray[np.float64],
    picture: Picture,
) -> None:
    """Add ground and sky where they can be seen.

    Args:
        cars: (n, 6) x, z, sine and cosine of the course, half width and half length of each, for their shadows.
    """
    if HAS_NUMBA:
        records = record(view), record(road), record(light), record(horizon)
        _fill_compiled(*records, lane, grid, cars, picture.canvas, picture.clear)
    else:
        _fill_arrays(view, road, light, horizon, lane, grid, cars, picture.canvas, picture.clear)


@compiled
def ground(view: View, lane: Course, right: Lane, slope: Lane, z: Lane) -> Lane:
    """Where a ray meets the ground: (s, d, x, distance, wide, deep), with the footprint of one pixel."""
    x = right * z
    rx, rz = to_road(view, x, z)
    s, d, sin, cos = along_and_across(lane, rx, rz)
    # the pixel's two edges on the ground, in the car's frame: (a, 0) and (b·right, b)
    a = z / view.focal
    fall = np.maximum(np.sqrt(np.maximum(slope * slope + 2.0 * view.bend * view.eye, 1e-8)), 0.004)
    b = z / fall / view.focal
    # the lane's direction there, turned into the car's frame
    tx = sin * view.turn_cos - cos * view.turn_sin
    tz = cos * view.turn_cos + sin * view.turn_sin
    wide = np.abs(a * tz) + np.abs(b * (right * tz - tx))
    deep = np.abs(a * tx) + np.abs(b * (right * tx + tz))
    return s, d, x, np.sqrt(x * x + z * z), np.maximum(wide, 1e-3), np.maximum(deep, 1e-3)


@compiled
def contact(light: Light, cars: NDArray[np.float64], number: int, x: Lane, z: Lane) -> Lane:
    """Share of light that reaches the ground beside and under a car."""
    dx, dz = x - cars[number, 0], z - cars[number, 1]
    sin, cos = cars[number, 2], cars[number, 3]
    half_wide, half_long = cars[number, 4], cars[number, 5]
    # the soft shade below, and the sun's shadow, shifted away from the sun
    under = np.maximum(_rounded(dx * cos - dz * sin, dx * sin + dz * cos, half_wide - 0.25, half_long - 0.25), 0.0)
    near = 1.0 + 2.2 * under
    near = 1.0 - 0.85 / (near * near)
    if light.sun_g <= 0.0:
        return near
    reach = 0.7 / np.maximum(light.sun_y, 0.25)
    sx, sz = dx + light.sun_x * reach, dz + light.sun_z * reach
    cast = _rounded(sx * cos - sz * sin, sx * sin + sz * cos, half_wide - 0.2, half_long - 0.2)
    strength = light.sun_g / (light.sun_g + 0.6)
    return near * (1.0 - strength * step(0.25, -0.25, cast))


@compiled
def _rounded(x: Lane, z: Lane, half_wide: Lane, half_long: Lane) -> Lane:
    """Distance from a rectangle, 0 or less inside."""
    a, b = np.abs(x) - half_wide, np.abs(z) - half_long
    out_a, out_b = np.maximum(a, 0.0), np.maximum(b, 0.0)
    return np.sqrt(out_a * out_a + out_b * out_b) + np.minimum(np.maximum(a, b), 0.0)


@compiled
def _fill_compiled(
    views: NDArray[np.void],
    roads: NDArray[np.void],
    lights: NDArray[np.void],
    horizons: NDArray[np.void],
    lane: Course,
    grid: NDArray[np.float32],
    cars: NDArray[np.float64],
    canvas: NDArray[np.float32],
    clear: NDArray[np.float32],
) -> None:
    view, road, light, horizon = views[0], roads[0], lights[0], horizons[0]
    for column in range(canvas.shape[1]):
        azimuth = bearing(view, column + 0.5)
        far, middle, near, skyline = ridges(horizon, grid, azimuth)
        highest = max(far, middle, near, skyline) + 0.01
        for row in range(canvas.shape[0]):
            if clear[row, column] < OPAQUE:
                continue
            right, slope = ray(view, column + 0.5, row + 0.5)
            z = ground_hit(view.bend, view.eye, slope)
            if z < 0.0:
                size = 1.0 / np.sqrt(right * right + slope * slope + 1.0)
                red, green, blue = sky(light, horizon, grid, right * size, slope * size, size)
                slope = slope - horizon.base
                if slope < highest:
                    red, green, blue = land(
                        light, horizon, grid, azimuth, slope, far, middle, near, skyline, red, green, blue
                    )
            else:
                s, d, x, distance, wide, deep = ground(view, lane, right, slope, z)
                share = paved(road, d, wide)
                red, green, blue = 0.0, 0.0, 0.0
                if share < 1.0:
                    red, green, blue = verge(road, light, grid, s, d, x, z, wide, deep)
                if share > 0.0:
                    r, g, b, _ = carriageway(road, light, grid, s, d, x, z, wide, deep, view.eye)
                    red, green, blue = mix(red, r, share), mix(green, g, share), mix(blue, b, share)
                for number in range(cars.shape[0]):
                    if abs(x - cars[number, 0]) < SHADE_M and abs(z - cars[number, 1]) < SHADE_M:
                        left = contact(light, cars, number, x, z)
                        red, green, blue = red * left, green * left, blue * left
                red, green, blue = fogged(light, red, green, blue, distance)
            canvas[row, column, 0] += clear[row, column] * red
            canvas[row, column, 1] += clear[row, column] * green
            canvas[row, column, 2] += clear[row, column] * blue


def _fill_arrays(
    view: View,
    road: Surface,
    light: Light,
    horizon: Horizon,
    lane: Course,
    grid: NDArray[np.float32],
    cars: NDArray[np.float64],
    canvas: Canvas,
    clear: NDArray[np.float32],
) -> None:
    rows, columns = np.nonzero(clear >= OPAQUE)
    right, slope = ray(view, columns + 0.5, rows + 0.5)
    z = ground_hit(view.bend, view.eye, slope)
    colours = np.zeros((len(rows), 3))
    above = z < 0.0
    size = 1.0 / np.sqrt(right[above] ** 2 + slope[above] ** 2 + 1.0)
    seen = sky(light, horizon, grid, right[above] * size, slope[above] * size, size)
    azimuth = bearing(view, columns[above] + 0.5)
    tops = ridges(horizon, grid, azimuth)
    seen = np.stack(land(light, horizon, grid, azimuth, slope[above] - horizon.base, *tops, *seen), 1)
    colours[above] = seen
    below = ~above
    right, slope, z = right[below], slope[below], z[below]
    s, d, x, distance, wide, deep = ground(view, lane, right, slope, z)
    share = paved(road, d, wide)[:, None]
    side = np.stack(verge(road, light, grid, s, d, x, z, wide, deep), 1)
    middle = np.stack(carriageway(road, light, grid, s, d, x, z, wide, deep, view.eye)[:3], 1)
    seen = mix(side, middle, share)
    for number in range(len(cars)):
        near = (np.abs(x - cars[number, 0]) < SHADE_M) & (np.abs(z - cars[number, 1]) < SHADE_M)
        seen[near] *= contact(light, cars, number, x[near], z[near])[:, None]
    colours[below] = np.stack(fogged(light, seen[:, 0], seen[:, 1], seen[:, 2], distance), 1)
    canvas[rows, columns] += clear[rows, columns, None] * colours.astype(np.float32)


def developed(canvas: Canvas, exposure: float) -> Pixels:
    """Linear light as sRGB bytes, through a filmic curve.

    Source: Narkowicz, ACES filmic tone mapping curve, 2015 (a rational fit); sRGB: IEC 61966-2-1.
    """
    place = np.sqrt(np.clip(canvas * (exposure / _BRIGHTEST), 0.0, 1.0)) * (_CURVE - 1) + 0.5
    pixels: Pixels = _curve()[place.astype(np.int32)]
    return pixels


@cache
def _curve() -> NDArray[np.uint8]:
    x = (np.arange(_CURVE) / (_CURVE - 1)) ** 2 * _BRIGHTEST * 0.8
    film = np.clip(x * (2.51 * x + 0.03) / (x * (2.43 * x + 0.59) + 0.14), 0.0, 1.0)
    srgb = np.where(film <= 0.0031308, 12.92 * film, 1.055 * film ** (1 / 2.4) - 0.055)
    return np.round(srgb * 255).astype(np.uint8)
