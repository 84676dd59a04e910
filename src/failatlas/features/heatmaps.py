"""Heatmaps: relevance at one layer of the network under test, as rows, and as small maps for the eye.

The extractors here share one `LayerHeatmaps`, which prepares the engine once and streams batches through it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeVar
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray

from failatlas.arrays import Features, Indices, Pixels, Vector
from failatlas.errors import ModelError
from failatlas.features.extractor import extractors
from failatlas.features.sketch import sketch
from failatlas.images.records import Batch
from failatlas.models.model import Model, WhiteBox
from failatlas.models.module import portions
from failatlas.registry import Parameter

if TYPE_CHECKING:
    from failatlas.relevance import Engine, Relevance

_Number = TypeVar("_Number", bound=np.generic)

_VERSION = 1
WIDEST = 4096  # columns a row may have before it is sketched: n × d must stay small enough to cluster
MAP_SIDE = 14  # pixels a side below which a map no longer shows where

_LAYER = Parameter("auto", "a layer's name", "auto = chosen by HUDD's criterion over all layers")
_COMPOSITE = Parameter("hudd", "failatlas parts lists them", "which relevance rules")
_FALLBACK = Parameter("", "gradient", "how relevance passes operators without a rule")


# one export a network and input size: it takes 0.7 s for the smallest, and a run needs the engine five times
_exported: WeakKeyDictionary[WhiteBox, dict[tuple[int, ...], Engine]] = WeakKeyDictionary()


@dataclass(frozen=True, slots=True, eq=False)
class LayerBatch:
    """Relevance of b images at the input of some layers, flattened.

    Attributes:
        rows: layer → (b, D) float32.
        conservation: layer → (b,) float64 conservation error.
        shapes: layer → shape of one heatmap.
        output: (b,) float64, the explained output: what the relevance was propagated from.
    """

    rows: Mapping[str, Features]
    conservation: Mapping[str, Vector]
    shapes: Mapping[str, tuple[int, ...]]
    output: Vector

    def for_the_answer(self, layer: str, composite: str, task: str) -> NDArray[np.float32]:
        """(b, h, w) relevance over channels, positive where it speaks for the network's answer.

        Relevance sums to the explained output. A number below zero is answered by what pulls it down, so there the sign
        turns; so it does under HUDD's rules, whose z⁺ on dense layers gives everything the sign of the output.
        """
        maps = over_channels(self.rows[layer], self.shapes[layer])
        if task == "classification" and not composite.startswith("hudd"):
            return maps
        sign = np.where(self.output < 0, np.float32(-1), np.float32(1))
        return maps * sign[:, None, None]


class LayerHeatmaps:
    """Heatmaps of a network's layers, batch by batch.

    Args:
        model: a white box.
        composite: relevance rules.
        layers: only these; None = all.
        fallback: ``"gradient"``, or None.
    """

    def __init__(
        self,
        model: WhiteBox,
        composite: str = "hudd",
        *,
        layers: Sequence[str] | None = None,
        fallback: str | None = None,
    ) -> None:
        self._model = model
        self._composite = composite
        self._layers = layers
        self._fallback = fallback
        self._batch_size: int | None = getattr(model, "batch_size", None)  # an exported network may fix it
        self._engine: Engine | None = None

    @property
    def digest(self) -> str:
        """SHA-256 (hex) over network, rules and layers."""
        text = f"heatmaps {_VERSION} {self._model.digest} {self._composite} {self._layers} {self._fallback}"
        return hashlib.sha256(text.encode()).hexdigest()

    def engine(self, pixels: Pixels) -> Engine:
        """The relevance engine, prepared for images like this one.

        Raises:
            UnknownOperator, ModelError: relevance cannot pass this network.
        """
        from failatlas.relevance import Engine

        if self._engine is None:
            fallback: Literal["gradient"] | None = "gradient" if self._fallback == "gradient" else None
            # two images: torch.export takes a batch of one for a constant
            example = self._model.tensor([pixels] * (self._batch_size or 2))
            exported = _exported.setdefault(self._model, {})
            known = exported.get(tuple(example.shape))
            if known is not None:
                self._engine = known.using(self._composite, layers=self._layers, fallback=fallback)
            else:
                self._engine = Engine(
                    self._model.module, example, self._composite, layers=self._layers, fallback=fallback
                )
                exported[tuple(example.shape)] = self._engine
        return self._engine

    def run(self, batch: Batch, score: Indices) -> LayerBatch:
        """Relevance of one batch, from the outputs ``score``."""
        engine = self.engine(batch.pixels[0])
        parts: list[tuple[Relevance, int]] = []
        for images, count in portions(self._model.tensor(batch.pixels), self._batch_size):
            done = sum(n for _, n in parts)
            wanted = np.resize(score[done : done + count], len(images))  # rows that only fill up start anywhere
            parts.append((engine.run(images, wanted), count))
        return LayerBatch(
            {name: _stacked([found[name][:n].reshape(n, -1) for found, n in parts]) for name in engine.layers},
            {name: _stacked([found.conservation[name][:n] for found, n in parts]) for name in engine.layers},
            {name: tuple(parts[0][0][name].shape[1:]) for name in engine.layers},
            np.concatenate([np.asarray(found.score[:n], np.float64) for found, n in parts]),
        )


@extractors.register(
    "heatmap",
    parameters={"layer": _LAYER, "composite": _COMPOSITE, "fallback": _FALLBACK},
    source="HUDD: internal-layer LRP heatmaps",
)
class Heatmap:
    """Relevance of every neuron at the input of one internal layer; wider than 4,096 columns it is sketched.

    Args:
        model: a white box.
        layer: which layer.
        composite, fallback: as for relevance.

    Raises:
        ModelError: the network is a black box.
    """

    def __init__(
        self, model: Model | None = None, *, layer: str = "auto", composite: str = "hudd", fallback: str | None = None
    ) -> None:
        self._heatmaps = LayerHeatmaps(white_box(model), composite, layers=(layer,), fallback=fallback or None)
        self._layer = layer

    @property
    def digest(self) -> str:
        """SHA-256 over network, rules and layer."""
        return hashlib.sha256(f"heatmap {self._heatmaps.digest} {WIDEST}".encode()).hexdigest()

    def extract(self, batch: Batch, score: Indices) -> Features:
        """(b, min(D, 4096)) float32."""
        return sketch(self._heatmaps.run(batch, score).rows[self._layer], WIDEST)


@extractors.register(
    "pixel-heatmap",
    parameters={"composite": _COMPOSITE, "fallback": _FALLBACK},
    source="LRP on pixels, one of the eleven extractors of the pipelines study",
)
class PixelHeatmap:
    """Relevance of every pixel, summed over channels; wider than 4,096 columns it is sketched.

    Args:
        model: a white box.
        composite, fallback: as for relevance.

    Raises:
        ModelError: the network is a black box.
    """

    def __init__(self, model: Model | None = None, *, composite: str = "epsilon", fallback: str | None = None) -> None:
        self._heatmaps = LayerHeatmaps(white_box(model), composite, fallback=fallback or None)

    @property
    def digest(self) -> str:
        """SHA-256 over network and rules."""
        return hashlib.sha256(f"pixel-heatmap {self._heatmaps.digest} {WIDEST}".encode()).hexdigest()

    def extract(self, batch: Batch, score: Indices) -> Features:
        """(b, min(h·w, 4096)) float32."""
        found = self._heatmaps.run(batch, score)
        first = next(iter(found.rows))
        return sketch(over_channels(found.rows[first], found.shapes[first]).reshape(len(score), -1), WIDEST)


class Maps:
    """Relevance for the eye: the deepest layer whose map still has 14 px a side, summed over channels.

    Args:
        model: a white box.
        composite, fallback: as for relevance.
        example: an image, by which the layer is chosen now.
        task: name of the task, which says what speaking for an answer means.
        side: pixels a side of the maps given; larger ones are averaged down.

    Raises:
        ModelError: relevance cannot pass this network, or no layer has a map.
    """

    def __init__(
        self,
        model: WhiteBox,
        example: Pixels,
        *,
        composite: str = "hudd",
        fallback: str | None = None,
        task: str = "classification",
        side: int = 28,
    ) -> None:
        shapes, _ = probe(model, example, composite, fallback)
        wide = [layer for layer, shape in shapes.items() if len(shape) == 3 and min(shape[1:]) >= MAP_SIDE]
        if not wide:
            raise ModelError(
                "no layer has a map to show", where=model.name, remedy="none needed: pictures alone are missing"
            )
        self.layer = wide[-1]
        self.side = side
        self._composite, self._task = composite, task
        self._heatmaps = LayerHeatmaps(model, composite, layers=(self.layer,), fallback=fallback)

    @property
    def digest(self) -> str:
        """SHA-256 over network, rules, layer and size."""
        return hashlib.sha256(f"map {self._heatmaps.digest} {self._task} {self.side}".encode()).hexdigest()

    def extract(self, batch: Batch, score: Indices) -> Features:
        """(b, side²) float32: relevance for the answer that falls on each cell of a side × side grid over the image."""
        found = self._heatmaps.run(batch, score)
        maps = found.for_the_answer(self.layer, self._composite, self._task)
        return fit(maps, self.side).reshape(len(score), -1)


def white_box(model: Model | None) -> WhiteBox:
    """The model as a white box.

    Raises:
        ModelError: it is a black box, or there is none.
    """
    if not isinstance(model, WhiteBox):
        raise ModelError(
            "heatmaps need a white box",
            where=model.name if model else "no model",
            remedy="give module:callable or .pt2, or choose --pipeline best",
        )
    return model


def probe(
    model: WhiteBox, example: Pixels, composite: str, fallback: str | None = None
) -> tuple[dict[str, tuple[int, ...]], tuple[str, ...]]:
    """Layer → shape of its heatmap of one image, in forward order; and one sentence for each gradient fallback."""
    heatmaps = LayerHeatmaps(model, composite, fallback=fallback)
    found = heatmaps.run(Batch((0, 1), (example, example)), np.zeros(2, np.int64))
    told = tuple(
        f"{operator} at {layer} was passed by gradient" for layer, operator in heatmaps.engine(example).fallbacks
    )
    return dict(found.shapes), told


def _stacked(parts: Sequence[NDArray[_Number]]) -> NDArray[_Number]:
    return parts[0] if len(parts) == 1 else np.concatenate(parts)


def over_channels(rows: Features, shape: tuple[int, ...]) -> NDArray[np.float32]:
    """(b, D) flattened heatmaps of (channels, h, w) → (b, h, w); what is no map becomes (b, 1, D)."""
    maps = rows.reshape(len(rows), *shape).sum(axis=1) if len(shape) == 3 else rows.reshape(len(rows), 1, -1)
    return np.asarray(maps, np.float32)


def fit(maps: NDArray[np.float32], side: int) -> NDArray[np.float32]:
    """(b, h, w) relevance on a side × side grid; sums are kept, for relevance is an amount and not a brightness.

    >>> fit(np.ones((1, 4, 4), np.float32), 2).tolist()
    [[[4.0, 4.0], [4.0, 4.0]]]
    """
    rows, columns = _shares(maps.shape[1], side), _shares(maps.shape[2], side)
    return np.asarray(np.einsum("ih,bhw,jw->bij", rows, maps, columns, optimize=True), np.float32)


def _shares(size: int, side: int) -> NDArray[np.float32]:
    """(side, size) share of each of ``size`` cells that falls into each of ``side``."""
    edges = np.arange(side + 1) * size / side
    cells = np.arange(size)
    overlap = np.minimum(edges[1:, None], cells + 1) - np.maximum(edges[:-1, None], cells)
    return np.asarray(np.clip(overlap, 0, None), np.float32)
