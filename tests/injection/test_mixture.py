"""Mixtures: rare causes are as frequent as said, each once; nothing natural is lost without need."""

import math
from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from failatlas.errors import UsageError
from failatlas.images import ImageRecord
from failatlas.injection import NATURAL, balanced, causes_of, looked_at, rare, too_few, truth_of

FREQUENCIES = (0.10, 0.05, 0.02, 0.01)
CAUSES = tuple(f"cause {i}" for i in range(9))


def failing(each=60, natural=200, causes=CAUSES, seed=0):
    truth = [cause for cause in causes for _ in range(each)] + [NATURAL] * natural
    return [truth[i] for i in np.random.default_rng(seed).permutation(len(truth))]


def held(truth, mixture):
    return Counter(truth[i] for i in mixture.rows)


def test_the_truth_is_the_scenario_or_the_weakness_or_unknown():
    def record(**metadata):
        return ImageRecord("a", "a", metadata=metadata)

    assert truth_of(record(known_cause="noise", scenario="noise")) == "noise"
    assert truth_of(record(known_cause="")) == truth_of(record()) == NATURAL
    assert truth_of(record(known_cause=7.0)) == "7"  # a cause called 7, read from a CSV file


def test_causes_to_find_have_enough_failures_and_a_name():
    truth = ["a"] * 10 + ["b"] * 9 + [NATURAL] * 50
    assert causes_of(truth) == ("a",)
    assert causes_of([]) == ()


def test_in_a_balanced_mixture_no_cause_outweighs_the_median_one():
    truth = ["a"] * 100 + ["b"] * 30 + ["c"] * 20 + [NATURAL] * 70 + ["d"] * 5
    mixture = balanced(truth, ("a", "b", "c"), seed=0)
    assert held(truth, mixture) == {"a": 30, "b": 30, "c": 20, NATURAL: 70, "d": 5}
    assert math.isnan(mixture.frequency)
    assert mixture.rare == ()
    assert mixture.rows.tolist() == sorted(set(mixture.rows.tolist()))


def test_natural_failures_are_at_most_half_of_a_mixture_for_a_heap_of_them_is_pure_whatever_is_in_it():
    truth = ["a"] * 30 + ["b"] * 30 + ["c"] * 30 + [NATURAL] * 900
    assert held(truth, balanced(truth, ("a", "b", "c"), seed=0)) == {"a": 30, "b": 30, "c": 30, NATURAL: 90}
    for mixture in rare(truth, ("a", "b", "c"), 0.1, seed=0):
        counts = held(truth, mixture)
        assert counts[NATURAL] <= sum(counts[cause] for cause in "abc" if cause not in mixture.rare)
    kept = looked_at(truth, ("a", "b", "c"), seed=0)
    assert Counter(truth[i] for i in kept.tolist()) == {"a": 30, "b": 30, "c": 30, NATURAL: 90}
    assert len(looked_at([NATURAL] * 900, (), seed=0)) == 900
    # without causes there is nothing to balance
    assert len(balanced([NATURAL] * 900, (), seed=0).rows) == 900


def test_causes_of_one_size_stay_whole():
    truth = failing()
    assert held(truth, balanced(truth, CAUSES, seed=0)) == Counter(truth)


@pytest.mark.parametrize("frequency", FREQUENCIES)
def test_every_cause_is_rare_once_and_as_rare_as_said(frequency):
    truth = failing()
    mixtures = rare(truth, CAUSES, frequency, seed=0)
    assert len(mixtures) == 3
    assert sorted(cause for mixture in mixtures for cause in mixture.rare) == sorted(CAUSES)
    for mixture in mixtures:
        counts = held(truth, mixture)
        assert mixture.frequency == frequency
        for cause in mixture.rare:
            assert abs(counts[cause] - frequency * len(mixture.rows)) <= 1


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.integers(0, 90), min_size=1, max_size=12),
    st.integers(0, 400),
    st.sampled_from((*FREQUENCIES, 0.3, 0.5)),
    st.integers(0, 9),
)
def test_the_frequency_is_right_to_one_image_whatever_there_is(sizes, natural, frequency, seed):
    causes = [f"cause {i}" for i in range(len(sizes))]
    truth = [c for c, size in zip(causes, sizes, strict=True) for _ in range(size)] + [NATURAL] * natural
    mixtures = rare(truth, causes, frequency, seed)
    together = [cause for mixture in mixtures for cause in mixture.rare]
    assert len(together) == len(set(together))
    left_out = {why.split(":")[0] for why in too_few(truth, causes, frequency)}
    assert not left_out & set(together)
    for mixture in mixtures:
        counts = held(truth, mixture)
        assert mixture.rows.tolist() == sorted(set(mixture.rows.tolist()))
        for cause in mixture.rare:
            assert abs(counts[cause] - frequency * len(mixture.rows)) <= 1
            assert counts[cause] >= 3


def test_the_others_and_natural_failures_stay_where_the_rare_ones_are_enough():
    truth = failing()
    for mixture in rare(truth, CAUSES, 0.02, seed=0):
        counts = held(truth, mixture)
        assert counts[NATURAL] == 200
        assert {counts[cause] for cause in CAUSES if cause not in mixture.rare} == {60}
        assert {counts[cause] for cause in mixture.rare} == {12}  # 12 of 560 + 3 · 12


def test_the_others_are_thinned_where_a_rare_cause_has_too_few_to_be_that_frequent():
    truth = failing()
    for mixture in rare(truth, CAUSES, 0.1, seed=0):
        counts = held(truth, mixture)
        assert {counts[cause] for cause in mixture.rare} == {60}
        assert len(mixture.rows) == 600
        assert counts[NATURAL] > 100  # of 200, thinned as evenly as the others


def test_a_cause_with_too_few_failures_is_left_out_and_said():
    truth = failing(60, 200, CAUSES[:5]) + ["few"] * 20
    assert too_few(truth, (*CAUSES[:5], "few"), 0.1) == ("few: 20 failures, 30 are needed for 10 % of 300",)
    mixtures = rare(truth, (*CAUSES[:5], "few"), 0.1, seed=0)
    assert sorted(cause for mixture in mixtures for cause in mixture.rare) == sorted(CAUSES[:5])
    # at 2 % twenty are plenty
    assert "few" in [cause for mixture in rare(truth, ("few",), 0.02, seed=0) for cause in mixture.rare]


def test_D10_few_failures_have_no_rare_causes():
    assert rare([], (), 0.1, seed=0) == ()
    assert rare(["a"] * 20, ("a",), 0.05, seed=0) == ()
    assert too_few(["a"] * 20, ("a",), 0.05) == ("a: 5 % of 20 failures are fewer than 3",)
    assert balanced([], (), seed=0).rows.tolist() == []


def test_R4_a_seed_decides_what_is_drawn():
    truth = failing()
    draws = [[mixture.rows.tolist() for mixture in rare(truth, CAUSES, 0.05, seed)] for seed in (0, 0, 1)]
    assert draws[0] == draws[1] != draws[2]


@pytest.mark.parametrize("frequency", [0, -0.1, 0.6, math.nan])
def test_no_such_frequency(frequency):
    with pytest.raises(UsageError, match="frequency"):
        rare(failing(), CAUSES, frequency, seed=0)


def test_a_mixture_shows_itself_in_one_line():
    truth = ["a"] * 20 + ["b"] * 380
    assert repr(rare(truth, ("a",), 0.05, seed=0)[0]) == "<Mixture 5 % (1 of 1): 400 failures, rare: a>"
