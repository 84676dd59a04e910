"""Validity of many clusterings of the same rows is what each gets alone."""

import numpy as np
import pytest
from sklearn.metrics import silhouette_score

from failatlas.clustering.criteria import silhouette
from failatlas.clustering.dbcv import dbcv
from failatlas.clustering.labels import by_size
from failatlas.clustering.squares import squares
from failatlas.clustering.validity import Validity, validity


def clusterings(truth: np.ndarray, seed: int) -> list[np.ndarray]:
    """Clusterings that share clusters: some noise, one split, one single, one joined."""
    random = np.random.default_rng(seed)
    noisy = np.where(random.random(len(truth)) < 0.2, -1, truth)
    split = np.where((truth == 0) & (random.random(len(truth)) < 0.5), 9, truth)
    single = noisy.copy()
    single[3] = 7
    return [by_size(labels) for labels in (truth, noisy, split, single, np.where(truth == 3, 2, truth))]


@pytest.mark.parametrize("d", [2, 12, 200])
def test_clusterings_that_share_clusters_score_as_each_alone(d: int):
    random = np.random.default_rng(d)
    truth = random.integers(0, 4, 150)
    rows = (5 * random.standard_normal((4, d))[truth] + random.standard_normal((150, d))).astype(np.float32)
    several = Validity(rows, 0, squares(rows))
    for labels in clusterings(truth, d):
        inside = labels >= 0
        # scikit-learn's own silhouette of the clustered rows; noise counts 0
        apart = silhouette_score(rows[inside], labels[inside]) * inside.mean()
        expected = (apart + dbcv(rows, labels)) / 2
        assert several(labels) == pytest.approx(expected, rel=1e-9)
        assert several(labels) == validity(rows, labels, 0)


def test_a_sample_of_many_rows_is_the_criteria_own(four_groups):
    rows = np.concatenate([four_groups[0] + np.float32(shift) for shift in np.linspace(0, 0.5, 10)])
    labels = by_size(np.tile(four_groups[1], 10))
    assert len(rows) > 2000
    expected = (silhouette(rows, labels, seed=6) + dbcv(rows, labels, seed=6)) / 2
    assert validity(rows, labels, 6) == pytest.approx(expected, rel=1e-9)
    assert Validity(rows, 6, squares(rows))(labels) == pytest.approx(expected, rel=1e-9)


def test_one_cluster_or_none_has_the_lowest_validity():
    rows = np.random.default_rng(0).standard_normal((5, 2)).astype(np.float32)
    score = Validity(rows, 0)
    assert [score(np.array(labels)) for labels in ([-1] * 5, [0] * 5, [0, -1, -1, 0, 0])] == [-1, -1, -1]
    assert score(np.array([0, 1, -1, -1, -1])) == -1
