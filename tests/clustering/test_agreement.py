"""Agreement of clusters with known causes: the published toy, other libraries, and what must never matter."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import adjusted_rand_score, normalized_mutual_info_score

from failatlas.clustering.agreement import agreement
from failatlas.errors import ShapeError, UsageError

CAUSES = ("noise", "blur", "mask", "natural")
failures = st.lists(st.tuples(st.integers(-1, 4), st.sampled_from(CAUSES)), max_size=40)


def split(rows: list[tuple[int, str]]) -> tuple[np.ndarray, list[str]]:
    return np.array([label for label, _ in rows], np.int64), [cause for _, cause in rows]


def test_the_toy_of_the_specification():
    truth = ["noise"] * 9 + ["blur"] + ["blur"] * 5 + ["mask"] * 5 + ["mask"] * 20
    found = agreement(np.repeat([7, 3, 5], [10, 10, 20]), truth, ("noise", "blur", "mask"))
    assert found.purities.tolist() == [1, 0.9, 0.5]
    assert found.purity == pytest.approx(0.8)
    assert (found.purity_median, found.purity_min) == (0.9, 0.5)
    assert found.covered == ("noise", "mask")
    assert found.coverage == pytest.approx(2 / 3)
    assert (found.n_clusters, found.redundancy, found.noise) == (3, 1.5, 0)


def test_a_cause_just_below_the_threshold_is_not_covered():
    truth = ["blur"] * 17 + ["natural"] * 2 + ["noise"] * 18 + ["natural"] * 2
    found = agreement(np.repeat([0, 1], [19, 20]), truth, ("blur", "noise"))
    assert found.covered == ("noise",)  # 17 of 19 is 0.895, 18 of 20 is 0.9
    assert agreement(np.repeat([0, 1], [19, 20]), truth, ("blur", "noise"), 0.89).coverage == 1


def test_noise_covers_nothing_and_lowers_no_purity():
    truth = ["blur"] * 10 + ["mask"] * 10
    found = agreement(np.repeat([-1, 0], [10, 10]), truth, ("blur", "mask"))
    assert (found.covered, found.purity, found.n_clusters, found.noise) == (("mask",), 1, 1, 0.5)
    # noise is one group: both partitions are then the same
    assert (found.ari, found.nmi) == (1, 1)


def test_natural_failures_are_a_group_but_need_not_be_found():
    found = agreement(np.repeat([0, 1], [4, 4]), ["natural"] * 4 + ["blur"] * 2 + ["natural"] * 2, ("blur",))
    assert found.purities.tolist() == [1, 0.5]
    assert (found.coverage, found.covered) == (0, ())
    assert math.isnan(found.redundancy)


def test_a_cause_that_no_failure_has_is_not_covered():
    found = agreement(np.zeros(3, np.int64), ["blur"] * 3, ("blur", "mask"))
    assert (found.coverage, found.covered, found.redundancy) == (0.5, ("blur",), 1)


@pytest.mark.parametrize(
    ("labels", "truth", "n_clusters", "purity", "coverage", "ari", "nmi", "noise"),
    [
        pytest.param([], [], 0, 0, 0, 1, 1, 0, id="no failures"),
        pytest.param([-1, -1, -1], ["blur", "mask", "mask"], 0, 0, 0, 0, 0, 1, id="all noise"),
        pytest.param([0, 0, 0, 0], ["blur", "blur", "blur", "mask"], 1, 0.75, 0, 0, 0, 0, id="one cluster"),
        pytest.param([0], ["blur"], 1, 1, 0.5, 1, 1, 0, id="one failure"),
        pytest.param([0, 1], ["blur", "mask"], 2, 1, 1, 1, 1, 0, id="each its own"),
        pytest.param([0, 0, 1, 1], ["blur"] * 4, 2, 1, 0.5, 0, 0, 0, id="one cause in two clusters"),
    ],
)
def test_D10_degenerate_inputs_give_stated_results(labels, truth, n_clusters, purity, coverage, ari, nmi, noise):
    found = agreement(np.array(labels, np.int64), truth, ("blur", "mask"))
    assert (found.n_clusters, found.purity, found.coverage, found.noise) == (n_clusters, purity, coverage, noise)
    assert (found.ari, found.nmi) == pytest.approx((ari, nmi))
    assert found.purity_min <= found.purity_median


def test_D10_without_causes_coverage_is_no_number():
    found = agreement(np.array([0, 0]), ["natural", "natural"], ())
    assert math.isnan(found.coverage)
    assert math.isnan(found.redundancy)
    assert found.purity == 1


@settings(max_examples=80)
@given(failures)
def test_indices_are_those_of_scikit_learn(rows):
    labels, truth = split(rows)
    found = agreement(labels, truth, CAUSES[:3])
    assert found.ari == pytest.approx(adjusted_rand_score(truth, labels), abs=1e-12)
    assert found.nmi == pytest.approx(normalized_mutual_info_score(truth, labels), abs=1e-9)


def test_the_rand_index_of_many_failures_does_not_overflow():
    random = np.random.default_rng(0)
    labels, truth = random.integers(0, 3, 400_000), random.integers(0, 2, 400_000)
    found = agreement(labels, [str(cause) for cause in truth], ("0",))
    assert found.ari == pytest.approx(adjusted_rand_score(truth, labels), abs=1e-9)


@settings(max_examples=60)
@given(failures, st.permutations(range(5)), st.randoms(use_true_random=False))
def test_neither_names_of_clusters_nor_the_order_of_failures_matter(rows, names, random):
    shuffled = [(label if label < 0 else names[label], cause) for label, cause in rows]
    random.shuffle(shuffled)
    one, other = agreement(*split(rows), CAUSES[:3]), agreement(*split(shuffled), CAUSES[:3])
    assert sorted(one.purities) == sorted(other.purities)
    assert one.covered == other.covered
    for name in ("purity", "purity_median", "purity_min", "ari", "nmi", "n_clusters", "noise"):
        assert getattr(one, name) == pytest.approx(getattr(other, name), abs=1e-12)


@settings(max_examples=60)
@given(failures)
def test_everything_keeps_its_bounds(rows):
    labels, truth = split(rows)
    found = agreement(labels, truth, CAUSES[:3])
    assert all(1 / len(CAUSES) <= purity <= 1 for purity in found.purities)
    assert found.purity_min <= found.purity <= 1
    assert 0 <= found.coverage <= 1
    assert -1 <= found.ari <= 1
    assert 0 <= found.nmi <= 1
    assert 0 <= found.noise <= 1
    assert math.isnan(found.redundancy) == (not found.covered)
    assert len(found.purities) == found.n_clusters == len(set(labels.tolist()) - {-1})


def test_what_does_not_fit_is_refused():
    with pytest.raises(ShapeError, match="labels for 1 causes"):
        agreement(np.zeros(2, np.int64), ["blur"], ())
    for threshold in (0, 1.1, math.nan):
        with pytest.raises(UsageError, match="threshold"):
            agreement(np.zeros(1, np.int64), ["blur"], (), threshold)
    with pytest.raises(UsageError, match="named twice"):
        agreement(np.zeros(1, np.int64), ["blur"], ("blur", "blur"))


def test_a_result_shows_itself_in_one_line():
    found = agreement(np.array([0, 0, 1, -1]), ["a", "a", "b", "b"], ("a", "b"))
    assert repr(found) == "<Agreement purity 1.000, 2 of 2 causes covered, 2 clusters, 25% noise>"
