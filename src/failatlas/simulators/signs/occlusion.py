"""Occlusion: leaves or a branch between camera and plate."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from failatlas.parameters import Values
from failatlas.simulators.compiled import Lane, compiled, select
from failatlas.simulators.noise import mix, noise, scatter, step
from failatlas.simulators.signs.geometry import Geometry
from failatlas.simulators.signs.light import Light, fogged

_LAYERS = 4
_TURN = (0.267, 0.964)  # cosine and sine of the turn from one layer of leaves to the next
_BARK = (0.085, 0.065, 0.048)


class Occluder(NamedTuple):
    """What stands before the plate; directions are in the picture, y up."""

    leaves: float  # 1 leaves, 0 a branch
    share: float
    cos: float  # of the side from which it comes
    sin: float
    shift: float
    red: float  # of a leaf
    green: float
    blue: float


NOTHING = Occluder(0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0, 0.0)


def occluder(values: Values, random: np.random.Generator) -> Occluder:
    """Leaves in a colour of their season, or a branch; places from the seed."""
    side = math.radians(float(values["occluder_side_deg"]))
    autumn = random.uniform(0, 1) ** 2
    leaf = np.array([0.055, 0.125, 0.026]) * (1 - autumn) + np.array([0.20, 0.105, 0.022]) * autumn
    return Occluder(
        float(values["occluder"] == "leaves"),
        float(values["occluder_share"]),
        math.cos(side),
        math.sin(side),
        float(random.uniform(0, 200)),
        *(float(x) for x in leaf * random.uniform(0.75, 1.25)),
    )


@compiled
def before(
    occluder: Occluder, light: Light, geometry: Geometry, grid: NDArray[np.float32], column: Lane, row: Lane
) -> Lane:
    """Radiance and coverage of leaves and branches."""
    p = (column - geometry.middle_x) / geometry.radius
    q = (geometry.middle_y - row) / geometry.radius
    along = p * occluder.cos + q * occluder.sin
    across = q * occluder.cos - p * occluder.sin
    soft = 0.7 / geometry.radius
    r, g, b, a = _limbs(occluder, light, grid, along, across, soft)
    if occluder.leaves > 0.0:
        # fuller than its share near its side, thinning out towards the other
        clumps = 1.1 * (noise(grid, p * 1.6 + occluder.shift, q * 1.6 + 60.0) - 0.5)
        chance = 0.5 + (along - 1.30 + 2.6 * occluder.share - clumps) * 1.4
        cos, sin = 0.825, 0.565
        for k in range(_LAYERS):
            r1, g1, b1, a1 = _leaf(occluder, light, grid, p * cos + q * sin, q * cos - p * sin, chance, soft, 1.0 * k)
            r, g, b, a = mix(r, r1, a1), mix(g, g1, a1), mix(b, b1, a1), 1.0 - (1.0 - a) * (1.0 - a1)
            cos, sin = cos * _TURN[0] - sin * _TURN[1], sin * _TURN[0] + cos * _TURN[1]
    r, g, b = fogged(light, r, g, b, 0.8 * geometry.distance)
    return r, g, b, a


def reached(
    occluder: Occluder, geometry: Geometry, columns: NDArray[np.float64], rows: NDArray[np.float64]
) -> NDArray[np.int64]:
    """Pixels in which `before` may find something."""
    p, q = (columns - geometry.middle_x) / geometry.radius, (geometry.middle_y - rows) / geometry.radius
    along = p * occluder.cos + q * occluder.sin
    end = min(1.30 - 2.6 * occluder.share - 0.55 - 0.5 / 1.4, _end(occluder)) if occluder.leaves else _end(occluder)
    return np.flatnonzero(along > end)


@compiled
def _end(occluder: Occluder) -> Lane:
    """Where limbs end."""
    return 0.95 - 2.1 * (0.35 + occluder.share)


@compiled
def _limbs(occluder: Occluder, light: Light, grid: NDArray[np.float32], along: Lane, across: Lane, soft: Lane) -> Lane:
    r, g, b, a = along * 0.0, along * 0.0, along * 0.0, along * 0.0
    thin = mix(0.030 + 0.30 * occluder.share, 0.030, occluder.leaves)
    n = int(4.0 - 3.0 * occluder.leaves)
    for k in range(n):
        lean = (k - 0.5 * (n - 1)) * 0.42
        start = (scatter(grid, k + occluder.shift, 221.5) - 0.5) * 0.9
        bend = 0.5 * (noise(grid, along * 1.1 + occluder.shift + 7.0 * k, 230.0) - 0.5)
        twist = 0.08 * (noise(grid, along * 6.0 + occluder.shift + 7.0 * k, 233.0) - 0.5)
        off = across - start - lean * along - bend - twist
        # thick where it comes in, gone before the far side
        half = thin * (1.0 - 0.20 * k) * np.maximum(0.55 + 0.5 * along, 0.0)
        half = half * step(_end(occluder), _end(occluder) + 0.45, along)
        line = step(half + soft, half - soft, np.abs(off)) * step(0.0, soft, half)
        lit = 0.55 + 0.75 * np.minimum(np.maximum(0.5 + 0.5 * off / np.maximum(half, 1e-3), 0.0), 1.0)
        wood = lit * (0.7 + 0.6 * noise(grid, along * 9.0, off * 40.0 + 11.0 * k))
        r = mix(r, _BARK[0] * wood * (light.shade_r * 1.3 + light.beam_r), line)
        g = mix(g, _BARK[1] * wood * (light.shade_g * 1.3 + light.beam_g), line)
        b = mix(b, _BARK[2] * wood * (light.shade_b * 1.3 + light.beam_b), line)
        a = 1.0 - (1.0 - a) * (1.0 - line)
    return r, g, b, a


@compiled
def _leaf(
    occluder: Occluder,
    light: Light,
    grid: NDArray[np.float32],
    p: Lane,
    q: Lane,
    chance: Lane,
    soft: float,
    layer: float,
) -> Lane:
    # one leaf a cell of a grid that each layer turns and shifts
    scale = 3.9 - 0.55 * layer
    x = p * scale + occluder.shift + layer * 13.7
    y = q * scale + layer * 29.3
    cell_x = np.floor(x)
    cell_y = np.floor(y)
    tone = scatter(grid, cell_x + 71.5, cell_y + 9.5)
    there = select(scatter(grid, cell_x + 0.5, cell_y + 0.5) < chance, 1.0, 0.0)
    cos = 2.0 * scatter(grid, cell_x + 17.5, cell_y + 40.5) - 1.0
    sin = np.sqrt(np.maximum(1.0 - cos * cos, 0.0))
    dx = x - cell_x - 0.5
    dy = y - cell_y - 0.5
    length = (dx * cos + dy * sin) / 0.56
    width = (dy * cos - dx * sin) / 0.30
    shape = np.maximum(1.0 - length * length, 0.0) * (1.0 - 0.35 * length) - np.abs(width)
    a = there * step(-6.0 * soft, 6.0 * soft, shape)
    rib = step(0.0, 0.14, np.abs(width))
    lit = (0.45 + 0.9 * tone) * (0.75 + 0.25 * rib) * (0.40 + 0.24 * layer) * (1.0 + 0.35 * width)
    # thin enough to let some of a sun behind it through
    return (
        occluder.red * lit * (light.shade_r * 1.5 + light.beam_r * 1.2),
        occluder.green * lit * (light.shade_g * 1.5 + light.beam_g * 1.2),
        occluder.blue * lit * (light.shade_b * 1.5 + light.beam_b),
        a,
    )
