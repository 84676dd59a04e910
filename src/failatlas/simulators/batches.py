"""Batches: many scenes rendered over processes, in order, with the same bytes however many processes there are.

The first pictures are rendered here, for a process costs as much to start as dozens of them; only what lasts is shared
out. Memory is bounded, whatever the number of jobs: they are drawn when there is room for them.
"""

from __future__ import annotations

import json
import os
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from itertools import chain, islice
from typing import Any, TypeAlias

from failatlas.errors import DataError, FailatlasError, ResourceError, UsageError
from failatlas.parameters import Values
from failatlas.simulators.foreign import is_name, open_simulator
from failatlas.simulators.process import Process
from failatlas.simulators.simulator import Rendering, Simulator, simulators
from failatlas.simulators.worker import as_error, close, receive, received, rendered, scene, send

Job: TypeAlias = tuple[Values, int]

ALONE, ALONE_S = 64, 0.5  # so many pictures, or so long after the first one, and other processes are worth their start
_CHUNK, _CHUNK_BYTES = 16, 4 << 20
_AHEAD = 3  # chunks a process that are drawn before the oldest is asked for
_GRACE_S = 3.0
# one core a process: more threads would only wait for each other
_ENVIRONMENT = dict.fromkeys(
    ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS", "VECLIB_MAXIMUM_THREADS"), "1"
)
# not through multiprocessing: it would import the user's script anew, and a script without a guard would run twice
_START = (
    "import json, sys; sys.path[:] = json.loads(sys.argv[1]); "
    "from failatlas.simulators.worker import main; main(int(sys.argv[2]))"
)


@dataclass(frozen=True, slots=True)
class Failure:
    """A job without a picture.

    Attributes:
        values: what was to be rendered.
        seed: with which seed.
        error: why it could not be.
    """

    values: Values
    seed: int
    error: FailatlasError

    @property
    def code(self) -> str:
        """E.g. ``"E_PARAMETER"``."""
        return self.error.name

    @property
    def reason(self) -> str:
        """What went wrong, in words."""
        return self.error.what

    def __repr__(self) -> str:
        return f"<Failure {self.code}: {self.reason} at {scene(self.values, self.seed)}>"


def render_many(
    simulator: str | Callable[..., Simulator],
    options: Mapping[str, Any] | None = None,
    jobs: Iterable[Job] = (),
    *,
    processes: int | None = None,
    trust_code: bool = False,
) -> Generator[Rendering]:
    """Renderings in the order of the jobs; the first job that fails ends it. Close the generator to stop early.

    Args:
        simulator: a name or any other spec of `open_simulator`; or a class or function that builds a simulator. One
            that other processes cannot import (a lambda, or of the script that runs) works in this process.
        options: how it is built; numbers and texts.
        jobs: (values, seed) each; may be endless.
        processes: default: the environment variable FAILATLAS_PROCESSES, else the cores this process may use; 1 = this
            process only.
        trust_code: run the user's own code that the spec names.

    Raises:
        FailatlasError: a job's own, such as a parameter outside its range.
        UsageError: no such simulator, or an impossible number of processes.
        UnsafeInputError: code that is not trusted.
        ResourceError: processes die before they render anything.
    """
    with closing(render_each(simulator, options, jobs, processes=processes, trust_code=trust_code)) as all_made:
        for made in all_made:
            if isinstance(made, Failure):
                raise made.error
            yield made


def render_each(
    simulator: str | Callable[..., Simulator],
    options: Mapping[str, Any] | None = None,
    jobs: Iterable[Job] = (),
    *,
    processes: int | None = None,
    trust_code: bool = False,
) -> Generator[Rendering | Failure]:
    """As `render_many`, but a job that fails costs that job only, even when it takes its process down.

    Such a job is tried twice, the second time in a fresh process, and fails with ``E_SIMULATOR``.
    """
    n_processes = process_count(processes)
    build, recipe = _plan(simulator, dict(options or {}), trust_code)
    if recipe is None:
        n_processes = 1
    waiting = iter(jobs)
    # a user's own code never runs here when it can run elsewhere: it may take its process down
    is_ours = callable(simulator) or is_name(simulator)
    chunk = (yield from _alone(build, waiting, only=n_processes == 1)) if is_ours or n_processes == 1 else 1
    following = next(waiting, None)
    if recipe is None or following is None:
        return
    with closing(_Crew(recipe, n_processes)) as crew:
        yield from crew.render(chain([following], waiting), chunk)


def process_count(processes: int | None = None) -> int:
    """How many processes render.

    Raises:
        UsageError: not a whole number from 1, here or in FAILATLAS_PROCESSES.
    """
    said: object = processes if processes is not None else os.environ.get("FAILATLAS_PROCESSES") or None
    if said is None:
        return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    if isinstance(said, bool) or not str(said).isdecimal() or int(str(said)) < 1:
        where = "" if processes is not None else "environment variable FAILATLAS_PROCESSES"
        raise UsageError(f"{said!r} processes", where=where, remedy="give a whole number from 1")
    return int(str(said))


