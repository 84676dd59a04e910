from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from failatlas.errors import DataError, ShapeError
from failatlas.images.records import ImageRecord
from failatlas.tasks import Landmarks


def records(*targets: tuple[float, ...] | None) -> list[ImageRecord]:
    return [ImageRecord(f"{i}.png", f"{i}.png", target=target) for i, target in enumerate(targets)]


def test_the_mean_distance_decides_and_the_worst_coordinate_is_the_score():
    target = (10.0, 10.0, 20.0, 20.0)
    outputs = np.array([[13, 14, 20, 20], [13, 14, 20, 26]], dtype=np.float32)  # distances 5, 0 and 5, 6
    verdict = Landmarks(4.0).judge(outputs, records(target, target))
    assert verdict.is_error.tolist() == [False, True]
    assert verdict.score.tolist() == [1, 3]


def test_masked_landmarks_neither_count_nor_win():
    # the second landmark is not marked; its wild output must not matter
    verdict = Landmarks(4.0).judge(np.array([[11, 10, 900, 900]], np.float32), records((10.0, 10.0, 0.0, 1e-5)))
    assert not verdict.is_error[0]
    assert verdict.score[0] == 0
    assert verdict.expected == ("1 landmarks",)


def test_the_second_check_of_hudd_looks_at_the_largest_distance():
    target = tuple([10.0] * 8)
    outputs = np.array([[10, 18, 10, 10, 10, 10, 10, 10]], dtype=np.float32)  # mean 2, max 8
    assert not Landmarks(4.0).judge(outputs, records(target)).is_error[0]
    assert Landmarks(4.0, max_px=8.0).judge(outputs, records(target)).is_error[0]


points = st.lists(st.floats(1, 64, width=32), min_size=6, max_size=6)


@settings(max_examples=50, deadline=None)
@given(points, points)
def test_both_layouts_judge_alike_and_agree_with_the_definition(expected, predicted):
    distances = [math.dist(expected[i : i + 2], predicted[i : i + 2]) for i in (0, 2, 4)]
    mean = sum(distances) / 3
    planar = [0, 2, 4, 1, 3, 5]
    pair = Landmarks(8.0, bands_px=(16.0,)).judge(np.array([predicted], np.float32), records(tuple(expected)))
    first = Landmarks(8.0, bands_px=(16.0,), layout="xxyy").judge(
        np.array([predicted], np.float32)[:, planar], records(tuple(expected[i] for i in planar))
    )
    if min(abs(mean - edge) for edge in (8.0, 16.0)) > 1e-3:
        assert pair.severity[0] == (0 if mean <= 8 else 2 if mean > 16 else 1)
    assert first.severity[0] == pair.severity[0]
    assert planar[first.score[0]] == pair.score[0]
    assert distances[pair.score[0] // 2] == pytest.approx(max(distances), abs=1e-3)


def test_D10_images_without_visible_landmarks_have_a_gap():
    task = Landmarks(4.0)
    gaps = [task.gap(record) for record in records(None, (0.0, 0.0), (float("nan"), 5.0), (5.0, 5.0))]
    assert gaps == ["no landmarks", "no visible landmark", "no visible landmark", ""]


def test_odd_coordinates_name_their_image():
    with pytest.raises(DataError, match="3 coordinates") as caught:
        Landmarks(4.0).gap(records((1.0, 2.0, 3.0))[0])
    assert caught.value.where == "0.png"
    with pytest.raises(ShapeError):
        Landmarks(4.0).judge(np.zeros((1, 3), np.float32), records((1.0, 2.0)))


@pytest.mark.parametrize(
    "wrong", [{"threshold_px": 0}, {"threshold_px": 4, "max_px": -1}, {"threshold_px": 4, "layout": "yx"}]
)
def test_settings_are_checked_at_construction(wrong):
    with pytest.raises(DataError):
        Landmarks(**wrong)
