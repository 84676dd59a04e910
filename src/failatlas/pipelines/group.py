"""Group: a pipeline's reducer and clusterer over features that were extracted before."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping

import numpy as np

from failatlas.arrays import NOISE, Distances, Features, Labels, freeze
from failatlas.clustering import Clustering, cluster, clusterers
from failatlas.clustering.dendrogram import cut
from failatlas.clustering.distances import pairwise
from failatlas.clustering.hudd import LayerClustering, cluster_layer, profile_tree, row_scaled
from failatlas.clustering.validity import complaint
from failatlas.pipelines.grouping import Grouping
from failatlas.pipelines.pipeline import HUDD, Pipeline
from failatlas.reduction import reducers
from failatlas.reduction.departure import FEWEST, departure
from failatlas.reduction.layout import layout


def group(
    ids: tuple[str, ...],
    features: Features,
    pipeline: Pipeline,
    *,
    seed: int,
    layer: str = "",
    by_layer: LayerClustering | None = None,
    correct: Features | None = None,
) -> Grouping:
    """Cluster error-inducing images.

    Args:
        ids: m image ids.
        features: (m, d) float32, finite.
        pipeline: which reducer and clusterer.
        seed: of everything random.
        layer: whose heatmaps the features are, where they are heatmaps.
        by_layer: for HUDD's clusterer, the clustering that was found when the layer was chosen.
        correct: (r, d) features of correctly handled images, for a pipeline that reads rows as departures from them.

    Raises:
        DataError: features are not finite.
    """
    found = _from_layer(features, by_layer) if by_layer is not None else _cluster(features, pipeline, seed, correct)
    parameters = dict(found.parameters) | ({"heatmap.layer": layer} if layer else {})
    return Grouping(
        ids=ids,
        labels=found.labels,
        embedding=found.embedding,
        map=freeze(layout(found.embedding, seed, "umap" if pipeline.reducer == "umap" else "pca")),
        pipeline=str(pipeline),
        parameters=parameters,
        curves=found.curves,
        notes=found.notes,
        seed=seed,
    )


def recluster(
    pipeline: Pipeline, parameters: Mapping[str, float | int | str], correct: Features | None = None
) -> Callable[[Features, int], Labels]:
    """The pipeline's reducer and clusterer as a function of rows and seed, for stability and the null.

    Parameters stay those that were chosen on all rows: what is asked is whether the clusters come back, not whether
    another choice would be made; and the choice costs more than the clustering.
    """
    known = {f"{pipeline.reducer}.{name}" for name in reducers.get(pipeline.reducer).parameters}
    if pipeline.clusterer != HUDD:
        known |= {f"{pipeline.clusterer}.{name}" for name in clusterers.get(pipeline.clusterer).parameters}
    fixed = {name: value for name, value in parameters.items() if name in known}

    def labels(features: Features, seed: int) -> Labels:
        if pipeline.clusterer == HUDD:
            return cut(profile_tree(row_scaled(_distances(features))), int(parameters["hudd.n_clusters"]))
        rows, _ = _departures(features, pipeline, correct)
        return cluster(rows, pipeline.reducer, pipeline.clusterer, seed, **fixed).labels

    return labels


def _cluster(features: Features, pipeline: Pipeline, seed: int, correct: Features | None) -> Clustering:
    if pipeline.clusterer == HUDD:
        return _from_layer(features, cluster_layer(_distances(features)))
    rows, notes = _departures(features, pipeline, correct)
    found = cluster(rows, pipeline.reducer, pipeline.clusterer, seed, **pipeline.fixed)
    found = dataclasses.replace(found, notes=(*notes, *found.notes))
    if pipeline.fixed and complaint(found.labels):
        why = "ε stands at the knee, as SAFE prescribes; --pipeline best also looks at other values"
        return dataclasses.replace(found, notes=(*found.notes, why))
    return found


def _departures(features: Features, pipeline: Pipeline, correct: Features | None) -> tuple[Features, tuple[str, ...]]:
    """What is reduced and clustered: departures where the pipeline reads rows so and enough correct ones are known."""
    if not pipeline.departs:
        return features, ()
    known = 0 if correct is None else len(correct)
    if correct is None or known < FEWEST:
        return features, (f"{known} correctly handled images, fewer than {FEWEST}: failures are compared as they are",)
    return departure(features, correct), ()


def _from_layer(features: Features, found: LayerClustering) -> Clustering:
    """HUDD's clusters; those of one image are no root cause to inspect and join the noise."""
    alone = int(found.singletons.sum())
    labels = np.where(found.singletons, NOISE, found.labels)
    notes = found.notes
    if alone:
        notes += (f"{alone} of {found.k} clusters hold one image: HUDD leaves them out; they count as noise",)
    parameters = {"hudd.n_clusters": found.k}
    return Clustering(freeze(labels), features, parameters, (found.wicd, found.gradient), notes)


def _distances(features: Features) -> Distances:
    return pairwise([features])
