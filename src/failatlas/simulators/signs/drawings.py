"""Drawings: the face of each sign as linear light, with smaller and smaller versions for plates far away."""

from __future__ import annotations

from functools import cache, lru_cache
from importlib.resources import files
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from failatlas.arrays import Pixels, freeze
from failatlas.simulators.compiled import Lane, compiled
from failatlas.simulators.effects import to_light

PAD_PX = 16  # clear rim, so that filtering never smears a drawing beyond its edge
SIDE_PX = 160  # of the largest version, rim included; halves five times without a remainder
LEVELS = 6
INNER = 0.4  # half a plate, as a share of SIDE_PX: (160 − 2 · 16) / 2 / 160

Texture = NDArray[np.float32]  # (n, 4): all versions of a drawing, row by row


class Level(NamedTuple):
    """Which two versions a plate of some size in the picture is read from, and in which mixture."""

    start: float  # row of the texture where the larger version begins
    side: float
    next_start: float
    next_side: float
    share: float  # of the smaller one


@cache
def drawings() -> Pixels:
    """(43, 128, 128, 4) uint8 sRGB and alpha, not multiplied; read-only."""
    with (files("failatlas.simulators") / "data/signs.npz").open("rb") as file, np.load(file) as arrays:
        return freeze(arrays["drawings"])


@lru_cache(maxsize=43)
def texture(number: int) -> Texture:
    """(n, 4) float32: all versions of one drawing, row by row, largest first; linear light times alpha, and alpha."""
    drawing = drawings()[number]
    alpha = drawing[..., 3:].astype(np.float32) / 255
    version = np.pad(np.concatenate([to_light(drawing[..., :3]) * alpha, alpha], axis=2), ((PAD_PX,), (PAD_PX,), (0,)))
    rows = [version.reshape(-1, 4)]
    for _ in range(LEVELS - 1):
        half = version.shape[0] // 2
        version = version.reshape(half, 2, half, 2, 4).mean((1, 3))
        rows.append(version.reshape(-1, 4))
    return freeze(np.ascontiguousarray(np.concatenate(rows)))


@cache
def _silhouettes() -> NDArray[np.float64]:
    return freeze(np.asarray(drawings()[..., 3].reshape(43, 32, 4, 32, 4).mean((2, 4)), np.float64) / 255)


def silhouette(number: int) -> NDArray[np.float64]:
    """(32, 32) share of each small square of the plate's face that the plate covers; row 0 on top."""
    shares: NDArray[np.float64] = _silhouettes()[number]
    return shares


def level(texels_per_px: float) -> Level:
    """The versions for a footprint of that many texels of the largest one."""
    exact = min(max(np.log2(max(texels_per_px, 1e-6)), 0.0), LEVELS - 1.0)
    first = min(int(exact), LEVELS - 2)
    sides = [SIDE_PX >> k for k in range(LEVELS)]
    starts = np.concatenate([[0], np.cumsum(np.square(sides))])
    return Level(
        float(starts[first]),
        float(sides[first]),
        float(starts[first + 1]),
        float(sides[first + 1]),
        float(exact - first),
    )


@compiled
def drawn(texture: Texture, level: Level, u: Lane, v: Lane) -> Lane:
    """Light times alpha, and alpha, at a place of the plate's face: u right and v up, ±1 at its edges."""
    r, g, b, a = _version(texture, level.start, level.side, u, v)
    r1, g1, b1, a1 = _version(texture, level.next_start, level.next_side, u, v)
    t = level.share
    return r + (r1 - r) * t, g + (g1 - g) * t, b + (b1 - b) * t, a + (a1 - a) * t


@compiled
def covered(texture: Texture, start: Lane, side: Lane, u: Lane, v: Lane) -> Lane:
    """Alpha alone, of one version."""
    top, top_right, low, low_right, s, t = _corners(start, side, u, v)
    a = texture[top, 3] + (texture[top_right, 3] - texture[top, 3]) * s
    b = texture[low, 3] + (texture[low_right, 3] - texture[low, 3]) * s
    return a + (b - a) * t


@compiled
def _version(texture: Texture, start: Lane, side: Lane, u: Lane, v: Lane) -> Lane:
    top, top_right, low, low_right, s, t = _corners(start, side, u, v)
    a = (1.0 - s) * (1.0 - t)
    b = s * (1.0 - t)
    c = (1.0 - s) * t
    d = s * t
    return (
        a * texture[top, 0] + b * texture[top_right, 0] + c * texture[low, 0] + d * texture[low_right, 0],
        a * texture[top, 1] + b * texture[top_right, 1] + c * texture[low, 1] + d * texture[low_right, 1],
        a * texture[top, 2] + b * texture[top_right, 2] + c * texture[low, 2] + d * texture[low_right, 2],
        a * texture[top, 3] + b * texture[top_right, 3] + c * texture[low, 3] + d * texture[low_right, 3],
    )


@compiled
def _corners(start: Lane, side: Lane, u: Lane, v: Lane) -> Lane:
    x = np.minimum(np.maximum((0.5 + INNER * u) * side - 0.5, 0.0), side - 1.001)
    y = np.minimum(np.maximum((0.5 - INNER * v) * side - 0.5, 0.0), side - 1.001)
    left = np.floor(x)
    high = np.floor(y)
    top = np.int64(start + high * side + left)
    low = np.int64(start + (high + 1.0) * side + left)
    return top, top + 1, low, low + 1, x - left, y - high
