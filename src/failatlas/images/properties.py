"""Measured properties: what a picture looks like in numbers that a person can name, for rules and for curves.

Measured on a working copy of at most 256 pixels a side (area average), about what networks see, so that cost is
bounded.
All sums are of integers, so an image's numbers do not depend on the batch it came in.

| name | unit and range | high means | source |
|---|---|---|---|
| brightness | mean luma, 0–1 | bright | luma: ITU-R BT.601 |
| contrast | standard deviation of luma, 0–0.5 | strong | RMS contrast: Peli, JOSA A 7, 1990 |
| saturation | mean (max − min) / max of RGB, 0–1 | colourful | HSV: Smith, SIGGRAPH 1978 |
| redness, greenness, blueness | channel's share of the RGB sum, 0–1 | that tint; 1/3 is neutral | chromaticity |
| blur | −log10 of the variance of the Laplacian of luma, −1.3–6 | blurred, or blank | Pech-Pacheco, ICPR 2000 |
| edge_density | share of pixels whose Sobel slope exceeds 0.1 a pixel, 0–1 | much detail | Sobel & Feldman, 1968 |
| entropy | of the 256 luma levels, 0–8 bit | many tones | Shannon, 1948 |
| noise | standard deviation of luma noise, 0–1 | grainy | Immerkær, CVIU 64(2), 1996 |
| width, height | pixels of the upright original | large | – |
| aspect | width / height | wide | – |

Shares of colour instead of channel means: on grey photographs they are constant, and so no rule is ever made of them.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from failatlas.arrays import Features, Pixels, Vector

PROPERTIES = (
    "brightness",
    "contrast",
    "saturation",
    "redness",
    "greenness",
    "blueness",
    "blur",
    "edge_density",
    "entropy",
    "noise",
    "width",
    "height",
    "aspect",
)
WORKING_PX = 256
_EDGE = 0.1 * 255 * 8  # a slope of 0.1 a pixel, in the Sobel kernel's unit
_FLAT = 1e-6  # variance at which blur stops: a flat picture has 6

Luma = NDArray[np.uint8]  # (b, h, w)


def working_copy(pixels: Pixels) -> Pixels:
    """The picture with its longer side at most 256 pixels, by area average; never enlarged.

    >>> working_copy(np.zeros((512, 100, 3), np.uint8)).shape
    (256, 50, 3)
    """
    height, width = pixels.shape[:2]
    if max(height, width) <= WORKING_PX:
        return pixels
    from PIL import Image

    scale = WORKING_PX / max(height, width)
    size = max(1, round(width * scale)), max(1, round(height * scale))
    return np.asarray(Image.fromarray(pixels).resize(size, Image.Resampling.BOX))


def luma(pixels: NDArray[np.uint8]) -> Luma:
    """(b, h, w, 3) RGB → (b, h, w) Rec. 601 luma, rounded, in integers; equal to Pillow's ``L``."""
    total = pixels[..., 0] * np.uint32(19595)
    total += pixels[..., 1] * np.uint32(38470)
    total += pixels[..., 2] * np.uint32(7471)
    return ((total + 32768) >> 16).astype(np.uint8)


def measure(pixels: NDArray[np.uint8], grey: Luma) -> Features:
    """(b, 10) float32: the properties up to ``noise``, of b working copies of one size.

    Args:
        pixels: (b, h, w, 3) uint8.
        grey: (b, h, w), their `luma`.
    """
    n_px = grey.shape[1] * grey.shape[2]
    columns = np.empty((len(grey), 10), np.float64)
    levels = grey.astype(np.int64).reshape(len(grey), -1)
    mean = levels.sum(axis=1) / n_px
    columns[:, 0] = mean / 255
    columns[:, 1] = np.sqrt(np.maximum((levels**2).sum(axis=1) / n_px - mean**2, 0)) / 255
    columns[:, 2] = _saturation(pixels)
    columns[:, 3:6] = _colour_shares(pixels)
    padded = np.pad(grey.astype(np.int32), ((0, 0), (1, 1), (1, 1)), mode="edge")
    columns[:, 6] = _blur(padded, n_px)
    columns[:, 7] = _edge_density(padded)
    columns[:, 8] = _entropy(levels)
    columns[:, 9] = _noise(grey.astype(np.int32))
    return columns.astype(np.float32)


