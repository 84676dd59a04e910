import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from failatlas.errors import DataError, ShapeError
from failatlas.statistics import (
    bootstrap_mean,
    circular_mean,
    circular_variance,
    cliffs_delta,
    clopper_pearson,
    holm,
    mann_whitney,
    vargha_delaney,
    wilcoxon,
    wilson,
)

numbers = st.lists(st.integers(-5, 5).map(float), min_size=1, max_size=12)


@pytest.mark.parametrize(("successes", "n"), [(0, 7), (7, 7), (3, 11), (31, 100), (1, 1)])
def test_clopper_pearson_equals_its_beta_quantiles(successes: int, n: int):
    interval = clopper_pearson(successes, n)
    low = stats.beta.ppf(0.025, successes, n - successes + 1) if successes else 0.0
    high = stats.beta.ppf(0.975, successes + 1, n - successes) if successes < n else 1.0
    assert (interval.low, interval.high) == pytest.approx((low, high), abs=1e-10)
    assert interval.value == successes / n
    assert interval.n == n


@pytest.mark.parametrize(("successes", "n"), [(0, 7), (7, 7), (3, 11), (31, 100)])
def test_wilson_bounds_solve_the_score_equation(successes: int, n: int):
    interval = wilson(successes, n)
    z = stats.norm.ppf(0.975)
    for bound in (interval.low, interval.high):
        # |p − bound| = z √(bound (1 − bound) / n) defines both bounds
        assert abs(interval.value - bound) == pytest.approx(z * math.sqrt(bound * (1 - bound) / n), abs=1e-9)


@pytest.mark.parametrize("interval", [wilson, clopper_pearson])
def test_a_rate_of_nothing_spans_all_and_an_impossible_count_is_refused(interval):
    nothing = interval(0, 0)
    assert math.isnan(nothing.value)
    assert (nothing.low, nothing.high, nothing.n) == (0.0, 1.0, 0)
    with pytest.raises(DataError, match="8 successes of 7"):
        interval(8, 7)


def test_bootstrap_covers_the_true_mean_about_as_often_as_it_says():
    random = np.random.default_rng(0)
    hits = 0
    for trial in range(100):
        interval = bootstrap_mean(random.exponential(2.0, 40), seed=trial, resamples=300)
        hits += interval.low <= 2.0 <= interval.high
    assert 86 <= hits <= 99


def test_bootstrap_is_decided_by_its_seed_and_keeps_degenerate_input():
    values = [1.0, 4.0, 2.0, 8.0, 5.0]
    assert bootstrap_mean(values, seed=3) == bootstrap_mean(values, seed=3)
    assert bootstrap_mean(values, seed=3) != bootstrap_mean(values, seed=4)
    percentile = bootstrap_mean(values, seed=3, method="percentile")
    assert percentile.low < 4.0 < percentile.high
    same = bootstrap_mean([2.0, 2.0, 2.0], seed=0)
    assert (same.low, same.value, same.high) == (2.0, 2.0, 2.0)
    assert bootstrap_mean([2.0], seed=0).high == math.inf
    assert math.isnan(bootstrap_mean([], seed=0).value)
    with pytest.raises(DataError, match="not finite"):
        bootstrap_mean([1.0, math.nan], seed=0)
    with pytest.raises(DataError, match="unknown bootstrap method"):
        bootstrap_mean(values, seed=0, method="t")


@given(numbers, numbers)
def test_cliffs_delta_equals_the_count_of_pairs(a: list[float], b: list[float]):
    pairs = [np.sign(x - y) for x in a for y in b]
    assert cliffs_delta(a, b) == pytest.approx(float(np.mean(pairs)), abs=1e-12)
    assert cliffs_delta(a, b) == pytest.approx(-cliffs_delta(b, a), abs=1e-12)


def test_cliffs_delta_of_nothing_is_nan():
    assert math.isnan(cliffs_delta([], [1.0]))


@given(st.lists(st.integers(0, 9), min_size=1, max_size=6), st.lists(st.integers(0, 9), min_size=1, max_size=6))
def test_vargha_delaney_counts_a_tie_as_half_a_win(a: list[int], b: list[int]):
    wins = [float(x > y) + 0.5 * (x == y) for x in a for y in b]
    assert vargha_delaney(a, b) == pytest.approx(float(np.mean(wins)), abs=1e-12)


