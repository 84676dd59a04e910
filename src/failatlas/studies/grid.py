"""Grid: which pipelines a study compares, and their steps one by one, so that what two share is done once.

The published study combined eleven extractors with three reductions and three clusterers.  The ImageNet weights of its
four backbones are in no package, so ours stand in for them (`STAND_INS`).

Source: Attaoui et al., ACM TOSEM 33(5), 2024.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from failatlas.arrays import Embedding, Features, Labels, freeze
from failatlas.clustering import cluster
from failatlas.errors import UsageError
from failatlas.features import extractors
from failatlas.pipelines import HUDD, PRESETS, SUPPLIED, Pipeline, group, parse
from failatlas.reduction import reducers
from failatlas.seeds import derive

Value = float | int | str

BACKBONES = ("backbone", "lite2", "vgg16", "resnet50")
TUNED = "-tuned"  # how an extractor is called that learns from the training set
EXTRACTORS = (
    "autoencoder",
    "heatmap",
    "pixel-heatmap",
    *BACKBONES,
    *(f"{name}{TUNED}" for name in BACKBONES),
)
REDUCERS = ("none", "pca", "umap")
CLUSTERERS = ("kmeans", "dbscan", "hdbscan")
BESIDE = ("ward",)  # a clusterer that the published study does not have

STAND_INS = {
    "backbone": "efficientnet-lite0, ImageNet, for Inception-V3",
    "lite2": "efficientnet-lite2, ImageNet, for Xception",
    "vgg16": "VGG-16 fine-tuned for edges, for VGG-16, ImageNet",
    "resnet50": "a thin ResNet-50 trained on another task, for ResNet-50, ImageNet",
}


@dataclass(frozen=True, slots=True, eq=False)
class Embedded:
    """Features after reduction.

    Attributes:
        rows: (n, k) float32.
        parameters: of the reducer, e.g. ``{"umap.n_components": 25}``.
        notes: what it had to say.
    """

    rows: Embedding
    parameters: Mapping[str, Value]
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Labelled:
    """A clustering of an embedding: (n,) labels, -1 = noise, with the clusterer's parameters and notes."""

    labels: Labels
    parameters: Mapping[str, Value]
    notes: tuple[str, ...]


def published() -> tuple[Pipeline, ...]:
    """The 99: every extractor with every reduction and clusterer of the published study, ours standing in.

    >>> len(published()), str(published()[0])
    (99, 'autoencoder+none+kmeans')
    """
    return tuple(Pipeline(e, r, c) for e in EXTRACTORS for r in REDUCERS for c in CLUSTERERS)


def is_published(extractor: str, reducer: str, clusterer: str) -> bool:
    """Whether a pipeline is one of the 99."""
    return extractor in EXTRACTORS and reducer in REDUCERS and clusterer in CLUSTERERS


def preset_of(pipeline: str) -> str:
    """Name of the preset that a pipeline is, or "".

    >>> preset_of("backbone+pca+dbscan"), preset_of("pixels+none+kmeans")
    ('safe', '')
    """
    return next((name for name, preset in PRESETS.items() if str(preset.pipeline) == pipeline), "")


def pipelines_of(words: tuple[str, ...]) -> tuple[Pipeline, ...]:
    """The pipelines that some words name, each once, in their order.

    Args:
        words: names of presets, ``extractor+reducer+clusterer``, or ``all``: the 99, the presets, and Ward beside them.

    Raises:
        UsageError: a word names nothing, or features that a study does not have.

    >>> [str(pipeline) for pipeline in pipelines_of(("safe", "backbone+pca+dbscan", "pixels+kmeans"))]
    ['backbone+pca+dbscan', 'pixels+none+kmeans']
    """
    found: list[Pipeline] = []
    for word in words:
        found += _all() if word == "all" else [_parsed(word)]
    if not found:
        raise UsageError("no pipelines", remedy="--pipelines all, or names joined by commas")
    return tuple(dict.fromkeys(found))


def is_tuned(extractor: str) -> bool:
    """Whether an extractor learns from the labels of the training set, as its name says.

    >>> is_tuned("vgg16-tuned"), is_tuned("autoencoder")
    (True, False)
    """
    return extractor.endswith(TUNED)


def embed(features: Features, reducer: str, seed: int) -> Embedded:
    """Reduce features, as the first half of `failatlas.clustering.cluster` does.

    Args:
        features: (n, d) finite.
        reducer: its name.
        seed: of the pipeline.
    """
    part = reducers.get(reducer)
    own = {"seed": derive(seed, part.name)} if "seed" in part.parameters else {}
    made = reducers.create(reducer, **own)
    rows = np.ascontiguousarray(made.fit_transform(features), dtype=np.float32)
    parameters = {f"{part.name}.{name}": value for name, value in made.parameters_.items()}
    return Embedded(freeze(rows.copy() if rows is features else rows), parameters, made.notes_)


def label(embedding: Embedding, pipeline: Pipeline, seed: int) -> Labelled:
    """Cluster an embedding, as the second half of `failatlas.clustering.cluster` does.

    Args:
        embedding: (n, k) what `embed` made with the pipeline's reducer.
        pipeline: its clusterer works, with the parameters that a published method prescribes.
        seed: of the pipeline.
    """
    if pipeline.clusterer == HUDD:
        ids = tuple(str(i) for i in range(len(embedding)))
        found = group(ids, embedding, pipeline, seed=seed)
        return Labelled(found.labels, found.parameters, found.notes)
    made = cluster(embedding, "none", pipeline.clusterer, seed, **pipeline.fixed)
    own = {name: value for name, value in made.parameters.items() if name.startswith(f"{pipeline.clusterer}.")}
    return Labelled(made.labels, own, made.notes)


def _all() -> list[Pipeline]:
    ward = [Pipeline(e, r, c) for e in EXTRACTORS for r in REDUCERS for c in BESIDE]
    return [*(preset.pipeline for preset in PRESETS.values()), *published(), *ward]


def _parsed(word: str) -> Pipeline:
    extractor, _, tail = word.partition("+")
    # one of the eleven is a pipeline even where its part is not installed: the study then says so
    if extractor in EXTRACTORS and extractor not in extractors:
        return parse(f"pixels+{tail}").with_extractor(extractor)
    found = parse(word)
    if found.extractor == SUPPLIED:
        raise UsageError(
            f"{word!r} clusters features that nobody can extract from injected failures",
            remedy="name its extractor too (failatlas parts lists them)",
        )
    return found
