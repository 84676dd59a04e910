import math

import numpy as np

from failatlas.rootcauses.medoids import spread
from failatlas.rootcauses.null import NullClusters, null_clusters


def kmeans(rows, seed):
    from sklearn.cluster import KMeans

    return KMeans(5, n_init=1, random_state=seed).fit_predict(rows).astype(np.int64)


def p_values(failures, reference):
    labels, null = kmeans(failures, 0), null_clusters(reference, len(failures), kmeans, seed=0)
    groups = [failures[labels == c] for c in range(5)]
    return [null.p_value(len(group), spread(group) / spread(failures)) for group in groups]


def test_tight_blobs_beat_random_correct_images_and_noise_does_not():
    rng = np.random.default_rng(0)
    reference = rng.normal(size=(600, 6)).astype(np.float32)
    blobs = (rng.normal(size=(200, 6)) + 15 * np.eye(6)[np.arange(200) % 5]).astype(np.float32)
    assert max(p_values(blobs, reference)) < 0.05
    noise = rng.normal(size=(200, 6)).astype(np.float32)
    assert np.median(p_values(noise, reference)) > 0.2


def test_p_counts_the_observed_cluster_and_compares_only_like_sizes():
    null = NullClusters(np.repeat([10, 100], [19, 50]), np.concatenate([np.linspace(0.1, 1.0, 19), np.zeros(50)]))
    assert null.p_value(10, 0.05) == 1 / 20
    assert null.p_value(20, 0.1) == 2 / 20
    assert null.p_value(5, 2.0) == 1.0


def test_too_few_clusters_or_an_unknown_compactness_give_no_p():
    null = NullClusters(np.full(9, 10), np.ones(9))
    assert math.isnan(null.p_value(10, 0.5))
    assert math.isnan(NullClusters(np.full(90, 10), np.ones(90)).p_value(10, math.nan))


def test_no_draw_from_fewer_correct_images_than_errors_or_identical_ones():
    reference = np.random.default_rng(0).normal(size=(20, 2)).astype(np.float32)
    assert len(null_clusters(reference, 21, kmeans, seed=0).sizes) == 0
    assert len(null_clusters(reference, 1, kmeans, seed=0).sizes) == 0

    def halves(rows, seed):
        return np.arange(len(rows)) % 2

    assert len(null_clusters(np.ones((20, 2), np.float32), 10, halves, seed=0).sizes) == 0
