"""Comparison: every method on every setting, means with intervals, and by how much failatlas is ahead or behind.

All intervals are 95 % BCa bootstrap intervals over settings; a setting with two true slices counts with their mean.
Differences are paired: the same setting, the same network, the same photographs.
"""

from __future__ import annotations

import inspect
import math
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, astuple, dataclass
from typing import Any

import numpy as np

from benchmarks.slices.measures import match
from benchmarks.slices.methods.chance import chance
from benchmarks.slices.methods.confusion import confusion
from benchmarks.slices.methods.domino import domino
from benchmarks.slices.methods.kmeans import kmeans
from benchmarks.slices.methods.method import N_SLICES, Method
from benchmarks.slices.methods.planespot import planespot
from benchmarks.slices.methods.rootcauses import rootcauses
from benchmarks.slices.methods.spotlight import spotlight
from benchmarks.slices.networks import FEATURES, MARGIN, Problem, kept, problem
from benchmarks.slices.photographs import evaluation, training
from benchmarks.slices.settings import DEVELOPMENT, KINDS, SEED, Kind, draw
from benchmarks.table import Row, to_json
from failatlas.seeds import derive
from failatlas.statistics import Interval, bootstrap_mean

OURS = "failatlas"
PER_KIND = 20
MEASURES = ("precision at 10", "precision at 25", "average precision", "found", "precision at 10, ROC rule")


@dataclass(frozen=True, slots=True)
class Contestant:
    """A method and the features that served it best on the development settings."""

    discover: Method
    feature: str


CONTESTANTS: Mapping[str, Contestant] = {
    OURS: Contestant(rootcauses, "stages"),
    "Domino": Contestant(domino, "stages"),
    "PlaneSpot": Contestant(planespot, "stages"),
    "Spotlight": Contestant(spotlight, "stages"),
    "k-means on errors": Contestant(kmeans, "stages"),
    "confusion cells": Contestant(confusion, "activations"),
    "chance": Contestant(chance, "activations"),
}
# read when the code is loaded: a file that changes while this runs is not what is running
_SOURCES = {
    part.__module__: inspect.getsource(sys.modules[part.__module__])
    for part in (Method, match, *(contestant.discover for contestant in CONTESTANTS.values()))
}
LOOKING = (OURS, "Domino", "PlaneSpot", "Spotlight", "k-means on errors")  # at features, that is


def run(
    first: int = 0, per_kind: int = PER_KIND, contestants: Mapping[str, Contestant] = CONTESTANTS
) -> dict[str, Any]:
    """All contestants on ``per_kind`` settings of each kind: figures, a text for people, rows for the common table."""
    problems, tried = collected(first, per_kind)
    values: dict[str, list[tuple[float, ...]]] = {name: [] for name in contestants}
    seconds = dict.fromkeys(contestants, 0.0)
    for one in _told(problems, "methods"):
        for name, contestant in contestants.items():
            measured = _measured(one, contestant)
            seconds[name] += float(measured["seconds"]) / len(problems)
            values[name].append(tuple(measured["values"].tolist()))
    kinds = [one.setting.kind for one in problems]
    figures = {name: _figures(found, kinds) for name, found in values.items()}
    ahead = {
        name: _figures([tuple(np.subtract(a, b)) for a, b in zip(values[OURS], found, strict=True)], kinds)
        for name, found in values.items()
        if name != OURS and OURS in values
    }
    return {
        "seed": SEED,
        "data": {pool.__name__: {"origin": pool().origin, "sha256": pool().digest} for pool in (training, evaluation)},
        "margin": MARGIN,
        "n_slices": N_SLICES,
        "settings": [
            asdict(one.setting) | {"accuracy": one.accuracy, "gaps": one.gaps, "slices": one.names} for one in problems
        ],
        "tried": tried,
        "features": {name: contestant.feature for name, contestant in contestants.items()},
        "seconds_a_setting": seconds,
        "measures": MEASURES,
        "values": values,
        "figures": figures,
        "ahead": ahead,
        "text": text(figures, ahead, tried, contestants),
        "rows": to_json(_rows(figures, ahead)),
    }


def collected(first: int, per_kind: int) -> tuple[list[Problem], dict[str, dict[str, int]]]:
    """The first settings of each kind on whose slices the network is really worse, and how many had to be tried."""
    found: list[Problem] = []
    tried: dict[str, dict[str, int]] = {}
    for kind in KINDS:
        kept = 0
        for number in range(first, first + DEVELOPMENT):
            one = problem(draw(kind, number))
            if one is not None:
                found.append(one)
                kept += 1
                _tell(f"settings: {len(found)} of {per_kind * len(KINDS)}", len(found), per_kind * len(KINDS))
            if kept == per_kind:
                tried[kind] = {"kept": kept, "dropped": number - first + 1 - kept}
                break
    return found, tried


