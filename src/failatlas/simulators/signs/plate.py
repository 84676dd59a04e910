"""Plate: the sign's face with its wear, its rim and back, the plate below it, and the pole."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from failatlas.parameters import Values
from failatlas.simulators.compiled import Lane, compiled, select
from failatlas.simulators.noise import fractal, mix, noise, scatter, step
from failatlas.simulators.signs.drawings import SIDE_PX, Level, Texture, covered, drawn
from failatlas.simulators.signs.geometry import Geometry, on_plate
from failatlas.simulators.signs.light import Light, veiled
from failatlas.simulators.skipping import some

N_STICKERS = 3
_COARSE_SIDE = float(SIDE_PX >> 3)  # a version so small that its alpha tells how near the edge is
_COARSE_START = float(sum((SIDE_PX >> k) ** 2 for k in range(3)))
_MUD = (0.090, 0.066, 0.042)
_RUST = (0.130, 0.042, 0.014)
_METAL = 0.42
_SNOW = 0.86

Stickers = NDArray[np.float64]  # (3, 9): middle u, v; cosine, sine; half width, half height; red, green, blue


class Surface(NamedTuple):
    """The plate's state; each from 0 to 1 unless said."""

    shift: float  # where noise is read
    dirt: float
    fading: float
    rust: float
    graffiti: float
    spray_r: float
    spray_g: float
    spray_b: float
    snow: float
    cap: float  # of snow on the upper edge, in u
    shadow: float
    shadow_cos: float  # direction of the shadows' length
    shadow_sin: float
    wet: float
    second: float  # 1 where a plate hangs below
    bottom: float  # v of the drawing's lower edge


def surface(values: Values, silhouette: NDArray[np.float64], random: np.random.Generator) -> Surface:
    """The state that the values say, its places from the seed."""
    weather, strength = str(values["weather"]), float(values["weather_strength"])
    spray = np.array(((0.02, 0.02, 0.02), (0.55, 0.55, 0.57), (0.05, 0.10, 0.45), (0.03, 0.32, 0.08)))
    angle = random.uniform(0.9, 2.3)
    cap = (0.10 * strength if weather == "snow" else 0.0) + 0.10 * float(values["snow_cover"])
    rows = np.flatnonzero(silhouette.max(1) > 0.25)
    return Surface._make(
        (
            float(random.uniform(0, 200)),
            *(float(values[name]) for name in ("dirt", "fading", "rust", "graffiti")),
            *(float(x) for x in spray[random.integers(len(spray))]),
            float(values["snow_cover"]),
            cap,
            float(values["shadow"]),
            math.cos(angle),
            math.sin(angle),
            strength if weather == "rain" else 0.0,
            float(values["second_plate"] == "yes"),
            1.0 - 2.0 * float(rows[-1] + 1) / len(silhouette),
        )
    )


