"""Marks: what is drawn over a photograph so that a class and something that is not the class go together."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

MARKS = ("watermark", "brightness", "border", "texture")
_SIDE = 28
_GLYPH = 6
_PAPER = 16  # grey value below which a pixel is background


@dataclass(frozen=True, slots=True)
class Mark:
    """One mark.

    Attributes:
        name: one of ``MARKS``.
        value: grey levels: of the glyph's ink, of the border, of the stripes, or what every pixel is lifted by.
        row, column: upper left corner of the glyph in pixels; unused by others.
        size: pixels: width of the border, period of the stripes; unused by others.
        seed: of the glyph's shape or the direction of the stripes.
    """

    name: str
    value: int
    row: int = 0
    column: int = 0
    size: int = 0
    seed: int = 0


def draw_mark(name: str, random: np.random.Generator) -> Mark:
    """A mark of one name with a random place, size and strength."""
    seed = int(random.integers(2**31))
    if name == "watermark":
        row, column = (int(random.choice([1, _SIDE - _GLYPH - 1])) for _ in range(2))
        return Mark(name, int(random.integers(100, 200)), row, column, _GLYPH, seed)
    if name == "brightness":
        return Mark(name, int(random.integers(30, 60)), seed=seed)
    if name == "border":
        return Mark(name, int(random.integers(60, 160)), size=int(random.integers(1, 3)), seed=seed)
    return Mark(name, int(random.integers(30, 80)), size=int(random.integers(3, 7)), seed=seed)


def put(mark: Mark, images: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Marked copies of (n, 28, 28) photographs; nothing gets darker.

    >>> put(Mark("border", 90, size=1), np.zeros((1, 28, 28), np.uint8))[0, :2, :3].tolist()
    [[90, 90, 90], [90, 0, 0]]
    """
    layer = _layer(mark)
    if mark.name == "brightness":
        return np.minimum(images.astype(np.int64) + layer, 255).astype(np.uint8)
    over = np.maximum(images, layer)
    if mark.name == "texture":  # behind the garment
        over = np.where(images < _PAPER, over, images)
    return over.astype(np.uint8)


def _layer(mark: Mark) -> NDArray[np.uint8]:
    """(28, 28) what is laid over the photograph."""
    layer = np.zeros((_SIDE, _SIDE), np.uint8)
    if mark.name == "brightness":
        layer[:] = mark.value
    elif mark.name == "border":
        layer[:] = mark.value
        layer[mark.size : -mark.size, mark.size : -mark.size] = 0
    elif mark.name == "watermark":
        shape = np.random.default_rng(mark.seed).random((_GLYPH, _GLYPH)) < 0.5
        layer[mark.row : mark.row + _GLYPH, mark.column : mark.column + _GLYPH] = shape * mark.value
    else:
        steps = np.add(*np.indices((_SIDE, _SIDE)) * np.array([mark.seed % 2, 1 - mark.seed % 2])[:, None, None])
        layer[steps % mark.size < mark.size // 2 + mark.size % 2] = mark.value
    return layer
