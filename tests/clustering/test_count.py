"""How many clusters k-means and Ward choose by themselves."""

import numpy as np
import pytest

from failatlas.clustering.count import choose_count, distinct
from failatlas.clustering.kmeans import KMeans
from failatlas.clustering.ward import Ward


@pytest.mark.parametrize("part", [KMeans, Ward])
def test_inertia_is_that_of_the_labels_and_the_count_is_its_knee(part, four_groups):
    rows, _ = four_groups
    chooser = part()
    labels = chooser.fit_predict(rows)
    (curve,) = chooser.curves_
    assert curve.x.tolist() == list(range(2, 36))
    assert curve.rule == "knee"
    assert curve.chosen == chooser.parameters_["n_clusters"] == labels.max() + 1 == 4
    inertia = sum(((rows[labels == c] - rows[labels == c].mean(axis=0)) ** 2).sum() for c in range(4))
    assert curve.y[2] == pytest.approx(inertia, rel=1e-4)


@pytest.mark.parametrize("part", [KMeans, Ward])
def test_more_clusters_than_different_rows_are_cut_and_said(part):
    rows = np.repeat(np.eye(3, dtype=np.float32), 4, axis=0)
    few = part(n_clusters=10)
    assert few.fit_predict(rows).tolist() == [0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2]
    assert "3 clusters instead of 10" in few.notes_[0]
    assert few.parameters_ == {"n_clusters": 3}


def test_without_a_knee_the_point_farthest_below_the_chord_is_taken_and_it_is_said():
    x = np.arange(2, 8)
    k, curve, notes = choose_count(x, np.array([10.0, 8, 6, 4, 2, 0]), "inertia")
    assert (k, curve.chosen) == (2, 2)
    assert "no knee" in notes[0]
    assert choose_count(np.array([2]), np.array([1.0]), "inertia")[1].rule == "only value"


def test_different_rows_are_counted_as_far_as_needed():
    rows = np.repeat(np.arange(6, dtype=np.float32)[:, None], 5, axis=0)
    assert [distinct(rows, enough) for enough in (1, 2, 6, 9)] == [1, 2, 6, 6]
    assert distinct(rows[:0], 3) == 0
