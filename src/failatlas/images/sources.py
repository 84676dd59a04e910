"""Sources: where the bytes of a set's images come from, a folder or memory."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from failatlas.arrays import freeze
from failatlas.images.decoding import Decoding, decode
from failatlas.images.headers import allowed_format, format_of_name
from failatlas.images.opening import read_file
from failatlas.images.records import Decoded, ImageRecord


class Source(Protocol):
    """Gives an image's bytes, whose SHA-256 is its digest, and decodes them."""

    def load(self, record: ImageRecord) -> bytes:
        """The bytes of one image; raises `BadImage`."""

    def decode(self, record: ImageRecord, data: bytes) -> Decoded:
        """Pixels of the bytes that ``load`` gave; raises `BadImage`."""


@dataclass(frozen=True, slots=True)
class FolderSource:
    """Files below a root, opened read-only when asked for.

    Attributes:
        root: the folder; may be a link.
        trust_links: follow links out of it.
        decoding: limits and choices.
    """

    root: Path
    trust_links: bool = False
    decoding: Decoding = Decoding()  # noqa: RUF009 - frozen

    def load(self, record: ImageRecord) -> bytes:
        """See `read_file`."""
        return read_file(self.root, record.path, max_bytes=self.decoding.max_bytes, trust_links=self.trust_links)

    def decode(self, record: ImageRecord, data: bytes) -> Decoded:
        """See `decode`; an image whose name ends like another format's is read by its content, and that is said."""
        decoded = decode(data, self.decoding)
        named, found = format_of_name(record.path), allowed_format(data)
        if named is None or named == found:
            return decoded
        return Decoded(decoded.pixels, (*decoded.notices, f"{found} in a file named like {named}"))


@dataclass(frozen=True, slots=True, eq=False)
class ArraySource:
    """Pixels in memory: (n, h, w) grey or (n, h, w, 3) RGB uint8, and each id's position in them."""

    pixels: NDArray[np.uint8]
    positions: Mapping[str, int]

    def load(self, record: ImageRecord) -> bytes:
        """The image's pixel bytes, as stored: one a pixel for grey, three for RGB."""
        data: bytes = self.pixels[self.positions[record.id]].tobytes()
        return data

    def decode(self, record: ImageRecord, data: bytes) -> Decoded:  # noqa: ARG002 - the pixels are here already
        """RGB pixels; grey is repeated."""
        pixels = self.pixels[self.positions[record.id]]
        if pixels.ndim == 2:
            pixels = np.repeat(pixels[:, :, None], 3, axis=2)
        return Decoded(freeze(np.ascontiguousarray(pixels).view()))


@dataclass(frozen=True, slots=True, eq=False)
class JoinedSource:
    """Several sources as one: for each id its own source, and the record by which that one knows the image."""

    owners: Mapping[str, tuple[Source, ImageRecord]]

    def load(self, record: ImageRecord) -> bytes:
        """As its own source does."""
        source, own = self.owners[record.id]
        return source.load(own)

    def decode(self, record: ImageRecord, data: bytes) -> Decoded:
        """As its own source does."""
        source, own = self.owners[record.id]
        return source.decode(own, data)