@given(st.permutations(range(9)), st.integers(1, 8))
def test_mann_whitney_counts_the_orders_that_are_as_far_apart(order: list[int], n: int):
    def distance(ranks):  # of the rank sum from its middle
        return abs(sum(ranks) - n * 4)

    seen = distance(order[:n])
    splits = [distance(chosen) >= seen for chosen in itertools.combinations(range(9), n)]
    assert mann_whitney(order[:n], order[n:]) == pytest.approx(float(np.mean(splits)), abs=1e-12)


@given(st.permutations(range(1, 9)), st.lists(st.booleans(), min_size=8, max_size=8))
def test_wilcoxon_counts_the_signs_that_are_as_far_out(sizes: list[int], signs: list[bool]):
    differences = [size if sign else -size for size, sign in zip(sizes, signs, strict=True)]
    far = abs(sum(differences))
    flips = [
        abs(sum(map(math.prod, zip(sizes, flip, strict=True)))) >= far for flip in itertools.product((1, -1), repeat=8)
    ]
    assert wilcoxon(differences, [0] * 8) == pytest.approx(float(np.mean(flips)), abs=1e-12)


@settings(max_examples=15, deadline=None)
@given(st.lists(st.integers(-4, 4), min_size=2, max_size=8))
def test_wilcoxon_with_ties_is_scipys_permutation_of_signs(differences: list[int]):
    kept = np.array([value for value in differences if value])
    if len(kept) > 1:
        every = stats.wilcoxon(kept, method=stats.PermutationMethod(n_resamples=1000))  # 2⁸ < 1000: all of them
        assert wilcoxon(differences, np.zeros(len(differences))) == pytest.approx(every.pvalue, abs=1e-12)


def test_wilcoxon_of_many_pairs_is_near_its_exact_form():
    rng = np.random.default_rng(2)
    for n in (50, 51):
        values = rng.normal(0.3, 1, n)
        assert wilcoxon(values, np.zeros(n)) == pytest.approx(stats.wilcoxon(values, method="exact").pvalue, rel=0.1)


def test_tests_of_values_that_are_all_equal_see_no_difference():
    assert mann_whitney([2.0] * 12, [2.0] * 9) == 1.0
    assert wilcoxon([2.0] * 12, [2.0] * 12) == 1.0


def test_tests_of_nothing_say_so():
    assert math.isnan(mann_whitney([], [1.0]))
    assert math.isnan(wilcoxon([], []))
    assert math.isnan(vargha_delaney([1.0], []))


def test_pairs_must_be_pairs():
    with pytest.raises(ShapeError, match="equally many"):
        wilcoxon([1.0], [1.0, 2.0])


@settings(max_examples=50)
@given(st.lists(st.floats(0, 1), min_size=0, max_size=8))
def test_holm_rejects_what_its_step_down_procedure_rejects(p: list[float]):
    corrected = holm(p)
    for alpha in (0.01, 0.05, 0.3):
        rejected = set()
        for step, index in enumerate(sorted(range(len(p)), key=lambda i: p[i])):
            if p[index] * (len(p) - step) > alpha:
                break
            rejected.add(index)
        assert {i for i, value in enumerate(corrected) if value <= alpha} == rejected


def test_holm_refuses_what_is_no_probability():
    with pytest.raises(DataError, match="0, 1"):
        holm([0.5, 1.5])


@settings(max_examples=50)
@given(st.lists(st.floats(-720, 720), min_size=1, max_size=10))
def test_circular_statistics_agree_with_scipy(angles: list[float]):
    variance = circular_variance(angles)
    assert variance == pytest.approx(stats.circvar(np.radians(angles)), abs=1e-9)
    if variance < 0.999:
        turn = circular_mean(angles) - np.degrees(stats.circmean(np.radians(angles)))
        assert math.cos(math.radians(turn)) == pytest.approx(1.0, abs=1e-9)
        assert 0 <= circular_mean(angles) < 360


def test_circular_statistics_of_nothing_are_nan():
    assert math.isnan(circular_mean([]))
    assert math.isnan(circular_variance([]))
