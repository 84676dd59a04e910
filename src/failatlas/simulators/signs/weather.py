"""Weather: streaks of rain and flakes of snow between camera and sign. Fog is part of the light."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from failatlas.parameters import Values
from failatlas.simulators.compiled import Lane, compiled, select
from failatlas.simulators.noise import noise, scatter, step
from failatlas.simulators.signs.geometry import Geometry
from failatlas.simulators.signs.light import Light

_GRID = 96.0  # streaks and flakes have a size in pictures of this width


class Weather(NamedTuple):
    """What falls."""

    rain: float
    snow: float
    slant: float
    shift: float


DRY = Weather(0.0, 0.0, 0.0, 0.0)


def falling(values: Values, random: np.random.Generator) -> Weather:
    """Rain or snow of that strength; its wind from the seed."""
    kind, strength = str(values["weather"]), float(values["weather_strength"])
    slant, shift = random.uniform(-0.35, 0.35), random.uniform(0, 200)
    return Weather(strength * (kind == "rain"), strength * (kind == "snow"), float(slant), float(shift))


@compiled
def drops(
    weather: Weather, light: Light, geometry: Geometry, grid: NDArray[np.float32], column: Lane, row: Lane
) -> Lane:
    """Brightness and coverage of what falls before a place of the picture; white, as bright as the sky allows."""
    x = column / geometry.width * _GRID
    y = row / geometry.width * _GRID
    sky = 0.34 * (light.low_r + light.low_g + light.low_b) + 0.5 * light.retro * 0.25
    a = x * 0.0
    if weather.rain > 0.0:
        a = 0.10 * weather.rain * noise(grid, x * 0.05 + weather.shift, y * 0.02)
        for k in range(3):
            a = np.maximum(a, _streak(weather, grid, x, y, 1.0 * k))
    if weather.snow > 0.0:
        for k in range(3):
            a = np.maximum(a, _flake(weather, grid, x, y, 1.0 * k))
    return sky * (1.0 + 0.12 * weather.snow), a


@compiled
def _streak(weather: Weather, grid: NDArray[np.float32], x: Lane, y: Lane, layer: Lane) -> Lane:
    wide = 2.2 + 1.6 * layer
    long = 17.0 + 12.0 * layer
    across = (x + y * weather.slant) / wide + weather.shift + layer * 31.0
    lane = np.floor(across)
    fall = y / long + 9.0 * scatter(grid, lane + 0.5, layer + 241.5)
    cell = np.floor(fall)
    chance = scatter(grid, lane + 0.5, cell + 0.5)
    thin = np.maximum(1.0 - np.abs(across - lane - 0.5) * (3.2 + layer), 0.0)
    part = fall - cell
    tail = step(0.0, 0.35, part) * step(1.0, 0.75, part)
    there = select(chance < 0.06 + 0.26 * weather.rain, 1.0, 0.0)
    return there * thin * tail * (0.25 + 0.25 * weather.rain)


@compiled
def _flake(weather: Weather, grid: NDArray[np.float32], x: Lane, y: Lane, layer: Lane) -> Lane:
    size = 6.5 + 5.0 * layer * layer
    u = (x + y * weather.slant) / size + weather.shift + layer * 19.0
    v = y / size + layer * 47.0 + weather.shift
    cell_x = np.floor(u)
    cell_y = np.floor(v)
    chance = scatter(grid, cell_x + 0.5, cell_y + 0.5)
    dx = u - cell_x - 0.3 - 0.4 * scatter(grid, cell_x + 33.5, cell_y + 5.5)
    dy = v - cell_y - 0.3 - 0.4 * scatter(grid, cell_x + 90.5, cell_y + 61.5)
    radius = 0.10 + 0.12 * scatter(grid, cell_x + 5.5, cell_y + 77.5)
    apart = np.sqrt(dx * dx * 1.4 + dy * dy * 0.8)
    near = step(1.25 * radius, 0.45 * radius, apart)
    there = select(chance < (0.18 + 0.55 * weather.snow) / (1.0 + 0.7 * layer), 1.0, 0.0)
    return there * near * (0.92 - 0.15 * layer)
