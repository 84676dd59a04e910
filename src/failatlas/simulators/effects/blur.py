"""Blur: of motion and of defocus, in linear light, and the box of the published failure scenarios.

A blur of c kernel cells costs c shifted additions: 0.8 ms for 5 px of motion at 128 × 128 × 3, 1.2 ms for a disc of
radius 3; a wide blur is done by Fourier transforms.  Beyond the border the picture continues as its outermost pixels,
so an even picture stays even.
"""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from failatlas.arrays import Vector, freeze
from failatlas.parameters import Parameter
from failatlas.simulators.compiled import HAS_NUMBA, Lane, compiled
from failatlas.simulators.effects.effect import effect
from failatlas.simulators.effects.light import Light, Picture

_Kernel = NDArray[np.float64]  # (2r + 1, 2s + 1), sums to 1
_MOST_CELLS = 100  # beyond, Fourier transforms are quicker: a disc of radius 20 at 1000 × 1000 × 3 in 0.25 s, not 2.9 s


@effect(
    "motion",
    "MO",
    "lens",
    Parameter("length_px", 0, 64, 7, "px", meaning="way of a point during the exposure"),
    Parameter("angle_deg", 0, 180, 0, "deg", circular=True, meaning="direction of that way; 0 level, 90 upright"),
    source="even motion along a line",
    in_light=True,
    drawn=("angle_deg",),
)
def motion_blur(light: Light, length_px: float, angle_deg: float) -> Light:
    """Light smeared evenly along a straight line, as when camera or scene moves during the exposure.

    Args:
        light: linear light, any size.
        length_px: way of a point during the exposure, pixels, ≥ 0; 0 leaves the light as it is.
        angle_deg: direction of the way: 0 to the right, 90 up; angles 180 apart are the same.
    """
    n = 2 * math.ceil(4 * length_px) + 1  # eight points a pixel and one in the middle
    along = np.linspace(-0.5, 0.5, n) * (length_px * (n - 1) / n)
    angle = math.radians(angle_deg)
    return _convolved(light, _kernel(along * math.cos(angle), -along * math.sin(angle)))


@effect(
    "defocus",
    "DE",
    "lens",
    Parameter("radius_px", 0, 32, 3, "px", meaning="radius of the blur disc"),
    source="geometrical optics: a round aperture",
    in_light=True,
)
def defocus(light: Light, radius_px: float) -> Light:
    """Light spread evenly over a disc: a lens out of focus.

    Args:
        light: linear light, any size.
        radius_px: radius of the blur disc, pixels, ≥ 0; 0 leaves the light as it is.
    """
    x, y = _disc(max(31, 2 * math.ceil(4 * radius_px) + 1))  # odd: one point in the middle
    return _convolved(light, _kernel(x * radius_px, y * radius_px))


@lru_cache(maxsize=4)
def _disc(n: int) -> tuple[Vector, Vector]:
    """Points of a grid of n × n that lie in a disc of radius 1; beyond 31 points, n goes with the radius."""
    side = np.linspace(-1, 1, n) * ((n - 1) / n)
    x, y = np.meshgrid(side, side)
    inside = x * x + y * y <= 1
    return freeze(x[inside]), freeze(y[inside])


def _kernel(x: Vector, y: Vector) -> _Kernel:
    """Equal shares of light that fall on points (x right, y down, in pixels), each spread over its four neighbours."""
    # a rounding error beyond a whole pixel is worth no further row
    r, s = (max(0, math.ceil(np.abs(way).max() - 1e-9)) for way in (y, x))
    x, y = np.clip(x, -s, s), np.clip(y, -r, r)
    width = 2 * s + 2  # one spare column and row: a point on the last cell has a neighbour of weight 0
    column, row = np.floor(x + s), np.floor(y + r)
    right, down = x + s - column, y + r - row
    cells = (row * width + column).astype(np.int64)
    index = np.concatenate([cells, cells + 1, cells + width, cells + width + 1])
    weight = np.concatenate([(1 - right) * (1 - down), right * (1 - down), (1 - right) * down, right * down])
    kernel = np.bincount(index, weight, minlength=width * (2 * r + 2)).reshape(2 * r + 2, width)
    return kernel[:-1, :-1] / len(x)


def _convolved(light: Light, kernel: _Kernel) -> Light:
    height, width = light.shape[:2]
    r, s = (side // 2 for side in kernel.shape)
    padded = _extended(light, r, s)
    cells = np.argwhere(kernel > 1e-9)
    if len(cells) > _MOST_CELLS:
        return _transformed(padded, kernel)
    # a symmetrical kernel: correlation and convolution are one
    weights = kernel[cells[:, 0], cells[:, 1]].astype(np.float32)
    total = np.zeros(light.shape, np.float32)
    if HAS_NUMBA and light.dtype == np.float32:
        depth = math.prod(light.shape[2:])
        _add_shifted(padded.reshape(len(padded), -1), cells * (1, depth), weights, total.reshape(height, -1))
        return total
    part = np.empty_like(light)
    for (row, column), weight in zip(cells.tolist(), weights, strict=True):
        np.multiply(padded[row : row + height, column : column + width], weight, out=part)
        total += part
    return total


@compiled(exact=True)
def _add_shifted(padded: Lane, cells: Lane, weights: Lane, total: Lane) -> None:
    """Line by line, so that a sum stays near: 5 times as fast as one cell after the other."""
    for y in range(total.shape[0]):
        for k in range(weights.shape[0]):
            line = padded[y + cells[k, 0], cells[k, 1] : cells[k, 1] + total.shape[1]]
            for x in range(total.shape[1]):
                total[y, x] += line[x] * weights[k]


def _extended(light: Light, r: int, s: int) -> Light:
    """Light with its outermost pixels repeated, ``r`` rows and ``s`` columns on either side; np.pad takes 0.13 ms."""
    height, width = light.shape[:2]
    padded = np.empty((height + 2 * r, width + 2 * s, *light.shape[2:]), light.dtype)
    middle = padded[r : r + height]
    middle[:, s : s + width] = light
    middle[:, :s], middle[:, s + width :] = light[:, :1], light[:, -1:]
    padded[:r], padded[r + height :] = middle[:1], middle[-1:]
    return padded


def _transformed(padded: Light, kernel: _Kernel) -> Light:
    from scipy.signal import oaconvolve

    shape = kernel.shape + (1,) * (padded.ndim - 2)
    total = oaconvolve(padded, kernel.astype(np.float32).reshape(shape), mode="valid", axes=(0, 1))
    return np.asarray(np.maximum(total, 0), np.float32)


@effect(
    "blur",
    "B",
    "lens",
    Parameter("radius_px", 0, 64, 3, "px", meaning="half the side of the averaged square"),
    source="Pillow, ImageFilter.BoxBlur(3)",
)
def box_blur(pixels: Picture, radius_px: float) -> Picture:
    """Mean of a square of 2 r + 1 pixels, in 8 bits and without linear light: Pillow's ``BoxBlur``.

    Args:
        pixels: 8-bit pixels, any size.
        radius_px: r ≥ 0; 0 leaves the pixels as they are.  The published scenario uses 3.
    """
    from PIL import Image, ImageFilter

    flat = np.ascontiguousarray(pixels[..., 0] if pixels.shape[2:] == (1,) else pixels)
    return np.array(Image.fromarray(flat).filter(ImageFilter.BoxBlur(radius_px))).reshape(pixels.shape)
