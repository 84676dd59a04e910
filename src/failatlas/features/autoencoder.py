"""Autoencoder: a small convolutional network that learns, on the spot, to draw the images again from a few numbers.

Those numbers are the row. They are read from a dense layer over the whole last map, not from its average: an average
forgets where things are, and nothing could be drawn again from it. Cost: 2 to 3 ms an image and epoch on one core at
64 px, so about a minute for 2,000 images; then 0.4 ms an image. What the pictures look like is all that it knows.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from failatlas.arrays import Features, Indices
from failatlas.errors import ModelError, UsageError
from failatlas.features.extractor import extractors
from failatlas.features.learning import Checkpoints, Learnt, Lessons, untaught
from failatlas.features.training import Plan, load, one_thread, seeded, split, train, weights_of
from failatlas.images.records import Batch
from failatlas.models.model import Model, Preprocess
from failatlas.progress import step
from failatlas.registry import Parameter

if TYPE_CHECKING:
    import torch

_VERSION = 1
_NAME = "autoencoder"
_WIDTHS = (16, 32, 64, 128)  # channels of the maps, each half as wide and high as the one before
_SHRINKS = 2 ** len(_WIDTHS)
_RATE = 2e-3

_SIDE = Parameter(64, "32 … 128, a multiple of 16", "pixels a side; larger sees finer detail and costs its square")
_COLUMNS = Parameter(96, "8 … 512", "numbers an image is drawn again from; more keep smaller details")
_EPOCHS = Parameter(15, "1 … 200", "most epochs; it stops earlier when held-out images are drawn no better")

MOST = 2000  # images: a minute of learning, and 25 MB as uint8 at 64 px


@extractors.register(
    _NAME,
    parameters={"side": _SIDE, "columns": _COLUMNS, "epochs": _EPOCHS},
    source="convolutional autoencoder, one of the eleven extractors of the pipelines study (TOSEM 33(5), 2024)",
)
class Autoencoder:
    """What a network that learned to draw these images again keeps of each: 96 columns.

    Args:
        model: ignored; it looks at images alone.
        side: images are resized to side × side pixels.
        columns: of a row.
        epochs: bound of the training.

    Raises:
        UsageError: ``side`` is no multiple of 16.
    """

    is_supervised = False
    most_lessons = MOST

    def __init__(
        self,
        model: Model | None = None,  # noqa: ARG002 - the shared signature
        *,
        side: int = 64,
        columns: int = 96,
        epochs: int = 15,
        learnt: Learnt | None = None,
    ) -> None:
        if side % _SHRINKS or side < _SHRINKS:
            raise UsageError(f"autoencoder: side {side}", remedy=f"give a multiple of {_SHRINKS}, e.g. {_SIDE.default}")
        self.learnt = learnt
        self._side = side
        self._columns = columns
        self._plan = Plan(epochs=epochs, patience=3, batch=32)
        # whole grey levels: the training's stack is uint8, and rows must come from the very same numbers
        self._preprocess = Preprocess(size=(side, side), scale=1.0)
        self._encode: _Encoder | None = None

    @property
    def recipe(self) -> str:
        """SHA-256 over sizes, plan and version."""
        text = f"{_NAME} {_VERSION} {self._preprocess} {self._columns} {_WIDTHS} {_RATE} {self._plan}"
        return hashlib.sha256(text.encode()).hexdigest()

    @property
    def digest(self) -> str:
        """SHA-256 over the recipe and what was learnt."""
        learnt = self.learnt.digest if self.learnt is not None else "untaught"
        return hashlib.sha256(f"{self.recipe} {learnt}".encode()).hexdigest()

    def learn(self, lessons: Lessons, *, seed: int, checkpoints: Checkpoints) -> Learnt:
        """Learn to draw the lessons' images again; the loss is the share of their variance that is lost.

        Raises:
            ModelError: none can be read, or the loss became no number in the first epoch.
        """
        from torch import nn
        from torch.nn import functional

        drawn = lessons.drawn(self.most_lessons, seed)
        pixels = self._pixels(drawn)
        standard = _Standard.of(pixels[split(len(pixels), seed, _NAME)[0]])
        with seeded(seed, _NAME, "weights"):
            encoder, decoder = _encoder(self._side, self._columns), _decoder(self._side, self._columns)
        module = nn.Sequential(encoder, decoder)

        def loss(rows: Indices) -> torch.Tensor:
            images = standard.applied(pixels[rows])
            return functional.mse_loss(module(images), images)

        # so that an epoch of few images has steps enough to get anywhere
        plan = replace(self._plan, batch=min(max(len(pixels) // 32, 8), self._plan.batch))
        trained = train(
            module, [(module, _RATE)], loss, len(pixels), plan, seed=seed, purpose=_NAME, checkpoints=checkpoints
        )
        notes = [f"{_NAME} learned from {drawn.source}: share of variance lost, {trained.ending}"]
        if len(pixels) < len(drawn):
            notes.append(f"{len(drawn) - len(pixels)} of the images to learn from could not be read")
        # the decoder has served: rows need no drawing
        weights = {"mean": standard.mean, "spread": standard.spread, **weights_of(encoder)}
        return Learnt(weights, trained.curves("share of variance lost"), len(trained.losses), tuple(notes))

    def taught(self, learnt: Learnt) -> Autoencoder:
        """The same with what it learnt."""
        return Autoencoder(side=self._side, columns=self._columns, epochs=self._plan.epochs, learnt=learnt)

    def extract(self, batch: Batch, score: Indices) -> Features:  # noqa: ARG002 - the shared signature
        """(b, columns) float32.

        Raises:
            ModelError: it has not learnt yet.
        """
        import torch

        from failatlas.models.preprocess import apply

        if self.learnt is None:
            raise untaught(_NAME)
        if not batch.pixels:
            return np.empty((0, self._columns), np.float32)
        if self._encode is None:
            self._encode = _Encoder.of(self.learnt, self._side, self._columns)
        with one_thread(), torch.inference_mode():
            rows = self._encode(apply(self._preprocess, batch.pixels))
        return np.ascontiguousarray(rows.numpy())

    def _pixels(self, lessons: Lessons) -> NDArray[np.uint8]:
        """(m, 3, side, side) of those that can be read."""
        from failatlas.models.preprocess import apply

        stack = np.empty((len(lessons), 3, self._side, self._side), np.uint8)
        done = 0
        with step("reading images to learn from", len(lessons)) as listener:
            for batch in lessons.images.batches(64, lessons.indices.tolist(), on_bad=lambda *_: None):
                stack[done : done + len(batch.pixels)] = apply(self._preprocess, batch.pixels)
                done += len(batch.pixels)
                listener.advance(len(batch.pixels))
        if not done:
            raise ModelError("no image to learn from can be read", remedy="check --images, or take another extractor")
        return stack[:done]


@dataclass(frozen=True, slots=True, eq=False)
class _Standard:
    """What images are before they are learnt: their departure from the mean image, in one spread for all pixels.

    The loss is then 1 for a network that knows the mean image and nothing else.
    """

    mean: NDArray[np.float32]  # (3, side, side)
    spread: NDArray[np.float32]  # (1,)

    @classmethod
    def of(cls, pixels: NDArray[np.uint8]) -> _Standard:
        mean = pixels.mean(axis=0, dtype=np.float64)
        # batch by batch: all departures at once would take eight times the stack
        squares = sum(float(((part - mean) ** 2).sum()) for part in np.array_split(pixels, -(-len(pixels) // 64)))
        spread = max((squares / pixels.size) ** 0.5, 1.0)  # one grey level where all images are one
        return cls(mean.astype(np.float32), np.array([spread], np.float32))

    def applied(self, pixels: NDArray[np.uint8] | NDArray[np.float32]) -> torch.Tensor:
        import torch

        return torch.from_numpy((pixels.astype(np.float32) - self.mean) / self.spread)


@dataclass(frozen=True, slots=True, eq=False)
class _Encoder:
    """What was learnt, ready to extract."""

    standard: _Standard
    network: torch.nn.Module

    @classmethod
    def of(cls, learnt: Learnt, side: int, columns: int) -> _Encoder:
        weights = dict(learnt.weights)
        standard = _Standard(weights.pop("mean"), weights.pop("spread"))
        network = _encoder(side, columns).eval()
        load(network, weights)
        return cls(standard, network)

    def __call__(self, pixels: NDArray[np.float32]) -> torch.Tensor:
        rows: torch.Tensor = self.network(self.standard.applied(pixels))
        return rows


def _encoder(side: int, columns: int) -> torch.nn.Sequential:
    """(n, 3, side, side) → (n, columns)."""
    from torch import nn

    layers: list[nn.Module] = []
    for narrow, wide in pairwise((3, *_WIDTHS)):
        layers += [nn.Conv2d(narrow, wide, 4, 2, 1), nn.ReLU()]
    return nn.Sequential(*layers, nn.Flatten(), nn.Linear(_WIDTHS[-1] * (side // _SHRINKS) ** 2, columns))


def _decoder(side: int, columns: int) -> torch.nn.Sequential:
    """(n, columns) → (n, 3, side, side)."""
    from torch import nn

    small, deepest = side // _SHRINKS, _WIDTHS[-1]
    layers = [nn.Linear(columns, deepest * small * small), nn.ReLU(), nn.Unflatten(1, (deepest, small, small))]
    # kernels of four at a stride of two: every pixel is under equally many, so nothing is drawn as a chessboard
    for wide, narrow in pairwise((*_WIDTHS[::-1], 3)):
        layers += [nn.ConvTranspose2d(wide, narrow, 4, 2, 1), nn.ReLU()]
    return nn.Sequential(*layers[:-1])
