"""Injection: scenarios done to images that a network handles correctly; those on which it then fails are kept.

At most one shard of 64 pictures is in memory.  A picture costs one decoding, the effect (0.1–2 ms at 96 × 96) and one
pass of the network; with a geometric scenario it is rendered again (5–20 ms).
"""

from __future__ import annotations

import csv
import dataclasses
import hashlib
import json
import shutil
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from failatlas.arrays import Pixels
from failatlas.errors import DataError, UsageError
from failatlas.images import BadImage, ImageRecord, ImageSet, write_manifest
from failatlas.images.delimited import unescape_formula
from failatlas.images.schema import FILE as PARAMETERS
from failatlas.images.sources import FolderSource
from failatlas.injection.landmarks import answered
from failatlas.injection.staging import Staging, done_to
from failatlas.injection.strength import stronger
from failatlas.injection.writing import begun, record_of, row_of, shards, write_pictures, write_shard
from failatlas.models.model import Model
from failatlas.outcomes import Outcomes
from failatlas.outcomes.running import Runner
from failatlas.progress import step
from failatlas.rootcauses.columns import KNOWN_CAUSE
from failatlas.rootcauses.knowncauses import FEWEST_FAILURES
from failatlas.seeds import generator
from failatlas.simulators.scenarios import Scenario
from failatlas.store import write_atomically
from failatlas.store.files import leftovers
from failatlas.tasks.task import Task

VERSION = 1  # of what is injected: raise it when the same arguments give other pictures
SHARD = 64  # pictures that are tried together
SOURCE_ID = "source_id"  # the manifest's column of the image that a failure was made from
_PLAN, _TALLIES, _SHARDS = "injection.json", "tallies.json", ".shards"


@dataclass(frozen=True, slots=True)
class Tally:
    """How a scenario fared.

    Attributes:
        scenario: its name.
        tried: correctly handled images to which it was done.
        kept: those of them on which the network then failed.
        note: the same in words, with what to do where fewer were found than wanted.
    """

    scenario: str
    tried: int
    kept: int
    note: str

    def __str__(self) -> str:
        return f"{self.scenario}: {self.note}"


@dataclass(frozen=True, slots=True, eq=False)
class Injected:
    """Failures whose cause is known.

    Attributes:
        images: them, with label or target, the metadata of their sources, and the truth: ``known_cause``, ``scenario``,
            ``scenario_code``, ``source_id`` and, named ``<effect>_<parameter>``, the values of the effects.
        tallies: one a scenario.
        manifest: path of the CSV file that lists them.
        sources: ids of the images that they were made from.
    """

    images: ImageSet
    tallies: tuple[Tally, ...]
    manifest: Path
    sources: tuple[str, ...]

    def __repr__(self) -> str:
        kept = ", ".join(f"{tally.scenario} {tally.kept}" for tally in self.tallies)
        return f"<Injected {len(self.images)} failures: {kept or 'no scenario'}>"


