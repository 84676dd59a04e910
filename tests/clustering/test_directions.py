"""Clusters that point alike are joined, members that point elsewhere let go; on rows whose directions are known."""

import numpy as np
import pytest

from failatlas.clustering.assignment import pointing
from failatlas.clustering.directions import belonging, centred, joined


def at(*degrees: float) -> np.ndarray:
    """Unit vectors of the plane."""
    angles = np.radians(degrees)
    return np.stack([np.cos(angles), np.sin(angles)], axis=1)


def test_the_middle_is_the_mean_of_the_clusters_not_of_the_rows():
    rows = np.array([[1.0, 0]] * 90 + [[0, 1.0]] * 10, dtype=np.float32)
    labels = np.repeat([0, 1], [90, 10])
    seen = centred(rows, labels)
    deviation = rows.std(axis=0)  # the same in both columns
    assert seen[0] == pytest.approx(np.array([0.5, -0.5]) / deviation)
    assert seen[-1] == pytest.approx(np.array([-0.5, 0.5]) / deviation)


@pytest.mark.parametrize(("alike", "expected"), [(0.99, 4), (0.9, 3), (0.5, 2), (0.1, 2)])
def test_clusters_are_joined_while_the_angle_between_their_means_is_small(alike, expected):
    # cosines: 0° and 20° 0.94; their mean and 60° 0.64; 180° is opposite or beyond a right angle to all
    rows = at(0, 0, 20, 20, 60, 60, 180, 180)
    labels = joined(np.repeat([0, 1, 2, 3], 2), rows, alike)
    assert len(set(labels.tolist())) == expected
    assert (labels[:2] != labels[6:]).all()


def test_joining_renames_by_size_and_leaves_noise_alone():
    rows = at(90, 0, 0, 10, 10, 180, 180, 180)
    labels = joined(np.array([-1, 1, 1, 2, 2, 0, 0, 0]), rows, 0.9)
    assert labels.tolist() == [-1, 0, 0, 0, 0, 1, 1, 1]


def test_a_member_that_points_elsewhere_becomes_noise_and_noise_that_points_alike_a_member():
    rows = at(*[0] * 9, 80, 5, *[180] * 5, 90)
    labels = np.array([0] * 10 + [-1] + [1] * 5 + [-1])
    found = belonging(labels, rows, 0.7, 2)
    assert found.tolist() == [0] * 9 + [-1] + [0] + [1] * 5 + [-1]


def test_a_cluster_that_lost_its_members_is_noise():
    rows = at(0, 0, 0, 0, 100, 220)  # the last two agree on nothing, so neither points like their mean does
    found = belonging(np.array([0, 0, 0, 0, 1, 1]), rows, 1.0, 3)
    assert found.tolist() == [0, 0, 0, 0, -1, -1]


def test_without_clusters_there_is_nothing_to_belong_to():
    assert belonging(np.array([-1, -1]), at(0, 90), 0.7, 1).tolist() == [-1, -1]


def test_a_new_row_is_assigned_where_it_points_and_to_noise_where_nothing_points():
    members = at(0, 4, -4, 120, 124, 116, 240, 244, 236).astype(np.float32)
    labels = np.repeat([0, 1, 2], 3)
    new = at(2, 118, 242, 180).astype(np.float32)
    found = pointing(members, labels, new, belongs=0.7)
    assert found.labels.tolist() == [0, 1, 2, -1]
    assert found.distances[3] == pytest.approx(2 * np.sin(np.radians(56 / 2)), rel=1e-5)
    assert pointing(members, labels, members, belongs=0.7).labels.tolist() == labels.tolist()
    assert pointing(members, np.full(9, -1), new, belongs=0.7).labels.tolist() == [-1] * 4
