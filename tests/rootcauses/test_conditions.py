import math

import numpy as np
from hypothesis import assume, given
from hypothesis import strategies as st

from failatlas.rootcauses.conditions import Condition, readable

finite = st.floats(-1e9, 1e9, allow_subnormal=False)


@given(finite, finite)
def test_a_readable_number_lies_in_its_gap_and_is_what_its_text_says(a, b):
    low, high = min(a, b), max(a, b)
    number = readable(low, high)
    assert number == low or low <= number < high
    if number != low:
        assert float(f"{number:.15g}") == number


@given(st.integers(-999, 999), st.integers(1, 500))
def test_no_number_with_fewer_digits_lies_in_the_gap(low, width):
    high = low + width
    number = readable(float(low), float(high))

    def digits(value):
        return len(str(abs(int(value))).rstrip("0")) if value else 0

    assume(number == int(number))
    assert digits(number) == min(digits(value) for value in range(low, high))


def test_tiny_and_empty_gaps_give_their_lower_end():
    assert readable(0.1 + 0.2, 0.1 + 0.2) == 0.1 + 0.2
    assert readable(5e-324, 1e-323) == 5e-324
    assert readable(math.pi, math.nextafter(math.pi, 4)) == math.pi


def test_an_arc_passes_through_zero():
    arc = Condition("wind_deg", low=340, high=15)
    assert arc.holds(np.array([350.0, 0.0, 15.0, 16.0, 340.0, np.nan])).tolist() == [True, True, True] + [False] * 3
    assert arc.text == "wind_deg from 340 through 0 to 15"


def test_missing_entries_satisfy_nothing():
    missing = np.array([np.nan])
    assert not Condition("x", high=5).holds(missing).any()
    assert not Condition("x", low=5).holds(missing).any()
    assert not Condition("x", value="a").holds(("",)).any()
