"""Learning in a run: an extractor learns once for its lessons; every epoch is kept, so a kill costs one at most."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from failatlas.arrays import array_hash
from failatlas.errors import UsageError
from failatlas.features import Extractor
from failatlas.features.learning import Learner, Learnt, Lessons, State
from failatlas.images import ImageSet
from failatlas.runs.conductor import Conductor, Stage
from failatlas.runs.fingerprints import digest_of, image_digests
from failatlas.store import RunStore, gc

STAGE = "learning"
_VERSION = 1


def learnt(conductor: Conductor, learner: Learner, lessons: Lessons, pixels: str, seed: int) -> Extractor:
    """The learner, taught: what it learnt is computed once and then read back.

    Args:
        conductor: keeps what was learnt, and every epoch until then.
        learner: which; opened, untaught.
        lessons: to learn from.
        pixels: hash of the bytes of the lessons' images.
        seed: of everything random.

    Raises:
        ModelError: there is nothing to learn from, or the training diverged in its first epoch.
    """
    return learner.taught(what_was_learnt(conductor, learner, lessons, pixels, seed))


def what_was_learnt(conductor: Conductor, learner: Learner, lessons: Lessons, pixels: str, seed: int) -> Learnt:
    """The same, not yet put to use: weights, curves and notes."""
    inputs = {
        "recipe": learner.recipe,
        "images": pixels,
        "which": array_hash(lessons.indices),
        "answers": lessons.answers,
    }
    stage = Stage(STAGE, _VERSION, inputs, {}, seed)
    kept = _Kept(conductor.store, stage)
    found = conductor.run(stage, Learnt, lambda: learner.learn(lessons, seed=seed, checkpoints=kept))
    kept.drop()
    return found


def lessons_for(learner: Learner, images: ImageSet, task: str, seed: int) -> tuple[Lessons, str]:
    """Lessons of a training set, and the hash of their pixels; only what is learnt from is read.

    Args:
        learner: says how many it takes.
        images: the training set.
        task: whose answers are learnt.
        seed: of the draw.

    Raises:
        DataError: no image has an answer.
    """
    drawn = Lessons.answered(images, task).drawn(learner.most_lessons, seed)
    chosen = images.select(drawn.indices)
    digests = image_digests(chosen, "hashing images to learn from")
    # a file that changes between its hash and its lesson is left out, like one that cannot be read
    pinned = chosen.pinned({image: digest for image, digest in digests.items() if not digest.startswith("E_")})
    every = np.arange(len(chosen), dtype=np.int64)
    return Lessons(pinned, every, drawn.labels, drawn.targets), digest_of(digests)


def refused(name: str) -> UsageError:
    """The error of a pipeline that must learn from answers and has none."""
    return UsageError(
        f"extractor {name!r} learns from the network's training set, and none was given",
        remedy=f"give --train FOLDER or MANIFEST, or take {name.removesuffix('-tuned')!r}, which needs none",
    )


class _Kept:
    """Checkpoints in a run store: parts of the preparation and the last epoch, until what was learnt replaces them."""

    def __init__(self, store: RunStore, stage: Stage) -> None:
        self._store = store
        self._epochs = f"{stage.key} epochs"
        self._parts = f"{stage.key} parts"
        self._next = 0

    def last(self) -> State | None:
        """The arrays of the newest epoch."""
        numbers = [entry.shard for entry in self._store.entries(self._epochs)]
        if not numbers:
            return None
        self._next = max(numbers) + 1
        stored = self._store.shard(self._epochs, max(numbers))
        return stored.arrays if stored is not None else None

    def keep(self, state: State) -> None:
        """Keep an epoch, and free the one before it: those of a large network would fill the disk."""
        self._store.put_shard(self._epochs, self._next, STAGE, None, state)
        self._store.drop(self._epochs, before=self._next)
        gc(self._store)
        self._next += 1

    def part(self, number: int, compute: Callable[[], State]) -> State:
        """A part of the preparation."""
        stored = self._store.shard(self._parts, number)
        if stored is None:
            stored = self._store.put_shard(self._parts, number, STAGE, None, compute())
        return stored.arrays

    def drop(self) -> None:
        """Forget all of it; nothing happens when there is nothing."""
        left = [key for key in (self._epochs, self._parts) if self._store.entries(key)]
        for key in left:
            self._store.drop(key)
        if left:
            gc(self._store)
