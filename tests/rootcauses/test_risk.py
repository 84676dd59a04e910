import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from failatlas.rootcauses.confusion import confusion
from failatlas.rootcauses.risk import rank_order, risk


@given(st.lists(st.floats(0, 1e3), max_size=30), st.randoms(use_true_random=False))
def test_risk_does_not_depend_on_image_order(severity, random):
    shuffled = list(severity)
    random.shuffle(shuffled)
    assert risk(np.array(severity), 50) == risk(np.array(shuffled), 50)


def test_risk_is_mean_severity_times_frequency():
    assert risk(np.array([1.0, 1.0, 4.0]), 60) == 2.0 * (3 / 60)


def test_no_image_tested_is_no_risk():
    assert risk(np.array([]), 0) == 0.0


def test_equal_risks_keep_their_order():
    assert rank_order(np.array([0.2, 0.3, 0.2, 0.3])).tolist() == [1, 3, 0, 2]
    assert rank_order(np.array([])).tolist() == []


def test_equal_confusions_are_ordered_by_name():
    assert confusion(["b", "a", "c", "c"], ["x", "x", "y", "y"]) == (("c", "y", 2), ("a", "x", 1), ("b", "x", 1))
    assert confusion([], []) == ()
