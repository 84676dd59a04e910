"""Framing: the picture scaled, turned or covered; what lies outside of it is filled."""

from __future__ import annotations

import math
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from failatlas.parameters import Parameter, Values
from failatlas.simulators.effects.blur import box_blur
from failatlas.simulators.effects.effect import Points, effect
from failatlas.simulators.effects.light import Picture

if TYPE_CHECKING:
    from PIL import ImageFont

_FILL = Parameter("fill", choices=("blurred", "edge", "mirror", "black"), meaning="what appears beyond the border")
_MODES: dict[str, Literal["edge", "constant", "symmetric"]] = {
    "blurred": "edge",
    "edge": "edge",
    "mirror": "symmetric",
    "black": "constant",
}
_WORD = "SAMPLE"
_BLUR = 0.15  # of the shorter side: the streaks of an edge drawn out melt into one another


def _scaled(points: Points, size: tuple[int, int], values: Values) -> Points:
    moved = np.empty_like(points)
    for axis, (side, shift) in enumerate(((size[1], "shift_x"), (size[0], "shift_y"))):
        first, end, (low, high) = _extent(side, float(values["factor"]), float(values[shift]))
        moved[:, axis] = first + (points[:, axis] - low) * (end - first) / (high - low)
    return moved


@effect(
    "scaling",
    "SC",
    "geometry",
    Parameter("factor", 0.1, 10, 0.5, meaning="size of things; below 1 smaller, above 1 larger and cut off"),
    Parameter("shift_x", -0.5, 0.5, 0, meaning="move to the right, as a share of the width"),
    Parameter("shift_y", -0.5, 0.5, 0, meaning="move down, as a share of the height"),
    _FILL,
    source="area-weighted bilinear resampling (Pillow); borders on whole pixels",
    moves=_scaled,
)
def scaling(pixels: Picture, factor: float, shift_x: float, shift_y: float, fill: str) -> Picture:
    """Nearer or farther: zoomed about the middle, then moved."""
    from PIL import Image

    height, width = pixels.shape[:2]
    left, right, x = _extent(width, factor, shift_x)
    top, bottom, y = _extent(height, factor, shift_y)
    flat = np.ascontiguousarray(pixels[..., 0] if pixels.shape[2:] == (1,) else pixels)
    resized = Image.fromarray(flat).resize(
        (right - left, bottom - top), Image.Resampling.BILINEAR, (x[0], y[0], x[1], y[1])
    )
    inside = np.asarray(resized).reshape(bottom - top, right - left, *pixels.shape[2:])
    return _padded(inside, (top, height - bottom), (left, width - right), fill)


def _extent(size: int, factor: float, shift: float) -> tuple[int, int, tuple[float, float]]:
    """First and end pixel of the scaled picture within the frame, and what part of the original they show."""
    middle = size / 2 + shift * size
    start = round(middle - factor * size / 2)
    end = max(start + 1, round(middle + factor * size / 2))
    first, last = min(max(start, 0), size - 1), max(min(end, size), 1)
    if first < start or last > end:  # a picture of a few pixels that would leave the frame altogether
        start, end = first, last
    scale = size / (end - start)
    return first, last, ((first - start) * scale, min(float(size), (last - start) * scale))


def _turned(points: Points, size: tuple[int, int], values: Values) -> Points:
    angle = math.radians(float(values["angle_deg"]))
    middle = np.array([size[1] / 2, size[0] / 2])
    # y goes down: counter-clockwise takes what is on the right up
    turn = np.array([[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]])
    return np.asarray((points - middle) @ turn + middle, np.float64)


