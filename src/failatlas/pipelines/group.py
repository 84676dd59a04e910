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
    notes: tuple[str, ...] = (),
) -> Grouping:
    """Cluster error-inducing images.

    Args:
        ids: m image ids.
        features: (m, d) float32, finite, as `compared` gives them.
        pipeline: which reducer and clusterer.
        seed: of everything random.
        layer: whose heatmaps the features are, where they are heatmaps.
        by_layer: for HUDD's clusterer, the clustering that was found when the layer was chosen.
        notes: what is to be said of the rows, before what the clustering says.

    Raises:
        DataError: features are not finite.
    """
    found = _from_layer(features, by_layer) if by_layer is not None else _cluster(features, pipeline, seed)
    parameters = dict(found.parameters) | ({"heatmap.layer": layer} if layer else {})
    return Grouping(
        ids=ids,
        labels=found.labels,
        embedding=found.embedding,
        map=freeze(layout(found.embedding, seed, "umap" if pipeline.by_neighbours else "pca")),
        pipeline=str(pipeline),
        parameters=parameters,
        curves=found.curves,
        notes=(*notes, *found.notes),
        seed=seed,
    )


def compared(pipeline: Pipeline, rows: Features, correct: Features) -> tuple[Features, tuple[str, ...]]:
    """Rows as the pipeline compares them, and what is to be said of that.

    Args:
        pipeline: `Pipeline.departs` decides.
        rows: (n, d) of failures, of correctly handled images or of new ones.
        correct: (r, d) of correctly handled images.

    Returns:
        departures from the correct rows, or the rows as they are where the pipeline or too few correct rows want it so.
    """
    if not pipeline.departs:
        return rows, ()
    if len(correct) < FEWEST:
        return rows, (
            f"{len(correct)} correctly handled images, fewer than {FEWEST}: failures are compared as they are",
        )
    return departure(rows, correct), ()


def recluster(pipeline: Pipeline, parameters: Mapping[str, float | int | str]) -> Callable[[Features, int], Labels]:
    """The pipeline's reducer and clusterer as a function of compared rows and seed, for stability and the null.

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
        return cluster(features, pipeline.reducer, pipeline.clusterer, seed, **fixed).labels

    return labels


def _cluster(features: Features, pipeline: Pipeline, seed: int) -> Clustering:
    if pipeline.clusterer == HUDD:
        return _from_layer(features, cluster_layer(_distances(features)))
    found = cluster(features, pipeline.reducer, pipeline.clusterer, seed, **pipeline.fixed)
    if pipeline.fixed and complaint(found.labels):
        why = "ε stands at the knee, as SAFE prescribes; --pipeline best also looks at other values"
        return dataclasses.replace(found, notes=(*found.notes, why))
    return found


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