def inject(
    model: Model,
    images: ImageSet,
    outcomes: Outcomes,
    task: Task,
    scenarios: Sequence[Scenario],
    out: Path,
    *,
    per_scenario: int,
    seed: int,
    staging: Staging | None = None,
    batch_size: int = 64,
    pixels: str = "",
) -> Injected:
    """Do every scenario to correctly handled images until enough of them fail.

    Each scenario goes through the images in an order of its own; those that an earlier one has used come last.  Images
    with a known cause of their own are never used: their failures would have two.  A scenario is given up when all
    images would hardly give 10 failures.

    The right answer stays what it is: a turned or zoomed picture shows the same scene through a tilted camera or
    another lens.  Landmarks are places in the picture: they move with it, and are not marked any more beyond its border
    or under a cover.

    Writes ``images/*.png``, ``manifest.csv``, ``tallies.json`` and, where parameters are declared, ``parameters.json``.
    Killed at any point, the same call goes on where it stopped and ends with the same bytes.

    Args:
        model: the network.
        images: the set; only read.
        outcomes: what the network made of it.
        task: the error rule.
        scenarios: of different names.
        out: folder, made when missing.
        per_scenario: failures wanted of each.
        seed: of everything that is drawn.
        staging: who renders the pictures' scenes; needed by geometric scenarios.
        batch_size: images that the network gets at a time.
        pixels: hash of the images' bytes, where it is known: pictures of changed files are then never taken for theirs.

    Raises:
        UsageError: the folder holds another set, a scenario does not fit or is named twice, or nothing is wanted.
        DataError: a picture does not say how its scene was rendered.
        ModelError: the network refuses every image.
        ResourceError: disk full, no permission; finished shards are kept.
    """
    pool = _pool(images, outcomes)
    _check(scenarios, per_scenario, staging, images, pool)
    plan = {
        "version": VERSION,
        "scenarios": [repr(scenario) for scenario in scenarios],
        "per_scenario": per_scenario,
        "seed": seed,
        "network": model.digest,
        "task": task.to_json(),
        "images": images.record_digest(),
        "pixels": pixels,
        "correct": hashlib.sha256(json.dumps([images.ids[i] for i in pool]).encode()).hexdigest(),
        "staging": None if staging is None else staging.digest(),
    }
    manifest = out / "manifest.csv"
    if begun(out / _PLAN, plan) and manifest.is_file():
        found = _whole(out)
        if found is not None:
            return found
        manifest.unlink()  # something is gone or damaged: the set is made anew, to the same bytes
        # shards that a kill left behind say that it is there
        shutil.rmtree(out / _SHARDS, ignore_errors=True)
    for leftover in leftovers(out):  # of a killed call
        leftover.unlink(missing_ok=True)
    work = _Injecting(model, images, task, out, pool, per_scenario, seed, staging, batch_size)
    tallies = [work.scenario(scenario) for scenario in scenarios]
    space = staging.space if staging is not None else images.parameters
    if space is not None:
        write_atomically(out / PARAMETERS, space.to_text().encode())
    told = {
        "tallies": [dataclasses.asdict(tally) for tally in tallies],
        "pictures": {record.path: _digest(out / record.path) for record in work.records},
    }
    write_atomically(out / _TALLIES, (json.dumps(told, ensure_ascii=False, indent=1) + "\n").encode())
    # last: a manifest names only files that are there
    write_manifest(manifest, work.records)
    shutil.rmtree(out / _SHARDS, ignore_errors=True)
    return _opened(out)


def _whole(out: Path) -> Injected | None:
    """The finished set, if every file of it is what it was when it was written."""
    try:
        found = _opened(out)
        pictures = json.loads((out / _TALLIES).read_text(encoding="utf-8"))["pictures"]
        is_whole = list(pictures) == [record.path for record in found.images.records]
        is_whole = is_whole and all(_digest(out / path) == digest for path, digest in pictures.items())
    except (DataError, OSError, ValueError, KeyError, TypeError):
        return None  # unreadable, or not what this module writes
    return found if is_whole else None


