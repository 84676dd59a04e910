"""Sky: gradient, sun, clouds and far hills, as a function of the direction of sight."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from failatlas.simulators.compiled import Lane, compiled, select
from failatlas.simulators.noise import COARSE, finer, mix, noise, scatter, step
from failatlas.simulators.road.light import Light, fogged
from failatlas.simulators.skipping import some


class Horizon(NamedTuple):
    """What stands between ground and sky, far away."""

    shift: float  # where the noise is read, from the seed
    base: float  # elevation of the land's edge, in slope; a dip ahead lifts it
    hills: float  # height of the hills, in slope
    woods: float  # 1 where a wall of trees stands behind the verge
    town: float  # 1 where roofs do
    cold: float  # 0 … 1, snow on the hills
    hue_r: float  # colour of the land in this season
    hue_g: float
    hue_b: float


@compiled
def clear_sky(light: Light, x: Lane, y: Lane, z: Lane) -> Lane:
    """Radiance of the cloudless sky in the direction (x, y, z) of length 1."""
    up = np.maximum(y, 0.0)
    t = 1.0 - np.exp(-5.0 * up)
    if light.glow + light.disc <= 0.0:
        return (
            mix(light.low_r, light.top_r, t),
            mix(light.low_g, light.top_g, t),
            mix(light.low_b, light.top_b, t),
        )
    toward = x * light.sun_x + y * light.sun_y + z * light.sun_z
    apart = np.maximum(1.0 - toward, 0.0)  # about ½ angle²
    # wide, near and next to the sun; 1 / (1 + a)² falls off like air does, and costs less than an exponential
    wide, near, close = 1.0 / (1.0 + 2.0 * apart), 1.0 / (1.0 + 14.0 * apart), 1.0 / (1.0 + 160.0 * apart)
    halo = light.glow * (0.10 * wide * wide * (1.0 - t) + 0.16 * near * near + 0.35 * close * close)
    disc = light.disc * 18.0 * step(0.9993, 0.9998, toward)
    return (
        mix(light.low_r, light.top_r, t) + halo * 1.25 + disc,
        mix(light.low_g, light.top_g, t) + halo * (0.72 + 0.2 * t) + disc * 0.92,
        mix(light.low_b, light.top_b, t) + halo * (0.38 + 0.3 * t) + disc * 0.75,
    )


@compiled
def sky(light: Light, horizon: Horizon, grid: NDArray[np.float32], x: Lane, y: Lane, z: Lane) -> Lane:
    """Radiance of sky and clouds in the direction (x, y, z) of length 1, seen through fog."""
    red, green, blue = clear_sky(light, x, y, z)
    up = np.maximum(y, 0.0)
    # a flat layer of clouds: the further down, the further away and the flatter
    far = 1.0 / (up + 0.10)
    u = x * far * 1.1 + horizon.shift
    v = z * far * 1.1
    open_sky = 0.80 - 0.62 * light.clouds
    cover = 0.0 * y
    coarse = COARSE * noise(grid, u, v)
    if some(coarse + 1.0 - COARSE > open_sky):  # else the finer octaves cannot make a cloud of it
        body = coarse + finer(grid, u, v)
        thick = step(open_sky, open_sky + 0.20, body) * step(-0.02, 0.07, y)
        if some(thick > 0.0):
            cover = thick * (0.72 + 0.2 * light.clouds)
            a, b = u + light.sun_x * 0.35, v + light.sun_z * 0.35
            sunward = 0.67 * noise(grid, a, b) + 0.33 * noise(grid, 2.03 * a + 17.3, 2.03 * b + 5.1)
            lit = 0.80 + 2.1 * (body - sunward) - 0.28 * thick * thick
            lit = np.minimum(np.maximum(lit, 0.42), 1.15) * light.cloud_light
            warm = 0.0 * y
            if light.glow > 0.0:
                warm = light.glow * np.exp(-2.0 * (1.0 - (x * light.sun_x + z * light.sun_z)))
            red = mix(red, lit * (0.97 + 0.25 * warm), cover)
            green = mix(green, lit * (0.98 + 0.02 * warm), cover)
            blue = mix(blue, lit * (1.02 - 0.12 * warm), cover)
    if light.dark > 0.85:
        star = _stars(grid, x, y, z) * (1.0 - cover)
        red, green, blue = red + star, green + star, blue + star * 1.1
    if light.fog <= 0.0:
        return red, green, blue
    return fogged(light, red, green, blue, 3000.0 * np.exp(-6.0 * up))


@compiled
def _stars(grid: NDArray[np.float32], x: Lane, y: Lane, z: Lane) -> Lane:
    u = x / (z + 1.2) * 240.0
    v = y / (z + 1.2) * 240.0
    chance = scatter(grid, u, v)
    return select(chance > 0.99, (chance - 0.99) * 9.0, 0.0) * step(0.03, 0.2, y)


@compiled
def ridges(horizon: Horizon, grid: NDArray[np.float32], azimuth: Lane) -> Lane:
    """Slopes above the land's edge up to which the land reaches, in a direction with ``azimuth`` = x / z.

    Returns:
        (far, middle, near hills, woods or roofs)
    """
    return (
        _ridge(horizon, grid, azimuth, 0.0),
        _ridge(horizon, grid, azimuth, 1.0),
        _ridge(horizon, grid, azimuth, 2.0),
        _skyline(horizon, grid, azimuth),
    )


@compiled
def _ridge(horizon: Horizon, grid: NDArray[np.float32], azimuth: Lane, layer: Lane) -> Lane:
    rough = 2.0 + 2.3 * layer
    h = 0.75 * noise(grid, azimuth * rough + horizon.shift * (1.0 + layer), layer * 7.0)
    h = h + 0.25 * noise(grid, azimuth * rough * 3.7, layer * 7.0 + 3.0)
    trees = noise(grid, azimuth * 55.0, layer + 50.0) * 0.004 * (0.3 + 0.7 * layer)
    return horizon.hills * (1.0 - 0.30 * layer) * (0.15 + 0.95 * h) + trees


@compiled
def _skyline(horizon: Horizon, grid: NDArray[np.float32], azimuth: Lane) -> Lane:
    tooth = noise(grid, azimuth * 48.0 + horizon.shift, 91.0)
    crown = 0.052 + 0.055 * noise(grid, azimuth * 9.0, 92.0 + horizon.shift) + 0.035 * tooth
    place = azimuth * 17.0 + horizon.shift
    block = scatter(grid, place, 95.0)
    roof = 0.018 + 0.075 * block * block + 0.012 * np.abs(place - np.floor(place) - 0.5)
    return horizon.woods * crown + horizon.town * roof - select(horizon.woods + horizon.town > 0.0, 0.0, 1.0)


@compiled
def land(
    light: Light,
    horizon: Horizon,
    grid: NDArray[np.float32],
    azimuth: Lane,
    slope: Lane,
    far: Lane,
    middle: Lane,
    near: Lane,
    skyline: Lane,
    red: Lane,
    green: Lane,
    blue: Lane,
) -> Lane:
    """Hills, and woods or roofs before them, over the sky's colour.

    Args:
        azimuth: x / z of the direction; ``slope``: its rise above the land's edge.
        far, middle, near, skyline: as `ridges` gives them.
    """
    if some(slope < far + 0.003):
        red, green, blue = _hill(light, horizon, grid, azimuth, slope, far, 0.0, red, green, blue)
    if some(slope < middle + 0.003):
        red, green, blue = _hill(light, horizon, grid, azimuth, slope, middle, 1.0, red, green, blue)
    if some(slope < near + 0.003):
        red, green, blue = _hill(light, horizon, grid, azimuth, slope, near, 2.0, red, green, blue)
    if some(slope < skyline + 0.006):
        red, green, blue = _backdrop(light, horizon, grid, azimuth, slope, skyline, red, green, blue)
    return red, green, blue


@compiled
def _hill(
    light: Light,
    horizon: Horizon,
    grid: NDArray[np.float32],
    azimuth: Lane,
    slope: Lane,
    top: Lane,
    layer: Lane,
    red: Lane,
    green: Lane,
    blue: Lane,
) -> Lane:
    inside = step(0.0025, -0.0025, slope - top)
    grain = 0.75 + 0.5 * noise(grid, azimuth * 40.0 + layer * 9.0, slope * 260.0)
    wood = 0.75 + 0.5 * noise(grid, azimuth * 7.0 + layer * 31.0, slope * 30.0)
    fade = np.exp(-light.haze * (6500.0 - 2600.0 * layer))
    shade = grain * wood
    snow = horizon.cold * 0.75 * step(0.2, 0.8, grain * 0.6 + slope * 9.0)
    r, g, b = fogged(
        light,
        mix(
            light.low_r * 0.80, mix(horizon.hue_r, 0.62, snow) * shade * (light.top_r * 0.9 + light.sun_r * 0.45), fade
        ),
        mix(
            light.low_g * 0.88, mix(horizon.hue_g, 0.64, snow) * shade * (light.top_g * 0.9 + light.sun_g * 0.45), fade
        ),
        mix(
            light.low_b * 1.00, mix(horizon.hue_b, 0.68, snow) * shade * (light.top_b * 0.9 + light.sun_b * 0.45), fade
        ),
        900.0 - 300.0 * layer,
    )
    return mix(red, r, inside), mix(green, g, inside), mix(blue, b, inside)


@compiled
def _backdrop(
    light: Light,
    horizon: Horizon,
    grid: NDArray[np.float32],
    azimuth: Lane,
    slope: Lane,
    skyline: Lane,
    red: Lane,
    green: Lane,
    blue: Lane,
) -> Lane:
    inside = step(0.004, -0.004, slope - skyline)
    if horizon.woods > 0.0:
        leaf = (0.4 + 0.9 * noise(grid, azimuth * 120.0, slope * 110.0)) * (0.35 + 6.0 * np.maximum(slope, 0.0)) * 0.6
        r = horizon.hue_r * leaf * (light.top_r + 0.4 * light.sun_r)
        g = horizon.hue_g * leaf * (light.top_g + 0.4 * light.sun_g)
        b = horizon.hue_b * leaf * (light.top_b + 0.4 * light.sun_b)
    else:
        wall = 0.30 + 0.35 * scatter(grid, azimuth * 17.0 + horizon.shift, 96.0)
        window = scatter(grid, azimuth * 150.0, slope * 130.0)
        lamp = light.dark * select(window > 0.80, 0.10, 0.0)
        wall = wall * select(window > 0.62, 0.62, 1.0)
        r = wall * 1.02 * (light.top_r + 0.45 * light.sun_r) + lamp
        g = wall * 0.95 * (light.top_g + 0.45 * light.sun_g) + lamp * 0.75
        b = wall * 0.90 * (light.top_b + 0.45 * light.sun_b) + lamp * 0.4
    r, g, b = fogged(light, r, g, b, 120.0)
    return mix(red, r, inside), mix(green, g, inside), mix(blue, b, inside)
