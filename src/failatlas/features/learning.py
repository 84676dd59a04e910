"""Learning: what an extractor that must learn before it extracts is given, what it keeps, and how it is taught.

An ordinary extractor is ready when it is opened; a `Learner` is opened untaught, learns once (``learn``, minutes), and
what it learnt is stored and makes a ready extractor again in no time (``taught``).
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeAlias, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from failatlas.arrays import Features, Indices, array_hash, freeze
from failatlas.curves import Curve
from failatlas.errors import DataError, ModelError
from failatlas.features.extractor import Extractor
from failatlas.images import ImageSet
from failatlas.images.records import Batch
from failatlas.seeds import generator
from failatlas.tasks.landmarks import MASKED

State: TypeAlias = Mapping[str, NDArray[np.generic]]  # named arrays: all that a training needs to go on
Targets: TypeAlias = NDArray[np.float32]  # (m, t): numbers to be predicted, nan where nobody knows


@dataclass(frozen=True, slots=True, eq=False)
class Lessons:
    """Images to learn from, with their answers where somebody gave them.

    Attributes:
        images: the set.
        indices: (m,) positions in it.
        labels: m class names; empty where the answers are numbers, or where there are none.
        targets: (m, t) float32; t = 0 without numbers.
    """

    images: ImageSet
    indices: Indices
    labels: tuple[str, ...]
    targets: Targets

    @classmethod
    def unanswered(cls, images: ImageSet, indices: Indices) -> Lessons:
        """Pictures alone: whatever people say of them is left out."""
        return cls(images, freeze(np.array(indices, np.int64)), (), _no_targets(len(indices)))

    @classmethod
    def answered(cls, images: ImageSet, task: str, indices: Sequence[int] | Indices | None = None) -> Lessons:
        """Pictures with labels or targets; those without an answer are left out.

        Args:
            images: a labelled set.
            task: ``classification`` learns labels, any other task numbers; of ``landmarks``, those not marked are nan.
            indices: only these; all by default.

        Raises:
            DataError: no image has an answer.
        """
        records = images.records
        wanted = [int(i) for i in (indices if indices is not None else range(len(images)))]
        what = "label" if task == "classification" else "target"
        kept = [i for i in wanted if getattr(records[i], what) is not None]
        if not kept:
            raise DataError(
                f"no image of the training set has a {what}",
                remedy=f"name a training set with {what}s (--train), or an extractor that needs none",
            )
        if task == "classification":
            return cls(
                images, freeze(np.array(kept)), tuple(str(records[i].label) for i in kept), _no_targets(len(kept))
            )
        targets = np.array([records[i].target for i in kept], np.float32).reshape(len(kept), -1)
        if task == "landmarks":
            targets = np.where(targets > MASKED, targets, np.float32(np.nan))
        return cls(images, freeze(np.array(kept)), (), freeze(targets))

    def drawn(self, most: int, seed: int) -> Lessons:
        """At most so many of them, every class as often as every other while it lasts; in the order of the set."""
        if len(self) <= most:
            return self
        order = generator(seed, "lessons").permutation(len(self))
        seen: dict[str, int] = {}
        rank = np.empty(len(self), np.int64)
        for i in order.tolist():
            label = self.labels[i] if self.labels else ""
            rank[i] = seen[label] = seen.get(label, -1) + 1
        # all the firsts of their classes, then all the seconds, … each in random order
        return self.at(np.sort(order[np.argsort(rank[order], kind="stable")[:most]]))

    def at(self, rows: Indices) -> Lessons:
        """The lessons at these places among them."""
        labels = tuple(self.labels[i] for i in rows.tolist()) if self.labels else ()
        return Lessons(self.images, freeze(self.indices[rows]), labels, freeze(self.targets[rows]))

    @property
    def answers(self) -> str:
        """SHA-256 (hex) over labels and targets; what the pictures are is the image hash's to say."""
        text = "\0".join(self.labels).encode("utf-8", "surrogatepass")
        return hashlib.sha256(text + array_hash(self.targets).encode()).hexdigest()

    @property
    def source(self) -> str:
        """Where they come from, for people: how many, of which split."""
        splits = sorted({str(self.images.records[i].split) for i in self.indices.tolist()} - {"None"})
        return f"{len(self):,} images" + (f" of split {', '.join(splits)}" if splits else "")

    def __len__(self) -> int:
        return len(self.indices)

    def __repr__(self) -> str:
        answers = f"{len(set(self.labels))} classes" if self.labels else f"{self.targets.shape[1]} targets"
        return f"<Lessons {len(self)} images, {answers}>"


@dataclass(frozen=True, slots=True, eq=False)
class Learnt:
    """What an extractor learnt.

    Attributes:
        weights: by the name of the parameter, float32.
        curves: loss over epochs, held-out first.
        epochs: how many there were.
        notes: what was reached, how it ended, what was left out.
    """

    weights: Mapping[str, NDArray[np.float32]]
    curves: tuple[Curve, ...]
    epochs: int
    notes: tuple[str, ...]

    @property
    def digest(self) -> str:
        """SHA-256 (hex) over the weights."""
        named = (f"{name} {array_hash(array)}" for name, array in sorted(self.weights.items()))
        return hashlib.sha256("\n".join(named).encode()).hexdigest()

    def __repr__(self) -> str:
        n = sum(array.size for array in self.weights.values())
        return f"<Learnt {n:,} weights in {self.epochs} epochs>"


class Checkpoints(Protocol):
    """Where a training is kept between its epochs."""

    def last(self) -> State | None:
        """The state kept last; None before the first."""

    def keep(self, state: State) -> None:
        """Keep a state; it is durable when this returns, and replaces the one before."""

    def part(self, number: int, compute: Callable[[], State]) -> State:
        """Part ``number`` of what is prepared before the first epoch: computed now, or read back."""


class Unkept:
    """Checkpoints that keep nothing: a training in one go."""

    def last(self) -> State | None:
        """None."""
        return None

    def keep(self, state: State) -> None:
        """Forgets it."""

    def part(self, number: int, compute: Callable[[], State]) -> State:  # noqa: ARG002 - the protocol's signature
        """Computes it."""
        return compute()


@runtime_checkable
class Learner(Protocol):
    """An extractor that learns before it extracts; opened it is untaught, and ``extract`` refuses."""

    @property
    def recipe(self) -> str:
        """SHA-256 (hex) over everything that decides what is learnt, but the lessons and the seed."""

    @property
    def is_supervised(self) -> bool:
        """Whether it learns from answers; what does not may learn from the analysed images themselves."""

    @property
    def most_lessons(self) -> int:
        """More are not used: a draw of so many is learnt from."""

    @property
    def digest(self) -> str:
        """As of any extractor; of a taught one it covers what it learnt."""

    def extract(self, batch: Batch, score: Indices) -> Features:
        """As of any extractor; an untaught one raises ModelError."""

    def learn(self, lessons: Lessons, *, seed: int, checkpoints: Checkpoints) -> Learnt:
        """Learn; the same lessons and seed give the same bytes, unbroken or resumed."""

    def taught(self, learnt: Learnt) -> Extractor:
        """A new extractor that extracts by what was learnt."""


def untaught(name: str) -> ModelError:
    """The error of an extractor that is asked for rows before it has learnt."""
    return ModelError(
        f"extractor {name!r} has not learnt yet",
        remedy="teach it first: failatlas analyze does, or learn() and taught()",
    )


def _no_targets(n: int) -> Targets:
    return freeze(np.zeros((n, 0), np.float32))
