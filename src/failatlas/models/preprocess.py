"""Preprocessing: 8-bit pixels into the network's input.  A batch of one size takes one NumPy pass a channel."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from failatlas.arrays import Pixels
from failatlas.errors import ShapeError, UsageError
from failatlas.models.model import Preprocess

Input = NDArray[np.float32]  # (n, c, h, w)

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)

# the ranges that networks are usually trained on, by the name that --preprocess takes
NAMED: dict[str, Preprocess] = {
    "unit": Preprocess(),
    "raw": Preprocess(scale=1.0),
    "imagenet": Preprocess(mean=IMAGENET_MEAN, std=IMAGENET_STD),
    "symmetric": Preprocess(mean=(0.5,), std=(0.5,)),
}


def apply(preprocess: Preprocess, pixels: Sequence[Pixels]) -> Input:
    """Resize, choose channels, scale, normalise.

    Args:
        preprocess: how.
        pixels: n images (h, w, 3) uint8; sizes may differ when ``preprocess.size`` is given.

    Returns:
        (n, c, h, w) float32; (0, c, 0, 0) for no images.

    Raises:
        ShapeError: sizes differ and no size is given.
        UsageError: ``preprocess`` contradicts itself (2 channels, 3 means for 1 channel, std 0).
    """
    mean, std = _per_channel(preprocess)
    if not pixels:
        return np.zeros((0, preprocess.channels, *(preprocess.size or (0, 0))), dtype=np.float32)
    if preprocess.size is not None:
        pixels = [_resized(image, preprocess.size) for image in pixels]
    sizes = sorted({image.shape[:2] for image in pixels})
    if len(sizes) > 1:
        shown = " and ".join(f"{h}×{w}" for h, w in sizes[:2])
        raise ShapeError(
            f"images of one batch have different sizes, {shown}",
            remedy="give the network's input size with --preprocess HxW",
        )
    stack = np.stack(pixels) if len(pixels) > 1 else pixels[0][None]
    planes = [_grey(stack)] if preprocess.channels == 1 else [stack[..., i] for i in range(3)]
    if preprocess.bgr:
        planes.reverse()
    out = np.empty((len(stack), len(planes), *stack.shape[1:3]), dtype=np.float32)
    for channel, plane in enumerate(planes):
        # (x·scale − mean) / std as one multiplication and one subtraction, in float32, into place
        np.multiply(plane, np.float32(preprocess.scale / std[channel]), out=out[:, channel])
        if mean[channel]:
            out[:, channel] -= np.float32(mean[channel] / std[channel])
    return out


def parse_preprocess(text: str) -> Preprocess:
    """Preprocessing from an option: a name, then details, separated by commas; means and stds by slashes.

    Raises:
        UsageError: a word is not understood.

    >>> parse_preprocess("imagenet,224x224").size
    (224, 224)
    >>> parse_preprocess("grey,scale=1/255,mean=0.286,std=0.353")
    Preprocess(size=None, channels=1, scale=0.00392156862745098, mean=(0.286,), std=(0.353,), bgr=False)
    """
    chosen = Preprocess()
    for word in filter(None, (part.strip() for part in text.split(","))):
        key, _, value = word.partition("=")
        if word in NAMED:
            base = NAMED[word]
            chosen = dataclasses.replace(chosen, scale=base.scale, mean=base.mean, std=base.std)
        elif word in ("grey", "gray", "rgb", "bgr"):
            chosen = dataclasses.replace(chosen, channels=3 if word in ("rgb", "bgr") else 1, bgr=word == "bgr")
        elif key == "scale" and value:
            chosen = dataclasses.replace(chosen, scale=_ratio(value, word))
        elif key == "mean" and value:
            chosen = dataclasses.replace(chosen, mean=_numbers(value, word))
        elif key == "std" and value:
            chosen = dataclasses.replace(chosen, std=_numbers(value, word))
        elif len(sides := word.lower().replace("×", "x").split("x")) == 2 and all(side.isdigit() for side in sides):
            chosen = dataclasses.replace(chosen, size=(int(sides[0]), int(sides[1])))
        else:
            raise _unknown(word)
    _per_channel(chosen)
    return chosen


def option(preprocess: Preprocess) -> str:
    """The text that ``parse_preprocess`` turns into this, to be pasted behind ``--preprocess``.

    >>> option(Preprocess(channels=1, scale=1.0, size=(28, 28)))
    'raw,grey,28x28'
    """
    words = []
    for name, base in NAMED.items():
        if (base.scale, base.mean, base.std) == (preprocess.scale, preprocess.mean, preprocess.std):
            words.append(name)
    if not words:
        words = [f"scale={preprocess.scale!r}"]
        words += ["mean=" + "/".join(map(repr, preprocess.mean)), "std=" + "/".join(map(repr, preprocess.std))]
    if preprocess.channels == 1:
        words.append("grey")
    elif preprocess.bgr:
        words.append("bgr")
    if preprocess.size is not None:
        words.append("x".join(map(str, preprocess.size)))
    return ",".join(words)


def _per_channel(preprocess: Preprocess) -> tuple[tuple[float, ...], tuple[float, ...]]:
    c = preprocess.channels
    if c not in (1, 3):
        raise UsageError(f"{c} channels are not possible", remedy="3 (RGB) or 1 (grey)")
    for what, values in (("mean", preprocess.mean), ("std", preprocess.std)):
        if len(values) not in (1, c):
            raise UsageError(f"{what} has {len(values)} numbers for {c} channels", remedy=f"give 1 or {c}")
    if not all(0 < abs(value) < np.inf for value in (*preprocess.std, preprocess.scale)):
        raise UsageError("std and scale must be finite and not 0", remedy="correct --preprocess")
    if preprocess.size is not None and min(preprocess.size) < 1:
        raise UsageError(f"size {preprocess.size} has no pixels", remedy="correct --preprocess")
    return (
        preprocess.mean * (c // len(preprocess.mean)),
        preprocess.std * (c // len(preprocess.std)),
    )


def _resized(image: Pixels, size: tuple[int, int]) -> Pixels:
    if image.shape[:2] == size:
        return image
    from PIL import Image

    height, width = size
    # Pillow's BILINEAR widens its support when it shrinks, which is the antialiasing that the contract promises
    return np.asarray(Image.fromarray(image).resize((width, height), Image.Resampling.BILINEAR))


def _grey(stack: NDArray[np.uint8]) -> NDArray[np.uint8]:
    # ITU-R 601 luma in 16-bit fixed point, rounded: the very numbers of Pillow's convert("L")
    weights = np.array([19595, 38470, 7471], dtype=np.uint32)
    grey: NDArray[np.uint8] = ((stack.astype(np.uint32) @ weights + 0x8000) >> 16).astype(np.uint8)
    return grey


def _numbers(value: str, word: str) -> tuple[float, ...]:
    try:
        return tuple(float(number) for number in value.split("/"))
    except ValueError:
        raise _unknown(word) from None


def _ratio(value: str, word: str) -> float:
    over, _, under = value.partition("/")
    try:
        return float(over) / float(under or 1)
    except (ValueError, ZeroDivisionError):
        raise _unknown(word) from None


def _unknown(word: str) -> UsageError:
    return UsageError(
        f"preprocessing {word!r} is not understood",
        remedy=f"join words by commas: {', '.join(NAMED)}, grey, rgb, bgr, HxW, scale=1/255, mean=a/b/c, std=a/b/c",
    )
