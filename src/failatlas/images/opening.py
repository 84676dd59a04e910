"""Opening: the bytes of one file below a root, and of nothing else.

Regular files only: a pipe, device or socket is never opened, for opening alone can block or act. A symbolic link that
leaves the root is not followed unless links are trusted; a loop ends. Everything is opened for reading.
"""

from __future__ import annotations

import errno
import os
import re
import stat
from pathlib import Path

from failatlas.errors import DataError, ResourceError, UnsafeInputError
from failatlas.images.records import BadImage

_ADDRESS = re.compile(r"[A-Za-z][A-Za-z0-9+.\-]*://|file:", re.IGNORECASE)
_DRIVE = re.compile(r"[A-Za-z]:[\\/]")
_FLAGS = os.O_RDONLY
for _flag in ("O_NOFOLLOW", "O_NONBLOCK", "O_NOCTTY", "O_CLOEXEC", "O_BINARY"):  # not every system has each
    _FLAGS |= getattr(os, _flag, 0)


def checked_path(path: str, where: str) -> str:
    """Return ``path`` if a manifest may name it: relative, below the root, no address; kept exactly as written.

    Raises:
        UnsafeInputError: absolute, with a ``..`` step, a network share, drive or address, or with a NUL.
        DataError: empty, or not a name that a file system can hold.

    >>> checked_path("a/b c.png", "row 2")
    'a/b c.png'
    >>> checked_path("../secret.png", "row 3")
    Traceback (most recent call last):
    failatlas.errors.UnsafeInputError: E_UNSAFE: path '../secret.png' leaves the image folder at row 3. Next: ...
    """
    remedy = "name files by their path below the manifest's folder"
    if not path:
        raise DataError("empty path", where=where, remedy=remedy)
    steps = re.split(r"[/\\]", path)
    shown = repr(path if len(path) <= 200 else path[:200] + "…")
    if path.startswith(("/", "\\")) or _DRIVE.match(path):
        raise UnsafeInputError(f"path {shown} is absolute", where=where, remedy=remedy)
    if ".." in steps:
        raise UnsafeInputError(f"path {shown} leaves the image folder", where=where, remedy=remedy)
    if _ADDRESS.match(path):
        raise UnsafeInputError(f"path {shown} is an address; nothing is fetched", where=where, remedy=remedy)
    if "\0" in path:
        raise UnsafeInputError(f"path {shown} has a NUL", where=where, remedy=remedy)
    try:
        os.fsencode(path)
    except UnicodeEncodeError:
        raise DataError(f"path {shown} is no file name", where=where, remedy="save the manifest as UTF-8") from None
    return path


def read_file(root: Path, path: str, *, max_bytes: int, trust_links: bool = False) -> bytes:
    """The bytes of the regular file ``path`` below ``root``.

    Args:
        root: the set's folder; may itself be a link, for its owner named it.
        path: relative, as in `ImageRecord.path`.
        max_bytes: larger files are refused unread.
        trust_links: follow symbolic links wherever they lead.

    Raises:
        BadImage: missing, a link out of the root or in a loop, not a regular file, too large, or changed while read.
        ResourceError: the machine, not the file, is at fault (too many open files, no memory).
    """
    try:
        target = _target(root, path, trust_links)
        before = os.lstat(target)
        if stat.S_ISLNK(before.st_mode):  # `realpath` leaves a link in place only when it runs in a circle
            raise BadImage("a loop of links", where=path, code="E_IMG_LINK")
        if not stat.S_ISREG(before.st_mode):
            raise BadImage(f"a {_kind(before.st_mode)}, not a file", where=path, code="E_IMG_SPECIAL_FILE")
        if before.st_size > max_bytes:
            raise BadImage(f"{before.st_size} bytes, more than {max_bytes}", where=path, code="E_IMG_TOO_LARGE")
        return _read(target, before, path)
    except OSError as error:
        raise _translated(error, path) from error


def _target(root: Path, path: str, trust_links: bool) -> str:
    base = os.path.realpath(root)
    target = os.path.realpath(os.path.join(base, path))
    if not trust_links and os.path.commonpath([base, target]) != base:
        remedy = "copy the file into the set, or trust its links (--trust-links)"
        raise BadImage("a link out of the image folder", where=path, remedy=remedy, code="E_IMG_LINK")
    return target


def _read(target: str, before: os.stat_result, path: str) -> bytes:
    descriptor = os.open(target, _FLAGS)
    with os.fdopen(descriptor, "rb") as file:
        opened = os.fstat(descriptor)
        if not stat.S_ISREG(opened.st_mode):
            raise BadImage(f"a {_kind(opened.st_mode)}, not a file", where=path, code="E_IMG_SPECIAL_FILE")
        data = file.read(before.st_size + 1)
        after = os.fstat(descriptor)
    if any(_version(seen) != _version(before) for seen in (opened, after)) or len(data) != before.st_size:
        raise BadImage("the file changed while it was read", where=path, code="E_IMG_CHANGED")
    return data


def _version(seen: os.stat_result) -> tuple[int, int, int, int]:
    return seen.st_dev, seen.st_ino, seen.st_size, seen.st_mtime_ns


def _kind(mode: int) -> str:
    kinds = {stat.S_IFIFO: "pipe", stat.S_IFSOCK: "socket", stat.S_IFDIR: "folder"}
    return kinds.get(stat.S_IFMT(mode), "device")


def _translated(error: OSError, path: str) -> DataError | ResourceError:
    if error.errno in (errno.ENOENT, errno.ENOTDIR, errno.ENAMETOOLONG):
        return BadImage("no such file", where=path, code="E_IMG_MISSING")
    if error.errno == errno.ELOOP:
        return BadImage("a loop of links", where=path, code="E_IMG_LINK")
    if error.errno in (errno.EMFILE, errno.ENFILE, errno.ENOMEM):
        return ResourceError(error.strerror or str(error), where=path, remedy="raise the limit and run again")
    return BadImage(error.strerror or "cannot be read", where=path, code="E_IMG_UNREADABLE")
