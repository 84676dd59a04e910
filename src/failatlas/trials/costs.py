"""Costs: what the steps of a study took, kept beside its results and part of none, for no two runs take the same time.

They are facts of the run folder: a step that is read back still has the cost that was measured when it was done.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import cast

from failatlas.arrays import Features, Indices
from failatlas.features import Extractor
from failatlas.images.records import Batch
from failatlas.store import RunStore
from failatlas.trials.memory import Peak
from failatlas.trials.units import Cost

_EVERY_S = 2.0  # how often what is going on is written down: a kill forgets no more


class Costs:
    """Seconds and peak memory by key, and seconds by phase of the study.

    Args:
        store: keeps them.
    """

    def __init__(self, store: RunStore) -> None:
        self._store = store
        self._phase: _Phase | None = None
        self.how = ""  # how peak memory was measured, once that is known

    def of(self, key: str) -> Cost:
        """What is known of one step; nan where nothing is."""
        found = self._fact(f"cost/{key}")
        return Cost(found.get("seconds", math.nan), found.get("peak_mb", math.nan))

    def keep(self, key: str, cost: Cost) -> None:
        """Write down what a step took."""
        self._store.facts[f"cost/{key}"] = {"seconds": cost.seconds, "peak_mb": cost.peak_mb}
        self._memory(cost.how)
        self.tick()

    @contextmanager
    def measured(self, key: str) -> Iterator[None]:
        """Measure a step of this process that keeps parts of its own: what a stopped one took before is added."""
        before = self.of(key)
        n_before, peak, start = self._n_results(), Peak(), time.perf_counter()
        try:
            yield
        finally:
            if self._n_results() != n_before or math.isnan(before.seconds):
                seconds = time.perf_counter() - start + (before.seconds if math.isfinite(before.seconds) else 0.0)
                self.keep(key, Cost(seconds, max(peak.mb, _number(before.peak_mb)), peak.how))

    @contextmanager
    def phase(self, name: str) -> Iterator[None]:
        """Measure a part of the study by the clock on the wall; one that only reads results back takes nothing."""
        phase = self._phase = _Phase(name, self.wall_s(name), time.perf_counter())
        n_before = self._n_results()
        try:
            yield
        finally:
            if phase.is_written or self._n_results() != n_before:
                self._write(phase)
            self._phase = None

    def tick(self) -> None:
        """Something was done: write down how long the phase has taken so far, now and then."""
        phase = self._phase
        if phase is not None and time.perf_counter() - phase.written >= _EVERY_S:
            self._write(phase)

    def wall_s(self, *names: str) -> float:
        """Seconds of some phases together."""
        return math.fsum(self._fact(f"phase/{name}").get("seconds", 0.0) for name in names)

    def timed(self, extractor: Extractor, key: str) -> TimedExtractor:
        """An extractor whose batches are timed under a key."""
        return TimedExtractor(extractor, self, key)

    def of_images(self, key: str, n_images: int) -> Cost:
        """What extracting so many images takes, by those that were timed."""
        found = self._fact(f"images/{key}")
        if not found.get("images"):
            return Cost(math.nan, math.nan)
        return Cost(found["seconds"] / found["images"] * n_images, found["peak_mb"])

    def keep_images(self, key: str, seconds: float, images: int, peak: Peak) -> None:
        """Write down what extracting some more images took."""
        before = self._fact(f"images/{key}")
        self._store.facts[f"images/{key}"] = {
            "seconds": before.get("seconds", 0.0) + seconds,
            "images": before.get("images", 0) + images,
            "peak_mb": max(peak.mb, before.get("peak_mb", 0.0)),
        }
        self._memory(peak.how)
        self.tick()

    def memory(self) -> str:
        """How peak memory was measured, for people; "" where it was not."""
        return str(self._store.facts.get("memory", ""))

    def _memory(self, how: str) -> None:
        if how and how != self.how:
            self.how = how
            self._store.facts["memory"] = how

    def _fact(self, name: str) -> dict[str, float]:
        return cast("dict[str, float]", self._store.facts.get(name) or {})

    def _write(self, phase: _Phase) -> None:
        phase.written, phase.is_written = time.perf_counter(), True
        self._store.facts[f"phase/{phase.name}"] = {"seconds": phase.before_s + phase.written - phase.start}

    def _n_results(self) -> int:
        return len(self._store.entries_unchecked())


class TimedExtractor:
    """An extractor that says what it took; reading the images between its batches counts too."""

    def __init__(self, extractor: Extractor, costs: Costs, key: str) -> None:
        self._extractor = extractor
        self._costs = costs
        self._key = key
        self._peak = Peak()
        self._since = time.perf_counter()

    @property
    def digest(self) -> str:
        """Of the extractor: who watches decides nothing."""
        return self._extractor.digest

    def extract(self, batch: Batch, score: Indices) -> Features:
        """As the extractor does."""
        rows = self._extractor.extract(batch, score)
        now = time.perf_counter()
        self._costs.keep_images(self._key, now - self._since, len(batch.indices), self._peak)
        self._since = time.perf_counter()
        return rows


class _Phase:
    def __init__(self, name: str, before_s: float, start: float) -> None:
        self.name = name
        self.before_s = before_s
        self.start = self.written = start
        self.is_written = False


def _number(value: float) -> float:
    return value if math.isfinite(value) else 0.0
