"""Layers: at which internal layer do the heatmaps of error-inducing images fall into the clearest clusters?

Heatmaps are streamed into shards on disk; per layer one matrix of distances is in memory at a time. When all layers of
all images would take more disk than allowed, layers are compared on sketches and only the chosen one exactly.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import takewhile
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from failatlas import progress
from failatlas.arrays import Features, Indices, Vector, array_hash, freeze
from failatlas.clustering.distances import pairwise
from failatlas.clustering.hudd import LayerClustering, cluster_layer
from failatlas.clustering.hudd import choose_layer as choose
from failatlas.curves import Curve
from failatlas.errors import DataError, ModelError, UsageError
from failatlas.features.heatmaps import WIDEST, LayerHeatmaps, probe
from failatlas.features.sketch import sketch
from failatlas.images import BadImage, ImageSet, Quarantined
from failatlas.models import WhiteBox
from failatlas.runs.conductor import Conductor, Stage
from failatlas.runs.extracting import first_readable
from failatlas.runs.settings import Settings
from failatlas.store import gc

SHARD = 128  # images a shard, fewer when their heatmaps are large
SHARD_MB = 128  # a shard is in memory while it is made
BATCH = 32  # images at a time through the relevance engine
SKETCH = 2048  # columns: distances to 1.5 % (standard deviation)
_VERSION = 1

Features64 = NDArray[np.float64]  # (b, layers)


@dataclass(frozen=True, slots=True)
class LayerScore:
    """One layer as a place to cluster heatmaps.

    Attributes:
        layer: its name.
        raw, scaled: WICD of its clusters on raw distances (HUDD) and on distances / median; nan = not eligible.
        n_clusters: how many clusters it gives; 0 = not eligible.
        conservation: median conservation error of its heatmaps.
    """

    layer: str
    raw: float
    scaled: float
    n_clusters: int
    conservation: float


@dataclass(frozen=True, slots=True, eq=False)
class LayerChoice:
    """The chosen layer, its clustering, and how the others compare.

    Attributes:
        chosen: the layer.
        clustering: its clusters of the m error-inducing images, exact.
        scores: every layer, in forward order.
        is_sketched: layers were compared on sketches, not on exact heatmaps.
        fallbacks: one sentence for each operator passed by gradient.
        warnings: what limits the reading.
        indices: (m,) positions of the clustered images in the set, in the order of the labels.
        quarantined: images that could not be read any more, or whose relevance is not finite.
    """

    chosen: str
    clustering: LayerClustering
    scores: tuple[LayerScore, ...]
    is_sketched: bool
    fallbacks: tuple[str, ...]
    warnings: tuple[str, ...]
    indices: Indices
    quarantined: tuple[Quarantined, ...]

    @property
    def curves(self) -> tuple[Curve, ...]:
        """Both scores over the eligible layers."""
        eligible = [i for i, score in enumerate(self.scores) if score.n_clusters]
        position = next(i for i, score in enumerate(self.scores) if score.layer == self.chosen)
        x = freeze(np.array(eligible, np.float64))
        return tuple(
            Curve(
                "layer",
                name,
                x,
                freeze(np.array([getattr(self.scores[i], field) for i in eligible])),
                position,
                "minimum",
            )
            for name, field in (("WICD", "raw"), ("WICD / median distance", "scaled"))
        )


@dataclass(frozen=True, slots=True, eq=False)
class _Shard:
    """Heatmaps of some images: all layers side by side in one array, for every array on disk that is open costs a file.

    Attributes:
        indices: (b,) positions of the images.
        layers: names, in forward order.
        widths: columns of each.
        rows: (b, sum of widths) float32.
        conservation: (b, layers) float64.
        quarantined: images set aside.
    """

    indices: Indices
    layers: tuple[str, ...]
    widths: tuple[int, ...]
    rows: Features
    conservation: Features64
    quarantined: tuple[Quarantined, ...]

    def of(self, layer: str) -> Features:
        """(b, D) heatmaps of one layer, a view."""
        at = self.layers.index(layer)
        start = sum(self.widths[:at])
        return self.rows[:, start : start + self.widths[at]]

    def errors(self, layer: str) -> Vector:
        """(b,) conservation errors of one layer."""
        return np.asarray(self.conservation[:, self.layers.index(layer)])


def choose_layer(
    conductor: Conductor,
    model: WhiteBox,
    images: ImageSet,
    indices: Indices,
    score: Indices,
    *,
    pixels: str,
    settings: Settings,
) -> LayerChoice:
    """Cluster the heatmaps of every eligible layer and choose by HUDD's criterion.

    Args:
        conductor: keeps shards and results.
        model: the network.
        images: the set, pinned.
        indices: (m,) positions of the error-inducing images.
        score: (m,) the output that relevance starts from.
        pixels: hash of the images' bytes.
        settings: composite, layer score, fallback, exact_layers_mb, layer.

    Raises:
        ModelError: the network has no eligible layer.
        UnknownOperator: relevance cannot pass the network.
    """
    return _Screening(conductor, model, images, indices, score, pixels, settings).choose()


class _Screening:
    """The work of `choose_layer`, step by step."""

    def __init__(
        self,
        conductor: Conductor,
        model: WhiteBox,
        images: ImageSet,
        indices: Indices,
        score: Indices,
        pixels: str,
        settings: Settings,
    ) -> None:
        self.conductor = conductor
        self.model = model
        self.images = images
        self.indices = indices
        self.starts = dict(zip(indices.tolist(), score.tolist(), strict=True))
        self.settings = settings
        self.inputs = {
            "images": pixels,
            "network": LayerHeatmaps(model, settings.composite, fallback=settings.fallback).digest,
            "which": array_hash(indices),
            "score": array_hash(score),
        }

    def choose(self) -> LayerChoice:
        settings = self.settings
        said = {name: getattr(settings, name) for name in ("layer", "layer_score", "exact_layers_mb")}
        stage = Stage("layers", _VERSION, self.inputs, said)
        choice = self.conductor.run(stage, LayerChoice, self._choose)
        # the heatmaps have served: 200 kB an image for a small network, 4 MB for AlexNet
        for name in ("heatmaps", "sketches", "chosen heatmaps"):
            key = self.conductor.store.facts.get(f"shards/{name}")
            if isinstance(key, str):
                self.conductor.store.drop(key)
        gc(self.conductor.store)
        return choice

    def _choose(self) -> LayerChoice:
        example = first_readable(self.images, self.indices)
        if example is None:
            raise DataError("no error-inducing image can be read any more", remedy="put the images back and run again")
        shapes, fallbacks = probe(self.model, example, self.settings.composite, self.settings.fallback)
        widths = {layer: int(np.prod(shape)) for layer, shape in shapes.items()}
        eligible = self._eligible(shapes)
        wanted_mb = len(self.indices) * sum(widths[layer] for layer in eligible) * 4 / 2**20
        is_sketched = wanted_mb > self.settings.exact_layers_mb
        most = SKETCH if is_sketched else max(widths.values())
        # of the others only the conservation error is kept
        kept = {layer: min(width, most) if layer in eligible else 0 for layer, width in widths.items()}
        shards = self._shards("sketches" if is_sketched else "heatmaps", tuple(shapes), kept)
        if not any(len(shard.indices) for shard in shards):
            raise ModelError(
                "no error-inducing image has a finite heatmap",
                where=self.model.name,
                remedy="choose another --composite, or --pipeline best",
                code="E_LRP_NAN",
            )
        eligible = _distinct(eligible, shards)
        clusterings = {
            layer: self._clustering(layer, shards, is_sketched)
            for layer in progress.track(eligible, "clustering every layer", len(eligible))
        }
        score: Literal["raw", "scaled"] = "scaled" if self.settings.layer_score == "scaled" else "raw"
        chosen = eligible[choose(list(clusterings.values()), score, [True] * len(eligible))]
        final = shards
        if is_sketched:
            final = self._shards("chosen heatmaps", (chosen,), {chosen: widths[chosen]})
            clusterings[chosen] = self._clustering(chosen, final, False)
        return LayerChoice(
            chosen=chosen,
            clustering=clusterings[chosen],
            indices=freeze(np.concatenate([shard.indices for shard in final])),
            scores=tuple(_score(layer, clusterings.get(layer), shards) for layer in shapes),
            is_sketched=is_sketched,
            fallbacks=fallbacks,
            warnings=_limits(is_sketched, widths[chosen]),
            quarantined=tuple(image for shard in final for image in shard.quarantined),
        )

    def _eligible(self, shapes: Mapping[str, tuple[int, ...]]) -> tuple[str, ...]:
        """All but the first, whose heatmap is of pixels; or the one that was asked for.

        A network that normalises its input itself, or reads it twice, has several layers of pixels: those at its head
        that are shaped like the first.
        """
        layers = tuple(shapes)
        if self.settings.layer != "auto":
            if self.settings.layer not in layers:
                raise UsageError(f"no layer {self.settings.layer!r}", remedy=f"choose one of: {', '.join(layers)}")
            return (self.settings.layer,)
        of_pixels = len(list(takewhile(lambda layer: shapes[layer] == shapes[layers[0]], layers)))
        inner = layers[of_pixels:] or layers[1:]
        if not inner:
            raise ModelError("the network has no internal layer", where=self.model.name, remedy="--pipeline best")
        return inner

    def _shards(self, name: str, layers: tuple[str, ...], widths: Mapping[str, int]) -> list[_Shard]:
        """Heatmaps of some layers; those wider than ``widths`` says are sketched, those of width 0 are not kept."""
        heatmaps = LayerHeatmaps(self.model, self.settings.composite, layers=layers, fallback=self.settings.fallback)
        columns = [widths[layer] for layer in layers]
        size = int(np.clip(SHARD_MB * 2**20 // (4 * sum(columns)), 8, SHARD))
        stage = Stage(name, _VERSION, self.inputs | {"heatmaps": heatmaps.digest}, {"columns": columns, "size": size})
        self.conductor.store.facts[f"shards/{name}"] = stage.key
        return self.conductor.shards(
            stage,
            _Shard,
            lambda indices: self._shard(heatmaps, indices, layers, columns),
            indices=self.indices,
            size=size,
            what=f"computing {name}",
        )

    def _shard(
        self, heatmaps: LayerHeatmaps, indices: Indices, layers: tuple[str, ...], columns: Sequence[int]
    ) -> _Shard:
        bad: list[Quarantined] = []

        def set_aside(index: int, error: BadImage) -> None:
            bad.append(error.quarantined(self.images.ids[index]))

        kept: list[int] = []
        # filled in place: a list of batches, then joined, would be there twice
        rows = np.empty((len(indices), sum(columns)), np.float32)
        conservation = np.empty((len(indices), len(layers)), np.float64)
        with progress.step("computing heatmaps", len(indices)) as listener:
            for batch in self.images.batches(BATCH, indices.tolist(), on_bad=set_aside):
                found = heatmaps.run(batch, np.array([self.starts[i] for i in batch.indices], np.int64))
                finite = np.logical_and.reduce([np.isfinite(found.rows[layer]).all(axis=1) for layer in layers])
                for index in np.asarray(batch.indices)[~finite]:
                    bad.append(Quarantined(self.images.ids[index], "E_LRP_NAN", "its relevance is not finite"))
                here = slice(len(kept), len(kept) + int(finite.sum()))
                kept += np.asarray(batch.indices)[finite].tolist()
                left = 0
                for at, (layer, width) in enumerate(zip(layers, columns, strict=True)):
                    if width:  # a row that fits is not sketched
                        rows[here, left : left + width] = sketch(found.rows[layer][finite], width)
                    conservation[here, at] = found.conservation[layer][finite]
                    left += width
                listener.advance(len(batch.indices))
        n = len(kept)
        return _Shard(freeze(np.array(kept, np.int64)), layers, tuple(columns), rows[:n], conservation[:n], tuple(bad))

    def _clustering(self, layer: str, shards: Sequence[_Shard], is_sketched: bool) -> LayerClustering:
        stage = Stage(f"layer {layer}", _VERSION, self.inputs, {"layer": layer, "sketched": is_sketched})
        return self.conductor.run(
            stage,
            LayerClustering,
            lambda: cluster_layer(pairwise([shard.of(layer) for shard in shards])),
        )


def _limits(is_sketched: bool, width: int) -> tuple[str, ...]:
    told = []
    if width > WIDEST:
        told.append(
            f"stability and null cluster sketches, {WIDEST} columns instead of {width}: read them as lower bounds"
        )
    if is_sketched:
        told.append(f"layers were compared on sketches of {SKETCH} columns; the chosen one was clustered exactly")
    return tuple(told)


def _distinct(layers: Sequence[str], shards: Sequence[_Shard]) -> tuple[str, ...]:
    """Layers without those whose heatmaps equal an earlier one's: what only passes relevance on adds nothing."""
    kept: list[str] = []
    for layer in layers:
        if not any(all(np.array_equal(shard.of(layer), shard.of(other)) for shard in shards) for other in kept):
            kept.append(layer)
    return tuple(kept)


def _score(layer: str, clustering: LayerClustering | None, shards: Sequence[_Shard]) -> LayerScore:
    errors = np.concatenate([shard.errors(layer) for shard in shards])
    conservation = float(np.nanmedian(errors)) if np.isfinite(errors).any() else float("nan")
    if clustering is None:
        return LayerScore(layer, float("nan"), float("nan"), 0, conservation)
    return LayerScore(layer, clustering.raw, clustering.scaled, clustering.k, conservation)
