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
from failatlas.simulators.compiled import HAS_NUMBA, Lane, compiled, lanes
from failatlas.simulators.noise import mix, step
from failatlas.simulators.record import Records, record
from failatlas.simulators.road.alignment import Course, along_and_across
from failatlas.simulators.road.items import OPAQUE
from failatlas.simulators.road.light import Light, fogged
from failatlas.simulators.road.picture import SKY, Picture
from failatlas.simulators.road.sky import Horizon, land, ridges, sky
from failatlas.simulators.road.surface import Surface, carriageway, paved, verge
from failatlas.simulators.road.view import View, bearing, ray, steepness, to_road

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
        _fill_compiled(*records, lane, grid, cars, picture.ground, picture.canvas, picture.clear)
    else:
        _fill_arrays(view, road, light, horizon, lane, grid, cars, picture.ground, picture.canvas, picture.clear)


@compiled
def ground(view: View, lane: Course, right: Lane, z: Lane, across: Lane, along: Lane) -> Lane:
    """Where a ray meets the ground: (s, d, x, wide, deep), with the footprint of one pixel.

    Args:
        across, along: metres of ground that one pixel sees a metre ahead, across the line of sight and along it.
    """
    x = right * z
    rx, rz = to_road(view, x, z)
    s, d, sin, cos = along_and_across(lane, rx, rz)
    # the pixel's two edges on the ground, in the car's frame: (a, 0) and (b·right, b)
    a, b = z * across, z * along
    # the lane's direction there, turned into the car's frame
    tx = sin * view.turn_cos - cos * view.turn_sin
    tz = cos * view.turn_cos + sin * view.turn_sin
    wide = np.abs(a * tz) + np.abs(b * (right * tz - tx))
    deep = np.abs(a * tx) + np.abs(b * (right * tx + tz))
    return s, d, x, np.maximum(wide, 1e-3), np.maximum(deep, 1e-3)


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
    views: Records,
    roads: Records,
    lights: Records,
    horizons: Records,
    lane: Course,
    grid: NDArray[np.float32],
    cars: NDArray[np.float64],
    depth: NDArray[np.float32],
    canvas: NDArray[np.float32],
    clear: NDArray[np.float32],
) -> None:
    view, road, light, horizon = views[0], roads[0], lights[0], horizons[0]
    tops = np.empty((canvas.shape[1], 6))
    for column in range(canvas.shape[1]):
        azimuth = bearing(view, column + 0.5)
        far, middle, near, skyline = ridges(horizon, grid, azimuth)
        tops[column, 0], tops[column, 1], tops[column, 2], tops[column, 3] = far, middle, near, skyline
        tops[column, 4], tops[column, 5] = azimuth, max(far, middle, near, skyline) + 0.01
    across = 1.0 / view.focal
    for row in range(canvas.shape[0]):
        # what a row has in common
        begin, slope = ray(view, 0.5, row + 0.5)
        gap = ray(view, 1.5, row + 0.5)[0] - begin
        along = steepness(view, slope)
        for column in range(canvas.shape[1]):
            left = clear[row, column]
            if left < OPAQUE:
                continue
            right = begin + column * gap
            z = 1.0 * depth[row, column]
            if z >= SKY:
                size = 1.0 / np.sqrt(right * right + slope * slope + 1.0)
                red, green, blue = sky(light, horizon, grid, right * size, slope * size, size)
                if slope - horizon.base < tops[column, 5]:
                    red, green, blue = land(
                        light, horizon, grid, tops[column, 4], slope - horizon.base,
                        tops[column, 0], tops[column, 1], tops[column, 2], tops[column, 3], red, green, blue,
                    )  # fmt: skip
            else:
                s, d, x, wide, deep = ground(view, lane, right, z, across, along)
                share = paved(road, d, wide)
                red, green, blue = 0.0, 0.0, 0.0
                if share < 1.0:
                    red, green, blue = verge(road, light, grid, s, d, x, z, wide, deep)
                if share > 0.0:
                    r, g, b, _ = carriageway(road, light, grid, s, d, x, z, wide, deep, view.eye)
                    red, green, blue = mix(red, r, share), mix(green, g, share), mix(blue, b, share)
                for number in range(cars.shape[0]):
                    if abs(x - cars[number, 0]) < SHADE_M and abs(z - cars[number, 1]) < SHADE_M:
                        shade = contact(light, cars, number, x, z)
                        red, green, blue = red * shade, green * shade, blue * shade
                if light.fog > 0.0:
                    red, green, blue = fogged(light, red, green, blue, np.sqrt(x * x + z * z))
            canvas[row, column, 0] += left * red
            canvas[row, column, 1] += left * green
            canvas[row, column, 2] += left * blue


