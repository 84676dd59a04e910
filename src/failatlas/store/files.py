"""Files: a file is written whole or not at all, and is durable when the call returns."""

from __future__ import annotations

import io
import os
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, BinaryIO, TypeAlias, cast

from failatlas.store import disk, failpoints

Content: TypeAlias = "bytes | Callable[[BinaryIO], None]"

_PREFIX, _SUFFIX = ".failatlas-", ".tmp"
_CHUNK = 1 << 20  # at most this much in one system call, so that a fail point can stop in the middle of an array
_in_flight: set[Path] = set()


def write_atomically(path: Path | str, data: Content, *, need: int = 0) -> None:
    """Write a file: temporary file beside it → fsync → rename → fsync of the folder.

    Whoever reads ``path`` sees the old file or the new one, never half of one, after a kill and after a power cut too.
    Missing folders are made.  The rights of the file follow the umask.

    Args:
        path: where it goes; an existing file is replaced.
        data: the bytes, or a function that writes them to the open binary file it is given (it can seek).
        need: size in bytes where known, for the message of a full disk.

    Raises:
        ResourceError: disk full, read-only, no permission, …; the temporary file is gone and the old file stands.

    >>> import tempfile
    >>> folder = Path(tempfile.mkdtemp())
    >>> write_atomically(folder / "clusters.csv", b"image_id,cluster\\n")
    >>> write_atomically(folder / "clusters.csv", lambda file: print(file.write(b"image_id\\n")))
    9
    >>> (folder / "clusters.csv").read_bytes()
    b'image_id\\n'
    """
    path = Path(path)
    need = len(data) if isinstance(data, bytes) else need
    with disk.guard(path, need=need):
        make_folder(path.parent)
        with _temporary(path.parent) as temporary:
            _fill(temporary, data, path, need)
            os.replace(temporary, path)
        failpoints.reach("after_rename")
        sync_folder(path.parent)
        failpoints.reach("after_folder_fsync")


def make_folder(path: Path) -> None:
    """Make a folder and its parents, durably; one that exists is fine.

    Raises:
        OSError: it cannot be made, or a file stands there.
    """
    if path.is_dir():
        return
    if path.parent != path:
        make_folder(path.parent)
    path.mkdir(exist_ok=True)
    sync_folder(path.parent)


def sync_folder(path: Path) -> None:
    """Make renames and new names in a folder durable.

    Raises:
        OSError: it is gone, or the disk failed.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def leftovers(folder: Path) -> Iterator[Path]:
    """Temporary files below ``folder`` whose writer is gone, in order of path."""
    for place, folders, names in os.walk(folder):
        folders.sort()
        for name in sorted(names):
            if name.startswith(_PREFIX) and name.endswith(_SUFFIX) and not _is_in_use(Path(place, name)):
                yield Path(place, name)


def _is_in_use(temporary: Path) -> bool:
    if temporary in _in_flight:
        return True
    writer = temporary.name.removeprefix(_PREFIX).partition("-")[0]
    if not writer.isascii() or not writer.isdigit():
        return False
    # a container starts its only process under the same number every time: that is we, not the killed writer
    return int(writer) != os.getpid() and is_running(int(writer))


def is_running(pid: int) -> bool:
    """Whether a process of that number exists on this machine."""
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:
        return True
    return True


@contextmanager
def _temporary(folder: Path) -> Iterator[Path]:
    temporary = (folder / f"{_PREFIX}{os.getpid()}-{secrets.token_hex(8)}{_SUFFIX}").absolute()
    _in_flight.add(temporary)
    try:
        yield temporary
    except BaseException:
        with suppress(OSError):
            temporary.unlink()
        raise
    finally:
        _in_flight.discard(temporary)


def _fill(temporary: Path, data: Content, path: Path, need: int) -> None:
    # not `mkstemp`: its 0600 would ignore the umask
    descriptor = os.open(temporary, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW, 0o666)
    raw = _Raw(descriptor, "r+")
    try:
        failpoints.reach("after_temp_open")
        buffered = io.BufferedRandom(raw)
        if isinstance(data, bytes):
            buffered.write(data)
        else:
            data(cast(BinaryIO, buffered))
        buffered.flush()
        failpoints.reach("after_temp_write")
        os.fsync(descriptor)
        failpoints.reach("after_temp_fsync")
    except OSError as error:
        # where nobody knew the size, what got through is the least that is needed
        raise disk.from_os(error, path, need or os.fstat(descriptor).st_size) from error
    finally:
        # the raw file, not the buffer: closing the buffer would try the failed write once more
        raw.close()


class _Raw(io.FileIO):
    def write(self, data: Any, /) -> int:
        failpoints.reach("during_temp_write")
        return os.write(self.fileno(), memoryview(data)[:_CHUNK])
