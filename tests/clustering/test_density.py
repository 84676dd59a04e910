"""What DBSCAN and HDBSCAN choose by themselves."""

import numpy as np
import pytest
from sklearn.cluster import DBSCAN, HDBSCAN

from failatlas.clustering.dbscan import Dbscan
from failatlas.clustering.hdbscan import Hdbscan
from failatlas.clustering.labels import by_size
from failatlas.clustering.validity import validity


def test_epsilon_is_a_nearest_neighbour_distance_at_the_knee_as_published():
    random = np.random.default_rng(0)
    rows = np.concatenate([random.standard_normal((90, 2)) * 0.2 + c for c in ([0, 0], [9, 9])])
    rows = np.concatenate([rows, random.uniform(-30, 40, (12, 2))]).astype(np.float32)
    dbscan = Dbscan(eps="knee")
    labels = dbscan.fit_predict(rows)
    curve = dbscan.curves_[0]
    away = np.linalg.norm(rows[:, None] - rows[None], axis=2)
    np.fill_diagonal(away, np.inf)
    assert curve.y == pytest.approx(np.sort(away.min(axis=1)), abs=1e-5)
    assert curve.rule == f"ε = {dbscan.parameters_['eps']:.4g}, knee"
    assert curve.y[int(curve.chosen) - 1] == pytest.approx(dbscan.parameters_["eps"])
    assert labels[:180].max() == 1
    assert (labels[180:] == -1).mean() > 0.8
    expected = DBSCAN(eps=dbscan.parameters_["eps"], min_samples=dbscan.parameters_["min_samples"]).fit(rows)
    assert labels.tolist() == by_size(expected.labels_).tolist()


def test_min_samples_is_the_best_of_its_curve():
    random = np.random.default_rng(1)
    rows = np.concatenate([random.standard_normal((60, 3)) * 0.4 + c for c in (0, 4, 8)]).astype(np.float32)
    dbscan = Dbscan(eps=0.6)
    labels = dbscan.fit_predict(rows)
    (curve,) = dbscan.curves_
    assert curve.x.tolist() == [2, 3, 5, 10, 15]
    for value, score in zip(curve.x, curve.y, strict=True):
        other = by_size(DBSCAN(eps=0.6, min_samples=int(value)).fit(rows).labels_)
        assert score == pytest.approx(validity(rows, other, 0))
    assert curve.chosen == curve.x[curve.y.argmax()] == dbscan.parameters_["min_samples"]
    assert validity(rows, labels, 0) == curve.y.max()


def test_a_knee_that_breaks_clusters_up_is_left_for_a_better_radius_and_it_is_said():
    # on even ground a radius that gives nearly everybody one neighbour gives too few to connect the group
    random = np.random.default_rng(2)
    rows = np.concatenate([random.uniform(-1, 1, (200, 2)) + c for c in ([0, 0], [20, 0], [0, 20])])
    strict, free = Dbscan(eps="knee"), Dbscan()
    assert strict.fit_predict(rows.astype(np.float32)).max() > 5
    labels = free.fit_predict(rows.astype(np.float32))
    assert labels.tolist() == np.repeat([0, 1, 2], 200).tolist()
    assert "was taken" in free.notes_[0]
    ranks, scores = [curve for curve in free.curves_ if curve.parameter in ("rank", "eps")]
    assert (ranks.criterion, scores.criterion) == ("distance to the nearest neighbour (ε)", "½ silhouette + ½ DBCV")
    assert scores.chosen == free.parameters_["eps"] > strict.parameters_["eps"]
    at = int(ranks.chosen) - 1  # the mark stands on the curve, where it passes ε
    assert at == len(rows) - 1 or ranks.y[at] >= free.parameters_["eps"] > ranks.y[at - 1]


@pytest.mark.parametrize(
    ("part", "note"),
    [
        (Dbscan(eps=1e-6, min_samples=5), "every row is noise"),
        (Dbscan(eps=100.0), "one cluster holds 100% of the rows"),
        (Dbscan(eps=0.1, min_samples=2), "of the rows are noise"),
        (Hdbscan(min_cluster_size=30), "every row is noise"),
    ],
)
def test_clusters_that_are_hard_to_use_are_said(part, note: str):
    part.fit_predict(np.random.default_rng(3).standard_normal((40, 2)).astype(np.float32))
    assert note in part.notes_[-1]


def test_few_copies_and_a_given_epsilon_need_no_curve():
    dbscan = Dbscan(eps=1.0, min_samples=3)
    assert dbscan.fit_predict(np.zeros((3, 2), np.float32)).tolist() == [0, 0, 0]
    assert dbscan.curves_ == ()
    assert Dbscan(min_samples=1).fit_predict(np.zeros((1, 2), np.float32)).tolist() == [0]
    assert Dbscan().fit_predict(np.zeros((1, 2), np.float32)).tolist() == [-1]


def test_hdbscan_is_scikit_learns_at_the_best_size():
    random = np.random.default_rng(4)
    rows = np.concatenate([random.standard_normal((70, 2)) * s + c for s, c in ((0.2, 0), (0.8, 9), (1.5, 25))])
    rows = rows.astype(np.float32)
    hdbscan = Hdbscan()
    labels = hdbscan.fit_predict(rows)
    (curve,) = hdbscan.curves_
    scores = []
    for size in (2, 5, 10, 15):
        other = by_size(HDBSCAN(min_cluster_size=size, copy=True).fit(rows).labels_)
        scores.append(validity(rows, other, 0))
        if size == hdbscan.parameters_["min_cluster_size"]:
            assert labels.tolist() == other.tolist()
    assert curve.y == pytest.approx(scores)
    assert labels.max() == 2