def _fill_arrays(
    view: View,
    road: Surface,
    light: Light,
    horizon: Horizon,
    lane: Course,
    grid: NDArray[np.float32],
    cars: NDArray[np.float64],
    depth: NDArray[np.float32],
    canvas: Canvas,
    clear: NDArray[np.float32],
) -> None:
    rows, columns = np.nonzero(clear >= OPAQUE)
    right, slope = ray(view, columns + 0.5, rows + 0.5)
    z = depth[rows, columns].astype(np.float64)
    colours = np.zeros((len(rows), 3))
    above = z >= SKY
    size = 1.0 / np.sqrt(right[above] ** 2 + slope[above] ** 2 + 1.0)
    seen = sky(light, horizon, grid, right[above] * size, slope[above] * size, size)
    azimuth = bearing(view, columns[above] + 0.5)
    tops = ridges(horizon, grid, azimuth)
    seen = np.stack(land(light, horizon, grid, azimuth, slope[above] - horizon.base, *tops, *seen), 1)
    colours[above] = seen
    below = ~above
    right, slope, z = right[below], slope[below], z[below]
    s, d, x, wide, deep = ground(view, lane, right, z, 1.0 / view.focal, steepness(view, slope))
    share = paved(road, d, wide)[:, None]
    side = np.stack(verge(road, light, grid, s, d, x, z, wide, deep), 1)
    middle = np.stack(carriageway(road, light, grid, s, d, x, z, wide, deep, view.eye)[:3], 1)
    seen = mix(side, middle, share)
    for number in range(len(cars)):
        near = (np.abs(x - cars[number, 0]) < SHADE_M) & (np.abs(z - cars[number, 1]) < SHADE_M)
        seen[near] *= contact(light, cars, number, x[near], z[near])[:, None]
    colours[below] = np.stack(fogged(light, seen[:, 0], seen[:, 1], seen[:, 2], np.sqrt(x * x + z * z)), 1)
    canvas[rows, columns] += clear[rows, columns, None] * colours.astype(np.float32)


def developed(canvas: Canvas, exposure: float) -> Pixels:
    """Linear light as sRGB bytes, through a filmic curve.

    Source: Narkowicz, ACES filmic tone mapping curve, 2015 (a rational fit); sRGB: IEC 61966-2-1.
    """
    pixels = np.empty(canvas.shape, np.uint8)
    _develop(canvas.reshape(-1), exposure / _BRIGHTEST, _curve(), pixels.reshape(-1))
    return pixels


@compiled
def _develop(light: NDArray[np.float32], scale: float, curve: NDArray[np.uint8], pixels: NDArray[np.uint8]) -> None:
    for i in lanes(light.shape[0]):
        share = np.minimum(np.maximum(light[i] * np.float32(scale), np.float32(0)), np.float32(1))
        pixels[i] = curve[np.int64(np.sqrt(share) * np.float32(_CURVE - 1) + np.float32(0.5))]


@cache
def _curve() -> NDArray[np.uint8]:
    x = (np.arange(_CURVE) / (_CURVE - 1)) ** 2 * _BRIGHTEST * 0.8
    film = np.clip(x * (2.51 * x + 0.03) / (x * (2.43 * x + 0.59) + 0.14), 0.0, 1.0)
    srgb = np.where(film <= 0.0031308, 12.92 * film, 1.055 * film ** (1 / 2.4) - 0.055)
    return np.round(srgb * 255).astype(np.uint8)
