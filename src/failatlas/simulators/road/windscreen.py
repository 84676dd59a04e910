"""Windscreen: what is between the scene and the camera: falling rain and snow, glare, dirt, drops and the wiper.

Sizes are in shares of the picture's height, so that pictures of any size look alike. A few hundred small marks are
painted as one array operation; later ones lie over earlier ones.
"""

from __future__ import annotations

import math
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from failatlas.parameters import Values
from failatlas.simulators.compiled import Lane, compiled, lanes
from failatlas.simulators.noise import fractal, mix, noise, step
from failatlas.simulators.road.light import Light
from failatlas.simulators.road.view import View, pixel
from failatlas.simulators.skipping import some

Rows: TypeAlias = NDArray[np.float64]

_PIVOT = (0.30, 1.30)  # of the wiper, in picture widths and heights
_BLADE = 1.75  # picture heights
_PARKED, _SWEPT = math.radians(8.0), math.radians(155.0)


def cover(
    canvas: NDArray[np.float32],
    values: Values,
    random: np.random.Generator,
    view: View,
    light: Light,
    grid: NDArray[np.float32],
    sun_is_free: bool,
) -> None:
    """Add all that is on or before the windscreen to the picture, in place.

    Args:
        canvas: (h, w, 3) linear light.
        sun_is_free: nothing in the scene hides the sun.
    """
    strength = float(values["weather_strength"])
    if values["weather"] == "rain":
        _rain(canvas, random, strength, light)
    elif values["weather"] == "snow":
        _flakes(canvas, random, strength, light)
    if sun_is_free and light.disc > 0.0:
        _glare(canvas, view, light, float(values["dirt"]))
    if float(values["dirt"]) > 0.0:
        _dirt(canvas, random, float(values["dirt"]), light, grid)
    wiper = float(values["wiper"])
    angle = _PARKED + (_SWEPT - _PARKED) * wiper if wiper > 0.0 else 0.0
    if float(values["drops"]) > 0.0:
        _drops(canvas, random, float(values["drops"]), angle)
    if wiper > 0.0:
        _blade(canvas, angle)


def sun_pixel(view: View, light: Light) -> tuple[float, float] | None:
    """Column and row of the sun; None when it is behind or far beside the view."""
    column, row, depth = pixel(view, light.sun_x, light.sun_y, light.sun_z)
    if depth < 0.3:
        return None
    return float(column), float(row)


def _patches(
    canvas: NDArray[np.float32], column: Rows, row: Rows, reach: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64], Rows, Rows, NDArray[np.int64]]:
    """Pixels around n places: rows, columns, distances from the place across and down, and which place.

    Args:
        reach: (n,) how many pixels beyond its own belong to each.
    """
    height, width, _ = canvas.shape
    side = 2 * reach + 1
    count = side * side
    which = np.repeat(np.arange(len(row)), count)
    number = np.arange(len(which)) - np.repeat(np.cumsum(count) - count, count)
    down = number // side[which]
    rows = down + (np.floor(row).astype(np.int64) - reach)[which]
    columns = number - down * side[which] + (np.floor(column).astype(np.int64) - reach)[which]
    inside = (rows >= 0) & (rows < height) & (columns >= 0) & (columns < width)
    rows, columns, which = rows[inside], columns[inside], which[inside]
    return rows, columns, columns + 0.5 - column[which], rows + 0.5 - row[which], which


