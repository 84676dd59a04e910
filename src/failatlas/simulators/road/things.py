"""Things beside the road that are flat to the eye: trees, bushes, delineator posts, guard rail, and lamps' glow.

Each gives colour and coverage at a place of its own frame, so that edges are smooth without more samples.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from failatlas.simulators.compiled import Lane, compiled, select
from failatlas.simulators.noise import mix, noise, step
from failatlas.simulators.road.light import Light, lamp_light
from failatlas.simulators.skipping import some


@compiled
def tree(
    light: Light,
    grid: NDArray[np.float32],
    u: Lane,
    v: Lane,
    soft: Lane,
    needles: Lane,
    bare: Lane,
    shift: Lane,
    tone: Lane,
    red: Lane,
    green: Lane,
    blue: Lane,
    x: Lane,
    y: Lane,
    z: Lane,
) -> Lane:
    """A tree or bush.

    Args:
        u, v: place, −1 … 1 across the crown and 0 … 1 from the ground to the tip.
        soft: size of a pixel in the same unit.
        needles: 1 a fir, 0 a broad crown; ``bare``: share of the leaves that have fallen.
        shift: where the noise is read; ``tone``: brightness of the leaves.
        red, green, blue: colour of the leaves.
        x, y, z: the place in the car's frame, for the headlamps.

    Returns:
        (red, green, blue, coverage)
    """
    middle = (v - 0.60) / 0.40
    outline = select(needles > 0.5, 1.32 - v, 1.45 - np.sqrt(u * u * 1.05 + middle * middle) + np.abs(u)) - np.abs(u)
    nothing = 0.0 * u
    if not some((outline > 0.0) | (np.abs(u) < 0.15)):
        return nothing, nothing, nothing, nothing
    lump = noise(grid, u * 2.2 + shift, v * 4.5 + shift) - 0.5
    leaf = noise(grid, u * 7.0 + shift * 3.0, v * 15.0 + shift) - 0.5
    leaf = leaf + 0.5 * (noise(grid, u * 19.0 + shift, v * 37.0 + shift * 2.0) - 0.5)
    tier = v * 7.0 + 0.35 * leaf + shift
    tier = tier - np.floor(tier)
    fir = (1.0 - v) * (0.80 + 0.30 * (1.0 - tier)) - np.abs(u) + 0.16 * leaf
    fir = select(v < 0.08, -1.0, fir)
    round_crown = (1.0 - np.sqrt(u * u * 1.05 + middle * middle)) + 0.45 * lump + 0.28 * leaf
    crown = select(needles > 0.5, fir, round_crown)
    spread = np.maximum(soft, 0.04)
    cover = step(-spread, spread, crown)
    if bare > 0.0:
        twigs = step(0.28, 0.5, np.abs(leaf) + 0.25 * np.abs(lump) + 0.12)
        cover = cover * mix(1.0, 0.30 + 0.55 * twigs, bare * (1.0 - needles))
    stem = step(soft + 0.055, 0.05, np.abs(u + 0.04 * lump)) * step(0.62, 0.55, v) * (1.0 - needles)
    if not some(np.maximum(cover, stem) > 0.0):
        return nothing, nothing, nothing, nothing
    side = u * light.sun_x + (v - 0.45) * 1.3 * np.maximum(light.sun_y, 0.3) - 0.45 * light.sun_z
    day = np.minimum(np.maximum(0.45 + 0.75 * side + 1.0 * leaf + 0.5 * lump, 0.08), 1.35)
    shade = 0.35 + 0.65 * v + 0.5 * leaf
    beam = lamp_light(light, x, y, z)
    bark = stem * (1.0 - cover * (1.0 - bare))
    red, green, blue = mix(red * tone, 0.07, bark), mix(green * tone, 0.055, bark), mix(blue * tone, 0.04, bark)
    return (
        red * (light.sun_r * day * 0.9 + (0.5 * light.top_r + 0.35 * light.low_r) * shade + beam),
        green * (light.sun_g * day * 0.9 + (0.5 * light.top_g + 0.35 * light.low_g) * shade + beam * 0.95),
        blue * (light.sun_b * day * 0.9 + (0.5 * light.top_b + 0.35 * light.low_b) * shade + beam * 0.8),
        np.maximum(cover, stem),
    )


@compiled
def post(light: Light, u: Lane, v: Lane, soft_u: Lane, soft_v: Lane, x: Lane, y: Lane, z: Lane) -> Lane:
    """A delineator: a white post with a slanted black band and a reflector in it; arguments as for `tree`."""
    cover = step(1.0 + soft_u, 1.0 - soft_u, np.abs(u)) * step(1.0 + soft_v, 1.0 - soft_v, v)
    band = step(0.72, 0.75, v - 0.04 * u) * step(0.93, 0.90, v - 0.04 * u)
    mirror = step(0.62, 0.5, np.abs(u)) * step(0.765, 0.785, v) * step(0.885, 0.865, v)
    white = mix(0.72, 0.03, band)
    beam = lamp_light(light, x, y, z)
    day = 0.45 + 0.3 * u * light.sun_x
    back = mirror * (5.0 * beam + light.lamps * 0.9 / (1.0 + (z / 70.0) ** 2))
    return (
        white * (light.sun_r * day + 0.5 * light.top_r + 0.3 * light.low_r + beam) + back + mirror * 0.15 * light.top_r,
        white * (light.sun_g * day + 0.5 * light.top_g + 0.3 * light.low_g + beam) + back * 0.80,
        white * (light.sun_b * day + 0.5 * light.top_b + 0.3 * light.low_b + beam) + back * 0.50,
        cover,
    )


@compiled
def rail(light: Light, v: Lane, along: Lane, soft: Lane, x: Lane, y: Lane, z: Lane) -> Lane:
    """A W-beam guard rail on posts: ``v`` is 0 at the ground and 1 at its upper edge, ``along`` in metres."""
    beam_part = step(0.50 - soft, 0.50 + soft, v) * step(1.0 + soft, 1.0 - soft, v)
    foot = along / 4.0 - np.floor(along / 4.0)
    stand = step(0.028, 0.018, np.abs(foot - 0.5)) * step(0.55, 0.5, v) * step(-soft, soft, v)
    wave = np.cos((v - 0.75) * 25.0)  # two ribs
    up = 0.55 + 0.30 * wave + 0.15 * np.maximum(v - 0.5, 0.0)
    metal = 0.34 * (1.0 - 0.45 * stand)
    own = lamp_light(light, x, y, z)
    return (
        metal * (light.sun_r * up * 0.75 + 0.75 * light.low_r * up + 0.4 * light.top_r + own),
        metal * (light.sun_g * up * 0.75 + 0.75 * light.low_g * up + 0.4 * light.top_g + own),
        metal * (light.sun_b * up * 0.75 + 0.75 * light.low_b * up + 0.4 * light.top_b + own),
        np.maximum(beam_part, stand),
    )


@compiled
def glow(u: Lane, v: Lane, below: Lane, wet: Lane) -> Lane:
    """Brightness around a lamp at (u, v) = 0, and of its streak on a wet road ``below`` lamp sizes further down."""
    r = u * u + v * v
    halo = 1.0 / (1.0 + 1.3 * r) ** 2 * np.maximum(1.0 - r / 80.0, 0.0)
    down = (v - below) / 3.2
    streak = wet * 0.30 * np.exp(-u * u * 0.55) * np.exp(-down * down)
    return halo + streak
