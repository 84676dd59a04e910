"""Pattern: smooth noise in space from one fixed table, and the ramps from which skin, hair and cloth are drawn.

Everything is elementwise: the same lines run on numbers inside a compiled loop and on arrays in NumPy.
"""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

from failatlas.seeds import generator
from failatlas.simulators.compiled import Lane, compiled

SIDE = 32  # cells until the noise repeats
MASK = SIDE - 1
ROW = SIDE * SIDE


@cache
def grain() -> NDArray[np.float32]:
    """(32 768,) uniform numbers in [0, 1), the same in every process."""
    return generator(0, "driver", "grain").random(SIDE**3).astype(np.float32)


@compiled
def noise(table: Lane, x: Lane, y: Lane, z: Lane) -> Lane:
    """Smooth noise in [0, 1) with cells of size 1; mean 0.5."""
    left = np.floor(x)
    low = np.floor(y)
    near = np.floor(z)
    u = x - left
    v = y - low
    w = z - near
    u = u * u * (3.0 - 2.0 * u)
    v = v * v * (3.0 - 2.0 * v)
    w = w * w * (3.0 - 2.0 * w)
    i0 = np.int64(left) & MASK
    i1 = (i0 + 1) & MASK
    j0 = (np.int64(low) & MASK) * SIDE
    j1 = (j0 + SIDE) & (ROW - 1)
    k0 = (np.int64(near) & MASK) * ROW
    k1 = (k0 + ROW) & (ROW * SIDE - 1)
    a = table[k0 + j0 + i0] + (table[k0 + j0 + i1] - table[k0 + j0 + i0]) * u
    b = table[k0 + j1 + i0] + (table[k0 + j1 + i1] - table[k0 + j1 + i0]) * u
    c = table[k1 + j0 + i0] + (table[k1 + j0 + i1] - table[k1 + j0 + i0]) * u
    d = table[k1 + j1 + i0] + (table[k1 + j1 + i1] - table[k1 + j1 + i0]) * u
    e = a + (b - a) * v
    f = c + (d - c) * v
    return e + (f - e) * w


@compiled
def step(low: Lane, high: Lane, x: Lane) -> Lane:
    """0 below ``low``, 1 above ``high``, smooth between."""
    t = np.minimum(np.maximum((x - low) / (high - low), 0.0), 1.0)
    return t * t * (3.0 - 2.0 * t)


@compiled
def mix(a: Lane, b: Lane, t: Lane) -> Lane:
    """``a`` at t = 0, ``b`` at t = 1."""
    return a + (b - a) * t


@compiled
def peak(x: Lane, power: Lane) -> Lane:
    """About x to the power of ``power`` for x in [0, 1], without logarithm and exponential.

    Source: C. Schlick, Computer Graphics Forum 13(3), 1994; ours: squared, for its tail is else too long.
    """
    t = x / (0.5 * power * (1.0 - x) + x + 1e-6)
    return t * t


@compiled
def bump(x: Lane, middle: Lane, width: Lane) -> Lane:
    """1 at ``middle``, 0.3 at ``width`` from it, 0 at twice that: a bell without an exponential, which costs 10 ns."""
    t = (x - middle) / width
    t = np.maximum(1.0 - 0.25 * t * t, 0.0)
    t = t * t
    return t * t
