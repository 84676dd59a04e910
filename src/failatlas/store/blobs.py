"""Blobs: arrays as immutable ``.npy`` files named after the SHA-256 of their bytes, so that ``sha256sum`` checks them.

A blob is written once, whole (never through a memory map: a full disk would end the process by SIGBUS), and read as a
read-only memory map.  Equal arrays share one file.
"""

from __future__ import annotations

import hashlib
import io
import os
import re
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Literal

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from failatlas.errors import DataError
from failatlas.store import disk, files

_HASH = re.compile(r"[0-9a-f]{64}\Z")

# every map holds a file open, and a run of 100,000 images has more small arrays than a process may open files
_SMALL = 256 * 1024

Fault = Literal["missing", "truncated", "changed"]


@dataclass(frozen=True, slots=True)
class Blob:
    """Name (SHA-256, hex) and length in bytes of one stored array."""

    sha256: str
    n_bytes: int


class Blobs:
    """The folder ``blobs/ab/<sha256>.npy``.

    Args:
        folder: made at the first write.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def put(self, array: NDArray[np.generic]) -> Blob:
        """Store an array; durable when this returns.  An equal one that is there and whole is not written again.

        Raises:
            DataError: it holds Python objects, which would need a pickle.
            ResourceError: it could not be written; no temporary file is left.
        """
        header, data = _pieces(array)
        digest = hashlib.sha256(header)
        digest.update(data)
        blob = Blob(digest.hexdigest(), len(header) + data.nbytes)
        path = self.path(blob)
        # a damaged file of that name is replaced: this is how a recomputed result heals the store
        if self.fault(blob) is None:
            with disk.guard(path):
                files.sync_folder(path.parent)
            return blob

        def fill(file: BinaryIO) -> None:
            file.write(header)
            file.write(data)

        disk.require(self.folder, blob.n_bytes)
        files.write_atomically(path, fill, need=blob.n_bytes)
        return blob

    def open(self, blob: Blob) -> NDArray[np.generic]:
        """The array, read-only; a large one as a memory map.  Its length is checked, its hash is not.

        Raises:
            DataError: the file is missing, shorter than written, or no array.
        """
        fault = self._quick_fault(blob)
        if fault is None:
            try:
                if blob.n_bytes <= _SMALL:
                    return self._read(blob)
                # not `np.load`: that opens zip archives and offers pickles too
                return npy.open_memmap(self.path(blob), mode="r")
            except ValueError:
                fault = "changed"
            except OSError as error:
                raise disk.from_os(error, self.path(blob), 0) from error
        raise DataError(f"a stored array is {fault}", where=str(self.path(blob)), code="E_STORE_DAMAGED")

    def fault(self, blob: Blob) -> Fault | None:
        """What is wrong with a blob's file, by reading all of it; None when its bytes have its hash."""
        fault = self._quick_fault(blob)
        if fault is not None:
            return fault
        try:
            with self.path(blob).open("rb") as file:
                found = hashlib.file_digest(file, "sha256").hexdigest()
        except OSError as error:
            raise disk.from_os(error, self.path(blob), 0) from error
        return None if found == blob.sha256 else "changed"

    def path(self, blob: Blob) -> Path:
        """Where a blob lies.

        Raises:
            DataError: the name is no hash; a tampered database could otherwise name any file.
        """
        if not _HASH.match(blob.sha256):
            raise DataError(f"not a hash: {blob.sha256[:80]!r}", where=str(self.folder), code="E_STORE_DAMAGED")
        return self.folder / blob.sha256[:2] / f"{blob.sha256}.npy"

    def __iter__(self) -> Iterator[Path]:
        """Every file that is named like a blob, by path."""
        for path in sorted(self.folder.glob("??/*.npy")):
            if _HASH.match(path.stem) and path.parent.name == path.stem[:2]:
                yield path

    def _read(self, blob: Blob) -> NDArray[np.generic]:
        with self.path(blob).open("rb") as file:
            array: NDArray[np.generic] = npy.read_array(file, allow_pickle=False)
        array.setflags(write=False)
        return array

    def _quick_fault(self, blob: Blob) -> Fault | None:
        try:
            status = os.lstat(self.path(blob))
        except (FileNotFoundError, NotADirectoryError):
            return "missing"
        except OSError as error:
            raise disk.from_os(error, self.path(blob), 0) from error
        # a pipe or a link of that name is never opened
        if not stat.S_ISREG(status.st_mode):
            return "changed"
        if status.st_size != blob.n_bytes:
            return "truncated" if status.st_size < blob.n_bytes else "changed"
        return None


def _pieces(array: NDArray[np.generic]) -> tuple[bytes, memoryview]:
    """The bytes of the ``.npy`` file as header and data, the data uncopied when it is already in C order."""
    if array.dtype.hasobject:
        raise DataError(
            f"an array of {array.dtype} cannot be stored", remedy="store numbers or texts", code="E_STORE_TYPE"
        )
    # C order: one hash for equal arrays, whatever their strides.  `ascontiguousarray` would turn () into (1,)
    plain = np.asarray(array, order="C")
    header = io.BytesIO()
    try:
        npy.write_array_header_1_0(header, npy.header_data_from_array_1_0(plain))
    except ValueError as error:
        raise DataError(f"an array of {array.dtype} cannot be stored: {error}", code="E_STORE_TYPE") from error
    return header.getvalue(), plain.reshape(-1).view(np.uint8).data