def stickers(share: float, silhouette: NDArray[np.float64], stream: Callable[[], np.random.Generator]) -> Stickers:
    """Three stickers that cover about ``share`` of the plate; at 0 they have no size."""
    rows = np.zeros((N_STICKERS, 9))
    if not share:
        return rows
    random = stream()
    weight = silhouette.ravel() / silhouette.sum()
    area = share * float(silhouette.mean()) * 4 / N_STICKERS * 1.25  # they overlap, and hang over the edge
    for row in rows:
        place = int(random.choice(weight.size, p=weight))
        v, u = 1 - 2 * (place // 32 + 0.5) / 32, 2 * (place % 32 + 0.5) / 32 - 1
        angle, aspect = random.uniform(-0.6, 0.6), random.uniform(0.6, 1.6)
        hue = random.uniform(0.05, 0.85, 3) ** 2
        half = math.sqrt(area / 4)
        row[:] = (u * 0.75, v * 0.75, math.cos(angle), math.sin(angle), half * aspect**0.5, half / aspect**0.5, *hue)
    return rows


@compiled
def face(
    surface: Surface,
    light: Light,
    geometry: Geometry,
    level: Level,
    texture: Texture,
    grid: NDArray[np.float32],
    labels: Stickers,
    u: Lane,
    v: Lane,
) -> Lane:
    """Radiance of the face at a place of the plate, its alpha, and the share of the drawing that is hidden there."""
    n = int(geometry.probes)
    r, g, b, a = u * 0.0, u * 0.0, u * 0.0, u * 0.0
    for k in range(n):
        t = k - 0.5 * (n - 1)
        r1, g1, b1, a1 = drawn(texture, level, u + t * geometry.step_u, v + t * geometry.step_v)
        r, g, b, a = r + r1 / n, g + g1 / n, b + b1 / n, a + a1 / n
    if not some(a > 0.0):
        return a, a, a, a, a
    whole = np.maximum(a, 1e-4)
    r, g, b = r / whole, g / whole, b / whole
    hidden = a * 0.0
    # each `if` asks about the whole picture, never about a place of it
    if surface.fading > 0.0:
        r, g, b = _faded(surface, r, g, b)
    if surface.dirt > 0.0:
        r, g, b, hidden = _dirty(surface, grid, u, v, r, g, b, hidden)
    if surface.rust > 0.0:
        r, g, b, hidden = _rusted(surface, texture, grid, u, v, r, g, b, hidden)
    if labels[0, 4] > 0.0:
        for k in range(N_STICKERS):
            r, g, b, hidden = _stuck(surface, labels[k], geometry, grid, u, v, r, g, b, hidden)
    if surface.graffiti > 0.0:
        r, g, b, hidden = _sprayed(surface, grid, u, v, r, g, b, hidden)
    if surface.snow > 0.0:
        r, g, b, hidden = _snowed(surface, grid, u, v, r, g, b, hidden)
    sun = 1.0 + a * 0.0
    if surface.shadow > 0.0:
        sun = 1.0 - surface.shadow * _stripes(surface, grid, u, v)
    # paint, paper, mud and snow throw nothing back to the lamps, they only are lit by them
    lamps = light.retro * (1.0 - 0.85 * hidden)
    apart = (u - light.gloss_u) * (u - light.gloss_u) + (v - light.gloss_v) * (v - light.gloss_v)
    spot = light.gloss * (0.35 + 0.65 * surface.wet) * (1.0 - hidden) * sun * np.exp(-1.2 * apart)
    return (
        r * (light.face_r + light.sun_r * sun + lamps) + spot,
        g * (light.face_g + light.sun_g * sun + lamps) + spot,
        b * (light.face_b + light.sun_b * sun + lamps) + spot,
        a,
        hidden,
    )


@compiled
def _over(r: Lane, g: Lane, b: Lane, hidden: Lane, red: Lane, green: Lane, blue: Lane, a: Lane) -> Lane:
    """A layer over the face."""
    return mix(r, red, a), mix(g, green, a), mix(b, blue, a), 1.0 - (1.0 - hidden) * (1.0 - a)


@compiled
def _faded(surface: Surface, r: Lane, g: Lane, b: Lane) -> Lane:
    # red pigment goes first, black last
    pale = surface.fading * (0.25 + 0.75 * step(0.04, 0.25, np.maximum(r, np.maximum(g, b))))
    return (
        mix(r, 0.35 + 0.45 * r, 0.55 * pale),
        mix(g, 0.33 + 0.5 * r, 0.62 * pale),
        mix(b, 0.33 + 0.5 * r, 0.55 * pale),
    )


@compiled
def _dirty(
    surface: Surface, grid: NDArray[np.float32], u: Lane, v: Lane, r: Lane, g: Lane, b: Lane, hidden: Lane
) -> Lane:
    s, much = surface.shift, surface.dirt
    splash = fractal(grid, u * 3.1 + s, v * 2.6 + s)
    run = noise(grid, u * 9.0 + s, v * 0.9 + 31.0)
    mud = step(0.86 - 0.62 * much, 1.10 - 0.45 * much, splash + 0.22 * run - 0.24 * v * (0.3 + much))
    film = 0.35 * much * (0.4 + 0.6 * splash)
    tone = 0.7 + splash
    return _over(r, g, b, hidden, _MUD[0] * tone, _MUD[1] * tone, _MUD[2] * tone, np.minimum(0.94 * mud + film, 0.96))


@compiled
def _rusted(
    surface: Surface,
    texture: Texture,
    grid: NDArray[np.float32],
    u: Lane,
    v: Lane,
    r: Lane,
    g: Lane,
    b: Lane,
    hidden: Lane,
) -> Lane:
    s, much = surface.shift, surface.rust
    inside = covered(texture, _COARSE_START, _COARSE_SIDE, u, v)
    grain = fractal(grid, u * 6.3 + s + 60.0, v * 5.0)
    drip = noise(grid, u * 14.0 + s, v * 1.1 + 77.0)
    eaten = step(1.10 - 0.46 * much, 1.26 - 0.44 * much, grain + 0.25 * drip + 0.75 * (1.0 - inside))
    tone = 0.35 + 1.6 * noise(grid, u * 13.0 + s, v * 11.0 + 3.0)
    return _over(r, g, b, hidden, _RUST[0] * tone, _RUST[1] * tone, _RUST[2] * tone, eaten)


@compiled
def _stuck(
    surface: Surface,
    label: NDArray[np.float64],
    geometry: Geometry,
    grid: NDArray[np.float32],
    u: Lane,
    v: Lane,
    r: Lane,
    g: Lane,
    b: Lane,
    hidden: Lane,
) -> Lane:
    # a white border, and something printed in the middle
    x = (u - label[0]) * label[2] + (v - label[1]) * label[3]
    y = (v - label[1]) * label[2] - (u - label[0]) * label[3]
    out = np.maximum(np.abs(x) - label[4], np.abs(y) - label[5])
    soft = 0.6 * geometry.grain
    print_in = step(0.45, 0.55, noise(grid, x * 11.0 + surface.shift, y * 5.0 + 9.0 * label[4]))
    tone = 1.0 - 0.8 * step(0.55, 0.5, np.abs(y) / label[5]) * print_in
    border = step(-0.05, -0.03, out)
    return _over(
        r,
        g,
        b,
        hidden,
        mix(label[6] * tone, 0.8, border),
        mix(label[7] * tone, 0.8, border),
        mix(label[8] * tone, 0.8, border),
        step(soft, -soft, out),
    )


@compiled
def _sprayed(
    surface: Surface, grid: NDArray[np.float32], u: Lane, v: Lane, r: Lane, g: Lane, b: Lane, hidden: Lane
) -> Lane:
    # the contour of a smooth field is a line that loops
    s = surface.shift
    field = noise(grid, u * 1.35 + s * 1.7, v * 1.35 + 11.0) + 0.3 * noise(grid, u * 3.0 + s, v * 3.0 + 15.0) - 0.65
    line = step(0.10, 0.06, np.abs(field) / (0.15 + 0.8 * surface.graffiti))
    line = line * step(0.25, 0.4, noise(grid, u * 0.9 + s + 5.0, v * 0.9 + 19.0) + surface.graffiti * 0.4)
    return _over(r, g, b, hidden, surface.spray_r, surface.spray_g, surface.spray_b, 0.95 * line)


@compiled
def _snowed(
    surface: Surface, grid: NDArray[np.float32], u: Lane, v: Lane, r: Lane, g: Lane, b: Lane, hidden: Lane
) -> Lane:
    drift = fractal(grid, u * 2.3 + surface.shift + 90.0, v * 2.3 + 7.0) + 0.10 * u - 0.12 * v
    snow = step(0.92 - 0.78 * surface.snow, 1.02 - 0.76 * surface.snow, drift)
    return _over(r, g, b, hidden, _SNOW * 0.97, _SNOW * 0.98, _SNOW, snow)


@compiled
def _stripes(surface: Surface, grid: NDArray[np.float32], u: Lane, v: Lane) -> Lane:
    """1 in the shade of branches and leaves, 0 in the sun."""
    along = u * surface.shadow_cos + v * surface.shadow_sin
    across = v * surface.shadow_cos - u * surface.shadow_sin
    bent = across + 0.35 * noise(grid, along * 1.2 + surface.shift, 140.0)
    limbs = step(0.46, 0.56, noise(grid, bent * 3.2 + surface.shift, along * 0.35 + 150.0))
    leaves = step(0.52, 0.62, fractal(grid, u * 3.5 + surface.shift, v * 3.5 + 160.0))
    return np.maximum(limbs, 0.8 * leaves)


@compiled
def cap(surface: Surface, texture: Texture, grid: NDArray[np.float32], u: Lane, v: Lane) -> Lane:
    """Coverage of the snow on the upper edge: plate a little below it, and none a little above."""
    height = surface.cap * (0.45 + 0.9 * noise(grid, u * 4.0 + surface.shift, 170.0)) * (1.0 - 0.55 * u * u)
    below = covered(texture, 0.0, float(SIDE_PX), u, v - height)
    above = covered(texture, 0.0, float(SIDE_PX), u, v + 0.4 * height)
    return step(0.3, 0.7, below) * step(0.7, 0.3, above)


@compiled
def second(surface: Surface, geometry: Geometry, grid: NDArray[np.float32], u: Lane, v: Lane) -> Lane:
    """Albedo and alpha of the white plate below the sign: a black border and two lines of text."""
    x = u / 0.80
    y = (v - (surface.bottom - 0.42)) / 0.34
    soft = 0.8 * geometry.grain
    out = np.maximum((np.abs(x) - 1.0) * 0.80, (np.abs(y) - 1.0) * 0.34)
    a = step(soft, -soft, out)
    border = step(-0.065 - soft, -0.065 + soft, out) * step(-0.025 + soft, -0.025 - soft, out)
    line = np.floor(y + 1.0)
    letter = scatter(grid, np.floor((x + 1.0) * 9.0) + surface.shift, line + 180.0)
    stroke = noise(grid, x * 30.0 + surface.shift, y * 6.0 + line * 7.0)
    text = step(0.36, 0.28, np.abs(y + 0.5 - line) - 0.0) * step(0.78, 0.72, np.abs(x))
    text = text * select(letter > 0.2, 1.0, 0.0) * step(0.35, 0.55, stroke)
    return mix(0.80, 0.02, np.maximum(border, text)), a


@compiled
def rim(geometry: Geometry, texture: Texture, column: Lane, row: Lane) -> Lane:
    """Coverage of the plate's edge and far side."""
    u, v, w = on_plate(geometry.far, column, row)
    far = covered(texture, 0.0, float(SIDE_PX), u, v) * select(w > 0.0, 1.0, 0.0)
    u, v, w = on_plate(geometry.half, column, row)
    half = covered(texture, 0.0, float(SIDE_PX), u, v) * select(w > 0.0, 1.0, 0.0)
    return np.maximum(far, half)


@compiled
def back(light: Light, texture: Texture, grid: NDArray[np.float32], surface: Surface, u: Lane, v: Lane) -> Lane:
    """Radiance of the plate's grey back, with two clamps across, and its alpha."""
    a = covered(texture, 0.0, float(SIDE_PX), u, v)
    inside = covered(texture, _COARSE_START, _COARSE_SIDE, u, v)
    clamp = step(0.075, 0.05, np.abs(np.abs(v) - 0.42)) * step(0.62, 0.58, np.abs(u))
    grey = 0.30 + 0.06 * fractal(grid, u * 2.0 + surface.shift, v * 5.0) + 0.14 * clamp + 0.16 * (1.0 - inside)
    grey = grey * (1.0 - 0.5 * surface.dirt * fractal(grid, u * 3.0 + surface.shift, v * 3.0))
    return (
        grey * (light.face_r + light.sun_r),
        grey * (light.face_g + light.sun_g),
        grey * 1.03 * (light.face_b + light.sun_b),
        a,
    )


@compiled
def pole(light: Light, geometry: Geometry, grid: NDArray[np.float32], column: Lane, row: Lane) -> Lane:
    """Radiance and coverage of the galvanised pole."""
    dx = column - geometry.pole_x
    dy = row - geometry.pole_y
    down = dx * geometry.pole_down_x + dy * geometry.pole_down_y
    side = dx * geometry.pole_down_y - dy * geometry.pole_down_x  # > 0 right of a pole that points down
    half = np.maximum(geometry.pole_half + geometry.pole_taper * down, 0.2)
    u = np.minimum(np.maximum(side / half, -1.0), 1.0)
    a = np.minimum(np.maximum(half - np.abs(side) + 0.5, 0.0), 1.0) * np.minimum(1.0, 2.0 * half)
    a = a * np.minimum(np.maximum(down - geometry.pole_top + 0.5, 0.0), 1.0)
    if not some(a > 0.0):
        return a, a, a, a
    flat = np.sqrt(np.maximum(1.0 - u * u, 0.02))
    lit = light.pole_middle * flat + np.maximum(-u, 0.0) * light.pole_left + np.maximum(u, 0.0) * light.pole_right
    # zinc has a dull streak where the sky is mirrored, and the plate's shadow falls below it
    streak = 0.25 * np.exp(-18.0 * (u + 0.35) * (u + 0.35)) * light.pole_middle
    dull = 0.85 + 0.3 * noise(grid, u * 2.0 + 40.0, down / geometry.radius * 5.0)
    value = (_METAL * 0.75 * lit + streak) * dull
    r, g, b = veiled(light, value, value, value * 1.03, light.through)
    return r, g, b, a
