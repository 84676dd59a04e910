"""Fail points: named places where a test can kill the process or fail the disk.

``FAILATLAS_FAILPOINT=after_shard_fsync:kill`` ends the process by SIGKILL there; ``:enospc`` and ``:eio`` raise that
error; a third part is the pass at which it happens, e.g. ``during_temp_write:enospc:3``.  Unset, a fail point costs one
comparison.
"""

from __future__ import annotations

import difflib
import errno
import os
import signal
from collections.abc import Mapping

from failatlas.errors import UsageError

VARIABLE = "FAILATLAS_FAILPOINT"

POINTS: Mapping[str, str] = {
    "after_make_folder": "the run folder exists, nothing is in it",
    "after_lock": "the lock is held, the database is not open",
    "before_schema_commit": "the tables are made or migrated, the transaction is open",
    "after_schema_commit": "the schema is durable",
    "after_backup": "the copy of the database is in place",
    "after_temp_open": "a temporary file exists and is empty",
    "during_temp_write": "before each write of at most 1 MiB to a temporary file",
    "after_temp_write": "everything is written, nothing synchronised",
    "after_temp_fsync": "the temporary file is durable under its temporary name",
    "after_rename": "the file has its name, the folder is not synchronised",
    "after_folder_fsync": "the file is durable under its name",
    "after_blobs": "the arrays of an entry are durable, the database does not know them",
    "before_shard_commit": "a shard's rows are written, the transaction is open",
    "after_shard_fsync": "a shard is durable, its writer has not heard so",
    "before_result_commit": "a result's rows are written, the transaction is open",
    "after_result_commit": "a result is durable, its writer has not heard so",
    "before_fact_commit": "a fact is written, the transaction is open",
    "after_fact_commit": "a fact is durable",
    "before_event_commit": "an event is written, the transaction is open",
    "after_event_commit": "an event is durable",
    "before_drop_commit": "entries are dropped, the transaction is open",
    "after_drop_commit": "entries are dropped, their blobs still lie there",
    "before_unlink": "clean-up is about to remove one file",
}

_ACTIONS = ("kill", "enospc", "eio")

_armed = os.environ.get(VARIABLE, "")
_passes = 0


def reach(name: str) -> None:
    """Pass the fail point ``name``; nothing happens unless it is armed.

    Raises:
        OSError: the point is armed with ``enospc`` or ``eio`` and this is the pass.
        UsageError: the variable names no point or no action.
    """
    if _armed:
        _pass(name)


def arm(specification: str) -> None:
    """Arm one fail point inside this process, as the environment variable does for a new one; ``""`` disarms.

    >>> arm("after_rename:kil")
    Traceback (most recent call last):
    failatlas.errors.UsageError: E_USAGE: no fail point action 'kil' at FAILATLAS_FAILPOINT. Next: choose ...
    """
    global _armed, _passes
    if specification:
        _parse(specification)
    _armed, _passes = specification, 0


def _pass(name: str) -> None:
    global _passes
    armed, action, nth = _parse(_armed)
    if name != armed:
        return
    _passes += 1
    if _passes != nth:
        return
    if action == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    number = errno.ENOSPC if action == "enospc" else errno.EIO
    raise OSError(number, os.strerror(number))


def _parse(specification: str) -> tuple[str, str, int]:
    name, _, rest = specification.partition(":")
    action, _, nth = rest.partition(":")
    if name not in POINTS:
        near = difflib.get_close_matches(name, POINTS, n=1)
        hint = f"did you mean {near[0]!r}?" if near else f"choose one of: {', '.join(POINTS)}"
        raise UsageError(f"no fail point {name!r}", where=VARIABLE, remedy=hint)
    if action not in _ACTIONS:
        raise UsageError(
            f"no fail point action {action!r}", where=VARIABLE, remedy=f"choose one of: {', '.join(_ACTIONS)}"
        )
    if nth and not (nth.isascii() and nth.isdigit() and int(nth) > 0):
        raise UsageError(f"no pass {nth!r}", where=VARIABLE, remedy="give a number from 1")
    return name, action, int(nth or 1)
