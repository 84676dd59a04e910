import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from failatlas.rootcauses.stability import best_jaccard, stability


def kmeans(k):
    from sklearn.cluster import KMeans

    return lambda rows, seed: KMeans(k, n_init=3, random_state=seed).fit_predict(rows).astype(np.int64)


labelling = st.lists(st.tuples(st.integers(-1, 3), st.integers(-1, 3)), min_size=1, max_size=20)


@given(labelling)
def test_best_jaccard_equals_its_definition_over_sets(pairs):
    ours, theirs = (np.array(side, np.int64) for side in zip(*pairs, strict=True))

    def sets(labels):
        return {int(c): {i for i, label in enumerate(labels) if label == c} for c in set(labels.tolist()) - {-1}}

    slow = {
        c: max((len(a & b) / len(a | b) for b in sets(theirs).values()), default=0.0) for c, a in sets(ours).items()
    }
    assert best_jaccard(ours, theirs) == pytest.approx(slow)


def test_separated_blobs_are_stable_and_a_cut_up_blob_is_not():
    rng = np.random.default_rng(0)
    labels = np.repeat(np.arange(4), 40)
    blobs = (rng.normal(size=(160, 5)) + 20 * np.eye(5)[labels]).astype(np.float32)
    kept = stability(labels, blobs, kmeans(4), seed=1)
    assert all(interval.value > 0.99 for interval in kept.values())
    one = rng.normal(size=(160, 5)).astype(np.float32)
    cut = stability(kmeans(4)(one, 0), one, kmeans(4), seed=1)
    assert np.mean([interval.value for interval in cut.values()]) < 0.6
    assert all(interval.low <= interval.value <= interval.high for interval in cut.values())
    assert {interval.n for interval in cut.values()} == {10}


def test_a_pipeline_that_finds_only_noise_gives_zero():
    rows = np.zeros((10, 2), np.float32)
    found = stability(np.zeros(10, np.int64), rows, lambda some, _: np.full(len(some), -1), seed=0)
    assert (found[0].value, found[0].n) == (0.0, 10)


def test_too_few_repeats_and_one_image_are_not_measured():
    rows = np.zeros((10, 2), np.float32)
    found = stability(np.zeros(10, np.int64), rows, lambda some, _: np.zeros(len(some), np.int64), repeats=2, seed=0)
    assert math.isnan(found[0].value)
    assert math.isnan(stability(np.zeros(1, np.int64), rows[:1], kmeans(1), seed=0)[0].value)
    assert stability(np.empty(0, np.int64), rows[:0], kmeans(1), seed=0) == {}


def test_the_same_seed_gives_the_same_stability():
    rows = np.random.default_rng(3).normal(size=(60, 3)).astype(np.float32)
    labels = kmeans(3)(rows, 0)
    assert stability(labels, rows, kmeans(3), seed=5) == stability(labels, rows, kmeans(3), seed=5)
    assert stability(labels, rows, kmeans(3), seed=5) != stability(labels, rows, kmeans(3), seed=6)
