"""Group: a pipeline's reducer and clusterer over features that were extracted before."""

from __future__ import annotations

from collections.abc import Callable

from failatlas.arrays import Distances, Features, Labels, freeze
from failatlas.clustering import Clustering, cluster
from failatlas.clustering.distances import pairwise
from failatlas.clustering.hudd import LayerClustering, cluster_layer
from failatlas.pipelines.grouping import Grouping
from failatlas.pipelines.pipeline import HUDD, Pipeline
from failatlas.reduction.layout import layout


def group(
    ids: tuple[str, ...],
    features: Features,
    pipeline: Pipeline,
    *,
    seed: int,
    layer: str = "",
    by_layer: LayerClustering | None = None,
) -> Grouping:
    """Cluster error-inducing images.

    Args:
        ids: m image ids.
        features: (m, d) float32, finite.
        pipeline: which reducer and clusterer.
        seed: of everything random.
        layer: whose heatmaps the features are, where they are heatmaps.
        by_layer: for HUDD's clusterer, the clustering that was found when the layer was chosen.

    Raises:
        DataError: features are not finite.
    """
    found = _from_layer(features, by_layer) if by_layer is not None else _cluster(features, pipeline, seed)
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


def recluster(pipeline: Pipeline) -> Callable[[Features, int], Labels]:
    """The pipeline's reducer and clusterer as a function of rows and seed, for stability and the null."""

    def labels(features: Features, seed: int) -> Labels:
        return _cluster(features, pipeline, seed).labels

    return labels


def _cluster(features: Features, pipeline: Pipeline, seed: int) -> Clustering:
    if pipeline.clusterer == HUDD:
        return _from_layer(features, cluster_layer(_distances(features)))
    return cluster(features, pipeline.reducer, pipeline.clusterer, seed)


def _from_layer(features: Features, found: LayerClustering) -> Clustering:
    return Clustering(found.labels, features, {"hudd.n_clusters": found.k}, (found.wicd, found.gradient), found.notes)


def _distances(features: Features) -> Distances:
    return pairwise([features])
