"""Workers: processes of one thread each that do the units of a study; one that dies costs the unit it was at.

Results come as they are done: whoever keeps them loses at most what is under way when everything is killed.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
import time
from collections.abc import Generator, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, CancelledError, Future, ThreadPoolExecutor, wait
from contextlib import suppress
from typing import IO, Any, TypeAlias

import numpy as np

from failatlas.arrays import Features
from failatlas.errors import FailatlasError, ResourceError
from failatlas.simulators.batches import process_count
from failatlas.simulators.process import Process
from failatlas.simulators.worker import as_error, receive, send
from failatlas.store import decode, encode
from failatlas.trials.units import Cost, Result, Unit, do, result_kind

Done: TypeAlias = "tuple[Result, Cost] | FailatlasError"

MOST = 8  # each holds some 300 MB of libraries
_AHEAD = 2  # units a process that are read from disk before it asks for them
_GRACE_S = 3.0
_WATCH_S = 1.0
_ENVIRONMENT = dict.fromkeys(
    ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS", "VECLIB_MAXIMUM_THREADS"), "1"
)
# not through multiprocessing: it would import the user's script anew, and it pickles what it sends
_START = (
    "import json, sys; sys.path[:] = json.loads(sys.argv[1]); "
    "from failatlas.trials.workers import main; main(int(sys.argv[2]))"
)


class Workers:
    """Threads, each with a process of its own that it feeds, empties and, when it dies, replaces.

    Args:
        processes: default: the environment variable FAILATLAS_PROCESSES, else the cores this process may use; at most
            eight.
    """

    def __init__(self, processes: int | None = None) -> None:
        self._n = min(process_count(processes), MOST)
        self._threads = ThreadPoolExecutor(self._n, thread_name_prefix="failatlas-unit")
        self._own = threading.local()
        self._lock = threading.Lock()
        self._started: list[Process] = []
        self._is_closing = False

    def each(self, units: Iterable[Unit]) -> Generator[tuple[Unit, Done]]:
        """Every unit with its result or the error that it ended in, in the order in which they end."""
        waiting: Iterator[Unit] = iter(units)
        pending: dict[Future[Done], Unit] = {}
        while True:
            while len(pending) < self._n * _AHEAD:
                unit = next(waiting, None)
                if unit is None:
                    break
                pending[self._threads.submit(self._done, unit)] = unit
            if not pending:
                return
            for future in wait(pending, return_when=FIRST_COMPLETED).done:
                yield pending.pop(future), future.result()

    def close(self) -> None:
        """End every process, in the middle of a unit if need be."""
        with self._lock:
            self._is_closing = True
            started = list(self._started)
        for process in started:
            process.stop()
        until = time.monotonic() + _GRACE_S
        for process in started:
            process.kill_after(until - time.monotonic())
        # no thread is blocked any more, for its process has ended
        self._threads.shutdown(wait=True, cancel_futures=True)
        for process in started:
            process.end()

    def __enter__(self) -> Workers:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _done(self, unit: Unit) -> Done:
        how = ""
        for _ in range(2):  # another process may have taken the memory: it has a second chance
            process = self._process()
            try:
                _ask(process.stdin, unit)
                return _answer(process.stdout, unit)
            except (EOFError, OSError):
                how = self._bury(process)
        what = f"two processes ended while they worked on {unit.what} ({how})"
        return ResourceError(what, remedy="free memory, or leave that pipeline out", code="E_WORKER")

    def _process(self) -> Process:
        """This thread's process."""
        process: Process | None = getattr(self._own, "process", None)
        if process is None:
            with self._lock:
                if self._is_closing:
                    raise CancelledError
                arguments = [sys.executable, "-c", _START, json.dumps(sys.path), str(os.getpid())]
                process = self._own.process = Process(arguments, environment=_ENVIRONMENT)
                self._started.append(process)
        return process

    def _bury(self, process: Process) -> str:
        self._own.process = None
        with self._lock:
            if self._is_closing:  # it did not die: we ended it
                raise CancelledError
            self._started.remove(process)
        return process.end()


def main(parent: int) -> None:
    """The other side: do units from standard input until it ends.

    Args:
        parent: the process that started this one, which does not outlive it.
    """
    threading.Thread(target=_end_with, args=(parent,), daemon=True).start()
    # a terminal's Ctrl-C is for the parent, which then ends us
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
    # what a library prints must not fall into the answers
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    with suppress(EOFError, BrokenPipeError):  # the parent is gone
        while True:
            request, data = receive(sys.stdin.buffer)
            rows = np.frombuffer(data, np.float32).reshape(request["shape"])
            try:
                result, cost = do(request["kind"], rows, request["settings"])
            except Exception as error:  # the unit's fault, and the study says so; the process goes on
                send(answers, {"error": _as_row(error)})
            else:
                _tell(answers, result, cost)


def _end_with(parent: int) -> None:
    # one killed while we work closes our input, which we see only after the unit, and units may take long
    while os.getppid() == parent:
        time.sleep(_WATCH_S)
    os._exit(1)


def _ask(pipe: IO[bytes], unit: Unit) -> None:
    rows: Features = np.ascontiguousarray(unit.rows, dtype=np.float32)
    document = {"kind": unit.kind, "settings": dict(unit.settings), "shape": rows.shape}
    send(pipe, document, rows.tobytes())


def _tell(pipe: IO[bytes], result: Result, cost: Cost) -> None:
    encoded = encode(result)
    arrays = {name: np.ascontiguousarray(array) for name, array in encoded.arrays.items()}
    head = [[name, array.dtype.str, array.shape] for name, array in arrays.items()]
    document = {"value": encoded.value, "arrays": head, "cost": [cost.seconds, cost.peak_mb, cost.how]}
    send(pipe, document, b"".join(array.tobytes() for array in arrays.values()))


def _answer(pipe: IO[bytes], unit: Unit) -> Done:
    document, data = receive(pipe)
    if "error" in document:
        return as_error(document["error"])
    arrays: dict[str, np.ndarray[Any, Any]] = {}
    start = 0
    for name, dtype, size in document["arrays"]:
        count = int(np.prod(size, dtype=np.int64))
        arrays[name] = np.frombuffer(data, dtype, count, start).reshape(size)
        start += arrays[name].nbytes
    return decode(result_kind(unit.kind), document["value"], arrays), Cost(*document["cost"])


def _as_row(error: Exception) -> dict[str, str]:
    """An error as fields that pass through a pipe."""
    if not isinstance(error, FailatlasError):
        first = (str(error).splitlines() or [""])[0]
        error = FailatlasError(f"{type(error).__name__}: {first}", remedy="leave that pipeline out", code="E_PART")
    return {"kind": type(error).__name__, **error.to_json()}
