"""Leaves keep causes apart that the best-separated clustering joins, and none of them is tiny."""

import numpy as np
import pytest
from sklearn.metrics import adjusted_rand_score

from failatlas.clustering.dbscan import Dbscan
from failatlas.clustering.leaves import Leaves
from failatlas.seeds import generator


@pytest.fixture(scope="module")
def families():
    """Two families far apart, each of three groups that nearly touch: (600, 2) and the group of each row."""
    draw = generator(0, "families")
    centres = [(100.0 * family + 6 * member, 0) for family in range(2) for member in range(3)]
    rows = np.concatenate([draw.normal(centre, 1.0, (100, 2)) for centre in centres]).astype(np.float32)
    return rows, np.repeat(np.arange(6), 100)


def test_groups_are_found_where_the_best_separated_clustering_is_families(families):
    rows, truth = families
    families_found = Dbscan().fit_predict(rows)
    labels = Leaves().fit_predict(rows)
    inside = labels >= 0
    assert adjusted_rand_score(truth[inside], labels[inside]) > 0.9
    assert adjusted_rand_score(truth, families_found) < 0.6
    purities = [np.bincount(truth[labels == leaf]).max() / (labels == leaf).sum() for leaf in range(labels.max() + 1)]
    assert min(purities) > 0.9


@pytest.mark.parametrize(("n", "size"), [(1109, 22), (600, 12), (500, 10), (134, 10), (60, 6), (20, 2), (3, 2), (0, 2)])
def test_the_smallest_leaf_is_two_percent_but_ten_where_that_is_a_tenth_or_less(n, size):
    clusterer = Leaves()
    labels = clusterer.fit_predict(generator(0, "n", n).normal(size=(n, 2)).astype(np.float32))
    assert clusterer.parameters_["min_cluster_size"] == size
    assert n < 2 or all(count >= size for count in np.bincount(labels[labels >= 0]))


def test_much_noise_is_said():
    rows = generator(0, "noise").uniform(size=(300, 10)).astype(np.float32)
    clusterer = Leaves()
    labels = clusterer.fit_predict(rows)
    assert (labels < 0).mean() > 0.5
    assert "noise" in clusterer.notes_[0]
