"""Known causes: purity, coverage and verdicts of examples that were counted by hand."""

from __future__ import annotations

import json
import math
from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from failatlas.errors import ShapeError
from failatlas.rootcauses.knowncauses import FEWEST_FAILURES, ClusterPurity, KnownCauses, known_causes
from failatlas.statistics import clopper_pearson


def judged(groups, right=(), fewest=FEWEST_FAILURES) -> KnownCauses:
    """``groups``: (cluster, cause, count) of error-inducing images; ``right``: (cause, count) handled correctly."""
    failing = [(cluster, cause) for cluster, cause, count in groups for _ in range(count)]
    truth = [cause for _, cause in failing] + [cause for cause, count in right for _ in range(count)]
    is_error = np.arange(len(truth)) < len(failing)
    labels = np.array([cluster for cluster, _ in failing], np.int64)
    return known_causes(truth, is_error, np.arange(len(failing)), labels, fewest=fewest)


@pytest.fixture(scope="module")
def four() -> KnownCauses:
    """Night is found with 18 of 20 (just 0.9), sun missed with 8 of 9, child has 3 failures, mask never fails."""
    groups = [
        (0, "night", 18), (0, "", 2), (-1, "night", 6), (4, "sun", 8), (4, "child", 1), (5, "sun", 1), (5, "night", 9),
        (5, "child", 2), (7, "", 5),
    ]  # fmt: skip
    return judged(groups, right=[("night", 67), ("mask", 40), ("", 100)])


def cause(known, name):
    return next(one for one in known.causes if one.name == name)


def test_purity_recall_rate_and_noise_are_counted(four):
    night = cause(four, "night")
    assert (night.verdict, night.cluster, night.n_clusters) == ("found", 0, 1)
    assert (night.n_images, night.n_failures, night.n_noise) == (100, 33, 6)
    assert night.rate == clopper_pearson(33, 100)
    assert night.purity == clopper_pearson(18, 20)
    assert night.recall == clopper_pearson(18, 33)


def test_too_few_failures_are_never_missed(four):
    sun, child, mask = (cause(four, name) for name in ("sun", "child", "mask"))
    assert (sun.verdict, sun.n_failures) == ("not enough failures", 9)
    assert (sun.cluster, sun.purity.value) == (4, pytest.approx(8 / 9))
    assert child.verdict == "not enough failures"
    assert (mask.verdict, mask.cluster, mask.rate.value) == ("not enough failures", -1, 0)
    assert math.isnan(mask.recall.value)
    assert cause(judged([(4, "sun", 8), (4, "child", 2)], fewest=5), "sun").verdict == "missed"


def test_coverage_is_of_those_that_could_be_judged(four):
    assert (four.n_found, four.n_judged, four.coverage) == (1, 1, 1.0)
    both = judged([(0, "night", 10), (1, "sun", 5), (1, "mask", 6), (2, "mask", 9)])
    assert (both.n_found, both.n_judged, both.coverage) == (2, 2, 1.0)
    missed = judged([(0, "night", 10), (1, "sun", 12), (1, "mask", 15)])
    assert (missed.n_found, missed.n_judged) == (1, 3)
    assert missed.coverage == pytest.approx(1 / 3)
    assert missed.text.startswith("Planted weaknesses found: 1 of 3. Clusters that are theirs hold ")
    assert four.text.startswith("Planted weaknesses found: 1 of 1, besides 3 with fewer than 10 failures")


def test_purity_of_clusters_counts_natural_failures_as_one_cause(four):
    assert four.clusters == (
        ClusterPurity(0, "night", 18, 20),
        ClusterPurity(4, "sun", 8, 9),
        ClusterPurity(5, "night", 9, 12),
        ClusterPurity(7, "", 5, 5),
    )
    mean, median, least = four.purities
    assert mean == pytest.approx((0.9 + 8 / 9 + 0.75 + 1) / 4)
    assert median == pytest.approx((0.9 + 8 / 9) / 2)
    assert least == 0.75
    assert four.of(5).purity == 0.75
    assert four.of(-1) is None


def test_of_pure_clusters_the_one_that_holds_most_is_named_and_the_split_is_counted():
    night = cause(judged([(0, "night", 5), (1, "night", 30), (1, "", 2), (2, "night", 9), (2, "", 9)]), "night")
    assert (night.cluster, night.n_clusters) == (1, 2)
    assert night.purity.value == 30 / 32


def test_without_clusters_and_without_failures_there_are_words(four):
    noise = judged([(-1, "night", 12)])
    assert cause(noise, "night").verdict == "missed"
    assert all(math.isnan(value) for value in noise.purities)
    none = judged([], right=[("night", 5)])
    assert none.text == "No planted weakness could be judged: 1 with fewer than 10 failures, too few to judge."
    assert math.isnan(none.coverage)
    assert judged([(0, "", 3)]).text == "No planted weakness among the tested images."
    assert repr(four) == "<KnownCauses 1 of 1 found, 4 planted, purity of 4 clusters 0.88, least 0.75>"
    assert repr(none) == "<KnownCauses 0 of 0 found, 1 planted>"


def test_an_image_that_repeats_another_is_a_failure_but_no_member():
    # five failing images, the last a copy of the first: in the rate, in no cluster and not in the recall
    known = known_causes(["night"] * 5, np.ones(5, bool), np.arange(4), np.zeros(4, np.int64), fewest=4)
    (night,) = known.causes
    assert (night.n_failures, night.rate.n, night.recall.n, night.recall.value) == (5, 5, 4, 1.0)


def test_json_is_strict_and_round_trips(four):
    text = json.dumps(four.to_json(), allow_nan=False)
    again = KnownCauses.from_json(json.loads(text))
    assert json.dumps(again.to_json(), allow_nan=False) == text
    assert again.clusters == four.clusters
    assert json.loads(text)["purity"]["min"] == 0.75


def test_lengths_that_disagree_are_refused():
    with pytest.raises(ShapeError, match="1 causes for 2 images"):
        known_causes(["a"], np.ones(2, bool), np.arange(1), np.zeros(1, np.int64))


@given(st.lists(st.tuples(st.integers(-1, 3), st.sampled_from(["", "a", "b"])), max_size=40), st.randoms())
def test_order_decides_nothing_and_counts_add_up(images, random):
    shuffled = list(images)
    random.shuffle(shuffled)
    one, other = (judged([(c, name, 1) for c, name in some], fewest=3) for some in (images, shuffled))
    assert one == other or json.dumps(one.to_json()) == json.dumps(other.to_json())  # nan is not equal to itself
    sizes = Counter(cluster for cluster, _ in images if cluster >= 0)
    assert {cluster.cluster: cluster.size for cluster in one.clusters} == dict(sizes)
    for planted in one.causes:
        inside = [cluster for cluster in one.clusters if planted.verdict == "found" and cluster.cause == planted.name]
        assert (planted.verdict == "found") <= any(cluster.purity >= 0.9 for cluster in inside)
        assert planted.n_noise == sum(pair == (-1, planted.name) for pair in images)
