"""Backdrop: sky, trees, facades or an open road behind the sign, and what stands between, as formulas of a place.

Places are (x, y) in metres on an upright plane behind the plate, y above the road.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from failatlas.parameters import Values
from failatlas.simulators.compiled import Lane, compiled, select
from failatlas.simulators.noise import fractal, mix, noise, scatter, step
from failatlas.simulators.signs.geometry import CAMERA_HEIGHT_M, Geometry
from failatlas.simulators.signs.light import Light, fogged
from failatlas.simulators.skipping import some


class Place(NamedTuple):
    """One backdrop; its numbers come from the seed."""

    town: float  # 1 where facades stand
    crowns: float  # m, height of the trees; 0 without
    x: float  # m, where along the street
    shift: float  # where noise is read
    leaf_r: float
    leaf_g: float
    leaf_b: float
    ground: float  # grey of the ground
    snow: float  # 1 where snow lies
    post: float  # 1 where another post stands
    post_x: float  # its place in the picture, as a share of the width
    post_half: float  # m
    disc: float  # 1 where it carries a sign that faces away
    disc_y: float  # m above the plate's middle


def place(values: Values, random: np.random.Generator) -> Place:
    """A stretch of street as the seed wants it."""
    kind, neighbour = str(values["backdrop"]), str(values["neighbour"])
    crowns = {"trees": 7.5, "road": 5.0, "town": 0.0, "sky": 0.0}[kind] * random.uniform(0.7, 1.5)
    season = random.uniform(0, 1)  # spring green to late brown
    leaf = np.array([0.055, 0.115, 0.028]) * (1 - season) + np.array([0.105, 0.10, 0.035]) * season
    side = 1.0 if random.uniform() < 0.5 else -1.0
    return Place._make(
        (
            float(kind == "town"),
            float(crowns),
            float(random.uniform(0, 180)),
            float(random.uniform(0, 200)),
            *(leaf * random.uniform(0.75, 1.35)),
            float(random.uniform(0.10, 0.22)),
            float(values["weather"] == "snow"),
            float(neighbour != "none"),
            float(0.5 + side * random.uniform(0.28, 0.44)),
            float(random.uniform(0.04, 0.09)),
            float(neighbour == "sign"),
            float(random.uniform(-0.5, 0.5)),
        )
    )


@compiled
def behind(place: Place, light: Light, geometry: Geometry, grid: NDArray[np.float32], column: Lane, row: Lane) -> Lane:
    """Radiance of all that is further away than the sign."""
    x = (column - 0.5 * geometry.width) / geometry.focal
    y = geometry.elevation + (0.5 * geometry.width - row) / geometry.focal
    far = geometry.backdrop
    fine = far / geometry.focal  # m, of a pixel
    wide = x * far + place.x
    high = y * far + CAMERA_HEIGHT_M
    # each `if` asks about the whole picture, never about a place of it; what something nearer hides is left out
    ground_r, ground_g, ground_b, ground = x * 0.0, x * 0.0, x * 0.0, x * 0.0
    # the lowest row looks down so far that it meets the ground before the backdrop
    if geometry.elevation - 0.5 * geometry.width / geometry.focal < -CAMERA_HEIGHT_M / far:
        ground_r, ground_g, ground_b, ground = _ground(place, light, grid, x, y, geometry)
    red, green, blue = ground_r, ground_g, ground_b
    if some(ground < 1.0):
        r, g, b, a = x * 0.0, x * 0.0, x * 0.0, x * 0.0
        if place.crowns > 0.0:
            r, g, b, a = _trees(place, light, grid, wide, high, fine)
        if place.town > 0.0:
            r, g, b, a = _facade(place, light, grid, wide, high, fine)
        if some(a < 1.0):
            sky_r, sky_g, sky_b = _sky(place, light, grid, x, y)
            r, g, b = mix(sky_r, r, a), mix(sky_g, g, a), mix(sky_b, b, a)
        if light.dark > 0.0:
            lamp = _lamps(place, light, grid, wide, high, fine)
            r, g, b = r + lamp, g + 0.66 * lamp, b + 0.32 * lamp
        r, g, b = fogged(light, r, g, b, far * (1.0 + 4.0 * step(0.0, 0.3, y)))
        red, green, blue = mix(r, ground_r, ground), mix(g, ground_g, ground), mix(b, ground_b, ground)
    if place.post > 0.0:
        red, green, blue = _neighbour(place, light, geometry, column, row, red, green, blue)
    return red, green, blue


@compiled
def _sky(place: Place, light: Light, grid: NDArray[np.float32], x: Lane, y: Lane) -> Lane:
    up = np.maximum(y, 0.0)
    t = 1.0 - np.exp(-3.0 * up)
    halo = x * 0.0
    if light.glow > 0.0:
        near = (x - light.glow_x) * (x - light.glow_x) + (y - light.glow_y) * (y - light.glow_y)
        halo = light.glow * (0.35 * np.exp(-near * 6.0) + 1.6 * np.exp(-near * 160.0))
    # a crop sees so little of the sky that two octaves are all it can show
    u, v = x * 7.0 + place.shift, y * 16.0 + place.shift * 0.3
    cloud = 0.68 * noise(grid, u, v) + 0.32 * noise(grid, 3.3 * u, 3.3 * v + 9.0)
    body = step(0.72 - 0.55 * light.clouds, 0.92 - 0.45 * light.clouds, cloud)
    lit = (light.low_r + light.low_g + light.low_b) * (0.30 + 0.16 * cloud)
    return (
        mix(mix(light.low_r, light.top_r, t), lit, 0.8 * body) + halo,
        mix(mix(light.low_g, light.top_g, t), lit, 0.8 * body) + halo * 0.85,
        mix(mix(light.low_b, light.top_b, t), lit * 1.03, 0.8 * body) + halo * 0.62,
    )


@compiled
def _trees(place: Place, light: Light, grid: NDArray[np.float32], x: Lane, y: Lane, fine: Lane) -> Lane:
    s = place.shift
    nothing = x * 0.0
    if not some(y < 1.42 * place.crowns + 1.6):  # the highest of the tops below, and its fraying
        return nothing, nothing, nothing, nothing
    crown = noise(grid, x * 0.22 + s, 3.0)
    top = place.crowns * (0.55 + 0.75 * crown + 0.12 * noise(grid, x * 1.3 + s, 9.0))
    # turned, so that the cells of the noise do not stand in rows
    clump = fractal(grid, 0.72 * x + 0.50 * y + s, 0.66 * y - 0.58 * x)
    leaves = noise(grid, 4.6 * x - 2.9 * y + s, 2.7 * x + 4.4 * y) - 0.5
    grain = np.minimum(0.12 / fine, 1.0) * leaves  # finer than a pixel, leaves average out
    # the crown's edge is frayed, and the sky shines through where the foliage is thin
    a = step(0.45, -0.45, y - top - 2.2 * (clump - 0.5)) * step(0.0, 0.08, place.crowns)
    if not some(a > 0.0):
        return nothing, nothing, nothing, nothing
    a = a * (1.0 - 0.75 * step(0.36, 0.24, clump + 0.25 * leaves) * step(0.45, 1.0, y / np.maximum(top, 0.1)))
    depth = np.minimum(np.maximum(0.30 + 2.4 * (clump - 0.38) + 0.9 * grain, 0.10), 1.5)
    sun = depth * step(0.40, 0.62, clump + 0.3 * grain)
    snow = place.snow * step(0.50, 0.70, clump + 0.3 * grain) * 0.4
    r = mix(place.leaf_r, 0.7, snow)
    g = mix(place.leaf_g, 0.72, snow)
    b = mix(place.leaf_b, 0.78, snow)
    return (
        r * (light.shade_r * depth * 1.5 + light.beam_r * sun * 1.6),
        g * (light.shade_g * depth * 1.5 + light.beam_g * sun * 1.6),
        b * (light.shade_b * depth * 1.5 + light.beam_b * sun * 1.3),
        a,
    )


@compiled
def _facade(place: Place, light: Light, grid: NDArray[np.float32], x: Lane, y: Lane, fine: Lane) -> Lane:
    house = np.floor(x / 9.0)
    inside = x - house * 9.0
    k = scatter(grid, house + 0.5, 201.5)
    tint = scatter(grid, house + 0.5, 205.5)
    roof = 7.0 + 3.1 * np.floor(4.0 * scatter(grid, house + 0.5, 207.5))
    soft = 0.5 * fine + 0.01
    a = place.town * step(soft, -soft, y - roof)
    if not some(a > 0.0):
        return a, a, a, a
    wall = 0.22 + 0.45 * k
    grain = 0.9 + 0.2 * fractal(grid, x * 0.8 + place.shift, y * 0.5)
    ledge = 1.0 - 0.35 * step(0.14, 0.05, np.abs(y - np.floor(y / 3.1 + 0.5) * 3.1))
    joint = 1.0 - 0.5 * step(0.12, 0.03, np.minimum(inside, 9.0 - inside))
    wall = wall * grain * ledge * joint
    r = wall * (1.05 + 0.15 * tint)
    g = wall
    b = wall * (0.95 - 0.35 * tint)
    # windows: a pale frame around dark glass that mirrors the sky
    storey = np.floor(y / 3.1)
    bay = np.floor(inside / 2.25)
    across = np.abs(inside - (bay + 0.5) * 2.25)
    along = np.abs(y - (storey + 0.55) * 3.1)
    frame = step(0.72 + soft, 0.72 - soft, across) * step(1.02 + soft, 1.02 - soft, along)
    glass = step(0.60 + soft, 0.60 - soft, across) * step(0.90 + soft, 0.90 - soft, along)
    glass = glass * (1.0 - step(0.05 + soft, 0.03, across))
    chance = scatter(grid, house * 4.0 + bay + 0.5, storey + 211.5)
    pale = 0.55 + 0.25 * tint
    r, g, b = mix(r, pale, frame), mix(g, pale, frame), mix(b, pale * 0.97, frame)
    mirror = (0.05 + 0.55 * chance * chance) * (0.7 + 0.6 * noise(grid, x * 0.7, y * 0.9))
    # shops on the ground floor, with a coloured band above the windows
    shop = step(3.1 + soft, 3.1 - soft, y)
    shop_hue = 0.5 * chance + 0.5 * tint
    band = shop * step(2.5 - soft, 2.5 + soft, y)
    pane = shop * (1.0 - band) * step(0.1, 0.2, np.abs(inside - 4.5) - 0.2)
    r, g, b = (
        mix(r, 0.10 + 0.35 * chance, band),
        mix(g, 0.09 + 0.30 * shop_hue, band),
        mix(b, 0.10 + 0.25 * chance, band),
    )
    glass = np.maximum(glass * (1.0 - shop), pane)
    lamp = light.dark * select(chance > 0.62, 0.20, 0.004)
    day_r = r * (light.shade_r + light.beam_r * 0.8)
    day_g = g * (light.shade_g + light.beam_g * 0.8)
    day_b = b * (light.shade_b + light.beam_b * 0.8)
    return (
        mix(day_r, light.low_r * mirror * 0.9 + lamp, glass),
        mix(day_g, light.low_g * mirror * 0.95 + lamp * 0.72, glass),
        mix(day_b, light.low_b * mirror + lamp * 0.38, glass),
        a,
    )


@compiled
def _lamps(place: Place, light: Light, grid: NDArray[np.float32], x: Lane, y: Lane, fine: Lane) -> Lane:
    """Street lamps and headlights far behind, as discs out of focus; dark by day."""
    u = x / 1.7 + place.shift
    v = y / 1.7
    cell_x = np.floor(u)
    cell_y = np.floor(v)
    chance = scatter(grid, cell_x + 0.5, cell_y + 251.5)
    dx = u - cell_x - 0.3 - 0.4 * scatter(grid, cell_x + 9.5, cell_y + 61.5)
    dy = v - cell_y - 0.3 - 0.4 * scatter(grid, cell_x + 40.5, cell_y + 17.5)
    radius = 0.08 + 0.16 * scatter(grid, cell_x + 3.5, cell_y + 81.5)
    soft = 0.04 + fine / 1.7
    disc = step(radius + soft, radius - soft, np.sqrt(dx * dx + dy * dy))
    return select(chance > 0.86, 1.0, 0.0) * disc * 0.22 * light.dark * step(7.0, 4.0, y)


@compiled
def _ground(place: Place, light: Light, grid: NDArray[np.float32], x: Lane, y: Lane, geometry: Geometry) -> Lane:
    fall = np.maximum(-y, 1e-4)
    far = np.minimum(CAMERA_HEIGHT_M / fall, geometry.backdrop)
    a = step(CAMERA_HEIGHT_M / geometry.backdrop - 0.3 / geometry.focal, CAMERA_HEIGHT_M / geometry.backdrop, -y)
    wide = x * far + 3.0 * (place.post_x - 0.5)
    grass = step(0.8, 1.2, np.abs(wide + 2.6) - 2.0)
    n = 0.6 + 0.8 * fractal(grid, wide * 2.2 + place.shift, far * 0.7)
    r = mix(place.ground, place.leaf_r * 1.3, grass) * n
    g = mix(place.ground, place.leaf_g * 1.3, grass) * n
    b = mix(place.ground, place.leaf_b * 1.3, grass) * n
    white = np.maximum(step(0.10, 0.06, np.abs(wide + 0.8)), 0.8 * place.snow * step(0.3, 0.6, n))
    r, g, b = mix(r, 0.75, white), mix(g, 0.76, white), mix(b, 0.78, white)
    r, g, b = fogged(
        light,
        r * (light.shade_r * 1.3 + light.beam_r),
        g * (light.shade_g * 1.3 + light.beam_g),
        b * (light.shade_b * 1.3 + light.beam_b),
        far,
    )
    return r, g, b, a


@compiled
def _neighbour(
    place: Place, light: Light, geometry: Geometry, column: Lane, row: Lane, red: Lane, green: Lane, blue: Lane
) -> Lane:
    scale = geometry.focal / geometry.neighbour
    half = place.post_half * scale
    u = (column - place.post_x * geometry.width) / half
    dx = (column - place.post_x * geometry.width) / scale
    dy = (row - geometry.middle_y) / scale + place.disc_y
    edge = 0.5 / scale
    disc = place.disc * step(0.31 + edge, 0.31 - edge, np.sqrt(dx * dx + dy * dy))
    rim = step(0.27, 0.30, np.sqrt(dx * dx + dy * dy))
    post = place.post * step(1.0 + 0.5 / half, 1.0 - 0.5 / half, np.abs(u))
    # a sign ends its post; a lamp post goes on
    post = post * np.maximum(1.0 - place.disc, step(-0.36, -0.33, dy))
    if not some(np.maximum(post, disc) > 0.0):
        return red, green, blue
    round_ = np.sqrt(np.maximum(1.0 - u * u * 0.9, 0.05))
    shine = 0.30 * (light.pole_middle * round_ + 0.5 * select(u < 0.0, light.pole_left, light.pole_right) * np.abs(u))
    back = (0.20 + 0.16 * rim) * (light.shade_r + light.shade_g + light.shade_b + light.beam_g) * 0.5
    r, g, b = fogged(light, shine, shine, shine * 1.03, geometry.neighbour)
    red, green, blue = mix(red, r, post), mix(green, g, post), mix(blue, b, post)
    r, g, b = fogged(light, back, back, back * 1.04, geometry.neighbour)
    return mix(red, r, disc), mix(green, g, disc), mix(blue, b, disc)
