"""Starts from one matrix are scikit-learn's k-means++ starts, draw by draw."""

import numpy as np
import pytest
from sklearn.cluster import KMeans as Lloyd
from sklearn.cluster import kmeans_plusplus

from failatlas.clustering.kmeans import KMeans
from failatlas.clustering.labels import by_size
from failatlas.clustering.starts import Starts


@pytest.mark.parametrize("n_clusters", [1, 2, 9, 35])
@pytest.mark.parametrize("d", [2, 90])
def test_centres_are_those_of_scikit_learn_from_the_same_stream(d: int, n_clusters: int):
    rows = np.random.default_rng(d).standard_normal((120, d)).astype(np.float32)
    starts, ours, theirs = Starts(), np.random.RandomState(4), np.random.RandomState(4)
    for _ in range(3):  # the stream goes on from start to start
        expected = kmeans_plusplus(rows, n_clusters, random_state=theirs)[0]
        assert starts(rows, n_clusters, ours).tolist() == expected.tolist()


def test_copies_never_start_two_clusters():
    rows = np.repeat(np.array([[0, 0], [1, 5], [7, 2]], np.float32), [20, 10, 3], axis=0)
    centres = Starts()(rows, 3, np.random.RandomState(0))
    assert len(np.unique(centres, axis=0)) == 3


def test_kmeans_over_many_counts_is_scikit_learns(four_groups):
    clusterer = KMeans(seed=5)
    labels = clusterer.fit_predict(four_groups[0])
    inertia = clusterer.curves_[0].y
    for k in (2, 7, 20):
        expected = Lloyd(k, n_init=4, random_state=5).fit(four_groups[0])
        assert inertia[k - 2] == pytest.approx(expected.inertia_, rel=1e-6)
    chosen = Lloyd(clusterer.parameters_["n_clusters"], n_init=4, random_state=5).fit(four_groups[0])
    assert labels.tolist() == by_size(chosen.labels_).tolist()
