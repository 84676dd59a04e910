"""Disk: what the operating system and SQLite say when they cannot write, as one line that a person can act on."""

from __future__ import annotations

import errno
import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from failatlas.errors import DataError, FailatlasError, ResourceError

RESUME = "run the same command again: nothing finished is lost"

# errno → (code, what, remedy); a full disk has its own message, with numbers
_ERRNO = {
    errno.EACCES: ("E_PERMISSION", "no permission", "change the owner or rights of that folder, or choose another"),
    errno.EPERM: ("E_PERMISSION", "no permission", "change the owner or rights of that folder, or choose another"),
    errno.EROFS: ("E_READ_ONLY", "the file system is read-only", "choose a folder on a writable disk"),
    errno.EMFILE: ("E_TOO_MANY_FILES", "too many open files", f"raise the limit (ulimit -n 4096), then {RESUME}"),
    errno.ENFILE: ("E_TOO_MANY_FILES", "too many open files on this machine", f"close programs, then {RESUME}"),
    errno.ENOENT: ("E_FOLDER_GONE", "the file or its folder is gone", f"put the folder back, or {RESUME}"),
    errno.ENOTDIR: (
        "E_NOT_A_FOLDER",
        "a file stands where a folder should be",
        "move it away or choose another folder",
    ),
    errno.EEXIST: ("E_NOT_A_FOLDER", "a file stands where a folder should be", "move it away or choose another folder"),
    errno.EISDIR: ("E_NOT_A_FILE", "a folder stands where a file should be", "move it away or choose another name"),
    errno.ENAMETOOLONG: ("E_NAME_TOO_LONG", "the name is too long for this file system", "choose a shorter one"),
    errno.EFBIG: ("E_FILE_TOO_BIG", "the file would pass the size limit", "raise the limit (ulimit -f unlimited)"),
    errno.ENOLCK: ("E_NO_LOCKS", "the file system has no locks", "choose a folder on a local disk"),
    errno.EOPNOTSUPP: ("E_NO_LOCKS", "the file system has no locks", "choose a folder on a local disk"),
}
_FULL = frozenset({errno.ENOSPC, errno.EDQUOT})

# SQLite reports an I/O error, not a full disk, when the last pages of its shared memory do not fit
_NEARLY_FULL = 1 << 20


@contextmanager
def guard(path: Path, *, need: int = 0) -> Iterator[None]:
    """Turn a failed write below ``path`` into a :class:`ResourceError` (exit 5).

    Args:
        path: the file or folder being written.
        need: bytes about to be written, 0 when unknown.

    Raises:
        ResourceError: the block raised OSError.
    """
    try:
        yield
    except OSError as error:
        raise from_os(error, path, need) from error


@contextmanager
def guard_database(path: Path) -> Iterator[None]:
    """The same for a block that uses the database at ``path``.

    Raises:
        ResourceError: SQLite could not read or write.
        DataError: SQLite found its file damaged.
    """
    try:
        with guard(path):
            yield
    except sqlite3.Error as error:
        raise _from_sqlite(error, path) from error
    except UnicodeDecodeError as error:
        # a damaged schema is quoted in SQLite's message, which Python then fails to decode
        raise damaged(path, "its text is no Unicode") from error


def require(path: Path, need: int) -> None:
    """Refuse before the first byte is written when ``need`` bytes cannot fit beside ``path``.

    Raises:
        ResourceError: fewer bytes are free.
    """
    if 0 <= free(path) < need:
        raise full(path, need)


def free(path: Path) -> int:
    """Bytes that this user can still write beside ``path``; -1 when nobody can say."""
    for place in (path, *path.parents):
        try:
            status = os.statvfs(place)
        except OSError:
            continue
        return status.f_bavail * status.f_frsize
    return -1


def from_os(error: OSError, path: Path, need: int) -> ResourceError:
    """The error of a failed system call while writing ``path``."""
    # numpy's `tofile` reports a short write as an OSError without a number
    short_write = error.errno is None and "requested and" in str(error)
    if error.errno in _FULL or short_write:
        return full(path, need)
    place = error.filename if isinstance(error.filename, str) else str(path)
    fallback = ("E_IO", f"input/output error: {error.strerror or error}", f"check the disk, then {RESUME}")
    code, what, remedy = _ERRNO.get(error.errno or 0, fallback)
    return ResourceError(what, where=place, remedy=remedy, code=code)


def full(path: Path, need: int) -> ResourceError:
    """The error of a full disk, with both numbers when they are known."""
    have = free(path)
    wanted = f"need {size(need)}" if need else "need more"
    return ResourceError(
        f"disk full: {wanted}, have {size(have) if have >= 0 else 'an unknown amount'}",
        where=str(path),
        remedy=f"free space on that disk, then {RESUME}",
        code="E_DISK_FULL",
    )


def size(n_bytes: int) -> str:
    """Bytes for people, decimal units as disks are sold.

    >>> size(0), size(999), size(1_500_000)
    ('0 B', '999 B', '1.5 MB')
    """
    amount = float(n_bytes)
    for unit in ("B", "kB", "MB", "GB"):
        if amount < 1000:
            return f"{amount:.0f} {unit}" if unit == "B" else f"{amount:.1f} {unit}"
        amount /= 1000
    return f"{amount:.1f} TB"


def _from_sqlite(error: sqlite3.Error, path: Path) -> FailatlasError:
    number = getattr(error, "sqlite_errorcode", 0) & 0xFF
    # ERROR: our statements are fixed, so one that makes no sense met tables that are not ours
    if number in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_ERROR):
        return damaged(path, str(error))
    nearly_full = number in (sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CANTOPEN) and 0 <= free(path) < _NEARLY_FULL
    if number == sqlite3.SQLITE_FULL or nearly_full:
        return full(path, 0)
    if number in (sqlite3.SQLITE_READONLY, sqlite3.SQLITE_PERM):
        return ResourceError(
            "the database is read-only", where=str(path), remedy="make its folder writable", code="E_READ_ONLY"
        )
    if number == sqlite3.SQLITE_CANTOPEN:
        remedy = f"check that its folder exists and is writable and that files can be opened (ulimit -n), then {RESUME}"
        return ResourceError("the database cannot be opened", where=str(path), remedy=remedy, code="E_DATABASE_OPEN")
    if number in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
        return ResourceError("the database is busy", where=str(path), remedy=RESUME, code="E_DATABASE_BUSY")
    return ResourceError(
        f"database error: {error}", where=str(path), remedy=f"check the disk, then {RESUME}", code="E_IO"
    )


def damaged(path: Path, why: str) -> DataError:
    """The error of a damaged database: refuse, and offer the copy that was kept."""
    backup = path.with_name(path.name + ".backup")
    remedy = f"failatlas verify {path.parent} --restore puts {backup.name} back; what is newer is computed again"
    if not backup.exists():
        remedy = "no backup was made yet: choose another --out folder and run again"
    return DataError(f"the database is damaged ({why})", where=str(path), remedy=remedy, code="E_STORE_DATABASE")