def _rain(canvas: NDArray[np.float32], random: np.random.Generator, strength: float, light: Light) -> None:
    height, width, _ = canvas.shape
    count = int(30 + 150 * strength)
    points = max(4, height // 8)
    along = np.linspace(0.0, 1.0, points)
    length = random.uniform(0.04, 0.16, count) * height
    slant = random.uniform(-0.12, 0.12) + random.normal(0.0, 0.03, count)
    row = random.uniform(-0.1, 1.0, count)[:, None] * height + along * length[:, None]
    column = random.uniform(0.0, 1.0, count)[:, None] * width + along * (slant * length)[:, None]
    shine = 0.10 * np.sin(math.pi * along)[None, :] * random.uniform(0.3, 1.0, count)[:, None]
    rows, columns = np.floor(row).astype(np.int64), np.floor(column).astype(np.int64)
    inside = (rows >= 0) & (rows < height) & (columns >= 0) & (columns < width)
    share = shine[inside][:, None].astype(np.float32)
    seen = canvas[rows[inside], columns[inside]]
    canvas[rows[inside], columns[inside]] = seen + (_air(light) * 1.3 - seen) * share


def _flakes(canvas: NDArray[np.float32], random: np.random.Generator, strength: float, light: Light) -> None:
    height, width, _ = canvas.shape
    count = int(60 + 260 * strength)
    radius = height * (0.004 + 0.022 * random.random(count) ** 3)
    places = random.uniform(0, width, count), random.uniform(0, height, count)
    rows, columns, du, dv, which = _patches(canvas, *places, np.full(count, max(2, round(height * 0.04))))
    size = np.maximum(radius[which], 0.6)
    share = np.exp(-(du * du + dv * dv / 1.6) / (size * size)) * np.minimum(1.0, (0.012 * height / size)) * 0.75
    seen = canvas[rows, columns]
    white = _air(light) * 1.25 + 0.10 * light.lamps
    canvas[rows, columns] = seen + (white - seen) * share[:, None].astype(np.float32)


def _glare(canvas: NDArray[np.float32], view: View, light: Light, dirt: float) -> None:
    """Veil and rays that lens and glass spread around the sun; a dirty windscreen spreads more."""
    at = sun_pixel(view, light)
    if at is None:
        return
    height, width, _ = canvas.shape
    u = (np.arange(width, dtype=np.float32)[None, :] + 0.5 - at[0]) / height
    v = (np.arange(height, dtype=np.float32)[:, None] + 0.5 - at[1]) / height
    r = u * u + v * v
    veil = 0.55 / (1.0 + r * 90.0) + (0.10 + 0.35 * dirt) / (1.0 + r * 6.0)
    rays = 0.22 / (1.0 + r * 14.0) / (1.0 + 900.0 * (u * v) ** 2 / (r + 1e-3))
    warm = np.array([light.sun_r, light.sun_g, light.sun_b], np.float32)
    canvas += ((veil + rays) * light.disc)[:, :, None] * warm * 1.2


def _dirt(
    canvas: NDArray[np.float32], random: np.random.Generator, dirt: float, light: Light, grid: NDArray[np.float32]
) -> None:
    height, width, _ = canvas.shape
    place = np.arange(height * width, dtype=np.float64)
    grey = _air(light) * 0.55 + 0.02 * light.lamps
    _soil(grid, place, float(random.integers(0, 100)), 1.0 / height, width, dirt, grey, canvas.reshape(-1, 3))


@compiled
def _soil(
    grid: NDArray[np.float32],
    place: NDArray[np.float64],
    shift: Lane,
    size: Lane,
    width: int,
    dirt: Lane,
    grey: NDArray[np.float32],
    canvas: NDArray[np.float32],
) -> None:
    for i in lanes(canvas.shape[0]):
        down = np.floor(place[i] / width)
        u, v = (place[i] - down * width) * size, down * size
        # smears lie along the wiper's arcs
        arc = np.sqrt((u - 0.6) * (u - 0.6) + (v - 1.3) * (v - 1.3))
        smear = noise(grid, arc * 26.0 + shift, u * 3.0)
        cloud = fractal(grid, u * 3.0 + shift, v * 3.0)
        film = dirt * (0.08 + 0.40 * step(0.35, 0.85, 0.55 * cloud + 0.45 * smear))
        spot = noise(grid, u * 34.0 + shift, v * 34.0)
        speck = 1.0 + 0.0 * u
        if some(spot + 0.35 > 1.20 - 0.22 * dirt):
            spot = spot + 0.35 * noise(grid, u * 80.0, v * 80.0 + shift)
            speck = 1.0 - 0.60 * step(1.20 - 0.22 * dirt, 1.36 - 0.22 * dirt, spot)
        canvas[i, 0] = mix(canvas[i, 0], grey[0], film) * speck
        canvas[i, 1] = mix(canvas[i, 1], grey[1], film) * speck
        canvas[i, 2] = mix(canvas[i, 2], grey[2], film) * speck


def _drops(canvas: NDArray[np.float32], random: np.random.Generator, drops: float, wiped_to: float) -> None:
    """Each drop is a small lens that shows the scene upside down, with a dark rim."""
    height, width, _ = canvas.shape
    count = int(20 + 190 * drops)
    column, row = random.uniform(0, width, count), random.uniform(0, height, count)
    radius = height * (0.010 + 0.040 * random.random(count) ** 2.5)
    stretch = random.uniform(1.0, 1.5, count)
    if wiped_to > 0.0:
        turned = np.arctan2(_PIVOT[1] * height - row, column - _PIVOT[0] * width)
        # the blade comes from the right and has dried what it passed
        kept = turned > wiped_to
        column, row, radius, stretch = column[kept], row[kept], radius[kept], stretch[kept]
    reach = np.ceil((np.maximum(radius, 0.8) + 0.5) * stretch).astype(np.int64)
    rows, columns, du, dv, which = _patches(canvas, column, row, np.minimum(reach, max(2, round(height * 0.075))))
    size = np.maximum(radius[which], 0.8)
    r = np.sqrt(du * du + dv * dv / stretch[which] ** 2) / size
    edge = np.clip((1.0 - r) * size + 0.5, 0.0, 1.0)
    shown = edge > 0.0
    rows, columns, du, dv, which, r, edge, size = (a[shown] for a in (rows, columns, du, dv, which, r, edge, size))
    source_row = np.clip(row[which] - dv * 5.0, 0, height - 1).astype(np.int64)
    source_column = np.clip(column[which] - du * 5.0, 0, width - 1).astype(np.int64)
    rim = 1.0 - 0.55 * np.clip((r - 0.55) / 0.45, 0.0, 1.0) ** 2 * np.clip(0.6 - dv / size, 0.0, 1.0)
    seen = canvas[source_row, source_column] * (0.92 * rim)[:, None]
    spark = 0.30 * np.exp(-((du / size + 0.3) ** 2 + (dv / size - 0.45) ** 2) * 14.0)
    seen = seen + spark[:, None] * canvas[:1].mean((0, 1))
    here = canvas[rows, columns]
    canvas[rows, columns] = here + (seen - here) * (0.9 * edge)[:, None].astype(np.float32)


def _blade(canvas: NDArray[np.float32], angle: float) -> None:
    height, width, _ = canvas.shape
    u = np.arange(width, dtype=np.float32)[None, :] + 0.5 - _PIVOT[0] * width
    v = _PIVOT[1] * height - np.arange(height, dtype=np.float32)[:, None] - 0.5
    along = (u * math.cos(angle) + v * math.sin(angle)) / height
    across = np.abs(v * math.cos(angle) - u * math.sin(angle)) / height
    half = 0.016 + 0.012 * (along < 0.9)  # the arm is stouter than the blade
    share = np.clip((half - across) / 0.012 + 0.5, 0.0, 1.0) * np.clip((_BLADE - along) / 0.02, 0.0, 1.0)
    canvas *= (1.0 - 0.965 * share)[:, :, None].astype(np.float32)


def _air(light: Light) -> NDArray[np.float32]:
    """Light that the air scatters towards us."""
    return np.array([light.fog_r, light.fog_g, light.fog_b], np.float32)
