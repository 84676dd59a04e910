"""Decoding: bytes of an image file into upright RGB pixels, or a `BadImage` that says why not.

Only JPEG, PNG, WebP, BMP, GIF, TIFF and binary PPM/PGM/PBM are opened, each by its own plugin and by content, whatever
the name says.
Everything becomes (h, w, 3) uint8 by one rule a kind:

| input | becomes |
|---|---|
| grey, palette, YCbCr, CMYK | RGB as Pillow converts it, without colour management |
| transparency of any kind | composited over `Decoding.background` |
| 1 bit | 0 and 255 |
| 16-bit grey | ÷ 257, rounded (Pillow's own conversion clips: a ramp keeps 17 values) |
| 16-bit colour | high byte, at most one level from ÷ 257 |
| PGM, PPM with maximum m | × 255 / m, rounded |
| 32-bit integer | as 16-bit while every value fits, else refused: it has no agreed white |
| float | × 255 when all values lie in 0–1, as they are when in 0–255, else refused |
| several frames or pages | the first, with a notice |
| EXIF orientation | applied once |
"""

from __future__ import annotations

import io
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from failatlas.arrays import Pixels, freeze
from failatlas.images.headers import FORMATS, allowed_format, damage, declared_size, looks_cut, refused_format
from failatlas.images.netpbm import netpbm_header, read_netpbm
from failatlas.images.records import BadImage, Decoded

if TYPE_CHECKING:
    from PIL.Image import Image

_ORIENTATION = 0x0112
_PHOTOMETRIC = 262  # TIFF tag; 0 = white is zero
_BLANK_PX = 1_000_000  # below this many pixels nothing is a bomb, however few bytes hold it


@dataclass(frozen=True, slots=True)
class Decoding:
    """Limits and choices of decoding; they enter the keys of everything that reads pixels.

    Attributes:
        max_megapixels: larger pictures are refused from their header.
        max_side_px: so are longer ones; 1 × 60,000 pixels are no photograph.
        max_pixels_per_byte: above one megapixel, a file that promises more than this from each of its bytes is a bomb.
            The blankest 1-bit PNG holds 8,256.
        max_bytes: larger files are not read.
        background: RGB behind transparent pixels.
    """

    max_megapixels: float = 50.0
    max_side_px: int = 32_768
    max_pixels_per_byte: float = 10_000.0
    max_bytes: int = 512 * 1024 * 1024
    background: tuple[int, int, int] = (255, 255, 255)


def decode(data: bytes, decoding: Decoding | None = None) -> Decoded:
    """Decode one image file.

    Args:
        data: the whole file.
        decoding: limits; the defaults when None.

    Returns:
        Read-only pixels and notices for people.

    Raises:
        BadImage: with the code that says why; nothing else leaves this function for any bytes.

    Calls in several threads of one process wait for each other, for Python's warning filters belong to the process.
    """
    decoding = decoding or Decoding()
    image_format = _format(data)
    size = declared_size(data, image_format)
    if size is not None:
        _refuse_large(*size, len(data), decoding)
    harm = damage(data, image_format)
    if harm is not None:
        raise BadImage(f"{image_format} {harm}", code="E_IMG_TRUNCATED" if harm == "cut off" else "E_IMG_UNREADABLE")
    netpbm = netpbm_header(data) if image_format == "PPM" else None
    if netpbm is not None and netpbm[3] != 255:
        _refuse_large(netpbm[1], netpbm[2], len(data), decoding)
        return Decoded(freeze(read_netpbm(data)))
    with _pillow() as caught:
        pixels, notices = _decode(data, image_format, decoding)
    notices += [f"Pillow: {' '.join(str(warning.message).split())}" for warning in caught]
    return Decoded(freeze(pixels), tuple(dict.fromkeys(notices)))


def _format(data: bytes) -> str:
    if not data:
        raise BadImage("the file is empty", code="E_IMG_TRUNCATED")
    image_format = allowed_format(data)
    if image_format is not None:
        return image_format
    stranger = refused_format(data)
    if stranger is not None:
        raise BadImage(f"{stranger} is not an allowed format (allowed: {', '.join(FORMATS)})", code="E_IMG_FORMAT")
    raise BadImage("not an image: no known signature", code="E_IMG_UNREADABLE")


def _refuse_large(width: int, height: int, n_bytes: int, decoding: Decoding) -> None:
    megapixels = width * height / 1e6
    says = f"{width} × {height} pixels"
    if megapixels > decoding.max_megapixels:
        raise BadImage(f"{says}, more than {decoding.max_megapixels:g} megapixels", code="E_IMG_TOO_LARGE")
    if max(width, height) > decoding.max_side_px:
        raise BadImage(f"{says}, a side longer than {decoding.max_side_px}", code="E_IMG_TOO_LARGE")
    if width * height > max(_BLANK_PX, n_bytes * decoding.max_pixels_per_byte):
        raise BadImage(f"{says} in {n_bytes} bytes: a decompression bomb", code="E_IMG_TOO_LARGE")


_lock = threading.Lock()


@contextmanager
def _pillow() -> Iterator[list[warnings.WarningMessage]]:
    """Pillow at its strictest, whatever the process has set, and its warnings caught."""
    from PIL import ImageFile

    with _lock, warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        lenient, ImageFile.LOAD_TRUNCATED_IMAGES = ImageFile.LOAD_TRUNCATED_IMAGES, False
        try:
            yield caught
        finally:
            ImageFile.LOAD_TRUNCATED_IMAGES = lenient


