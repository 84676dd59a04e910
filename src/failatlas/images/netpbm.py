"""Netpbm: binary PGM and PPM with any maximum value, read by NumPy.

Pillow reads those with a maximum other than 255 sample by sample in Python, 2.6 s a megapixel: a 50-megapixel file
would hold a run up for minutes.
"""

from __future__ import annotations

import re

import numpy as np
from numpy.typing import NDArray

from failatlas.images.records import BadImage

# magic, then width, height and maximum, apart by white space or comments, then one white-space byte
_HEADER = re.compile(rb"P([56])" + rb"(?:\s|#[^\r\n]*[\r\n])+(\d{1,10})" * 3 + rb"\s")


def netpbm_header(data: bytes) -> tuple[int, int, int, int, int] | None:
    """(channels, width, height, maximum, start of the samples) of a binary PGM or PPM; None when it is another kind.

    >>> netpbm_header(b"P5 2 1 65535 ....")
    (1, 2, 1, 65535, 13)
    """
    match = _HEADER.match(data[:4096])
    if match is None:
        return None
    kind, width, height, maximum = (int(part) for part in match.groups())
    return (3 if kind == 6 else 1), width, height, maximum, match.end()


def read_netpbm(data: bytes) -> NDArray[np.uint8]:
    """(h, w, 3) uint8: samples times 255 / maximum, rounded; grey is repeated.

    Raises:
        BadImage: cut off, or a sample above the stated maximum.
    """
    header = netpbm_header(data)
    if header is None:
        raise BadImage("damaged PGM or PPM header", code="E_IMG_UNREADABLE")
    channels, width, height, maximum, start = header
    if not 0 < maximum < 65536 or width == 0 or height == 0:
        raise BadImage(f"PGM or PPM of {width} × {height} with maximum {maximum}", code="E_IMG_UNREADABLE")
    sample = np.dtype(np.uint8 if maximum < 256 else ">u2")
    count = width * height * channels
    if len(data) - start < count * sample.itemsize:
        raise BadImage("the file is cut off", code="E_IMG_TRUNCATED")
    values = np.frombuffer(data, sample, count, start).reshape(height, width, channels)
    if int(values.max()) > maximum:
        raise BadImage(f"a sample exceeds the stated maximum {maximum}", code="E_IMG_UNREADABLE")
    # a table of at most 65,536 entries: no wide copy of the picture
    table = ((np.arange(maximum + 1) * 255 * 2 + maximum) // (2 * maximum)).astype(np.uint8)
    return np.repeat(table[values], 3 // channels, axis=2)
