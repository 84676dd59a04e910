"""Process: a program in a process group of its own, spoken to through pipes; the only file that starts one.

No shell is involved: the program is named by its path and gets its arguments as they are. Ctrl-C of a terminal does not
reach the group, so whoever starts a process also ends it.
"""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import IO

_POLL_S = 0.005


class Process:
    """A running program.

    Args:
        arguments: path of the program, then its arguments.
        environment: variables that are added to those of this process.
        keep_errors: whether ``stderr`` is a pipe; otherwise it is that of this process.

    Raises:
        OSError: it cannot be started.
    """

    def __init__(
        self, arguments: Sequence[str], *, environment: Mapping[str, str] | None = None, keep_errors: bool = False
    ) -> None:
        self._running = subprocess.Popen(  # noqa: S603 - no shell; what runs is our own Python or what the user trusts
            list(arguments),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE if keep_errors else None,
            env={**os.environ, **(environment or {})},
            start_new_session=True,
        )

    @property
    def stdin(self) -> IO[bytes]:
        """What the program reads."""
        assert self._running.stdin is not None
        return self._running.stdin

    @property
    def stdout(self) -> IO[bytes]:
        """What it answers."""
        assert self._running.stdout is not None
        return self._running.stdout

    @property
    def stderr(self) -> IO[bytes]:
        """What it complains of, if that is kept."""
        assert self._running.stderr is not None
        return self._running.stderr

    @property
    def pid(self) -> int:
        """Its number, which is also its group's."""
        return self._running.pid

    def stop(self) -> None:
        """Ask it to end; does not wait."""
        if self._running.returncode is None:
            with suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGTERM)

    def end(self, grace_s: float = 0.0) -> str:
        """Close its input, wait, kill what is left of its group, and say how it ended; may be called again.

        Returns:
            For people, e.g. ``"exit status 3"`` or ``"SIGSEGV"``.
        """
        if self._running.returncode is None:
            with suppress(OSError):  # a dead reader breaks the pipe
                self.stdin.close()
            self.kill_after(grace_s)
            self._running.wait()
        for pipe in (self._running.stdin, self._running.stdout, self._running.stderr):
            if pipe is not None:
                with suppress(OSError):
                    pipe.close()
        return _said(self._running.returncode)

    def kill_after(self, grace_s: float) -> None:
        """Wait for its end, then kill what is left of its group; touches no pipe, which another thread may read."""
        until = time.monotonic() + grace_s
        while not self.has_ended() and time.monotonic() < until:
            time.sleep(_POLL_S)
        # before it is reaped, for until then its number cannot be another group's
        if self._running.returncode is None:
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(self.pid, signal.SIGKILL)

    def has_ended(self) -> bool:
        """Whether the program is over; its group may have other members."""
        if self._running.returncode is not None:
            return True
        return os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOWAIT | os.WNOHANG) is not None


def _said(status: int) -> str:
    if status >= 0:
        return f"exit status {status}"
    try:
        return signal.Signals(-status).name
    except ValueError:
        return f"signal {-status}"
