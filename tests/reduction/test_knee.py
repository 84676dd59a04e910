import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from kneed import KneeLocator

from failatlas.errors import ShapeError
from failatlas.reduction.knee import kneedle

CURVES = ("concave", "convex")
DIRECTIONS = ("increasing", "decreasing")


@pytest.mark.parametrize("sensitivity", [0.0, 1.0, 2.5])
@pytest.mark.parametrize("direction", DIRECTIONS)
@pytest.mark.parametrize("curve", CURVES)
@settings(max_examples=60)
@given(
    st.lists(st.integers(0, 30), min_size=3, max_size=25),
    st.booleans(),
    st.lists(st.integers(1, 9), min_size=25, max_size=25),
)
def test_knees_are_where_kneed_finds_them(curve, direction, sensitivity, values, is_sorted, steps):
    y = np.array(sorted(values) if is_sorted else values, dtype=float)
    x = np.cumsum(steps[: len(y)]).astype(float)
    ours = kneedle(x, y, curve=curve, direction=direction, sensitivity=sensitivity)
    if np.ptp(y) == 0:
        assert ours is None  # kneed divides 0 by 0 here
    else:
        assert ours == KneeLocator(x, y, S=sensitivity, curve=curve, direction=direction).knee


def test_a_corner_is_found_in_all_four_attitudes():
    x = np.arange(11.0)
    corner = np.minimum(x * 3, 12 + (x - 4) * 0.1)
    assert kneedle(x, corner, curve="concave", direction="increasing") == 4
    assert kneedle(x, corner[::-1], curve="concave", direction="decreasing") == 6
    assert kneedle(x, -corner, curve="convex", direction="decreasing") == 4
    assert kneedle(x, -corner[::-1], curve="convex", direction="increasing") == 6


def test_a_knee_does_not_depend_on_units():
    x = np.arange(1.0, 30.0)
    y = 1 / x
    knee = kneedle(x, y, curve="convex", direction="decreasing")
    assert knee == kneedle(x, 1000 * y - 7, curve="convex", direction="decreasing")
    assert 60 * knee == kneedle(60 * x, y, curve="convex", direction="decreasing")


@pytest.mark.parametrize("y", [[], [1.0], [1.0, 2.0], [3.0, 3.0, 3.0], [1.0, 2.0, 3.0, 4.0], [0.0, np.nan, 1.0]])
def test_no_knee_is_none(y: list[float]):
    assert kneedle(np.arange(len(y), dtype=float), np.array(y), curve="concave", direction="increasing") is None


def test_x_and_y_must_match():
    with pytest.raises(ShapeError):
        kneedle(np.arange(3.0), np.arange(4.0), curve="concave", direction="increasing")
