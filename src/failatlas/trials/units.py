"""Units: the steps of a study that need no images: one reduction, one clustering, one measurement of stability.

Each is a pure function of its rows, its settings and a seed, on one thread, so that it gives the same bytes in
whichever process and order it is done.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np

from failatlas.arrays import Features
from failatlas.pipelines import Pipeline, recluster
from failatlas.rootcauses.stability import stability
from failatlas.seeds import generator
from failatlas.studies.grid import Embedded, Value, embed, label
from failatlas.studies.score import Shape, shape
from failatlas.trials.memory import Peak

_WARM_ROWS = 64  # enough that no reducer falls back to another


@dataclass(frozen=True, slots=True, eq=False)
class Clustered:
    """A clustering as a study keeps it: texts and numbers, for an array a clustering would be a thousand files.

    Attributes:
        labels: n clusters, -1 = noise.
        parameters, notes: of the clusterer.
        shape: what it looks like from inside; None where nobody asked.
    """

    labels: tuple[int, ...]
    parameters: Mapping[str, Value]
    notes: tuple[str, ...]
    shape: Shape | None


@dataclass(frozen=True, slots=True)
class Repeated:
    """How well clusters come back on subsamples: the mean over them, in [0, 1]; nan without clusters."""

    stability: float


@dataclass(frozen=True, slots=True)
class Cost:
    """What a unit took: seconds by the clock on the wall, peak memory of its process in MB, and what that is."""

    seconds: float
    peak_mb: float
    how: str = ""


Result: TypeAlias = "Embedded | Clustered | Repeated"
Settings: TypeAlias = Mapping[str, Any]  # plain JSON: it passes through a pipe


@dataclass(frozen=True, slots=True, eq=False)
class Unit:
    """One step to be done.

    Attributes:
        key: under which its result is kept.
        kind: ``reduce``, ``cluster`` or ``repeat``.
        rows: (n, d) what it works on.
        settings: what its kind needs, see the functions below.
    """

    key: str
    kind: str
    rows: Features
    settings: Settings

    @property
    def what(self) -> str:
        """For people: ``"umap"``, ``"pixels+pca+dbscan"``."""
        return str(self.settings.get("pipeline") or self.settings.get("reducer"))


def do(kind: str, rows: Features, settings: Settings) -> tuple[Result, Cost]:
    """Do one unit in this process."""
    _warm(kind, settings)
    return _KINDS[kind][0](rows, settings)


def result_kind(kind: str) -> type[Result]:
    """The class of what a kind of unit gives."""
    return _KINDS[kind][1]


def _reduce(rows: Features, settings: Settings) -> tuple[Embedded, Cost]:
    """``reducer``, ``seed``."""
    peak, start = Peak(), time.perf_counter()
    found = embed(rows, settings["reducer"], settings["seed"])
    return found, Cost(time.perf_counter() - start, peak.mb, peak.how)


def _cluster(rows: Features, settings: Settings) -> tuple[Clustered, Cost]:
    """``pipeline``, ``seed``, ``shape``: whether to measure that too, which is no part of the cost."""
    peak, start = Peak(), time.perf_counter()
    found = label(rows, _pipeline(settings), settings["seed"])
    cost = Cost(time.perf_counter() - start, peak.mb, peak.how)
    seen = shape(rows, found.labels, settings["seed"]) if settings["shape"] else None
    return Clustered(tuple(found.labels.tolist()), found.parameters, found.notes, seen), cost


def _repeat(rows: Features, settings: Settings) -> tuple[Repeated, Cost]:
    """``pipeline``, ``parameters`` and ``labels`` of the clustering in question, ``repeats``, ``seed``."""
    peak, start = Peak(), time.perf_counter()
    found = stability(
        np.array(settings["labels"], np.int64),
        rows,
        recluster(_pipeline(settings), settings["parameters"]),
        repeats=settings["repeats"],
        seed=settings["seed"],
    )
    values = np.array([interval.value for interval in found.values()], np.float64)
    known = values[np.isfinite(values)]
    mean = float(known.mean()) if len(known) else float("nan")
    return Repeated(mean), Cost(time.perf_counter() - start, peak.mb, peak.how)


_KINDS: Mapping[str, tuple[Callable[[Features, Settings], tuple[Result, Cost]], type[Result]]] = {
    "reduce": (_reduce, Embedded),
    "cluster": (_cluster, Clustered),
    "repeat": (_repeat, Repeated),
}


def _pipeline(settings: Settings) -> Pipeline:
    return Pipeline(*settings["pipeline"].split("+"))


_warmed: set[tuple[str, str]] = set()


def _warm(kind: str, settings: Settings) -> None:
    """Do the like once on a few rows: imports and compilation are the process's cost, not the first unit's."""
    part = settings["reducer"] if kind == "reduce" else settings["pipeline"].split("+")[2]
    if kind == "repeat" or (kind, part) in _warmed:
        return
    _warmed.add((kind, part))
    rows = generator(0, "warm").normal(size=(_WARM_ROWS, 4)).astype(np.float32)
    if kind == "reduce":
        embed(rows, part, 0)
    else:
        label(rows, _pipeline(settings), 0)
