"""P3: the share of bad images beyond which a run stops."""

from __future__ import annotations

import pytest

from failatlas.errors import DataError
from failatlas.images.records import Quarantined
from failatlas.runs.budget import Budget


def bad(count, code="E_IMG_TRUNCATED", start=0):
    return [Quarantined(f"{i}.png", code, "cut off") for i in range(start, start + count)]


@pytest.mark.parametrize(
    ("n_images", "share", "allowed"),
    [(0, 0.01, 10), (100, 0.01, 10), (1000, 0.01, 10), (1001, 0.01, 11), (5000, 0.01, 50), (50, 1.0, 50), (9, 0.0, 10)],
)
def test_P3_one_in_a_hundred_but_at_least_ten_may_be_bad(n_images, share, allowed):
    budget = Budget(n_images, share)
    budget.charge(bad(allowed))
    with pytest.raises(DataError) as stopped:
        budget.charge(bad(1, start=allowed))
    assert (stopped.value.name, stopped.value.exit_status) == ("E_TOO_MANY_BAD", 3)
    assert "--max-bad" in stopped.value.remedy


def test_an_image_that_is_set_aside_by_two_stages_counts_once():
    budget = Budget(100, 0.01)
    for code in ("E_IMG_CHANGED", "E_FEATURES_NAN"):
        budget.charge(bad(10, code))
    assert {entry.code for entry in budget.quarantined.values()} == {"E_IMG_CHANGED"}


def test_kinds_are_counted_in_the_message():
    with pytest.raises(DataError, match=r"12 bad images, 10 allowed \(7 × E_IMG_TRUNCATED, 5 × E_MODEL_NAN\)"):
        Budget(100, 0.01).charge([*bad(7), *bad(5, "E_MODEL_NAN", 7)])
