"""Cabin: what lies behind the driver - rear and side window with the world outside, pillars, roof lining, rear bench.

Out of focus, so it is painted at half resolution on a plane 80 cm behind the face: 0.4 ms at 128 px.
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from failatlas.arrays import freeze
from failatlas.parameters import Values
from failatlas.seeds import generator
from failatlas.simulators.compiled import Lane, compiled, lanes
from failatlas.simulators.driver.light import Light
from failatlas.simulators.driver.pattern import grain, mix, noise, step
from failatlas.simulators.raster import Camera
from failatlas.simulators.skipping import some

Radiance = NDArray[np.float32]

DEPTH = -80.0  # cm
N_LAMPS = 16

SKIES = {  # at the horizon, overhead
    "day": ((1.15, 1.22, 1.28), (0.42, 0.66, 1.10)),
    "dusk": ((2.10, 1.05, 0.48), (0.42, 0.46, 0.80)),
    "night": ((0.55, 0.55, 0.75), (0.12, 0.14, 0.30)),
}
LAMPS = np.array([[1.0, 0.72, 0.38], [1.0, 0.9, 0.75], [0.75, 0.85, 1.0], [1.0, 0.16, 0.08], [0.35, 0.9, 0.5]])
LAMP_LIGHT = {"day": 0.0, "dusk": 0.45, "night": 1.0}


class CabinLook(NamedTuple):
    """The cabin of one picture; colours are linear."""

    low_r: float  # the sky at the horizon
    low_g: float
    low_b: float
    high_r: float  # and above
    high_g: float
    high_b: float
    outside: float  # light on trees and road
    shift: float  # of the landscape, cm
    lift: float  # of its skyline


def backdrop(values: Values, light: Light, camera: Camera, seed: int) -> Radiance:
    """(h, w, 3) linear light behind the driver; the seed moves trees and lamps outside."""
    random = generator(seed, "cabin")
    time = str(values["time"])
    low, high = SKIES[time]
    bright = light.outside
    look = CabinLook(
        low[0] * bright, low[1] * bright, low[2] * bright, high[0] * bright, high[1] * bright, high[2] * bright,
        bright, float(random.uniform(0, 900)), float(random.uniform(-2, 3)),
    )  # fmt: skip
    n = N_LAMPS if LAMP_LIGHT[time] else 0
    colours = LAMPS[random.integers(len(LAMPS), size=n)] * random.uniform(0.10, 0.55, (n, 1)) * LAMP_LIGHT[time]
    lamps = np.column_stack(
        [random.uniform(-45, 55, n), random.uniform(0, 16, n), random.uniform(1.0, 2.6, n), colours]
    )
    grid = _grid(camera.width_px, camera.height_px)
    small = np.empty((3, len(grid.columns)), np.float32)
    view = np.array([camera.focal * camera.width_px, *camera.eye])
    _paint(grid.columns, grid.lines, camera.pose(), view, look, light, lamps, grain(), small)
    picture = np.empty((camera.height_px * camera.width_px, 3), np.float32)
    _double(small, grid.nearest, picture)
    return picture.reshape(camera.height_px, camera.width_px, 3)


class _Grid(NamedTuple):
    columns: NDArray[np.float64]  # of every coarse point, pixels from the picture's middle, right
    lines: NDArray[np.float64]  # up
    nearest: NDArray[np.int64]  # (4, pixels): the coarse point around a pixel, and its neighbours


@lru_cache(maxsize=4)
def _grid(width: int, height: int) -> _Grid:
    w, h = (width + 1) // 2, (height + 1) // 2
    lines, columns = np.mgrid[:h, :w]
    y, x = np.mgrid[:height, :width]
    here_x, here_y = x // 2, y // 2
    # a pixel lies a quarter of a coarse cell off its point: left or right, above or below
    beside, above = np.clip(here_x + 2 * (x % 2) - 1, 0, w - 1), np.clip(here_y + 2 * (y % 2) - 1, 0, h - 1)
    nearest = [here_y * w + here_x, here_y * w + beside, above * w + here_x, above * w + beside]
    return _Grid(
        freeze((2 * columns.ravel() + 1 - width / 2).astype(np.float64)),
        freeze((height / 2 - 2 * lines.ravel() - 1).astype(np.float64)),
        freeze(np.stack([index.ravel() for index in nearest]).astype(np.int64)),
    )


@compiled
def _double(small: Lane, nearest: Lane, picture: Lane) -> None:
    """Twice the size, bilinear."""
    for i in lanes(picture.shape[0]):
        a, b, c, d = nearest[0, i], nearest[1, i], nearest[2, i], nearest[3, i]
        for k in range(3):
            picture[i, k] = 0.5625 * small[k, a] + 0.1875 * (small[k, b] + small[k, c]) + 0.0625 * small[k, d]


@compiled
def _pane(x: Lane, y: Lane, left: float, right: float, low: float, high: float) -> Lane:
    """1 inside a window with round corners, soft at the edge."""
    across = np.abs(x - (left + right) / 2) - ((right - left) / 2 - 4.0)
    along = np.abs(y - (low + high) / 2) - ((high - low) / 2 - 4.0)
    u, v = np.maximum(across, 0.0), np.maximum(along, 0.0)
    return 1.0 - step(3.2, 4.8, np.sqrt(u * u + v * v) + np.minimum(np.maximum(across, along), 0.0))


@compiled
def _lump(x: Lane, y: Lane, middle: float) -> Lane:
    """1 inside a rear headrest."""
    u, v = (x - middle) / 9.5, (y + 6.0) / 8.0
    return 1.0 - step(0.80, 1.05, u * u * u * u + v * v * v * v)


@compiled
def _paint(
    columns: Lane,
    lines: Lane,
    pose: Lane,
    view: Lane,
    look: Lane,
    light: Lane,
    lamps: Lane,
    table: Lane,
    out: Lane,
) -> None:
    for i in lanes(columns.shape[0]):
        u, v = columns[i] / view[0], lines[i] / view[0]
        dx = pose[2, 0] + u * pose[0, 0] + v * pose[1, 0]
        dy = pose[2, 1] + u * pose[0, 1] + v * pose[1, 1]
        dz = pose[2, 2] + u * pose[0, 2] + v * pose[1, 2]
        way = (DEPTH - view[3]) / np.minimum(dz, -0.05)
        x = np.minimum(np.maximum(view[1] + dx * way, -200.0), 200.0)
        y = np.minimum(np.maximum(view[2] + dy * way, -200.0), 200.0)
        glass = np.maximum(
            _pane(x + 0.10 * y, y, -46.0, -3.0, -2.0, 19.0), _pane(x - 0.22 * y, y, 8.5, 64.0, -5.0, 20.0)
        )
        # rear bench with two headrests before the windows, and the pillar beside the seat, which is nearer
        bench = np.maximum(1.0 - step(-9.0, -6.5, y), np.maximum(_lump(x, y, -30.0), _lump(x, y, 26.0)))
        slant = x - 0.30 * y
        pillar = step(24.0, 26.0, slant) * (1.0 - step(35.0, 37.0, slant))
        roof = step(18.0, 24.0, y + 0.0022 * x * x)
        dim = 0.55 + 0.7 * step(-30.0, 30.0, y)
        sky, ground = mix(mix(0.06, 0.34, roof), 0.075 * dim, bench), mix(mix(0.05, 0.16, roof), 0.05 * dim, bench)
        sky, ground, glass = mix(sky, 0.16, pillar), mix(ground, 0.06, pillar), glass * (1.0 - bench) * (1.0 - pillar)
        r, g, b = 0.0 * glass, 0.0 * glass, 0.0 * glass
        if some(glass > 0.0):
            # outside: sky, a line of trees or houses, road
            far = x + look.shift
            up = step(2.0, 26.0, y)
            top = 4.5 + look.lift + 7.0 * noise(table, far * 0.11, 0.5, 3.5) + 2.6 * noise(table, far * 0.5, 1.5, 7.5)
            wood = 1.0 - step(-1.2, 1.2, y - top)
            leaf = (0.55 + 0.9 * noise(table, far * 0.45, y * 0.45, 11.5)) * look.outside
            road = 1.0 - step(0.5, 2.5, y)
            stone = 0.30 * look.outside
            r = mix(mix(mix(look.low_r, look.high_r, up), 0.15 * leaf, wood), stone, road)
            g = mix(mix(mix(look.low_g, look.high_g, up), 0.19 * leaf, wood), stone, road)
            b = mix(mix(mix(look.low_b, look.high_b, up), 0.10 * leaf, wood), 1.03 * stone, road)
            for k in range(lamps.shape[0]):
                ax, ay = (x - lamps[k, 0]) / lamps[k, 2], (y - lamps[k, 1]) / lamps[k, 2]
                away = ax * ax + ay * ay
                # a lamp out of focus: an even disc, its rim a little brighter
                disc = (1.0 - step(0.75, 1.25, away)) * (0.75 + 0.25 * away)
                r, g, b = r + disc * lamps[k, 3], g + disc * lamps[k, 4], b + disc * lamps[k, 5]
        out[0, i] = mix(sky * light.sky_r + ground * light.ground_r, r, glass)
        out[1, i] = mix(sky * light.sky_g + ground * light.ground_g, g, glass)
        out[2, i] = mix(sky * light.sky_b + ground * light.ground_b, b, glass)