def shape_properties(pixels: Pixels) -> tuple[float, float, float]:
    """Width, height and aspect of the original."""
    height, width = pixels.shape[:2]
    return float(width), float(height), width / height


def _saturation(pixels: NDArray[np.uint8]) -> Vector:
    red, green, blue = (pixels[..., c] for c in range(3))
    # two at a time: NumPy reduces an axis of three some ten times slower
    high = np.maximum(np.maximum(red, green), blue)
    low = np.minimum(np.minimum(red, green), blue)
    if np.array_equal(high, low):
        return np.zeros(len(pixels))
    share = (high - low).astype(np.int64) * 65535 // np.maximum(high, 1)
    mean: Vector = share.reshape(len(pixels), -1).mean(axis=1) / 65535
    return mean


def _colour_shares(pixels: NDArray[np.uint8]) -> NDArray[np.float64]:
    # + 1: black has no tint, and its shares are a third each
    sums = np.stack([pixels[..., c].sum(axis=(1, 2), dtype=np.int64) for c in range(3)], axis=1) + 1
    shares: NDArray[np.float64] = sums / sums.sum(axis=1, keepdims=True)
    return shares


def _blur(padded: NDArray[np.int32], n_px: int) -> Vector:
    centre = padded[:, 1:-1, 1:-1]
    ring = padded[:, :-2, 1:-1] + padded[:, 2:, 1:-1] + padded[:, 1:-1, :-2] + padded[:, 1:-1, 2:]
    laplacian = (ring - 4 * centre).astype(np.int64).reshape(len(padded), -1)
    variance = (laplacian**2).sum(axis=1) / n_px - (laplacian.sum(axis=1) / n_px) ** 2
    blur: Vector = -np.log10(np.maximum(variance, 0) / 255**2 + _FLAT)
    return blur


def _edge_density(padded: NDArray[np.int32]) -> Vector:
    down = padded[:, :-2] + 2 * padded[:, 1:-1] + padded[:, 2:]
    across = padded[:, :, :-2] + 2 * padded[:, :, 1:-1] + padded[:, :, 2:]
    horizontal = down[:, :, 2:] - down[:, :, :-2]
    vertical = across[:, 2:] - across[:, :-2]
    is_edge = horizontal**2 + vertical**2 > _EDGE**2
    density: Vector = is_edge.reshape(len(padded), -1).mean(axis=1)
    return density


def _entropy(levels: NDArray[np.int64]) -> Vector:
    n, n_px = levels.shape
    counts = np.bincount((levels + 256 * np.arange(n)[:, None]).ravel(), minlength=256 * n).reshape(n, 256)
    share = counts / n_px
    # + 0.0 turns the -0.0 of a flat picture into 0
    bits: Vector = -(share * np.log2(np.where(share > 0, share, 1))).sum(axis=1) + 0.0
    return bits


def _noise(grey: NDArray[np.int32]) -> Vector:
    _, height, width = grey.shape
    if height < 3 or width < 3:
        return np.zeros(len(grey))
    columns = grey[:, :, :-2] - 2 * grey[:, :, 1:-1] + grey[:, :, 2:]
    residue = columns[:, :-2] - 2 * columns[:, 1:-1] + columns[:, 2:]
    total = np.abs(residue).reshape(len(grey), -1).sum(axis=1, dtype=np.int64)
    sigma: Vector = math.sqrt(math.pi / 2) * total / (6 * (height - 2) * (width - 2)) / 255
    return sigma
