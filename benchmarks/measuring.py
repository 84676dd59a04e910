"""Measuring: alternating rounds and their ratios, peaks of memory by step, and what machine it was."""

from __future__ import annotations

import os
import platform
import resource
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import metadata
from statistics import median
from typing import Any

ROUNDS = 5
PACKAGES = ("failatlas", "numpy", "scipy", "scikit-learn", "torch", "onnxruntime", "umap-learn", "numba", "pillow")


@dataclass(frozen=True, slots=True)
class Spread:
    """Median and extremes of some numbers."""

    median: float
    low: float
    high: float


NONE = Spread(float("nan"), float("nan"), float("nan"))


def spread(values: list[float]) -> Spread:
    """Median and extremes; at least one value."""
    return Spread(median(values), min(values), max(values))


def ratios(top: list[float], bottom: list[float]) -> Spread:
    """Round by round, for two neighbours in time share the machine's mood; then median and extremes."""
    return spread([a / b for a, b in zip(top, bottom, strict=True)])


def alternating(works: Mapping[str, Callable[[], object]], rounds: int = ROUNDS) -> dict[str, list[float]]:
    """Seconds of every work in every round: a b c, a b c, …; one unmeasured round first, which warms caches."""
    seconds: dict[str, list[float]] = {name: [] for name in works}
    for number in range(rounds + 1):
        for name, work in works.items():
            taken = timed(work)
            if number:
                seconds[name].append(taken)
    return seconds


def timed(work: Callable[[], object]) -> float:
    """Seconds of one call."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


class PeakMemory:
    """Peaks of this process's memory, by step of a progress listener.

    What the process holds itself (anonymous pages) is told from what it maps from files: the kernel takes the latter
    back whenever it likes, yet ``ru_maxrss`` counts it.

    Attributes:
        by_step: highest anonymous memory in MB seen during each step; "" = between steps.
        anonymous_mb: the highest of all.
    """

    def __init__(self, every_s: float = 0.02) -> None:
        self.by_step: dict[str, float] = {}
        self.anonymous_mb = 0.0
        self._every_s = every_s
        self._steps: list[str] = []
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> PeakMemory:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()
        self._thread.join()

    def start(self, what: str, total: int) -> None:  # noqa: ARG002 - the listener's signature
        self._steps.append(what)

    def advance(self, amount: int) -> None: ...

    def end(self) -> None:
        self._steps.pop()

    def _watch(self) -> None:
        while not self._done.wait(self._every_s):
            now = anonymous_mb()
            step = self._steps[-1] if self._steps else ""
            self.by_step[step] = max(self.by_step.get(step, 0.0), now)
            self.anonymous_mb = max(self.anonymous_mb, now)


def anonymous_mb() -> float:
    """Memory that this process holds and no file backs, in MB."""
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("RssAnon:")) / 1024


def peak_mb() -> float:
    """Peak resident memory of this process in MB, pages mapped from files included."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def machine() -> dict[str, Any]:
    """Cores, processor, threads and versions; no date, no name."""
    versions = {}
    for package in PACKAGES:
        try:
            versions[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            versions[package] = "–"
    return {
        "cores": len(os.sched_getaffinity(0)),
        "processor": _processor(),
        "threads": os.environ.get("OMP_NUM_THREADS") or "all cores",
        "load": round(os.getloadavg()[0], 1),
        "python": platform.python_version(),
        "versions": versions,
    }


def _processor() -> str:
    with open("/proc/cpuinfo") as facts:
        return next((line.partition(":")[2].strip() for line in facts if line.startswith("model name")), "unknown")