def _alone(
    build: Callable[[], Simulator], jobs: Iterator[Job], *, only: bool
) -> Generator[Rendering | Failure, None, int]:
    """Render in this process, all or only the first ones; returns how many jobs of this size make a chunk."""
    chunk = _CHUNK
    spent_s = 0.0
    simulator = build()
    try:
        for number, (values, seed) in enumerate(jobs, 1):
            start = time.monotonic()
            made = rendered(simulator, values, seed)
            if number > 1:  # the first one may compile
                spent_s += time.monotonic() - start
            if isinstance(made, Rendering):
                chunk = max(1, min(_CHUNK, _CHUNK_BYTES // made.pixels.nbytes))
            yield _outcome(made, values, seed)
            if not only and (number >= ALONE or spent_s >= ALONE_S):
                break
    finally:
        close(simulator)
    return chunk


def _plan(
    simulator: str | Callable[..., Simulator], options: dict[str, Any], trust_code: bool
) -> tuple[Callable[[], Simulator], dict[str, Any] | None]:
    """How this process builds the simulator, and how another one does."""
    if callable(simulator):
        return partial(simulator, **options), _recipe(simulator, options)
    if is_name(simulator):
        # a process that imports this one part need not load the others
        return partial(simulators.create, simulator, **options), _recipe(simulators.get(simulator).factory, options)
    options |= {"spec": simulator, "trust_code": trust_code}
    return partial(open_simulator, **options), _recipe(open_simulator, options)


def _recipe(factory: Callable[..., Simulator], options: Mapping[str, Any]) -> dict[str, Any] | None:
    """Module, name and options; None when another process cannot import it."""
    module, name = getattr(factory, "__module__", None), getattr(factory, "__qualname__", "")
    found: object = sys.modules.get(module or "")
    for part in name.split("."):
        found = getattr(found, part, None)
    if module == "__main__" or found is not factory:
        return None
    recipe = {"module": module, "name": name, "options": dict(options)}
    try:
        same: bool = json.loads(json.dumps(recipe)) == recipe
    except (TypeError, ValueError):
        return None
    return recipe if same else None


def _outcome(made: Rendering | FailatlasError, values: Values, seed: int) -> Rendering | Failure:
    return made if isinstance(made, Rendering) else Failure(values, seed, made)


class _Crew:
    """Threads, each with a process of its own that it feeds, empties and, when it dies, replaces."""

    def __init__(self, recipe: Mapping[str, Any], n_processes: int) -> None:
        self._recipe = recipe
        self._n = n_processes
        self._threads = ThreadPoolExecutor(n_processes, thread_name_prefix="failatlas-render")
        self._own = threading.local()
        self._lock = threading.Lock()
        self._started: list[Process] = []
        self._is_closing = False

    def render(self, jobs: Iterator[Job], chunk: int) -> Generator[Rendering | Failure]:
        """Outcomes in the order of the jobs."""
        pending: deque[Future[list[Rendering | Failure]]] = deque()
        for some in iter(lambda: list(islice(jobs, chunk)), []):
            pending.append(self._threads.submit(self._render, some))
            if len(pending) >= self._n * _AHEAD:
                yield from pending.popleft().result()
        while pending:
            yield from pending.popleft().result()

    def close(self) -> None:
        """End every process, in the middle of a picture if need be."""
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

    def _render(self, jobs: list[Job]) -> list[Rendering | Failure]:
        made: list[Rendering | Failure] = []
        deaths = 0
        while len(made) < len(jobs):
            process = self._process()
            try:
                send(process.stdin, {"jobs": [(dict(values), seed) for values, seed in jobs[len(made) :]]})
                for values, seed in jobs[len(made) :]:
                    made.append(_outcome(received(process.stdout), values, seed))
                    deaths = 0
            except (EOFError, OSError):
                how = self._bury(process)
                deaths += 1
                if deaths == 2:
                    made.append(_killed(*jobs[len(made)], how))
                    deaths = 0
        return made

    def _process(self) -> Process:
        """This thread's process, with its simulator built."""
        process: Process | None = getattr(self._own, "process", None)
        if process is None:
            with self._lock:
                if self._is_closing:
                    raise CancelledError
                arguments = [sys.executable, "-c", _START, json.dumps(sys.path), str(os.getpid())]
                process = self._own.process = Process(arguments, environment=_ENVIRONMENT)
                self._started.append(process)
            try:
                send(process.stdin, self._recipe)
                row, _ = receive(process.stdout)
            except (EOFError, OSError):
                how = self._bury(process)
                what = f"a process that was to render ended before it began ({how})"
                raise ResourceError(what, remedy="see what it wrote; try --processes 1") from None
            if "error" in row:
                raise as_error(row["error"])
        return process

    def _bury(self, process: Process) -> str:
        self._own.process = None
        with self._lock:
            if self._is_closing:  # it did not die: we ended it
                raise CancelledError
            self._started.remove(process)
        return process.end()


def _killed(values: Values, seed: int, how: str) -> Failure:
    what = f"rendering it ended two processes ({how})"
    error = DataError(what, where=scene(values, seed), remedy="mend the simulator", code="E_SIMULATOR")
    return Failure(values, seed, error)