def _decode(data: bytes, image_format: str, decoding: Decoding) -> tuple[Pixels, list[str]]:
    from PIL import Image

    try:
        with Image.open(io.BytesIO(data), formats=(image_format,)) as image:
            _refuse_large(*image.size, len(data), decoding)
            notices = _frames(image)
            image.load()
            upright, more = _upright(image)
            return _rgb(upright, decoding), notices + more
    except BadImage:
        raise
    except Image.DecompressionBombError:
        raise BadImage("a decompression bomb", code="E_IMG_TOO_LARGE") from None
    except MemoryError:
        raise BadImage("not enough memory to decode it", code="E_IMG_TOO_LARGE") from None
    except Exception as error:
        # Pillow's parsers raise almost anything on damaged files (SyntaxError, struct.error, KeyError, …)
        raise _bad(error, data, image_format) from error


def _bad(error: Exception, data: bytes, image_format: str) -> BadImage:
    from PIL import UnidentifiedImageError

    said = str(error)
    if isinstance(error, EOFError) or "runcated" in said or looks_cut(data, image_format):
        return BadImage(f"the {image_format} is cut off", code="E_IMG_TRUNCATED")
    # Pillow names the buffer's address here, which differs between runs
    reason = "unsupported or damaged header" if isinstance(error, UnidentifiedImageError) else said
    return BadImage(f"damaged {image_format}: {' '.join(reason.split()) or type(error).__name__}")


def _frames(image: Image) -> list[str]:
    try:
        n_frames = int(getattr(image, "n_frames", 1))
        if n_frames > 1:
            image.seek(0)
    except Exception:
        # a later frame is damaged; the first one decides for itself whether it can be read
        image.seek(0)
        return ["first of several frames, some damaged"]
    return [f"first of {n_frames} frames"] if n_frames > 1 else []


def _upright(image: Image) -> tuple[Image, list[str]]:
    from PIL import ImageOps

    try:
        orientation = image.getexif().get(_ORIENTATION, 1)
        if orientation in (None, 0, 1):
            return image, []
        if orientation not in range(2, 9):
            return image, [f"EXIF orientation {str(orientation)[:20]!r} is not one of 1–8: shown as stored"]
        return ImageOps.exif_transpose(image), [f"turned upright by EXIF orientation {orientation}"]
    except Exception:
        return image, ["EXIF is damaged: shown as stored"]


def _rgb(image: Image, decoding: Decoding) -> Pixels:
    if image.mode.startswith("I;16"):
        shorts = np.asarray(image).astype(np.uint16)
        pixels = _repeat(_from_16_bit(shorts, image))
        transparent = image.info.get("transparency")
        if isinstance(transparent, int):  # a PNG may name one grey value as see-through
            pixels[shorts == transparent] = decoding.background
        return pixels
    if image.mode == "I":
        values = np.asarray(image)
        if values.min() < 0 or values.max() > 65535:
            raise BadImage("integers beyond 16 bits have no agreed white; save as 8 or 16 bits", code="E_IMG_FORMAT")
        return _repeat(_from_16_bit(values.astype(np.uint16), image))
    if image.mode == "F":
        return _repeat(_from_float(np.asarray(image)))
    if image.mode in ("RGBA", "LA", "PA", "La", "RGBa") or "transparency" in image.info:
        return _over(image, decoding.background)
    if image.mode not in ("1", "L", "P", "RGB", "RGBX", "CMYK", "YCbCr"):
        raise BadImage(f"colour mode {image.mode} is not supported; save as RGB", code="E_IMG_FORMAT")
    return np.array(image.convert("RGB"))


def _from_16_bit(values: NDArray[np.uint16], image: Image) -> NDArray[np.uint8]:
    grey = ((values.astype(np.uint32) + 128) // 257).astype(np.uint8)
    tags = getattr(image, "tag_v2", {})
    # Pillow inverts 8-bit TIFFs whose white is zero, not 16-bit ones
    return 255 - grey if tags.get(_PHOTOMETRIC) == 0 else grey


def _from_float(values: NDArray[np.float32]) -> NDArray[np.uint8]:
    if not np.isfinite(values).all():
        raise BadImage("a float image with nan or infinity", code="E_IMG_NAN")
    low, high = float(values.min()), float(values.max())
    if low < 0 or high > 255:
        raise BadImage(f"float values {low:g} to {high:g}; expected 0–1 or 0–255", code="E_IMG_FORMAT")
    scaled = values * np.float32(255) if high <= 1 else values
    return np.rint(scaled).astype(np.uint8)


def _over(image: Image, background: tuple[int, int, int]) -> Pixels:
    from PIL import Image as Pillow

    # "La" and "RGBa" are premultiplied and convert only through their straight siblings
    straight = {"La": "LA", "RGBa": "RGBA"}.get(image.mode)
    rgba = (image.convert(straight) if straight else image).convert("RGBA")
    canvas = Pillow.new("RGBA", rgba.size, (*background, 255))
    return np.array(Pillow.alpha_composite(canvas, rgba).convert("RGB"))


def _repeat(grey: NDArray[np.uint8]) -> Pixels:
    return np.repeat(grey[:, :, None], 3, axis=2)
