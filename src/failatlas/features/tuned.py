"""Tuned: a pretrained backbone whose upper part learned the training set's own answers before it extracts.

The lower part runs once over at most 2,000 lessons; its maps are kept as float16, 256 MB at most. The upper part and a
new linear head then learn from the maps alone: classes by cross-entropy, numbers by their squared error in units of
their spread. The head is thrown away; rows are the pooled output of the upper part. Cost of learning on one core, an
image and epoch: ``backbone-tuned`` 5 ms, ``lite2-tuned`` 6, ``resnet50-tuned`` 15, ``vgg16-tuned`` 29.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from failatlas.arrays import Features, Indices
from failatlas.errors import ModelError
from failatlas.features import backbone, lite2, own, resnet50, vgg16
from failatlas.features.extractor import extractors
from failatlas.features.learning import Checkpoints, Learnt, Lessons, State, untaught
from failatlas.features.training import Plan, load, one_thread, seeded, split, train, weights_of
from failatlas.features.trunk import Session, Trunk
from failatlas.images.records import Batch
from failatlas.models.model import Model
from failatlas.progress import step
from failatlas.registry import Parameter

if TYPE_CHECKING:
    import torch

MOST = 2000  # lessons
MAPS_BYTES = 256 * 2**20
_VERSION = 1
_PART = 256  # lessons whose maps are kept at a time: the most that a kill costs before the first epoch
_RATE, _HEAD_RATE = 1e-4, 1e-3  # the pretrained part is only bent, the head starts from nothing
_LARGEST = float(np.finfo(np.float16).max)

_EPOCHS = Parameter(8, "1 … 100", "most epochs; it stops earlier when held-out lessons are answered no better")
_SOURCE = "the pipelines study's fine-tuned transfer models (TOSEM 33(5), 2024), on the trunk of {}"


def _side(default: int, least: int) -> Parameter:
    return Parameter(default, f"{least} … 512", "pixels a side; larger sees finer detail and costs its square")


class Tuned:
    """A trunk that learns.

    Args:
        trunk: pretrained.
        epochs: bound of the training.
        learnt: what it learnt; None = untaught.
    """

    is_supervised = True

    def __init__(self, trunk: Trunk, *, epochs: int = 8, learnt: Learnt | None = None) -> None:
        self.learnt = learnt
        self._trunk = trunk
        # a trunk that is cut at its images learns as a whole, and a batch's every activation is in memory
        batch = 32 if np.prod(trunk.shape) <= 2**16 else 8
        self._plan = Plan(epochs=epochs, patience=2, batch=batch, decay=1e-2)
        self._lower = Session(trunk.preprocess, trunk.lower, trunk.width)
        self._upper: torch.nn.Module | None = None

    @property
    def name(self) -> str:
        """In the registry."""
        return f"{self._trunk.name}-tuned"

    @property
    def most_lessons(self) -> int:
        """2,000, or as many as have room for their maps."""
        return min(MOST, max(MAPS_BYTES // (2 * int(np.prod(self._trunk.shape))), 1))

    @property
    def recipe(self) -> str:
        """SHA-256 over trunk, cut, plan and version."""
        text = f"tuned {_VERSION} {self._trunk.digest} {self._trunk.shape} {_RATE} {_HEAD_RATE} {self._plan}"
        return hashlib.sha256(text.encode()).hexdigest()

    @property
    def digest(self) -> str:
        """SHA-256 over the recipe and what was learnt."""
        learnt = self.learnt.digest if self.learnt is not None else "untaught"
        return hashlib.sha256(f"{self.recipe} {learnt}".encode()).hexdigest()

    def learn(self, lessons: Lessons, *, seed: int, checkpoints: Checkpoints) -> Learnt:
        """Learn the lessons' answers.

        Raises:
            ModelError: the lessons have no answers, none can be read, or the loss became no number at once.
        """
        import torch
        from torch import nn

        if not lessons.labels and not lessons.targets.shape[1]:
            raise ModelError(f"{self.name} learns from answers", remedy="give labels or targets: --train")
        drawn = lessons.drawn(self.most_lessons, seed)
        maps, kept = self._maps(drawn, checkpoints)
        answers = _Answers.of(drawn.at(kept))
        upper = self._trunk.upper().to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # torch's stub lacks it  # torch's stub lacks it
        with seeded(seed, self.name, "head"):
            head = nn.Linear(self._trunk.width, answers.width)

        def pooled(rows: Indices) -> torch.Tensor:
            found: torch.Tensor = upper(
                torch.from_numpy(maps[rows].astype(np.float32)).contiguous(memory_format=torch.channels_last)
            )
            return found

        with one_thread():
            mean, spread = _moments(pooled, split(len(maps), seed, self.name)[0])

        def loss(rows: Indices) -> torch.Tensor:
            return answers.loss(head((pooled(rows) - mean) / spread), rows)

        trained = train(
            nn.ModuleList([upper, head]),
            [(upper, _RATE), (head, _HEAD_RATE)],
            loss,
            len(maps),
            self._plan,
            seed=seed,
            purpose=self.name,
            checkpoints=checkpoints,
        )
        notes = [f"{self.name} learned from {drawn.source}: {answers.criterion}, {trained.ending}"]
        if len(kept) < len(drawn):
            notes.append(f"{len(drawn) - len(kept)} of the images to learn from could not be read")
        # the head has served
        return Learnt(weights_of(upper), trained.curves(answers.criterion), len(trained.losses), tuple(notes))

    def taught(self, learnt: Learnt) -> Tuned:
        """The same with what it learnt."""
        return Tuned(self._trunk, epochs=self._plan.epochs, learnt=learnt)

    def extract(self, batch: Batch, score: Indices) -> Features:  # noqa: ARG002 - the shared signature
        """(b, width) float32.

        Raises:
            ModelError: it has not learnt yet.
        """
        import torch

        if self.learnt is None:
            raise untaught(self.name)
        if not batch.pixels:
            return np.empty((0, self._trunk.width), np.float32)
        if self._upper is None:
            upper = self._trunk.upper()
            load(upper, self.learnt.weights)
            self._upper = upper.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # torch's stub lacks it
        maps = torch.from_numpy(self._lower(batch.pixels)).contiguous(memory_format=torch.channels_last)
        with one_thread(), torch.inference_mode():
            return np.ascontiguousarray(self._upper(maps).numpy())

    def _maps(self, lessons: Lessons, checkpoints: Checkpoints) -> tuple[NDArray[np.float16], Indices]:
        """Maps at the cut of the k lessons that can be read, and which those are."""
        maps = np.empty((len(lessons), *self._trunk.shape), np.float16)
        kept: list[int] = []
        with step(f"looking at what {self.name} learns from", len(lessons)) as listener:
            for number, start in enumerate(range(0, len(lessons), _PART)):
                rows = np.arange(start, min(start + _PART, len(lessons)))
                part = checkpoints.part(number, lambda rows=rows: self._part(lessons, rows))  # type: ignore[misc]  # bound now, by its default
                maps[len(kept) : len(kept) + len(part["rows"])] = part["maps"]
                kept += part["rows"].tolist()
                listener.advance(len(rows))
        if not kept:
            raise ModelError("no image to learn from can be read", remedy="check the training set (--train)")
        return maps[: len(kept)], np.array(kept, np.int64)

    def _part(self, lessons: Lessons, rows: Indices) -> State:
        place = {int(lessons.indices[row]): int(row) for row in rows}
        maps = np.empty((len(rows), *self._trunk.shape), np.float16)
        kept: list[int] = []
        for batch in lessons.images.batches(32, list(place), on_bad=lambda *_: None):
            found = np.clip(self._lower(batch.pixels), -_LARGEST, _LARGEST)
            maps[len(kept) : len(kept) + len(found)] = found
            kept += [place[i] for i in batch.indices]
        return {"maps": maps[: len(kept)], "rows": np.array(kept, np.int64)}


class _Answers:
    """What is to be answered, as numbers: classes by their place among the sorted names, or z-scores."""

    def __init__(self, wanted: torch.Tensor, width: int, criterion: str) -> None:
        self._wanted = wanted
        self.width = width
        self.criterion = criterion

    @classmethod
    def of(cls, lessons: Lessons) -> _Answers:
        import torch

        if lessons.labels:
            classes = {name: i for i, name in enumerate(sorted(set(lessons.labels)))}
            places = torch.tensor([classes[label] for label in lessons.labels])
            return cls(places, len(classes), "cross-entropy")
        targets = lessons.targets.astype(np.float64)
        known = np.isfinite(targets)
        n = np.maximum(known.sum(axis=0), 1)
        mean = np.where(known, targets, 0).sum(axis=0) / n
        spread = np.sqrt((np.where(known, targets - mean, 0) ** 2).sum(axis=0) / n)
        scores = (targets - mean) / np.where(spread > 0, spread, 1)
        return cls(torch.from_numpy(scores.astype(np.float32)), targets.shape[1], "squared error / variance")

    def loss(self, given: torch.Tensor, rows: Indices) -> torch.Tensor:
        import torch
        from torch.nn import functional

        wanted = self._wanted[torch.from_numpy(rows)]
        if wanted.ndim == 1:
            return functional.cross_entropy(given, wanted)
        known = torch.isfinite(wanted)  # what nobody marked teaches nothing
        return ((given - wanted.nan_to_num()) ** 2 * known).sum() / known.sum().clamp(min=1)


def _moments(pooled: Callable[[Indices], torch.Tensor], rows: Indices) -> tuple[torch.Tensor, torch.Tensor]:
    """Mean and spread of every column before anything is learnt: the head starts from inputs of one size."""
    import torch

    with torch.no_grad():
        found = torch.cat([pooled(part) for part in np.array_split(rows, -(-len(rows) // 64))]).double()
    spread = found.std(0, correction=0)
    return found.mean(0).float(), torch.where(spread > 1e-6, spread, 1.0).float()


# each only says which trunk: one line of the registry needs one class, and nothing of Tuned is overridden


@extractors.register(
    "backbone-tuned", parameters={"side": _side(224, 32), "epochs": _EPOCHS}, source=_SOURCE.format("backbone")
)
class BackboneTuned(Tuned):
    """EfficientNet-lite0, its last stage fine-tuned on the training set: 1,280 columns.

    Args:
        model: ignored; it looks at images alone.
        side: images are resized to side × side pixels.
        epochs: bound of the training.

    Raises:
        ModelError: its weights are not installed.
    """

    def __init__(self, model: Model | None = None, *, side: int = 224, epochs: int = 8) -> None:  # noqa: ARG002 - the shared signature
        super().__init__(backbone.trunk(side), epochs=epochs)


@extractors.register(
    "lite2-tuned", parameters={"side": _side(224, 48), "epochs": _EPOCHS}, source=_SOURCE.format("lite2")
)
class Lite2Tuned(Tuned):
    """EfficientNet-lite2, its last stage fine-tuned on the training set: 1,280 columns.

    Args:
        model: ignored; it looks at images alone.
        side: images are resized to side × side pixels.
        epochs: bound of the training.

    Raises:
        ModelError: its weights are not installed.
    """

    def __init__(self, model: Model | None = None, *, side: int = 224, epochs: int = 8) -> None:  # noqa: ARG002 - the shared signature
        super().__init__(lite2.trunk(side), epochs=epochs)


@extractors.register(
    "vgg16-tuned", parameters={"side": _side(112, 32), "epochs": _EPOCHS}, source=_SOURCE.format("vgg16")
)
class Vgg16Tuned(Tuned):
    """VGG16 of edges, its fifth block fine-tuned on the training set: 512 columns.

    Args:
        model: ignored; it looks at images alone.
        side: images are resized to side × side pixels.
        epochs: bound of the training.

    Raises:
        ModelError: its weights, or what reads them, are not installed.
    """

    def __init__(self, model: Model | None = None, *, side: int = 112, epochs: int = 8) -> None:  # noqa: ARG002 - the shared signature
        super().__init__(vgg16.trunk(side), epochs=epochs)


@extractors.register(
    "resnet50-tuned", parameters={"side": _side(224, 32), "epochs": _EPOCHS}, source=_SOURCE.format("resnet50")
)
class Resnet50Tuned(Tuned):
    """Thin ResNet-50, its last stage fine-tuned on the training set: 1,024 columns.

    Args:
        model: ignored; it looks at images alone.
        side: images are resized to side × side pixels.
        epochs: bound of the training.

    Raises:
        ModelError: its weights are not installed.
    """

    def __init__(self, model: Model | None = None, *, side: int = 224, epochs: int = 8) -> None:  # noqa: ARG002 - the shared signature
        super().__init__(resnet50.trunk(side), epochs=epochs)


@extractors.register(
    "own-tuned", parameters={**own.PARAMETERS, "epochs": _EPOCHS}, source="any torch module that the user names"
)
class OwnTuned(Tuned):
    """A backbone of the user's own (--backbone module:callable), all of it fine-tuned on the training set.

    Args:
        model: ignored; it looks at images alone.
        backbone, backbone_weights, backbone_preprocess: as of ``own``.
        epochs: bound of the training.

    Raises:
        UsageError, ModelError, UnsafeInputError: as ``own``.
    """

    def __init__(
        self,
        model: Model | None = None,  # noqa: ARG002 - the shared signature
        *,
        backbone: str = "",
        backbone_weights: str | os.PathLike[str] = "",
        backbone_preprocess: str = own.PREPROCESS,
        epochs: int = 8,
    ) -> None:
        super().__init__(own.trunk(backbone, backbone_weights, backbone_preprocess), epochs=epochs)
