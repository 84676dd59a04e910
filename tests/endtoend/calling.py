"""Calling: the command ``failatlas`` as a process of its own, fresh or forked from the nursery."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_HERE = Path(__file__).parent
_THREADS = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}


@dataclass(frozen=True)
class Finished:
    """A process that has ended: exit status (negative: by that signal) and what it wrote."""

    status: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """The only thing on stdout."""
        assert self.out.endswith("\n"), (self.out, self.err)
        assert self.out.count("\n") == 1, self.out
        return json.loads(self.out)


def command(*words: object, env: Mapping[str, str] | None = None, cwd: Path | None = None, umask: int = -1) -> Finished:
    """Run ``failatlas`` in a fresh Python and wait for it."""
    done = subprocess.run(
        [sys.executable, "-c", "from failatlas.cli import main; main()", *map(str, words)],
        capture_output=True, encoding="utf-8", errors="surrogateescape", cwd=cwd, umask=umask, timeout=120,
        check=False, env={**os.environ, **_THREADS, **(env or {})}, stdin=subprocess.DEVNULL,
    )  # fmt: skip
    return Finished(done.returncode, done.stdout, done.stderr)


class Running:
    """A forked command that may still run."""

    def __init__(self, nursery: Nursery, pid: int, out: Path, err: Path) -> None:
        self._nursery = nursery
        self.pid = pid
        self._files = out, err
        self._done: Finished | None = None

    def kill(self, number: int = signal.SIGKILL) -> None:
        """Send a signal."""
        os.kill(self.pid, number)

    def until(self, text: str, *, seconds: float = 60) -> None:
        """Wait until stderr says ``text``."""
        end = time.monotonic() + seconds
        while text not in self._read(1):
            assert time.monotonic() < end, f"{text!r} never came: {self._read(1)}"
            time.sleep(0.005)

    def wait(self) -> Finished:
        """Wait for its end."""
        if self._done is None:
            status = self._nursery.ask({"wait": self.pid})["status"]
            self._done = Finished(status, self._read(0), self._read(1))
        return self._done

    def _read(self, which: int) -> str:
        try:
            return self._files[which].read_bytes().decode("utf-8", "surrogateescape")
        except FileNotFoundError:
            return ""


class Nursery:
    """The parent of forked commands."""

    def __init__(self, folder: Path, world: Any) -> None:
        self.folder = folder
        self._count = 0
        self._process = subprocess.Popen(
            [sys.executable, str(_HERE / "nursery.py"), json.dumps([world.without_network, world.with_network])],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env={**os.environ, **_THREADS},
        )  # fmt: skip
        self._answer()

    def __enter__(self) -> Nursery:
        return self

    def __exit__(self, *_: object) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.wait(30)
        self._process.stdout.close()

    def start(
        self,
        *words: object,
        env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
        failpoint: str = "",
        umask: int = 0o022,
    ) -> Running:
        """Fork a command and return at once."""
        self._count += 1
        out, err = self.folder / f"{self._count}.out", self.folder / f"{self._count}.err"
        request = {
            "start": [str(word) for word in words],
            "env": {**(env or {}), "FAILATLAS_FAILPOINT": failpoint},
            "cwd": str(cwd or self.folder),
            "umask": umask,
            "out": str(out),
            "err": str(err),
        }
        return Running(self, self.ask(request)["pid"], out, err)

    def call(self, *words: object, **more: Any) -> Finished:
        """Fork a command and wait for it."""
        return self.start(*words, **more).wait()

    def ask(self, request: dict[str, Any]) -> Any:
        """One request, one answer."""
        assert self._process.stdin is not None
        print(json.dumps(request), file=self._process.stdin, flush=True)
        return self._answer()

    def _answer(self) -> Any:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        assert line, "the nursery has died"
        return json.loads(line)
