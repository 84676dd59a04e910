import numpy as np
import pytest

from failatlas.clustering import cluster, clusterers
from failatlas.errors import UsageError
from failatlas.reduction import reducers
from failatlas.seeds import derive


def test_every_reduction_goes_with_every_clustering(four_groups):
    rows, truth = four_groups
    quick = {"umap": {"n_epochs": 20, "umap.n_components": 3}}
    for reduction in [part.name for part in reducers]:
        embedding = None
        for clustering in [part.name for part in clusterers]:
            found = cluster(rows, reduction, clustering, seed=1, **quick.get(reduction, {}))
            assert found.labels.shape == truth.shape
            assert not found.labels.flags.writeable
            assert not found.embedding.flags.writeable
            # the embedding depends on reduction and seed alone
            embedding = found.embedding if embedding is None else embedding
            assert found.embedding.tobytes() == embedding.tobytes()
            assert {key.split(".")[0] for key in found.parameters} <= {reduction, clustering}
    assert rows.flags.writeable


def test_it_is_the_two_parts_with_derived_seeds(four_groups):
    rows, _ = four_groups
    found = cluster(rows, "pca", "kmeans", seed=5, n_components=3, n_clusters=4)
    embedding = reducers.create("pca", n_components=3, seed=derive(5, "pca")).fit_transform(rows)
    labels = clusterers.create("kmeans", n_clusters=4, seed=derive(5, "kmeans")).fit_predict(embedding)
    assert found.labels.tolist() == labels.tolist()
    assert found.parameters["pca.n_components"] == 3
    assert found.parameters["kmeans.n_clusters"] == 4
    assert found.n_clusters == 4
    assert "4 clusters, 0 noise" in repr(found)


def test_parameters_may_name_their_part(four_groups):
    rows, _ = four_groups
    found = cluster(rows, "pca", "dbscan", **{"dbscan.eps": 3.5, "pca.n_components": 2})
    assert found.parameters["dbscan.eps"] == 3.5
    assert found.embedding.shape == (len(rows), 2)


@pytest.mark.parametrize("parameters", [{"epsilon": 1}, {"kmeans.eps": 1}, {"dbscan.seed": 1}, {"pca.eps": 1}])
def test_unknown_parameters_are_refused_and_the_known_are_named(parameters: dict[str, int]):
    with pytest.raises(UsageError, match=next(iter(parameters))) as caught:
        cluster(np.eye(4, dtype=np.float32), "pca", "dbscan", **parameters)
    assert "dbscan.eps" in caught.value.remedy


def test_unknown_parts_are_refused_with_the_nearest_name():
    with pytest.raises(UsageError) as caught:
        cluster(np.eye(4, dtype=np.float32), "none", "dbscann")
    assert "did you mean 'dbscan'" in caught.value.remedy


@pytest.mark.parametrize("n", [0, 1, 2])
def test_D10_few_images_are_clustered_by_the_default(n: int):
    found = cluster(np.ones((n, 5), np.float32))
    assert len(found.labels) == n
    assert found.notes
