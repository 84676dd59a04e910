"""Figures: colour maps and heatmaps laid over images, pixel on pixel."""

from __future__ import annotations

import io
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from failatlas.arrays import Features, Pixels
from failatlas.markup import Html, element

Colours = NDArray[np.float64]  # (…, 3) sRGB in [0, 1]

SHOWN_PX = 112  # smaller images are enlarged by a whole factor before a heatmap is laid over, so that it stays smooth
_RED, _BLUE = (0.72, 0.05, 0.12), (0.05, 0.30, 0.75)
_LOSSLESS_PX = 64


def sequential(values: NDArray[np.floating]) -> Colours:
    """Colours of values in [0, 1], dark violet to light yellow: equal steps look equal.

    Lightness rises linearly in OKLab while the hue turns, so the order also shows in grey and to colour-blind eyes.

    Source of OKLab: Björn Ottosson, "A perceptual color space for image processing", 2020.
    """
    t = np.clip(np.nan_to_num(np.asarray(values, dtype=np.float64)), 0.0, 1.0)
    lightness = 0.22 + 0.73 * t
    hue = np.deg2rad(300.0 + 165.0 * t)  # violet, red, orange, yellow
    chroma = 0.05 + 0.13 * np.sin(np.pi * np.clip(0.12 + 0.76 * t, 0.0, 1.0))
    return _from_oklab(lightness, chroma * np.cos(hue), chroma * np.sin(hue))


def _from_oklab(L: Colours, a: Colours, b: Colours) -> Colours:
    cone = np.stack(
        [
            L + 0.3963377774 * a + 0.2158037573 * b,
            L - 0.1055613458 * a - 0.0638541728 * b,
            L - 0.0894841775 * a - 1.2914855480 * b,
        ],
        axis=-1,
    )
    linear = cone**3 @ np.array(
        [
            [4.0767416621, -1.2684380046, -0.0041960863],
            [-3.3077115913, 2.6097574011, -0.7034186147],
            [0.2309699292, -0.3413193965, 1.7076147010],
        ]
    )
    linear = np.clip(linear, 0.0, 1.0)
    shown: Colours = np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)
    return shown


def diverging(values: NDArray[np.floating]) -> tuple[Colours, Colours]:
    """Colour and opacity (…, 1) of values in [-1, 1]: blue below zero, red above, zero fully transparent."""
    v = np.clip(np.nan_to_num(np.asarray(values, dtype=np.float64)), -1.0, 1.0)[..., None]
    return np.where(v >= 0, np.array(_RED), np.array(_BLUE)), 0.9 * np.abs(v) ** 0.7


def overlay(pixels: Pixels, heatmap: Features) -> Pixels | None:
    """An image in grey with its relevance in colour.

    Signed relevance: red speaks for the given answer, blue against it. Without a negative: dark violet (little)
    to light yellow (much).

    Args:
        pixels: (h, w, 3) uint8.
        heatmap: (a, b) float32 over the same field of view, any size.

    Returns:
        (f·h, f·w, 3) uint8 with f = ⌈112 / max(h, w)⌉ or 1; None when the heatmap is empty, all zero or not finite: a
        blank overlay would pass for "no relevance here".
    """
    if not heatmap.size or not np.isfinite(heatmap).all() or not heatmap.any():
        return None
    factor = max(1, -(-SHOWN_PX // max(pixels.shape[:2])))
    large = pixels.repeat(factor, axis=0).repeat(factor, axis=1)
    relevance = resize(heatmap, large.shape[0], large.shape[1])
    relevance /= np.abs(relevance).max()
    grey = (large @ np.array([0.299, 0.587, 0.114]) / 255)[..., None]
    if is_signed(heatmap):
        ground, (colour, opacity) = (
            0.45 + 0.5 * grey,
            diverging(relevance),
        )  # pale: red and blue show on black and white
    else:
        ground, colour, opacity = 0.05 + 0.5 * grey, sequential(relevance), np.abs(relevance[..., None]) ** 0.7
    mixed: Pixels = np.round(255 * (ground * (1 - opacity) + colour * opacity)).astype(np.uint8)
    return mixed


def is_signed(heatmap: Features) -> bool:
    """Whether relevance also speaks against; composites such as z⁺ give none that does."""
    return bool((heatmap < 0).any())


def resize(heatmap: Features, height: int, width: int) -> Features:
    """A heatmap at another size, its corners on the corners of the image: bilinear between cell middles."""
    from PIL import Image

    # Pillow's box convention maps edge to edge; "align corners" would shift a 7 × 7 map by half a cell
    image = Image.fromarray(np.ascontiguousarray(heatmap, dtype=np.float32))
    return np.array(image.resize((width, height), Image.Resampling.BILINEAR), dtype=np.float32)


def encode(pixels: Pixels) -> bytes:
    """An image as WebP, from its pixels alone: nothing of the original file's metadata survives."""
    from PIL import Image

    file = io.BytesIO()
    lossless = max(pixels.shape[:2]) <= _LOSSLESS_PX  # small ones are shown enlarged: artefacts would show too
    # the cheapest methods: a report of 10,000 images spends its time here, and stays below 1 kB a picture
    image, quality = Image.fromarray(np.ascontiguousarray(pixels)), 20 if lossless else 86
    image.save(file, "WEBP", lossless=lossless, quality=quality, method=0 if lossless else 2)
    return file.getvalue()


def relevance_key(id_: str, *, signed: bool) -> Html:
    """The legend of an overlay; ``id_`` must be unique on its page."""
    if signed:
        words, places = "Blue speaks against the given answer, red for it. ", [0, 50, 50, 100]
        shades: list[tuple[Sequence[float], float]] = [(_BLUE, 0.9), (_BLUE, 0.0), (_RED, 0.0), (_RED, 0.9)]
    else:
        words, places = "The lighter, the more it speaks for the given answer. ", list(range(0, 101, 20))
        shades = [(colour.tolist(), 1.0) for colour in sequential(np.array(places) / 100)]
    stops = [
        element("stop", offset=f"{at}%", stop_color=_css(colour), stop_opacity=opacity)
        for at, (colour, opacity) in zip(places, shades, strict=True)
    ]
    bar = element(
        "svg",
        element("linearGradient", stops, id_=id_),
        element("rect", width=120, height=10, rx=2, fill=f"url(#{id_})", stroke="currentColor", stroke_opacity=0.3),
        viewBox="0 0 120 10",
        width=120,
        height=10,
        aria_hidden="true",
    )
    return element("p", words, bar, class_="how key-line")


def _css(colour: Sequence[float]) -> str:
    return "#" + "".join(f"{round(255 * part):02x}" for part in colour)
