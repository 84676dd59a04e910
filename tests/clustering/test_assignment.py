import numpy as np
import pytest
from sklearn.cluster import DBSCAN

from failatlas.clustering.assignment import (
    core,
    core_points,
    neighbour,
    radii,
    single_linkage,
    usual_steps,
)
from failatlas.clustering.labels import by_size
from failatlas.errors import DataError, ShapeError, UsageError

MEMBERS = np.array([[0.0], [1], [2], [10], [11], [50]], np.float32)
LABELS = np.array([0, 0, 0, 1, 1, -1])


def rows(*values: float) -> np.ndarray:
    return np.array(values, np.float32)[:, None]


def test_core_points_are_dbscans(four_groups):
    points = four_groups[0]
    for eps, min_samples in ((3.0, 2), (4.0, 5), (5.0, 15)):
        fitted = DBSCAN(eps=eps, min_samples=min_samples).fit(points)
        expected = np.zeros(len(points), bool)
        expected[fitted.core_sample_indices_] = True
        assert core_points(points, eps, min_samples).tolist() == expected.tolist()


def test_a_member_is_assigned_to_its_own_cluster_by_the_core_rule(four_groups):
    points = four_groups[0]
    labels = by_size(DBSCAN(eps=4.5, min_samples=5).fit(points).labels_)
    inner = core_points(points, 4.5, 5)
    assignment = core(points, labels, points, eps=4.5, core_rows=inner)
    assert assignment.labels[inner].tolist() == labels[inner].tolist()
    assert (assignment.labels[labels == -1] == -1).all()
    assert ((assignment.labels == -1) == (labels == -1)).all()


def test_the_core_rule_reaches_exactly_epsilon_from_core_members():
    inner = np.array([False, True, False, True, True, True])
    assignment = core(MEMBERS, LABELS, rows(2, 2.01, -0.5, 9, 50), eps=1.0, core_rows=inner)
    assert assignment.labels.tolist() == [0, -1, -1, 1, -1]
    assert assignment.nearest.tolist() == [1, 1, 1, 3, 4]
    assert assignment.distances == pytest.approx([1, 1.01, 1.5, 1, 39])


def test_single_linkage_asks_for_the_radius_around_the_nearest_member():
    assert radii(MEMBERS, LABELS).tolist() == [1, 1]
    assert single_linkage(MEMBERS, LABELS, rows(3, 3.1, 8.9, 12, 50)).labels.tolist() == [0, -1, -1, 1, -1]
    assert single_linkage(MEMBERS, LABELS, rows(3.1), slack=1.2).labels.tolist() == [0]


def test_clusters_of_one_take_nobody_by_single_linkage():
    assert single_linkage(MEMBERS, np.array([0, 0, 0, 1, 1, 2]), rows(50)).labels.tolist() == [-1]


def test_neighbour_uses_the_step_that_is_usual_in_each_cluster():
    random = np.random.default_rng(0)
    tight, wide = random.standard_normal((200, 2)) * 0.1, random.standard_normal((200, 2)) * 5 + 100
    members = np.concatenate([tight, wide]).astype(np.float32)
    labels = np.repeat([0, 1], 200)
    steps = usual_steps(members, labels)
    assert 20 < steps[1] / steps[0] < 100
    inner, outer = rows(1.0, 101.0) @ np.ones((1, 2), np.float32)
    assert neighbour(members, labels, np.stack([inner, outer])).labels.tolist() == [-1, 1]
    fresh = np.concatenate([random.standard_normal((300, 2)) * 0.1, random.standard_normal((300, 2)) * 5 + 100])
    accepted = neighbour(members, labels, fresh.astype(np.float32), slack=1.0).labels
    assert 0.88 < (accepted == np.repeat([0, 1], 300)).mean() < 0.99


@pytest.mark.parametrize(
    "rule",
    [
        lambda m, c, r: core(m, c, r, eps=1.0, core_rows=np.ones(len(c), bool)),
        single_linkage,
        neighbour,
    ],
    ids=["core", "single linkage", "neighbour"],
)
def test_every_rule_survives_nothing_and_refuses_the_rest(rule):
    nobody = np.zeros((0, 1), np.float32)
    empty = rule(nobody, np.zeros(0, np.int64), rows(1, 2))
    assert empty.labels.tolist() == [-1, -1]
    assert empty.distances.tolist() == [np.inf, np.inf]
    assert rule(MEMBERS, LABELS, nobody).labels.shape == (0,)
    assert rule(MEMBERS, np.full(6, -1), rows(1)).labels.tolist() == [-1]
    assert rule(MEMBERS, LABELS, rows(1)).labels.tolist() == [0]  # a copy of a member
    with pytest.raises(ShapeError):
        rule(MEMBERS, LABELS[:5], rows(1))
    with pytest.raises(ShapeError):
        rule(MEMBERS, LABELS, np.zeros((1, 2), np.float32))
    with pytest.raises(DataError):
        rule(MEMBERS, LABELS, rows(np.nan))


def test_impossible_core_points_are_refused():
    with pytest.raises(UsageError):
        core_points(MEMBERS, 1.0, 0)
    assert core_points(MEMBERS[:1], 1.0, 2).tolist() == [False]
