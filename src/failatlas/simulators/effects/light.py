"""Light and pixels: linear float32 light, in which cameras add and blur, and the 8-bit sRGB values that files keep.

Light 1.0 is the sensor's white; it may exceed 1 until it is developed.  Both ways are one table look-up a value: 0.1 ms
for 128 × 128 × 3.
"""

from __future__ import annotations

from functools import cache
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from failatlas.simulators.compiled import Lane, compiled, lanes, select

Light = NDArray[np.float32]  # (h, w), (h, w, 1) or (h, w, 3): linear, 1 = white
Picture = NDArray[np.uint8]  # (h, w), (h, w, 1) or (h, w, 3): 8-bit sRGB or grey

Curve = Literal["srgb", "filmic"]

_STEPS = 65_535


def to_light(pixels: Picture) -> Light:
    """Linear light of 8-bit sRGB pixels, 0–1; `to_pixels` gives the very pixels back.

    Source: IEC 61966-2-1.

    >>> to_light(np.array([[0, 188, 255]], np.uint8)).round(2)
    array([[0. , 0.5, 1. ]], dtype=float32)
    """
    light: Light = _decoding().take(pixels)
    return light


def to_pixels(light: Light, curve: Curve = "srgb") -> Picture:
    """8-bit sRGB pixels of linear light.

    Args:
        light: any shape; below 0 counts as 0.
        curve: ``"srgb"`` clips what is brighter than white; ``"filmic"`` lets highlights roll off (white is reached at
            about 8) and deepens the shadows, as a camera's picture style does.

    Source: IEC 61966-2-1; filmic: K. Narkowicz, *ACES Filmic Tone Mapping Curve*, 2016, a fit of the ACES RRT + ODT.

    >>> to_pixels(np.array([[0.0, 0.5, 2.0]], np.float32))
    array([[  0, 188, 255]], dtype=uint8)
    """
    if curve == "filmic":
        filmic = np.empty(light.shape, np.uint8)
        _roll_off(np.ascontiguousarray(light, np.float32).reshape(-1), _encoding(curve), filmic.reshape(-1))
        return filmic
    share = light * np.float32(_STEPS)
    np.clip(share, 0, _STEPS, out=share)
    share += np.float32(0.5)
    pixels: Picture = _encoding(curve).take(share.astype(np.uint16))
    return pixels


@compiled(exact=True)
def _roll_off(light: Lane, table: Lane, pixels: Lane) -> None:
    for i in lanes(light.shape[0]):
        # not a number counts as 0; an index must not leave the table
        x = np.minimum(select(light[i] > np.float32(0.0), light[i], np.float32(0.0)), np.float32(1e9))
        pixels[i] = table[np.int64(x / (x + np.float32(1.0)) * np.float32(_STEPS) + np.float32(0.5))]


@cache
def _decoding() -> Light:
    value = np.arange(256) / 255
    light = np.where(value <= 0.04045, value / 12.92, ((value + 0.055) / 1.055) ** 2.4)
    return light.astype(np.float32)


@cache
def _encoding(curve: Curve) -> Picture:
    """65 536 pixels: of light x at x·65535 for sRGB, at x/(1 + x)·65535 for filmic, which has no greatest light."""
    share = np.arange(_STEPS + 1) / _STEPS
    if curve == "filmic":
        x = share / np.maximum(1 - share, 1e-9)
        share = np.clip(x * (2.51 * x + 0.03) / (x * (2.43 * x + 0.59) + 0.14), 0, 1)
    value = np.where(share <= 0.0031308, share * 12.92, 1.055 * share ** (1 / 2.4) - 0.055)
    return (value * 255 + 0.5).astype(np.uint8)
