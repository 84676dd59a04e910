"""Picture: from colours of samples to pixels on a screen.  Linear light until the very end."""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

from failatlas.arrays import Pixels
from failatlas.errors import ShapeError
from failatlas.simulators.compiled import HAS_NUMBA, Lane, compiled

Radiance = NDArray[np.float32]  # (h, w, 3): linear light, 1 = a white surface in the key light

_STEPS = 4096
_BRIGHTEST = 16.0  # radiance at which the tone curve is white


def develop(radiance: Radiance, exposure: float = 1.0) -> Pixels:
    """(h, w, 3) linear light → (h, w, 3) uint8 sRGB, highlights rolled off as film does.

    Args:
        radiance: linear light; not-a-number and below 0 count as 0.
        exposure: factor on the light.

    Raises:
        ShapeError: it is not (h, w, 3).

    Source: curve by K. Narkowicz, "ACES filmic tone mapping curve", 2016; sRGB IEC 61966-2-1. Ours: by look-up, error
    below one grey level.

    >>> develop(np.full((1, 1, 3), 0.18, np.float32))
    array([[[104, 104, 104]]], dtype=uint8)
    """
    if radiance.ndim != 3 or radiance.shape[2] != 3:
        raise ShapeError(f"radiance of shape {radiance.shape}", where="develop", remedy="give (h, w, 3)")
    pixels = np.empty(radiance.shape, np.uint8)
    light = np.ascontiguousarray(radiance, np.float32).reshape(-1)
    _develop = _develop_numba if HAS_NUMBA else _develop_numpy
    _develop(light, np.float32(exposure), _curve(), pixels.reshape(-1))
    return pixels


@cache
def _curve() -> NDArray[np.uint8]:
    """Grey level by the square root of radiance, for dark tones need the finer steps."""
    x = (np.linspace(0.0, 1.0, _STEPS + 1) ** 2) * _BRIGHTEST * 0.6
    mapped = np.clip(x * (2.51 * x + 0.03) / (x * (2.43 * x + 0.59) + 0.14), 0.0, 1.0)
    coded = np.where(mapped <= 0.0031308, 12.92 * mapped, 1.055 * mapped ** (1 / 2.4) - 0.055)
    return np.floor(coded * 255.0 + 0.5).astype(np.uint8)


@compiled(exact=True)
def _develop_numba(
    light: Lane,
    exposure: Lane,
    curve: Lane,
    pixels: Lane,
) -> None:
    for i in range(light.size):
        x = light[i] * exposure * np.float32(1.0 / _BRIGHTEST)
        x = x if x > np.float32(0.0) else np.float32(0.0)  # nan as well
        x = x if x < np.float32(1.0) else np.float32(1.0)
        pixels[i] = curve[np.int64(np.sqrt(x) * np.float32(_STEPS) + np.float32(0.5))]


def _develop_numpy(
    light: NDArray[np.float32], exposure: np.float32, curve: NDArray[np.uint8], pixels: NDArray[np.uint8]
) -> None:
    x = light * exposure * np.float32(1.0 / _BRIGHTEST)
    x = np.clip(np.nan_to_num(x, nan=0.0, posinf=1.0, neginf=0.0), 0.0, 1.0)
    pixels[:] = curve[(np.sqrt(x) * np.float32(_STEPS) + np.float32(0.5)).astype(np.int64)]


@compiled
def spread(
    of_sample: Lane,
    colours: Lane,
    background: Lane,
    s: Lane,
    samples: Lane,
) -> None:
    """Give every sample of (H, W, 3) the colour of its point, or of the background of its pixel."""
    for y in range(samples.shape[0]):
        line = y // s
        for pixel in range(background.shape[1]):
            for x in range(pixel * s, pixel * s + s):
                k = of_sample[y, x]
                if k >= 0:
                    at = np.uint32(k)  # unsigned: or Numba would ask whether it counts from the end
                    for c in range(3):
                        samples[y, x, c] = colours[c, at]
                else:
                    for c in range(3):
                        samples[y, x, c] = background[line, pixel, c]


@compiled
def cover(
    of_sample: Lane,
    colours: Lane,
    samples: Lane,
) -> None:
    """Lay points with opacity over the samples."""
    for y in range(samples.shape[0]):
        for x in range(samples.shape[1]):
            k = of_sample[y, x]
            if k >= 0:
                for c in range(3):
                    samples[y, x, c] += colours[3, k] * (colours[c, k] - samples[y, x, c])


@compiled
def average(
    samples: Lane,
    s: Lane,
    radiance: Lane,
) -> None:
    """Mean of the samples of each pixel."""
    share = np.float32(1.0 / (s * s))
    if s == 2:  # four times as fast as loops of unknown length
        for y in range(radiance.shape[0]):
            for x in range(radiance.shape[1]):
                for c in range(3):
                    upper = samples[2 * y, 2 * x, c] + samples[2 * y, 2 * x + 1, c]
                    lower = samples[2 * y + 1, 2 * x, c] + samples[2 * y + 1, 2 * x + 1, c]
                    radiance[y, x, c] = (upper + lower) * share
        return
    for y in range(radiance.shape[0]):
        for x in range(radiance.shape[1]):
            for c in range(3):
                total = np.float32(0.0)
                for j in range(y * s, y * s + s):
                    for i in range(x * s, x * s + s):
                        total += samples[j, i, c]
                radiance[y, x, c] = total * share


def spread_numpy(
    of_sample: NDArray[np.int32],
    colours: NDArray[np.float32],
    background: Radiance,
    s: int,
    samples: NDArray[np.float32],
) -> None:
    """As `spread`."""
    samples[:] = background.repeat(s, axis=0).repeat(s, axis=1)
    hit = of_sample >= 0
    samples[hit] = colours.T[of_sample[hit]]


def cover_numpy(of_sample: NDArray[np.int32], colours: NDArray[np.float32], samples: NDArray[np.float32]) -> None:
    """As `cover`."""
    hit = of_sample >= 0
    over = colours.T[of_sample[hit]]
    samples[hit] += over[:, 3:] * (over[:, :3] - samples[hit])


def average_numpy(samples: NDArray[np.float32], s: int, radiance: Radiance) -> None:
    """As `average`."""
    h, w, _ = radiance.shape
    radiance[:] = samples.reshape(h, s, w, s, 3).mean(axis=(1, 3))
