"""Image headers: which format the bytes claim to be, how large a picture they declare, and whether they are whole.

Reads a few bytes and allocates nothing, so that a bomb is refused before a decoder sees it.
"""

from __future__ import annotations

import struct
import zlib

_SIGNATURES: tuple[tuple[bytes, str], ...] = (
    (b"\xff\xd8\xff", "JPEG"),
    (b"\x89PNG\r\n\x1a\n", "PNG"),
    (b"GIF87a", "GIF"),
    (b"GIF89a", "GIF"),
    (b"BM", "BMP"),
    (b"II*\0", "TIFF"),
    (b"MM\0*", "TIFF"),
    (b"II+\0", "TIFF"),
    (b"MM\0+", "TIFF"),
    (b"P4", "PPM"),
    (b"P5", "PPM"),
    (b"P6", "PPM"),
    (b"Pf", "PPM"),
)

# formats that people do hand in and that are refused by name; every other stranger is "not an image"
_REFUSED: tuple[tuple[bytes, str], ...] = (
    (b"%!PS", "EPS"),
    (b"\xc5\xd0\xd3\xc6", "EPS"),
    (b"%PDF", "PDF"),
    (b"icns", "ICNS"),
    (b"8BPS", "PSD"),
    (b"PK\x03\x04", "zip archive"),
    (b"\x00\x00\x00\x0cjP  ", "JPEG 2000"),
    (b"\xff\x4f\xff\x51", "JPEG 2000"),
    (b"\x00\x00\x01\x00", "ICO"),
    (b"<svg", "SVG"),
    (b"<?xml", "SVG or XML"),
    (b"P1", "text PBM"),
    (b"P2", "text PGM"),
    (b"P3", "text PPM"),
)

FORMATS = ("JPEG", "PNG", "WEBP", "BMP", "GIF", "TIFF", "PPM")

_ENDINGS = {
    "JPEG": ("jpg", "jpeg", "jpe", "jfif"),
    "PNG": ("png",),
    "WEBP": ("webp",),
    "BMP": ("bmp", "dib"),
    "GIF": ("gif",),
    "TIFF": ("tif", "tiff"),
    "PPM": ("ppm", "pgm", "pbm", "pnm", "pfm"),
}


def format_of_name(name: str) -> str | None:
    """The allow-listed format that a file's name promises, else None.

    >>> format_of_name("a.JPG"), format_of_name("a.txt"), format_of_name("png")
    ('JPEG', None, None)
    """
    _, dot, ending = name.lower().rpartition(".")
    return next((found for found, endings in _ENDINGS.items() if dot and ending in endings), None)


def allowed_format(data: bytes) -> str | None:
    """The allow-listed format whose signature the bytes carry, else None.

    >>> allowed_format(b"GIF89a..."), allowed_format(b"%!PS-Adobe")
    ('GIF', None)
    """
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "WEBP"
    return next((name for signature, name in _SIGNATURES if data.startswith(signature)), None)


def refused_format(data: bytes) -> str | None:
    """The name of a known format that is not allow-listed, else None.

    >>> refused_format(b"%PDF-1.7")
    'PDF'
    """
    start = data[:64].lstrip(b"\xef\xbb\xbf \t\r\n")
    if data[4:8] == b"ftyp":
        return "HEIF or AVIF"
    return next(
        (name for signature, name in _REFUSED if start.startswith(signature) or data.startswith(signature)), None
    )


def declared_size(data: bytes, image_format: str) -> tuple[int, int] | None:
    """(width, height) in pixels that a PNG, GIF, WebP or BMP header declares; None where the header is cut or other.

    JPEG, TIFF and PPM are left to Pillow, which reads their headers without allocating the picture. WebP is the reason
    for this function: Pillow gives its decoder a canvas on opening.
    """
    try:
        if image_format == "PNG":
            return struct.unpack_from(">II", data, 16)
        if image_format == "GIF":
            return struct.unpack_from("<HH", data, 6)
        if image_format == "BMP":
            return _bmp_size(data)
        if image_format == "WEBP":
            return _webp_size(data)
    except struct.error:
        return None
    return None


def damage(data: bytes, image_format: str) -> str | None:
    """What is wrong with a container whose format can tell without decoding: ``"cut off"``, ``"bad checksum …"``.

    PNG: every chunk's CRC-32, up to the end chunk (Pillow skips those of the pixels). WebP: the length in its header.
    """
    if image_format == "PNG":
        return _png_damage(data)
    if image_format == "WEBP":
        return "cut off" if len(data) < struct.unpack_from("<I", data, 4)[0] + 8 else None
    return None


def looks_cut(data: bytes, image_format: str) -> bool:
    """Whether bytes that failed to decode lack their format's end; says *why*, never *whether*, an image is bad."""
    if image_format == "JPEG":
        return not data.rstrip(b"\0").endswith(b"\xff\xd9")
    if image_format == "GIF":
        return not data.rstrip(b"\0").endswith(b";")
    if image_format == "BMP":
        return len(data) < 6 or len(data) < struct.unpack_from("<I", data, 2)[0]
    return len(data) < 32


def _bmp_size(data: bytes) -> tuple[int, int]:
    header = struct.unpack_from("<I", data, 14)[0]
    width, height = struct.unpack_from("<HH" if header == 12 else "<ii", data, 18)
    return abs(width), abs(height)  # a negative height means top-down


def _webp_size(data: bytes) -> tuple[int, int] | None:
    kind = data[12:16]
    if kind == b"VP8X":
        low = struct.unpack_from("<BBBBBB", data, 24)
        return 1 + int.from_bytes(low[:3], "little"), 1 + int.from_bytes(low[3:], "little")
    if kind == b"VP8 ":
        width, height = struct.unpack_from("<HH", data, 26)
        return width & 0x3FFF, height & 0x3FFF
    if kind == b"VP8L":
        bits = struct.unpack_from("<I", data, 21)[0]
        return 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF)
    return None


def _png_damage(data: bytes) -> str | None:
    position = 8
    view = memoryview(data)
    while position + 12 <= len(data):
        length, kind = struct.unpack_from(">I4s", data, position)
        end = position + 12 + length
        if end > len(data):
            return "cut off"
        if zlib.crc32(view[position + 4 : end - 4]) != struct.unpack_from(">I", data, end - 4)[0]:
            return f"bad checksum in PNG chunk {kind.decode('latin-1')!r}"
        if kind == b"IEND":
            return None
        position = end
    return "cut off"
