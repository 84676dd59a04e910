"""Rendered case: a case study whose pictures a simulator draws, so that the cause of every failure is known.

A picture is a number: picture ``i`` of a split depends on the seed, the split and ``i``, not on how many are made.
"""

from __future__ import annotations

import hashlib
import json
from collections import deque
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, field, replace
from functools import cached_property
from importlib import resources
from typing import TYPE_CHECKING, Any

import numpy as np

from failatlas.arrays import Pixels
from failatlas.cases.weakness import KNOWN_CAUSE, Weakness
from failatlas.errors import DataError, UsageError
from failatlas.parameters import Space, Value, Values
from failatlas.progress import track
from failatlas.seeds import derive, generator

if TYPE_CHECKING:
    from failatlas.cases.networks import SmallNetwork
    from failatlas.cases.recipe import Recipe
    from failatlas.images import ImageRecord, ImageSet
    from failatlas.models.model import WhiteBox
    from failatlas.simulators import Rendering, Simulator
    from failatlas.simulators.scenarios import Scenario
    from failatlas.simulators.where import Condition
    from failatlas.tasks.task import Task

SCENARIO = "scenario"  # the manifest's column of what was injected
MOST_REDRAWS = 1000
# so many in a row without a fitting one, and the condition is called hopeless
MOST_DRAWN, MOST_RENDERED = 50_000, 5_000


@dataclass(frozen=True, slots=True)
class Answer:
    """What is right for a picture: a class, or numbers."""

    label: str | None = None
    target: tuple[float, ...] | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Picture:
    """Picture ``number`` of a split: pixels, and its row of the manifest."""

    number: int
    pixels: Pixels
    record: ImageRecord


