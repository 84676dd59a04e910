"""Image files made on the spot: every container, depth and fault that the tests of this room need."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

Encode = Callable[..., bytes]


@pytest.fixture(scope="session")
def photo() -> np.ndarray:
    """(48, 64, 3) uint8 with structure at several scales and some grain, like a photograph."""
    rng = np.random.default_rng(7)
    y, x = np.mgrid[0:48, 0:64]
    waves = [np.sin(x / 9 + 1) * np.cos(y / 7), np.sin((x + y) / 13), np.cos(x / 5 - y / 11)]
    smooth = np.stack([127 + 60 * wave + 30 * waves[(i + 1) % 3] for i, wave in enumerate(waves)], axis=-1)
    return np.clip(smooth + rng.normal(0, 4, smooth.shape), 0, 255).astype(np.uint8)


@pytest.fixture(scope="session")
def encode() -> Encode:
    """Pillow's encoder: (array or image, format, options) → bytes."""

    def run(pixels: np.ndarray | Image.Image, image_format: str, **options: object) -> bytes:
        image = pixels if isinstance(pixels, Image.Image) else Image.fromarray(pixels)
        buffer = io.BytesIO()
        image.save(buffer, image_format, **options)
        return buffer.getvalue()

    return run


@pytest.fixture(scope="session")
def png() -> Encode:
    """A PNG from scratch: (scan lines, or an iterator of them; width, height, depth, colour type) → bytes."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    def run(raw: object, width: int, height: int, depth: int, colour: int, extra: bytes = b"") -> bytes:
        squeeze = zlib.compressobj(6)
        parts = [raw] if isinstance(raw, bytes) else raw
        body = b"".join(squeeze.compress(part) for part in parts) + squeeze.flush()  # type: ignore[union-attr]
        header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
        between = chunk(b"tRNS", extra) if extra else b""
        return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + between + chunk(b"IDAT", body) + chunk(b"IEND", b"")

    return run


@pytest.fixture(scope="session")
def png16(png: Encode) -> Encode:
    """A 16-bit PNG of (h, w) or (h, w, c) uint16 values."""

    def run(values: np.ndarray, extra: bytes = b"") -> bytes:
        colour = {1: 0, 2: 4, 3: 2, 4: 6}[1 if values.ndim == 2 else values.shape[2]]
        raw = b"".join(b"\0" + row.astype(">u2").tobytes() for row in values)
        return png(raw, values.shape[1], values.shape[0], 16, colour, extra)

    return run


@pytest.fixture(scope="session")
def tiff() -> Encode:
    """An uncompressed one-strip TIFF of any sample type, which Pillow itself cannot write."""

    def run(values: np.ndarray, photometric: int = 1, width: int | None = None) -> bytes:
        order = ">" if values.dtype.byteorder == ">" else "<"
        bits, kind = values.dtype.itemsize * 8, {"u": 1, "i": 2, "f": 3}[values.dtype.kind]
        height, real_width = values.shape[:2]
        n = 1 if values.ndim == 2 else values.shape[2]
        body = values.tobytes()
        at_bits = 8 + len(body)
        at_kind = at_bits + 2 * n
        at_tags = (at_kind + 2 * n + 1) // 2 * 2
        out = (b"II" if order == "<" else b"MM") + struct.pack(order + "HI", 42, at_tags) + body
        out += struct.pack(f"{order}{n}H", *[bits] * n) + struct.pack(f"{order}{n}H", *[kind] * n)

        def shorts(tag: int, value: int, place: int) -> bytes:
            if n <= 2:
                return struct.pack(order + "HHI", tag, 3, n) + struct.pack(order + "HH", value, value if n == 2 else 0)
            return struct.pack(order + "HHII", tag, 3, n, place)

        def long(tag: int, value: int) -> bytes:
            return struct.pack(order + "HHII", tag, 4, 1, value)

        def short(tag: int, value: int) -> bytes:
            return struct.pack(order + "HHIHH", tag, 3, 1, value, 0)

        tags = [long(256, width or real_width), long(257, height), shorts(258, bits, at_bits), short(259, 1)]
        tags += [short(262, photometric), long(273, 8), short(277, n), long(278, height), long(279, len(body))]
        tags += [shorts(339, kind, at_kind)]
        return out.ljust(at_tags, b"\0") + struct.pack(order + "H", len(tags)) + b"".join(tags) + b"\0\0\0\0"

    return run


@pytest.fixture
def folder(tmp_path: Path, photo: np.ndarray, encode: Encode) -> Path:
    """An ImageFolder of two classes, two pictures each."""
    for i, name in enumerate(("cat/a.png", "cat/b.png", "dog/a.png", "dog/c.png")):
        path = tmp_path / "set" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(encode(np.roll(photo, 7 * i, axis=1), "PNG"))
    return tmp_path / "set"