@effect(
    "rotation",
    "RO",
    "geometry",
    Parameter("angle_deg", -180, 180, 30, "deg", meaning="counter-clockwise about the middle"),
    _FILL,
    source="bicubic resampling (Pillow)",
    moves=_turned,
)
def rotation(pixels: Picture, angle_deg: float, fill: str) -> Picture:
    """A tilted camera: turned about the middle."""
    from PIL import Image

    height, width = pixels.shape[:2]
    # the corners of the frame reach half a diagonal from the middle
    reach = int(np.ceil(np.hypot(height, width) / 2)) + 1
    tall, wide = max(0, reach - height // 2), max(0, reach - width // 2)
    padded = _padded(pixels, (tall, tall), (wide, wide), fill)
    flat = np.ascontiguousarray(padded[..., 0] if pixels.shape[2:] == (1,) else padded)
    turned = np.asarray(Image.fromarray(flat).rotate(angle_deg, Image.Resampling.BICUBIC))
    return turned.reshape(padded.shape)[tall : tall + height, wide : wide + width].copy()


def _uncovered(points: Points, size: tuple[int, int], values: Values) -> Points:
    tall, wide, top, left = _cover(size, *(float(values[name]) for name in ("area", "x", "y")))
    inside = (left < points[:, 0]) & (points[:, 0] < left + wide) & (top < points[:, 1]) & (points[:, 1] < top + tall)
    return np.where(inside[:, np.newaxis], np.nan, points)


@effect(
    "occlusion",
    "OC",
    "geometry",
    Parameter("area", 0, 1, 0.15, meaning="share of the picture that is covered"),
    Parameter("x", 0, 1, 0.5, meaning="place of the cover: 0 at the left border, 1 at the right"),
    Parameter("y", 0, 1, 0.5, meaning="place of the cover: 0 at the top, 1 at the bottom"),
    Parameter("grey", 0, 255, 127, "level", integer=True, meaning="its tone"),
    source="DeVries & Taylor, 2017 (Cutout); ours: whole inside the picture, of its aspect",
    drawn=("x", "y"),
    moves=_uncovered,
)
def occlusion(pixels: Picture, area: float, x: float, y: float, grey: float) -> Picture:
    """An even rectangle, of the picture's aspect, covers part of it."""
    tall, wide, top, left = _cover(pixels.shape[:2], area, x, y)
    covered = pixels.copy()
    covered[top : top + tall, left : left + wide] = int(grey)
    return covered


def _cover(size: tuple[int, ...], area: float, x: float, y: float) -> tuple[int, int, int, int]:
    """Height, width, upper and left border of the rectangle."""
    height, width = size
    tall, wide = round(height * area**0.5), round(width * area**0.5)
    return tall, wide, round(y * (height - tall)), round(x * (width - wide))


@effect(
    "watermark",
    "WA",
    "sensor",
    Parameter("opacity", 0, 1, 0.6, meaning="0 is invisible, 1 pure white"),
    Parameter("width", 0.1, 2, 0.9, meaning="length of the text, as a share of the picture's width"),
    Parameter("y", 0, 1, 0.5, meaning="height of the text's middle: 0 at the top, 1 at the bottom"),
    source="white text, blended",
    drawn=("y",),
)
def watermark(pixels: Picture, opacity: float, width: float, y: float) -> Picture:
    """A word in white across the picture, as stock photographs and video frames carry it."""
    from PIL import Image, ImageDraw

    tall, wide = pixels.shape[:2]
    canvas = Image.new("L", (wide, tall))
    draw = ImageDraw.Draw(canvas)
    size = max(1.0, 100 * width * wide / draw.textlength(_WORD, _font(100)))
    draw.text((wide / 2, y * tall), _WORD, 255, _font(size), anchor="mm")
    share = np.asarray(canvas).reshape(tall, wide, *(1 for _ in pixels.shape[2:])) * np.float32(opacity / 255)
    return (pixels + (255 - pixels) * share + np.float32(0.5)).astype(np.uint8)


@lru_cache(maxsize=8)
def _font(size: float) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    # it is unpacked anew every time: 3 ms, and drawing takes 0.1 ms
    from PIL import ImageFont

    return ImageFont.load_default(size)


def _padded(pixels: Picture, rows: tuple[int, int], columns: tuple[int, int], fill: str) -> Picture:
    """The picture with a border that many pixels wide, filled as named; ``blurred`` is the edge blurred."""
    widths: Any = [rows, columns] + [(0, 0)] * (pixels.ndim - 2)
    padded = np.pad(pixels, widths, mode=_MODES[fill])
    if fill == "blurred":
        height, width = pixels.shape[:2]
        padded = box_blur(box_blur(padded, _BLUR * min(height, width)), _BLUR * min(height, width))
        padded[rows[0] : rows[0] + height, columns[0] : columns[0] + width] = pixels
    return padded
