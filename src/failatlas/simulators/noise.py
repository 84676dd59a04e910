"""Value noise from one fixed table: the grain of asphalt, grass, clouds and leaves.

The seed moves the place where the table is read, so pictures differ and the table is made once.
"""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

from failatlas.arrays import freeze
from failatlas.seeds import generator
from failatlas.simulators.compiled import Lane, compiled

SIDE = 128  # cells until the noise repeats; 64 kB of float32 stay in the cache
MASK = SIDE - 1
COARSE = 0.52  # of a fractal: its first octave


@cache
def table() -> NDArray[np.float32]:
    """(SIDE²,) uniform numbers in [0, 1), the same in every process."""
    return freeze(generator(0, "road", "noise").random(SIDE * SIDE, np.float32))


@compiled
def noise(grid: NDArray[np.float32], x: Lane, y: Lane) -> Lane:
    """Smooth noise in [0, 1) with cells of size 1; mean 0.5."""
    left = np.floor(x)
    low = np.floor(y)
    tx = x - left
    ty = y - low
    tx = tx * tx * (3.0 - 2.0 * tx)
    ty = ty * ty * (3.0 - 2.0 * ty)
    i = np.int64(left) & MASK
    j = np.int64(low) & MASK
    i1 = (i + 1) & MASK
    j = j * SIDE
    j1 = (j + SIDE) & (SIDE * SIDE - 1)
    bottom = grid[j + i] + (grid[j + i1] - grid[j + i]) * tx
    top = grid[j1 + i] + (grid[j1 + i1] - grid[j1 + i]) * tx
    return bottom + (top - bottom) * ty


@compiled
def finer(grid: NDArray[np.float32], x: Lane, y: Lane) -> Lane:
    """What `fractal` adds to `COARSE` · `noise`: three octaves, in [0, 1 − `COARSE`)."""
    return (
        0.26 * noise(grid, 2.03 * x + 17.3, 2.03 * y + 5.1)
        + 0.14 * noise(grid, 4.11 * x + 3.7, 4.11 * y + 41.9)
        + 0.08 * noise(grid, 8.23 * x + 11.9, 8.23 * y + 23.3)
    )


@compiled
def fractal(grid: NDArray[np.float32], x: Lane, y: Lane) -> Lane:
    """Four octaves of noise, in [0, 1); mean 0.5."""
    return COARSE * noise(grid, x, y) + finer(grid, x, y)


@compiled
def scatter(grid: NDArray[np.float32], x: Lane, y: Lane) -> Lane:
    """A uniform number of the cell in which the point lies, in [0, 1)."""
    return grid[(np.int64(np.floor(y)) & MASK) * SIDE + (np.int64(np.floor(x)) & MASK)]


@compiled
def step(low: Lane, high: Lane, x: Lane) -> Lane:
    """0 below ``low``, 1 above ``high``, smooth between."""
    t = np.minimum(np.maximum((x - low) / (high - low), 0.0), 1.0)
    return t * t * (3.0 - 2.0 * t)


@compiled
def mix(a: Lane, b: Lane, t: Lane) -> Lane:
    """``a`` at t = 0, ``b`` at t = 1."""
    return a + (b - a) * t