def text(
    figures: Mapping[str, Any],
    ahead: Mapping[str, Any],
    tried: Mapping[str, Mapping[str, int]],
    contestants: Mapping[str, Contestant],
) -> str:
    """Markdown: one row a method and kind of slice."""
    lines = [
        "| method (features) | slices | precision at 10 | at 25 | average precision | found | failatlas ahead at 10 |",
        "| --- | --- | --- | --- | --- | --- | --- |",
    ]
    for name, by_kind in figures.items():
        for kind, found in by_kind.items():
            shown = [_shown(found[measure]) for measure in MEASURES[:4]]
            lead = _shown(ahead[name][kind][MEASURES[0]], "+") if name in ahead else "–"
            cells = [f"{name} ({contestants[name].feature})", f"{kind}, n = {found[MEASURES[0]]['n']}", *shown, lead]
            lines.append(f"| {' | '.join(cells)} |")
    dropped = ", ".join(f"{kind} {count['dropped']}" for kind, count in tried.items())
    lines.append(f"\nDropped because the network was not worse by {MARGIN:g} on any slice: {dropped}.")
    return "\n".join(lines)


def _measured(one: Problem, contestant: Contestant) -> dict[str, np.ndarray]:
    """A method's measures on one setting and its seconds; from the cache where setting and sources are as they were."""
    seed = derive(SEED, "slices", one.setting.kind, one.setting.number, "methods")
    discover, feature = contestant.discover, contestant.feature
    sources = "".join(_SOURCES[part.__module__] for part in (discover, Method, match))

    def measures() -> dict[str, np.ndarray]:
        start = time.process_time()
        scores = discover(one.discovery, one.scored, feature, seed)
        taken = time.process_time() - start
        return {"values": np.array(_setting_mean(one, scores)), "seconds": np.array(taken)}

    name = f"{one.setting.name} {sys.modules[discover.__module__].__name__.rpartition('.')[2]}"
    return kept(name, f"{one.digest} {feature} {seed} {MARGIN} {sources}", measures)


def _setting_mean(one: Problem, scores: np.ndarray) -> tuple[float, ...]:
    """The measures of one method on one setting, in the order of ``MEASURES``; means over its true slices."""
    found = [match(truth, scores) for truth in one.slices.T]
    rows = [
        (each.precision_10, each.precision_25, each.average_precision, float(each.is_found), each.roc_precision_10)
        for each in found
    ]
    return tuple(float(value) for value in np.mean(rows, axis=0))


def _figures(values: Sequence[tuple[float, ...]], kinds: Sequence[Kind]) -> dict[str, dict[str, dict[str, Any]]]:
    """Kind (and ``"all"``) → measure → mean with its interval."""
    table = np.array(values, np.float64)
    of_kind = np.array(kinds)
    found = {}
    for kind in ("all", *KINDS):
        rows = table if kind == "all" else table[of_kind == kind]
        found[kind] = {
            measure: _plain(bootstrap_mean(rows[:, column], seed=derive(SEED, "interval", kind, measure)))
            for column, measure in enumerate(MEASURES)
        }
    return found


def _plain(interval: Interval) -> dict[str, Any]:
    return {key: value if key in ("n", "method") or math.isfinite(value) else None for key, value in _fields(interval)}


def _fields(interval: Interval) -> Iterator[tuple[str, Any]]:
    return zip(("value", "low", "high", "n", "method"), astuple(interval), strict=True)


def _shown(interval: Mapping[str, Any], sign: str = "") -> str:
    if interval["low"] is None:
        return f"{interval['value']:{sign}.2f}"
    return f"{interval['value']:{sign}.2f} [{interval['low']:{sign}.2f}, {interval['high']:{sign}.2f}]"


def _rows(figures: Mapping[str, Any], ahead: Mapping[str, Any]) -> list[Row]:
    """Precision at 10 over all settings, one row a baseline; reached = the interval of the difference excludes zero."""
    measure = MEASURES[0]
    rows = []
    for name, lead in ahead.items():
        ours, theirs, difference = figures[OURS]["all"][measure], figures[name]["all"][measure], lead["all"][measure]
        rows.append(
            Row(
                f"slices, precision at 10, {ours['n']} settings",
                _shown(ours),
                f"{_shown(theirs)} ({name})",
                ours["value"] / theirs["value"] if theirs["value"] else math.nan,
                math.nan,
                math.nan,
                f"ahead: {_shown(difference, '+')}",
                difference["low"] is not None and difference["low"] > 0,
                "1",
            )
        )
    return rows


_started: dict[str, float] = {}


def _told(problems: Sequence[Problem], what: str) -> Iterator[Problem]:
    for number, one in enumerate(problems, 1):
        yield one
        _tell(f"{what}: {number} of {len(problems)}", number, len(problems))


def _tell(what: str, done: int, total: int) -> None:
    """A line of progress on stderr with the time that is left at the pace so far."""
    begun = _started.setdefault(what.partition(":")[0], time.monotonic())
    left = (time.monotonic() - begun) / done * (total - done)
    print(f"{what}, about {left / 60:.0f} min left", file=sys.stderr, flush=True)


def development() -> str:
    """The table by which features were chosen: every method with every feature on the development settings."""
    named = {
        f"{name}, {feature}" if name != OURS or feature != CONTESTANTS[OURS].feature else OURS: Contestant(
            CONTESTANTS[name].discover, feature
        )
        for name in LOOKING
        for feature in FEATURES
    }
    return str(run(DEVELOPMENT, 8, named)["text"])
