"""Plate: the sign's face with its wear, its rim and back, the plate below it, and the pole."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from failatlas.parameters import Values
from failatlas.simulators.compiled import compiled, select
from failatlas.simulators.road.noise import fractal, mix, noise, scatter, step
from failatlas.simulators.signs.drawings import SIDE_PX, covered, drawn
from failatlas.simulators.signs.geometry import on_plate
from failatlas.simulators.signs.light import fogged

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
    return Surface(
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


def stickers(share: float, silhouette: NDArray[np.float64], random: np.random.Generator) -> Stickers:
    """Three stickers that cover about ``share`` of the plate; at 0 they have no size."""
    rows = np.empty((N_STICKERS, 9))
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
def face(surface, light, geometry, level, texture, grid, labels, u, v):  # type: ignore[no-untyped-def]
    """Radiance of the face at a place of the plate, its alpha, and the share of the drawing that is hidden there."""
    r, g, b, a = drawn(texture, level, u, v)
    n = int(geometry.probes)
    if n > 1:
        r, g, b, a = r * 0.0, g * 0.0, b * 0.0, a * 0.0
        for k in range(n):
            t = k - 0.5 * (n - 1)
            r1, g1, b1, a1 = drawn(texture, level, u + t * geometry.step_u, v + t * geometry.step_v)
            r, g, b, a = r + r1 / n, g + g1 / n, b + b1 / n, a + a1 / n
    whole = np.maximum(a, 1e-4)
    r, g, b = r / whole, g / whole, b / whole
    # bleached: red pigment goes first, black last
    pale = surface.fading * (0.25 + 0.75 * step(0.04, 0.25, np.maximum(r, np.maximum(g, b))))
    r, g, b = (
        mix(r, 0.35 + 0.45 * r, 0.55 * pale),
        mix(g, 0.33 + 0.5 * r, 0.62 * pale),
        mix(b, 0.33 + 0.5 * r, 0.55 * pale),
    )
    r, g, b, hidden = _worn(surface, texture, grid, u, v, r, g, b)
    r, g, b, hidden, gone = _stuck(surface, labels, geometry, grid, u, v, r, g, b, hidden)
    sun = 1.0 - surface.shadow * _stripes(surface, grid, u, v)
    back = light.retro * (1.0 - 0.92 * gone)  # paint, paper, mud and snow throw nothing back to the lamps
    plain = light.retro * 0.10 * gone
    spot = (
        light.gloss
        * (1.0 - gone)
        * sun
        * np.exp(-1.2 * ((u - light.gloss_u) * (u - light.gloss_u) + (v - light.gloss_v) * (v - light.gloss_v)))
    )
    spot = spot * (0.35 + 0.65 * surface.wet)
    return (
        r * (light.face_r + light.sun_r * sun + back + plain) + spot,
        g * (light.face_g + light.sun_g * sun + back + plain) + spot,
        b * (light.face_b + light.sun_b * sun + back + plain) + spot,
        a,
        hidden,
    )


@compiled
def _worn(surface, texture, grid, u, v, r, g, b):  # type: ignore[no-untyped-def]
    s = surface.shift
    splash = fractal(grid, u * 3.1 + s, v * 2.6 + s)
    run = noise(grid, u * 9.0 + s, v * 0.9 + 31.0)
    mud = step(
        0.86 - 0.62 * surface.dirt, 1.10 - 0.45 * surface.dirt, splash + 0.22 * run - 0.24 * v * (0.3 + surface.dirt)
    )
    film = 0.35 * surface.dirt * (0.4 + 0.6 * splash)
    dirt = np.minimum(0.94 * mud + film, 0.96) * step(0.0, 0.03, surface.dirt)
    r, g, b = (
        mix(r, _MUD[0] * (0.7 + splash), dirt),
        mix(g, _MUD[1] * (0.7 + splash), dirt),
        mix(b, _MUD[2] * (0.7 + splash), dirt),
    )
    inside = covered(texture, _COARSE_START, _COARSE_SIDE, u, v)
    grain = fractal(grid, u * 6.3 + s + 60.0, v * 5.0)
    drip = noise(grid, u * 14.0 + s, v * 1.1 + 77.0)
    eaten = grain + 0.25 * drip + 0.75 * (1.0 - inside)
    rust = step(1.10 - 0.46 * surface.rust, 1.26 - 0.44 * surface.rust, eaten) * step(0.0, 0.03, surface.rust)
    tone = 0.35 + 1.6 * noise(grid, u * 13.0 + s, v * 11.0 + 3.0)
    r, g, b = mix(r, _RUST[0] * tone, rust), mix(g, _RUST[1] * tone, rust), mix(b, _RUST[2] * tone, rust)
    return r, g, b, 1.0 - (1.0 - dirt) * (1.0 - rust)


@compiled
def _stuck(surface, labels, geometry, grid, u, v, r, g, b, hidden):  # type: ignore[no-untyped-def]
    s = surface.shift
    gone = hidden
    soft = 0.6 * geometry.grain
    for k in range(3):
        x = (u - labels[k, 0]) * labels[k, 2] + (v - labels[k, 1]) * labels[k, 3]
        y = (v - labels[k, 1]) * labels[k, 2] - (u - labels[k, 0]) * labels[k, 3]
        out = np.maximum(np.abs(x) - labels[k, 4], np.abs(y) - labels[k, 5])
        paper = step(soft, -soft, out) * select(labels[k, 4] > 0.0, 1.0, 0.0)
        # a border, and something printed in the middle
        height = np.abs(y) / np.maximum(labels[k, 5], 1e-3)
        printed = step(0.55, 0.5, height) * step(0.45, 0.55, noise(grid, x * 11.0 + s, y * 5.0 + k * 9.0))
        border = step(-0.05, -0.03, out)
        tone = mix(1.0, 0.15, 0.9 * printed)
        r = mix(r, mix(labels[k, 6] * tone, 0.8, border), paper)
        g = mix(g, mix(labels[k, 7] * tone, 0.8, border), paper)
        b = mix(b, mix(labels[k, 8] * tone, 0.8, border), paper)
        hidden = 1.0 - (1.0 - hidden) * (1.0 - paper)
        gone = 1.0 - (1.0 - gone) * (1.0 - paper)
    # sprayed: the contour of a smooth field is a line that loops
    field = noise(grid, u * 1.35 + s * 1.7, v * 1.35 + 11.0) + 0.3 * noise(grid, u * 3.0 + s, v * 3.0 + 15.0) - 0.65
    line = step(0.10, 0.06, np.abs(field) / (0.15 + 0.8 * surface.graffiti)) * step(0.0, 0.03, surface.graffiti)
    line = line * step(0.25, 0.4, noise(grid, u * 0.9 + s + 5.0, v * 0.9 + 19.0) + surface.graffiti * 0.4)
    line = 0.95 * line
    r, g, b = mix(r, surface.spray_r, line), mix(g, surface.spray_g, line), mix(b, surface.spray_b, line)
    gone = 1.0 - (1.0 - gone) * (1.0 - line)
    # snow blown against the face
    drift = fractal(grid, u * 2.3 + s + 90.0, v * 2.3 + 7.0) + 0.10 * u - 0.12 * v
    snow = step(0.92 - 0.78 * surface.snow, 1.02 - 0.76 * surface.snow, drift) * step(0.0, 0.03, surface.snow)
    r, g, b = mix(r, _SNOW * 0.97, snow), mix(g, _SNOW * 0.98, snow), mix(b, _SNOW, snow)
    hidden = 1.0 - (1.0 - hidden) * (1.0 - line) * (1.0 - snow)
    gone = 1.0 - (1.0 - gone) * (1.0 - snow)
    return r, g, b, hidden, gone


@compiled
def _stripes(surface, grid, u, v):  # type: ignore[no-untyped-def]
    """1 in the shade of branches and leaves, 0 in the sun."""
    along = u * surface.shadow_cos + v * surface.shadow_sin
    across = v * surface.shadow_cos - u * surface.shadow_sin
    bent = across + 0.35 * noise(grid, along * 1.2 + surface.shift, 140.0)
    limbs = step(0.46, 0.56, noise(grid, bent * 3.2 + surface.shift, along * 0.35 + 150.0))
    leaves = step(0.52, 0.62, fractal(grid, u * 3.5 + surface.shift, v * 3.5 + 160.0))
    return np.maximum(limbs, 0.8 * leaves)


@compiled
def cap(surface, texture, grid, u, v):  # type: ignore[no-untyped-def]
    """Coverage of the snow that lies on the upper edge: a place above the plate, with plate right below it."""
    height = surface.cap * (0.45 + 0.9 * noise(grid, u * 4.0 + surface.shift, 170.0)) * (1.0 - 0.55 * u * u)
    over = covered(texture, 0.0, float(SIDE_PX), u, v - height)
    return step(0.3, 0.7, over) * step(0.0, 0.02, surface.cap)


@compiled
def second(surface, geometry, grid, u, v):  # type: ignore[no-untyped-def]
    """Albedo and alpha of the white plate below the sign: a black border and two lines of text."""
    x = u / 0.80
    y = (v - (surface.bottom - 0.42)) / 0.34
    soft = 0.8 * geometry.grain
    out = np.maximum((np.abs(x) - 1.0) * 0.80, (np.abs(y) - 1.0) * 0.34)
    a = surface.second * step(soft, -soft, out)
    border = step(-0.065 - soft, -0.065 + soft, out) * step(-0.025 + soft, -0.025 - soft, out)
    line = np.floor(y + 1.0)
    letter = scatter(grid, np.floor((x + 1.0) * 9.0) + surface.shift, line + 180.0)
    stroke = noise(grid, x * 30.0 + surface.shift, y * 6.0 + line * 7.0)
    text = step(0.36, 0.28, np.abs(y + 0.5 - line) - 0.0) * step(0.78, 0.72, np.abs(x))
    text = text * select(letter > 0.2, 1.0, 0.0) * step(0.35, 0.55, stroke)
    return mix(0.80, 0.02, np.maximum(border, text)), a


@compiled
def rim(geometry, texture, column, row):  # type: ignore[no-untyped-def]
    """Coverage of the plate's edge and far side."""
    u, v, w = on_plate(geometry.far, column, row)
    far = covered(texture, 0.0, float(SIDE_PX), u, v) * select(w > 0.0, 1.0, 0.0)
    u, v, w = on_plate(geometry.half, column, row)
    half = covered(texture, 0.0, float(SIDE_PX), u, v) * select(w > 0.0, 1.0, 0.0)
    return np.maximum(far, half)


