"""Fingerprints: a 16 × 16 thumbnail and a 64-bit perceptual hash, for finding what looks the same."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from failatlas.images.properties import Luma

Thumbnails = NDArray[np.uint8]  # (n, 16, 16): grey
PerceptualHashes = NDArray[np.uint64]  # (n,)

SIDE = 16
_BITS = 64


def thumbnails(grey: Luma) -> Thumbnails:
    """(b, h, w) luma → (b, 16, 16), the area averages of 16 × 16 equal fields; smaller pictures are stretched."""
    rows, columns = _fields(grey.shape[1]), _fields(grey.shape[2])
    return np.rint(rows @ grey.astype(np.float64) @ columns.T).astype(np.uint8)


def perceptual_hash(thumbs: Thumbnails) -> PerceptualHashes:
    """64 bits of each thumbnail's discrete cosine transform: which of the 64 lowest frequencies exceed their median.

    Similar pictures differ in few bits; small low-contrast pictures collide, so a match needs the thumbnails' word.

    Source: the pHash of Zauner, master's thesis, 2010, sec. 3.2. Ours: the 64 lowest frequencies by diagonal without
    the mean, from 16 × 16 fields instead of 32 × 32 pixels.
    """
    basis = _cosines()
    # rounded: a symmetric picture has frequencies that are zero but for the last bit of a float
    spectrum = np.round(basis @ thumbs.astype(np.float64) @ basis.T, 3)
    vertical, horizontal = _lowest()
    chosen = spectrum[:, vertical, horizontal]
    bits = chosen > np.median(chosen, axis=1, keepdims=True)
    hashes: PerceptualHashes = (bits * (np.uint64(1) << np.arange(_BITS, dtype=np.uint64))).sum(axis=1, dtype=np.uint64)
    return hashes


@lru_cache(maxsize=512)
def _fields(length: int) -> NDArray[np.float64]:
    """(16, length): row f holds each pixel's share of field f."""
    edges = np.arange(SIDE + 1) * length / SIDE
    pixel = np.arange(length)
    overlap = np.minimum(edges[1:, None], pixel + 1) - np.maximum(edges[:-1, None], pixel)
    shares: NDArray[np.float64] = np.maximum(overlap, 0) * SIDE / length
    return shares


@lru_cache(maxsize=1)
def _cosines() -> NDArray[np.float64]:
    """(16, 16) orthonormal DCT-II."""
    k, x = np.arange(SIDE)[:, None], np.arange(SIDE)[None, :]
    basis: NDArray[np.float64] = np.cos(np.pi * k * (2 * x + 1) / (2 * SIDE)) * np.sqrt(2 / SIDE)
    basis[0] /= np.sqrt(2)
    return basis


@lru_cache(maxsize=1)
def _lowest() -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    order = sorted(((u, v) for u in range(SIDE) for v in range(SIDE)), key=lambda f: (f[0] + f[1], f[0]))[1 : _BITS + 1]
    return np.array([u for u, _ in order]), np.array([v for _, v in order])
