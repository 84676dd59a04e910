import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import silhouette_score

from failatlas.clustering.criteria import icd, silhouette, subsample, wicd


def symmetric(n: int, pairs: dict[tuple[int, int], float]) -> np.ndarray:
    matrix = np.zeros((n, n))
    for (i, j), value in pairs.items():
        matrix[i, j] = matrix[j, i] = value
    return matrix


def test_two_pairs_have_the_wicd_worked_out_by_hand():
    distances = symmetric(4, {(0, 1): 2, (2, 3): 4, (0, 2): 50, (1, 3): 60})
    labels = np.array([0, 0, 1, 1])
    assert icd(distances, labels).tolist() == [2, 4]
    assert wicd(distances, labels) == 1.5


def test_a_triple_and_a_single_have_the_wicd_worked_out_by_hand():
    distances = symmetric(4, {(0, 1): 2, (0, 2): 4, (1, 2): 6, (0, 3): 70})
    labels = np.array([0, 0, 0, 1])
    assert icd(distances, labels).tolist() == [4, 0]
    assert wicd(distances, labels) == 1.5


def test_only_the_upper_triangle_is_read():
    distances = np.triu(np.arange(16.0).reshape(4, 4), 1)
    labels = np.array([0, 1, 0, 1])
    assert icd(distances, labels).tolist() == [2, 7]
    assert icd(distances + np.tril(np.full((4, 4), 99.0)), labels).tolist() == [2, 7]


@settings(max_examples=30)
@given(st.integers(2, 25), st.integers(1, 6), st.integers(0, 999))
def test_wicd_equals_its_formula_pair_by_pair(n: int, k: int, seed: int):
    random = np.random.default_rng(seed)
    distances, labels = random.random((n, n)), random.integers(0, k, n)
    labels = np.unique(labels, return_inverse=True)[1]
    total, count = 0.0, labels.max() + 1
    for c in range(count):
        inside = [i for i in range(n) if labels[i] == c]
        pairs = [distances[i, j] for i in inside for j in inside if i < j]
        total += (sum(pairs) / len(pairs) if pairs else 0.0) * len(inside) / n
    assert wicd(distances, labels) == pytest.approx(total / count, abs=1e-12)


def test_a_large_cluster_is_summed_in_blocks_to_the_same_value():
    distances = np.random.default_rng(0).random((1300, 1300))
    labels = np.zeros(1300, np.int64)
    assert wicd(distances, labels) == pytest.approx(distances[np.triu_indices(1300, 1)].mean(), rel=1e-12)


def test_wicd_of_nothing_is_zero():
    assert wicd(np.zeros((0, 0)), np.zeros(0, np.int64)) == 0.0
    assert wicd(np.ones((2, 2)), np.array([-1, -1])) == 0.0


def test_noise_pulls_the_silhouette_towards_zero():
    rows = np.array([[0.0], [1], [10], [11], [5]], np.float32)
    labels = np.array([0, 0, 1, 1, -1])
    assert silhouette(rows, labels) == pytest.approx(0.8 * silhouette_score(rows[:4], labels[:4]), abs=1e-6)


@pytest.mark.parametrize("labels", [[-1, -1, -1], [0, 0, 0], [0, 1, 2], [0, -1, -1]])
def test_no_silhouette_without_two_clusters_one_of_them_of_two(labels: list[int]):
    assert silhouette(np.array([[0.0], [1], [2]], np.float32), np.array(labels)) == -1


def test_a_sample_estimates_the_silhouette_and_is_decided_by_its_seed(four_groups):
    rows, truth = four_groups
    whole = silhouette(rows, truth)
    part = silhouette(rows, truth, sample=120, seed=1)
    assert part == silhouette(rows, truth, sample=120, seed=1)
    assert part != silhouette(rows, truth, sample=120, seed=2)
    assert part == pytest.approx(whole, abs=0.05)
    assert subsample(truth, 120, 1).tolist() == sorted(set(subsample(truth, 120, 1).tolist()))