@compiled
def back(light, texture, grid, surface, u, v):  # type: ignore[no-untyped-def]
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
def pole(light, geometry, grid, column, row):  # type: ignore[no-untyped-def]
    """Radiance and coverage of the galvanised pole."""
    dx = column - geometry.pole_x
    dy = row - geometry.pole_y
    down = dx * geometry.pole_down_x + dy * geometry.pole_down_y
    side = dx * geometry.pole_down_y - dy * geometry.pole_down_x  # > 0 right of a pole that points down
    half = np.maximum(geometry.pole_half + geometry.pole_taper * down, 0.2)
    u = np.minimum(np.maximum(side / half, -1.0), 1.0)
    a = np.minimum(np.maximum(half - np.abs(side) + 0.5, 0.0), 1.0) * np.minimum(1.0, 2.0 * half)
    a = a * np.minimum(np.maximum(down - geometry.pole_top + 0.5, 0.0), 1.0)
    flat = np.sqrt(np.maximum(1.0 - u * u, 0.02))
    lit = light.pole_middle * flat + np.maximum(-u, 0.0) * light.pole_left + np.maximum(u, 0.0) * light.pole_right
    # zinc has a dull streak where the sky is mirrored, and the plate's shadow falls below it
    streak = 0.25 * np.exp(-18.0 * (u + 0.35) * (u + 0.35)) * light.pole_middle
    dull = 0.85 + 0.3 * noise(grid, u * 2.0 + 40.0, down / geometry.radius * 5.0)
    value = (_METAL * 0.75 * lit + streak) * dull
    r, g, b = fogged(light, value, value, value * 1.03, geometry.distance)
    return r, g, b, a