# no slots: the space is computed once and kept
@dataclass(frozen=True, eq=False)
class RenderedCase:
    """A case study over a simulator.

    Attributes:
        name: in the registry, and of its folder in ``cases/data``.
        title: one line.
        about: a paragraph for the gallery: the original, the task, what differs.
        source: of the original case study.
        simulator: its name.
        options: how it is built, e.g. ``{"view": "eye", "size_px": 64}``.
        sizes: pictures a split, when nobody says how many; has train, test and improvement.
        draw: (generator, split) → parameters of an ordinary picture; people are disjoint between the splits.
        answer: (parameters and measured labels) → what is right; None = not usable, another one is drawn.
        weaknesses: planted, in order: the first that holds is an image's known cause.
        task_of: makes the error rule.
        network: architecture of the reference network.
        recipe: how it was trained.
        facts: which measured labels the manifest keeps; None = all.
    """

    name: str
    title: str
    about: str
    source: str
    simulator: str
    options: Mapping[str, object]
    sizes: Mapping[str, int]
    draw: Callable[[np.random.Generator, str], Values]
    answer: Callable[[Values], Answer | None]
    weaknesses: tuple[Weakness, ...]
    task_of: Callable[[], Task]
    network: SmallNetwork
    recipe: Recipe
    facts: tuple[str, ...] | None = None
    licence: str = field(default="Apache-2.0", kw_only=True)

    @property
    def splits(self) -> tuple[str, ...]:
        """test, improvement, train."""
        return tuple(self.sizes)

    @cached_property
    def space(self) -> Space:
        """The simulator's parameters.

        Raises:
            UsageError: a weakness speaks of something that is no parameter.
        """
        space = self._simulator.space
        for weakness in self.weaknesses:
            weakness.where.check(space)
        return space

    @cached_property
    def _simulator(self) -> Simulator:
        from failatlas.simulators import simulators

        return simulators.create(self.simulator, **self.options)

    def values(self, split: str, number: int, seed: int = 0) -> dict[str, Value]:
        """Parameters of picture ``number``: ordinary ones, or outside training with a weakness planted by its share.

        Raises:
            UsageError: no such split, or ordinary pictures nearly always have a weakness.
        """
        self._check_split(split)
        random = generator(seed, "case", self.name, split, number)
        lot = random.random()
        ordinary = self._ordinary(random, split)
        if split == "train":
            return ordinary
        for weakness in self.weaknesses:
            if lot < weakness.share:
                return weakness.planted(random, ordinary, self.space)
            lot -= weakness.share
        return ordinary

    def known_cause(self, values: Values) -> str:
        """Name of the first weakness that holds; empty for an ordinary picture."""
        return next((weakness.name for weakness in self.weaknesses if weakness.where.holds(values)), "")

    def pictures(
        self,
        split: str,
        *,
        seed: int = 0,
        start: int = 0,
        where: Condition | None = None,
        scenario: Scenario | None = None,
    ) -> Generator[Picture]:
        """Pictures in order of their numbers, without end; close the iterator when enough have come.

        Args:
            split: which.
            seed: of everything that is drawn; 0 is the reference set.
            start: first number.
            where: only pictures whose parameters or labels fulfil it.
            scenario: done to every picture; it is then the known cause.

        Raises:
            UsageError: a condition on what is neither parameter nor label, or a scenario that does not fit.
            DataError: hardly a picture fulfils the condition.
        """
        from failatlas.simulators.batches import render_many

        early = where is not None and set(where.names) <= set(self.space.names)
        if where is not None and early:
            where.check(self.space)  # a word that no choice has would be searched for in vain
        pending: deque[int] = deque()

        def jobs() -> Iterator[tuple[dict[str, Value], int]]:
            misses = 0
            for number in _count(start):
                values = self.values(split, number, seed)
                if scenario is not None:
                    values = scenario.values(values, generator(seed, "scenario", self.name, split, number), self.space)
                if where is not None and early and not where.holds(values):
                    misses = _missed(misses, MOST_DRAWN, where)
                    continue
                misses = 0
                pending.append(number)
                yield values, derive(seed, "render", self.name, split, number)

        misses = 0
        with closing(render_many(self.simulator, self.options, jobs())) as renderings:
            for rendering in renderings:
                number = pending.popleft()
                known = {**rendering.values, **rendering.labels}
                answer = self.answer(known)
                if where is not None and not early:
                    where.check(tuple(known))
                if answer is None or (where is not None and not early and not where.holds(known)):
                    misses = _missed(misses, MOST_RENDERED, where or "usable")
                    continue
                misses = 0
                pixels = rendering.pixels
                truth: dict[str, Value] = {KNOWN_CAUSE: self.known_cause(rendering.values)}
                if scenario is not None:
                    injection = scenario.draw(generator(seed, "pixels", self.name, split, number))
                    pixels = injection.pixels(pixels)
                    truth = {**injection.truth, KNOWN_CAUSE: scenario.name, SCENARIO: scenario.name}
                yield Picture(number, pixels, self._record(split, number, rendering, answer, truth))

    def restage(
        self, record: ImageRecord, scenario: Scenario, random: np.random.Generator
    ) -> tuple[Pixels, ImageRecord] | None:
        """A picture and its record with a scenario done to its scene and pixels; None = no right answer is left.

        The sensor draws its noise from the seed of the reference set; a picture of a set that was made with another
        seed shows the same scene with other noise.  The known cause is the scenario, or the planted weakness that the
        new scene has.

        Raises:
            DataError: the record lacks a parameter of the scene.
            UsageError: the scenario does not fit the simulator.
        """
        from failatlas.injection.landmarks import answered
        from failatlas.injection.staging import done_to

        lacking = next((name for name in self.space.names if name not in record.metadata), None)
        if lacking is not None:
            raise DataError(
                f"no column {lacking!r} says what was rendered", where=record.id, remedy="keep the manifest's columns"
            )
        before = {name: record.metadata[name] for name in self.space.names}
        values = scenario.values(before, random, self.space)
        name, _, number = record.id.removesuffix(".png").rpartition("-")
        place: tuple[str | int, ...] = (name, int(number)) if number.isdecimal() else (record.id,)
        rendering = self._simulator.render(values, derive(0, "render", self.name, *place))
        answer = self.answer({**rendering.values, **rendering.labels})
        if answer is None:
            return None
        injection = scenario.draw(random)
        cause = self.known_cause(rendering.values) or scenario.name
        metadata = {**record.metadata, **rendering.values, **self._facts(rendering), **injection.truth}
        restaged = replace(record, label=answer.label, target=answer.target, metadata={**metadata, KNOWN_CAUSE: cause})
        size = rendering.pixels.shape[:2]
        return done_to(rendering.pixels, injection), answered(restaged, injection, size, self.task())

    def images(self, split: str) -> ImageSet:
        """The reference set of a split, rendered now.

        Raises:
            UsageError: no such split.
        """
        from failatlas.images import ImageSet

        self._check_split(split)
        n = self.sizes[split]
        records: list[ImageRecord] = []
        stack: Pixels | None = None
        with closing(self.pictures(split)) as pictures:
            for i, picture in zip(track(range(n), f"rendering {self.name} {split}", n), pictures, strict=False):
                if stack is None:
                    stack = np.empty((n, *picture.pixels.shape), np.uint8)
                stack[i] = picture.pixels
                records.append(picture.record)
        assert stack is not None
        return ImageSet.from_arrays(
            stack,
            labels=None if records[0].label is None else [record.label for record in records],
            ids=[record.id for record in records],
            split=split,
            metadata={name: [record.metadata[name] for record in records] for name in records[0].metadata},
            targets=None if records[0].target is None else np.array([record.target for record in records]),
            parameters=self.space,
        )

    def model(self) -> WhiteBox:
        """The reference network with its trained weights.

        Raises:
            DataError: the shipped weights are not those of the card.
        """
        from failatlas.models.module import TorchModel
        from failatlas.models.weights import load_weights

        module = self.network.module().eval()
        with resources.as_file(self._data("network.safetensors")) as path:
            if hashlib.sha256(path.read_bytes()).hexdigest() != self.card()["sha256"]:
                raise DataError("a shipped file has changed", where=str(path), remedy="reinstall failatlas")
            load_weights(module, path)
        classes = getattr(self.task_of(), "classes", ())
        return TorchModel(module, self.network.preprocess(), name=f"{self.name} reference network", classes=classes)

    def task(self) -> Task:
        """What counts as an error."""
        return self.task_of()

    def card(self) -> dict[str, Any]:
        """How the reference network was trained and how it does: ``data/<name>/card.json``."""
        document: dict[str, Any] = json.loads(self._data("card.json").read_text(encoding="utf-8"))
        return document

    def digest(self) -> str:
        """SHA-256 (hex) of what decides over its pictures: simulator, parameters, weaknesses, shares, first scenes.

        Not of the simulator's code: a set made before and after a change of its look has one digest.
        """
        told = [
            self.simulator,
            sorted((name, str(value)) for name, value in self.options.items()),
            self.space.to_json(),
            [(w.name, repr(w.where), w.share) for w in self.weaknesses],
            [self.values(split, 0) for split in self.splits],
        ]
        return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()

    def __repr__(self) -> str:
        return f"<RenderedCase {self.name}: {self.title}, {len(self.weaknesses)} planted weaknesses>"

    def _ordinary(self, random: np.random.Generator, split: str) -> dict[str, Value]:
        for _ in range(MOST_REDRAWS):
            values = self.space.validated(self.draw(random, split))
            if not self.known_cause(values):
                return values
        raise UsageError(f"case {self.name!r} hardly ever draws a picture without a weakness", remedy="mend its draw")

    def _record(self, split: str, number: int, rendering: Rendering, answer: Answer, truth: Values) -> ImageRecord:
        from failatlas.images import ImageRecord

        name = f"{split}-{number:06d}"
        return ImageRecord(
            id=f"{name}.png",
            path=f"images/{name}.png",
            label=answer.label,
            target=answer.target,
            split=split,
            metadata={**rendering.values, **self._facts(rendering), **truth},
        )

    def _facts(self, rendering: Rendering) -> dict[str, Value]:
        return {k: v for k, v in rendering.labels.items() if self.facts is None or k in self.facts}

    def _check_split(self, split: str) -> None:
        if split not in self.sizes:
            what = f"case {self.name!r} has no split {split!r}"
            raise UsageError(what, remedy=f"choose one of: {', '.join(self.splits)}")

    def _data(self, name: str) -> resources.abc.Traversable:
        return resources.files("failatlas.cases") / "data" / self.name / name


def _count(start: int) -> Iterator[int]:
    number = start
    while True:
        yield number
        number += 1


def _missed(misses: int, most: int, what: object) -> int:
    if misses + 1 >= most:
        raise DataError(f"none of {most} pictures in a row is {what}", remedy="loosen --where")
    return misses + 1