def _digest(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()


def _pool(images: ImageSet, outcomes: Outcomes) -> list[int]:
    """Positions of the correctly handled images without a known cause of their own."""
    correct = outcomes.indices[~outcomes.is_error].tolist()
    return [i for i in correct if not images.records[i].metadata.get(KNOWN_CAUSE)]


def _check(
    scenarios: Sequence[Scenario], per_scenario: int, staging: Staging | None, images: ImageSet, pool: Sequence[int]
) -> None:
    if per_scenario < 1 or not scenarios:
        raise UsageError(
            f"{per_scenario} failures of {len(scenarios)} scenarios", remedy="want at least one failure and scenario"
        )
    doubled = [name for name, count in Counter(scenario.name for scenario in scenarios).items() if count > 1]
    if doubled:
        raise UsageError(f"scenario {doubled[0]!r} is named twice", remedy="leave one out: their causes share the name")
    for scenario in scenarios:
        if scenario.kind != "photometric":
            scenario.check(None if staging is None else staging.space)
            lacking = [] if staging is None or not pool else _lacking(images.records[pool[0]], staging)
            if lacking:
                raise DataError(
                    f"scenario {scenario.name!r} renders the scene anew, and no column {lacking[0]!r} says what it was",
                    where=images.ids[pool[0]],
                    remedy="use the images that the case study rendered, with their metadata",
                )


def _lacking(record: ImageRecord, staging: Staging) -> list[str]:
    return [name for name in staging.space.names if name not in record.metadata]


def _opened(out: Path) -> Injected:
    """The finished set in a folder."""
    manifest = out / "manifest.csv"
    told = json.loads((out / _TALLIES).read_text(encoding="utf-8"))
    tallies = tuple(Tally(**row) for row in told["tallies"])
    if not any(tally.kept for tally in tallies):
        # a manifest without rows opens as an error
        return Injected(ImageSet((), FolderSource(out)), tallies, manifest, ())
    with manifest.open(encoding="utf-8", errors="surrogateescape", newline="") as file:
        # as text: metadata that look like numbers are numbers, and image "007" would be 7
        sources = tuple(unescape_formula(row[SOURCE_ID]) for row in csv.DictReader(file))
    return Injected(ImageSet.open(manifest), tallies, manifest, sources)


@dataclass(frozen=True, slots=True, eq=False)
class _Attempt:
    """A picture with a scenario done to it."""

    position: int  # of its source in the pool's set
    pixels: Pixels
    record: ImageRecord


class _Injecting:
    """The state that passes from one scenario to the next: failures so far, images that were used."""

    def __init__(
        self,
        model: Model,
        images: ImageSet,
        task: Task,
        out: Path,
        pool: Sequence[int],
        wanted: int,
        seed: int,
        staging: Staging | None,
        batch_size: int,
    ) -> None:
        self._runner = Runner(model, batch_size)
        self._images, self._task, self._out = images, task, out
        self._pool, self._wanted, self._seed, self._staging = pool, wanted, seed, staging
        self._used: set[int] = set()
        self._finished = shards(out / _SHARDS)
        self._n_shards = 0
        self.records: list[ImageRecord] = []

    def scenario(self, scenario: Scenario) -> Tally:
        """Find its failures, or read what an earlier call found."""
        order = self._order(scenario)
        tried = kept = 0
        lost: Counter[str] = Counter()
        used: list[int] = []
        with step(f"injecting {scenario.name}", self._wanted) as listener:
            for start in range(0, len(order), SHARD):
                if kept == self._wanted or _is_hopeless(kept, tried, len(order), self._wanted):
                    break
                shard = self._shard(scenario, order[start : start + SHARD], kept)
                tried += shard["tried"]
                kept += len(shard["rows"])
                lost.update(shard["lost"])
                used += shard["sources"]
                self.records += [record_of(row) for row in shard["rows"]]
                listener.advance(len(shard["rows"]))
        self._used.update(used)
        return Tally(scenario.name, tried, kept, _note(scenario, tried, kept, self._wanted, len(order), lost))

    def _order(self, scenario: Scenario) -> list[int]:
        """The pool, shuffled; images that an earlier scenario made fail come last."""
        random = generator(self._seed, "inject", "order", scenario.name)
        shuffled = [self._pool[i] for i in random.permutation(len(self._pool))]
        return sorted(shuffled, key=self._used.__contains__)

    def _shard(self, scenario: Scenario, candidates: Sequence[int], n_before: int) -> Mapping[str, Any]:
        number, self._n_shards = self._n_shards, self._n_shards + 1
        found = next(self._finished, None)
        if found is not None:
            return found
        lost: Counter[str] = Counter()
        attempts = list(self._attempts(scenario, candidates, lost))
        failing = self._failing(attempts, lost)[: self._wanted - n_before]
        is_enough = n_before + len(failing) == self._wanted
        rows, pictures = [], []
        for place, attempt in enumerate(failing, n_before):
            name = f"injected-{scenario.name}-{place:05d}.png"
            record = replace(attempt.record, id=name, path=f"images/{name}")
            rows.append(row_of(record))
            pictures.append((record.path, attempt.pixels))
        write_pictures(self._out, pictures)
        shard = {
            "tried": candidates.index(failing[-1].position) + 1 if is_enough else len(candidates),
            "rows": rows,
            "sources": [attempt.position for attempt in failing],
            "lost": dict(lost),
        }
        # after its pictures: a shard says that they are there
        write_shard(self._out / _SHARDS, number, shard)
        return shard

    def _attempts(self, scenario: Scenario, candidates: Sequence[int], lost: Counter[str]) -> Iterator[_Attempt]:
        for position in candidates:
            source = self._images.records[position]
            random = generator(self._seed, "inject", scenario.name, source.id)
            if scenario.kind == "photometric":
                try:
                    before = self._images.read(position).pixels
                except BadImage:
                    lost["can no longer be read"] += 1
                    continue
                injection = scenario.draw(random)
                pixels = done_to(before, injection)
                record = answered(source, injection, before.shape[:2], self._task)
                record = replace(record, metadata={**record.metadata, **injection.truth})
            else:
                assert self._staging is not None
                staged = self._staging.restage(source, scenario, random)
                if staged is None:
                    lost["have no right answer any more"] += 1
                    continue
                pixels, record = staged
                if _is_same_scene(scenario, source, record):
                    lost["look so already"] += 1
                    continue
            if self._task.gap(record):
                lost["have no right answer any more"] += 1
                continue
            yield _Attempt(position, pixels, replace(record, metadata={**record.metadata, SOURCE_ID: source.id}))

    def _failing(self, attempts: Sequence[_Attempt], lost: Counter[str]) -> list[_Attempt]:
        """Those on which the network fails, in order."""
        if not attempts:
            return []
        outputs, broken = self._runner.outputs([a.pixels for a in attempts], [a.record.id for a in attempts])
        if broken:
            lost["got no finite output"] += len(broken)
        judged = [i for i in range(len(attempts)) if i not in broken]
        if not judged:
            return []
        verdict = self._task.judge(outputs[judged], [attempts[i].record for i in judged])
        return [attempts[judged[i]] for i in np.flatnonzero(verdict.is_error)]


def _is_same_scene(scenario: Scenario, source: ImageRecord, record: ImageRecord) -> bool:
    """Whether a purely geometric scenario found its scene as it would have it, e.g. glasses on a wearer of glasses."""
    if scenario.kind != "geometric":
        return False
    return all(source.metadata.get(name) == record.metadata.get(name) for name in scenario.space.names)


def _is_hopeless(kept: int, tried: int, n_pool: int, wanted: int) -> bool:
    """Whether the whole pool would hardly give enough failures to count as a cause.

    Source: three more than were seen bound a rate from above at 95 % ("rule of three", Hanley & Lippman-Hand, JAMA
    249(13), 1983; exact where none was seen).
    """
    return tried > 0 and (kept + 3) * n_pool < min(wanted, FEWEST_FAILURES) * tried


def _note(scenario: Scenario, tried: int, kept: int, wanted: int, n_pool: int, lost: Mapping[str, int]) -> str:
    without = "".join(f"; {count:,} {why}" for why, count in sorted(lost.items()))
    if kept == wanted:
        return f"{kept:,} of {tried:,} tried fail{without}"
    if not tried:
        return f"0 of {wanted:,} wanted: no correctly handled image to try it on"
    harder = stronger(scenario)
    left = f" (the other {n_pool - tried:,} would hardly give {min(wanted, FEWEST_FAILURES)})" if tried < n_pool else ""
    remedy = f"raise its strength, e.g. {harder}" if harder else "the network copes with it"
    return f"{kept:,} of {wanted:,} wanted: only {kept:,} of {tried:,} tried fail{left}{without}; {remedy}"
