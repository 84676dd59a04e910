from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from failatlas.errors import DataError, ShapeError
from failatlas.images.records import ImageRecord
from failatlas.tasks import Regression


def records(*targets: tuple[float, ...] | None) -> list[ImageRecord]:
    return [ImageRecord(f"{i}.png", f"{i}.png", target=target) for i, target in enumerate(targets)]


def test_an_error_lies_beyond_the_threshold_and_bands_grade_it():
    task = Regression(1.0, bands=(2.0, 4.0), unit="°")
    outputs = np.array([[0.0], [1.0], [1.5], [-2.0], [2.5], [9.0]], dtype=np.float32)
    verdict = task.judge(outputs, records(*[(0.0,)] * 6))
    assert verdict.is_error.tolist() == [False, False, True, True, True, True]
    assert verdict.severity.tolist() == [0, 0, 1, 1, 2, 3]
    assert np.isnan(verdict.uncertainty).all()
    assert verdict.predicted[2] == "1.5 °"


def test_the_score_is_the_output_furthest_beyond_its_own_threshold():
    task = Regression((1.0, 100.0))
    verdict = task.judge(np.array([[3.0, 150.0], [0.5, 90.0]], np.float32), records((0.0, 0.0), (0.0, 0.0)))
    assert verdict.score.tolist() == [0, 1]
    assert verdict.is_error.tolist() == [True, False]


@settings(max_examples=50, deadline=None)
@given(st.lists(st.floats(-50, 50, width=32), min_size=1, max_size=6), st.floats(0.125, 20, width=16))
def test_severity_is_positive_exactly_for_errors(values, threshold):
    task = Regression(threshold, bands=(threshold * 2, threshold * 3))
    verdict = task.judge(np.array(values, np.float32)[:, None], records(*[(0.0,)] * len(values)))
    slow = [0 if abs(v) <= threshold else 1 + sum(abs(v) > threshold * f for f in (2, 3)) for v in values]
    assert verdict.severity.tolist() == slow
    assert ((verdict.severity > 0) == verdict.is_error).all()


def test_D10_missing_and_unreadable_targets_have_a_gap():
    task = Regression(1.0)
    assert [task.gap(r) for r in records(None, (float("nan"),), (1.0,))] == ["no target", "target is not a number", ""]


def test_a_target_of_another_length_has_both_numbers():
    with pytest.raises(ShapeError, match="2 outputs, the target has 1 numbers"):
        Regression(1.0).judge(np.zeros((1, 2), np.float32), records((0.0,)))
    with pytest.raises(ShapeError, match="2 thresholds for 3 outputs"):
        Regression((1.0, 2.0)).judge(np.zeros((1, 3), np.float32), records((0.0,) * 3))


@pytest.mark.parametrize(
    "wrong", [(0,), (-1.0,), (float("nan"),), (1.0, (0.5,)), (1.0, (3.0, 2.0)), ((1.0, 2.0), (3.0,))]
)
def test_thresholds_and_bands_are_checked_at_construction(wrong):
    with pytest.raises(DataError):
        Regression(*wrong)
