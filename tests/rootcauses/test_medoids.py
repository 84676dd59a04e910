import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from failatlas.rootcauses.medoids import by_distance, mean_distance, medoids, spread


def test_the_medoid_of_a_plus_sign_is_its_middle():
    plus = np.array([[1, 0], [-1, 0], [0, 0], [0, 1], [0, -1]], np.float32)
    assert medoids(plus, 1).tolist() == [2]
    assert by_distance(plus, 2).tolist() == [2, 0, 1, 3, 4]
    assert spread(plus) == 1.0


@settings(max_examples=40, deadline=None)
@given(arrays(np.float32, st.tuples(st.integers(1, 12), st.integers(1, 3)), elements=st.integers(-5, 5)))
def test_medoids_have_the_smallest_total_distance_of_a_pair_loop(rows):
    totals = np.array([sum(math.dist(a, b) for b in rows) for a in rows])
    found = medoids(rows, 5)
    assert len(set(found.tolist())) == min(5, len(rows))
    assert totals[found] == pytest.approx(np.sort(totals)[: len(found)], rel=1e-4, abs=1e-4)


def test_of_identical_images_the_first_ones_are_the_medoids():
    assert medoids(np.full((50, 3), 0.3, np.float32), 3).tolist() == [0, 1, 2]


def test_the_medoid_itself_does_not_make_a_small_cluster_look_tighter():
    assert mean_distance(np.array([[0.0], [2.0]], np.float32), 0) == 2.0


def test_one_image_has_no_spread():
    assert math.isnan(spread(np.zeros((1, 2), np.float32)))
    assert math.isnan(mean_distance(np.zeros((1, 2), np.float32), 0))
    assert medoids(np.zeros((1, 2), np.float32)).tolist() == [0]
