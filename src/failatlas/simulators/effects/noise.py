"""Noise: what a sensor adds to light, and the Laplacian noise of the published failure scenarios.

Drawn from fixed tables of 65 536 quantiles through an integer hash of position and seed: 0.25 ms for 128 × 128 × 3,
without the state of a random generator, and the same bytes on every machine.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cache, lru_cache

import numpy as np
from numpy.typing import NDArray

from failatlas.arrays import freeze
from failatlas.parameters import Parameter
from failatlas.seeds import derive
from failatlas.simulators.compiled import Lane, compiled, lanes
from failatlas.simulators.effects.effect import effect
from failatlas.simulators.effects.light import Light, Picture

BASE_ISO = 100.0
FULL_WELL_E = 10_000.0  # electrons that white collects at ISO 100: a pixel of about 3 µm
READ_NOISE_E = 3.0  # electrons, standard deviation

_TABLE = 65_536


@effect(
    "sensor-noise",
    "SN",
    "sensor",
    Parameter("iso", 0, 102_400, 12_800, meaning="sensitivity; more is noisier, 0 is a noiseless sensor"),
    source="EMVA Standard 1288",
    in_light=True,
)
def sensor_noise(light: Light, iso: float, seed: int) -> Light:
    """Shot and read noise of a sensor set to ``iso``.

    White collects N = 10 000 · 100 / iso electrons, so the standard deviation at light x is √(x / N + (3 / N)²): at
    ISO 100 1 % of white in white; at ISO 1600 4 % in white and 0.5 % in black.

    Args:
        light: linear light, any size.
        iso: sensitivity, > 0; 0 means a noiseless sensor.
        seed: same seed, same noise.

    Source: EMVA Standard 1288, release 4.0, §2 (shot noise and dark noise); ours: Gaussian instead of Poisson.
    """
    if iso == 0:
        return light.copy()
    electrons = FULL_WELL_E * BASE_ISO / iso
    shot, read = np.float32(1 / electrons), np.float32((READ_NOISE_E / electrons) ** 2)
    drawn = draws(gaussian, light.shape, derive(seed, "sensor"))
    noisy = np.empty(light.shape, np.float32)
    _add_noise(np.ascontiguousarray(light, np.float32).reshape(-1), shot, read, drawn.reshape(-1), noisy.reshape(-1))
    return noisy


@compiled(exact=True)
def _add_noise(light: Lane, shot: Lane, read: Lane, drawn: Lane, noisy: Lane) -> None:
    for i in lanes(light.shape[0]):
        noisy[i] = light[i] + drawn[i] * np.sqrt(np.maximum(light[i], np.float32(0.0)) * shot + read)


def draws(table: Callable[[], NDArray[np.float32]], shape: tuple[int, ...], seed: int) -> NDArray[np.float32]:
    """Independent values of ``shape`` from a table of 65 536 quantiles."""
    drawn = np.empty(math.prod(shape), np.float32)
    _draw(_positions(len(drawn)), np.uint32(seed & 0xFFFF_FFFF), table(), drawn)
    return drawn.reshape(shape)


@compiled(exact=True)
def _draw(positions: Lane, seed: Lane, table: Lane, drawn: Lane) -> None:
    """Table rows by a hash in which every bit of position and seed reaches every bit.

    Source: the finaliser of MurmurHash3 (A. Appleby, public domain).
    """
    for i in lanes(positions.shape[0]):
        mixed = np.uint32((positions[i] ^ seed) * np.uint32(0x9E37_79B1))
        mixed = np.uint32((mixed ^ (mixed >> np.uint32(16))) * np.uint32(0x85EB_CA6B))
        mixed = np.uint32((mixed ^ (mixed >> np.uint32(13))) * np.uint32(0xC2B2_AE35))
        drawn[i] = table[mixed >> np.uint32(16)]


@lru_cache(maxsize=4)
def _positions(n: int) -> NDArray[np.uint32]:
    return freeze(np.arange(n, dtype=np.uint32))


@cache
def gaussian() -> NDArray[np.float32]:
    """Quantiles of the standard normal distribution."""
    from scipy.special import ndtri

    quantiles: NDArray[np.float32] = ndtri(_shares()).astype(np.float32)
    return quantiles


@cache
def laplacian() -> NDArray[np.float32]:
    """Quantiles of the Laplace distribution of scale 1."""
    share = _shares()
    return np.where(share < 0.5, np.log(2 * share), -np.log(2 - 2 * share)).astype(np.float32)


def _shares() -> NDArray[np.float64]:
    return (np.arange(_TABLE) + 0.5) / _TABLE


@effect(
    "noise",
    "N",
    "sensor",
    Parameter("attenuate", 0, 20, 5, "× 9.96 levels", meaning="scale of the Laplace distribution; more is noisier"),
    source="ImageMagick, -attenuate 5.0 +noise Laplacian",
)
def laplacian_noise(pixels: Picture, attenuate: float, seed: int) -> Picture:
    """Laplacian noise as ImageMagick adds it (``-attenuate A +noise Laplacian``).

    Every value of every channel gets its own draw from a Laplace distribution of median 0 and scale
    b = A · 10/256 of full range, 9.96 A levels of 255, then is rounded and clipped.  The published scenario uses A = 5:
    b = 49.8 levels, a standard deviation of √2 b = 70.4 before clipping.

    Args:
        pixels: 8-bit pixels, any size.
        attenuate: A ≥ 0, ImageMagick's factor on its noise's scale; despite its name, higher is noisier.
        seed: same seed, same noise.

    Source: ImageMagick, ``GenerateDifferentialNoise``, ``SigmaLaplacian``.  Ours: the tail ends at 11.1 b (its most
    improbable 1/65 536), and the noise is a function of the seed.
    """
    if attenuate == 0:
        return pixels.copy()
    noisy = draws(laplacian, pixels.shape, derive(seed, "laplacian"))
    noisy *= np.float32(attenuate * 10 / 256 * 255)
    noisy += pixels
    noisy += np.float32(0.5)
    np.floor(noisy, out=noisy)
    return np.clip(noisy, 0, 255).astype(np.uint8)
