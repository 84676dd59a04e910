"""Scores: the label-free side of a clustering, and entries that could not run."""

from __future__ import annotations

import math

import numpy as np
import pytest

from failatlas.clustering.agreement import agreement
from failatlas.studies.score import Entry, Rarity, Shape, compactness, merit, score, shape

TRUTH = tuple(["noise"] * 9 + ["blur"] + ["blur"] * 5 + ["mask"] * 5 + ["mask"] * 20)
LABELS = np.repeat([0, 1, 2], [10, 10, 20])


def blobs():
    draw = np.random.default_rng(0)
    centres = np.repeat(np.array([[0, 0], [10, 0], [0, 10]], float), 30, axis=0)
    return (centres + draw.normal(0, 0.3, centres.shape)).astype(np.float32), np.repeat([0, 1, 2], 30)


def test_a_score_holds_what_the_published_study_defines():
    made = score(LABELS, TRUTH, ("noise", "blur", "mask"), Shape(0.1, 0.2, 0.3), parameters={"kmeans.n_clusters": 3})
    assert made.agreement.purity == pytest.approx(0.8)
    assert made.agreement.coverage == pytest.approx(2 / 3)
    assert (made.silhouette, made.dbcv, made.compactness) == (0.1, 0.2, 0.3)
    assert math.isnan(made.stability)
    assert made.with_stability(0.9).stability == 0.9
    assert made.with_stability(0.9).agreement is made.agreement


def test_compactness_of_two_pairs_by_hand():
    rows = np.array([[0, 0], [0, 2], [10, 0], [10, 2]], np.float32)
    # 1 to the own centre; the common one is (5, 1), and √(25 + 1) away from all
    assert compactness(rows, np.array([0, 0, 1, 1])) == pytest.approx(1 / math.sqrt(26))


def test_compactness_falls_with_tighter_clusters_and_is_about_one_by_chance():
    rows, labels = blobs()
    shuffled = np.random.default_rng(1).permutation(labels)
    assert compactness(rows, labels) < 0.1
    assert 0.9 < compactness(rows, shuffled) < 1.1


def test_compactness_does_not_depend_on_scale_place_or_noise():
    rows, labels = blobs()
    moved = np.vstack([3 * rows + 7, np.full((5, 2), 1e6)]).astype(np.float32)
    assert compactness(moved, np.append(labels, [-1] * 5)) == pytest.approx(compactness(rows, labels), rel=1e-4)


@pytest.mark.parametrize("labels", [[], [-1, -1], [0], [0, 0, 0]])
def test_D10_compactness_says_when_there_is_nothing_to_measure(labels):
    assert math.isnan(compactness(np.ones((len(labels), 2), np.float32), np.array(labels, np.int64)))


@pytest.mark.parametrize("n", [0, 1, 2])
def test_D10_the_shape_of_hardly_any_rows(n):
    found = shape(np.zeros((n, 3), np.float32), np.zeros(n, np.int64), 0)
    assert (found.silhouette, found.dbcv) == (-1.0, -1.0)


def test_D10_a_score_without_failures_or_causes():
    made = score(np.zeros(0, np.int64), (), (), Shape(-1.0, -1.0, math.nan))
    assert (made.agreement.n_clusters, made.agreement.noise) == (0, 0.0)
    assert math.isnan(made.agreement.coverage)


def test_good_clusters_have_a_better_shape_than_the_same_rows_at_random():
    rows, labels = blobs()
    good, bad = shape(rows, labels, 0), shape(rows, np.random.default_rng(1).permutation(labels), 0)
    assert good.silhouette > bad.silhouette
    assert good.dbcv > bad.dbcv
    assert good.compactness < bad.compactness


def test_a_rarity_is_a_share_and_nothing_tried_is_no_share():
    assert Rarity(0.05, ("a", "b", "c", "d"), ("a",)).share == 0.25
    assert math.isnan(Rarity(0.01, (), ()).share)


def test_an_entry_that_could_not_run_says_why_and_has_no_seconds():
    failed = Entry("a+b+c", "a", "b", "c", False, None, error="no white box")
    assert "no white box" in repr(failed)
    assert math.isnan(failed.seconds)


def test_merit_is_the_mean_of_purity_coverage_and_legibility():
    # purity 0.8, two of three causes covered by three clusters: 1.5 to read for each is as good as one
    made = agreement(LABELS, TRUTH, ("noise", "blur", "mask"))
    assert merit(made) == pytest.approx((0.8 + 2 / 3 + 1) / 3)


def test_many_small_pure_clusters_are_worth_less_than_one_a_cause():
    truth = ["noise"] * 40 + ["blur"] * 40
    one_each, broken = (agreement(np.arange(80) // n, truth, ("noise", "blur")) for n in (40, 2))
    assert (one_each.purity, one_each.coverage) == (broken.purity, broken.coverage) == (1, 1)
    assert merit(one_each) == 1
    assert merit(broken) == pytest.approx((1 + 1 + 2 / 20) / 3)


def test_D10_nothing_covered_is_worth_its_purity_alone_and_no_causes_have_no_merit():
    assert merit(agreement(np.zeros(4, np.int64), ["a", "a", "b", "b"], ("a", "b"))) == pytest.approx(0.5 / 3)
    assert math.isnan(merit(agreement(np.zeros(4, np.int64), ["a"] * 4, ())))
