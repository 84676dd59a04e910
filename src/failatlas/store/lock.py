"""Lock: one process writes a run folder at a time; a killed one leaves nothing that must be cleaned by hand."""

from __future__ import annotations

import errno
import fcntl
import os
import weakref
from contextlib import suppress
from pathlib import Path

from failatlas.errors import InUseError
from failatlas.store import disk, files


class Lock:
    """``flock`` on a file that holds the owner's process number.

    The kernel drops the lock with the process, so the number of a dead owner is only text and is overwritten.

    Args:
        path: the lock file; made when missing, never removed (a new file of that name would be a second lock).

    Raises:
        InUseError: another process, or another store of this one, holds it.
        ResourceError: it cannot be written, or the file system has no locks.
    """

    def __init__(self, path: Path) -> None:
        self._descriptor = -1
        with disk.guard(path):
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o666)
            try:
                _acquire(descriptor, path)
                # a crash between the two calls leaves an empty file: the lock counts, not the number
                os.ftruncate(descriptor, 0)
                os.write(descriptor, f"{os.getpid()}\n".encode())
            except BaseException:
                os.close(descriptor)
                raise
        self._descriptor = descriptor
        _held.add(self)

    def release(self) -> None:
        """Give the lock back; again is fine."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1
            _held.discard(self)


_held: weakref.WeakSet[Lock] = weakref.WeakSet()


def _acquire(descriptor: int, path: Path) -> None:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno not in (errno.EWOULDBLOCK, errno.EACCES):
            raise
        owner = os.pread(descriptor, 32, 0).decode("ascii", "replace").strip()
        by = f"in use by pid {owner}" if owner.isdigit() else "in use by another process"
        remedy = "wait until it ends, or stop it"
        if owner.isdigit() and not files.is_running(int(owner)):
            remedy = "a process that it started still runs: stop that one, or wait"
        raise InUseError(by, where=str(path.parent), remedy=remedy) from None


def _release_in_child() -> None:
    # a forked worker shares the open file, and would keep the lock after its parent was killed
    for lock in list(_held):
        with suppress(OSError):
            lock.release()


os.register_at_fork(after_in_child=_release_in_child)
