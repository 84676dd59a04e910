"""Cuts of the density tree are scikit-learn's DBSCAN, border rows and numbers included."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.distance import cdist
from sklearn.cluster import DBSCAN

from failatlas.clustering import densitytree
from failatlas.clustering.densitytree import DensityTrees
from failatlas.clustering.squares import squares

KINDS = ("random", "grid", "copies", "wide")


def some_rows(kind: str, n: int, seed: int) -> np.ndarray:
    random = np.random.default_rng(seed)
    d = int(random.integers(1, 5))
    if kind == "random":
        rows = random.standard_normal((n, d))
    elif kind == "grid":  # nearly every distance is tied
        rows = random.integers(0, 5, (n, d)).astype(float)
    elif kind == "copies":
        rows = random.standard_normal((max(1, n // 4), d))[random.integers(0, max(1, n // 4), n)]
    else:
        rows = random.standard_normal((n, 80)) + 3 * random.integers(0, 2, (n, 1))
    return rows.astype(np.float32)


def radii(kind: str, rows: np.ndarray, random: np.random.Generator) -> list[float]:
    """Radii between distances; on a grid whole numbers, which are distances exactly."""
    if kind == "grid":
        return [0.5, 1.0, 1.5, 2.0, 3.0, 5.0]
    away = np.unique(cdist(rows.astype(float), rows.astype(float)))
    middles = (away[1:] + away[:-1]) / 2
    # halfway between two distances that differ by rounding alone is no place to compare
    middles = middles[np.diff(away) > 1e-9 * away[1:]]
    return [1e-3, *random.choice(middles, min(4, len(middles)), replace=False).tolist(), 1e3]


@settings(max_examples=25, deadline=None)
@given(st.sampled_from(KINDS), st.integers(1, 50), st.integers(0, 99_999), st.booleans())
def test_every_cut_is_scikit_learns_dbscan(kind: str, n: int, seed: int, is_held: bool):
    rows, random = some_rows(kind, n, seed), np.random.default_rng(seed)
    with pytest.MonkeyPatch.context() as patch:
        if not is_held:
            patch.setattr(densitytree, "FULL", 0)
        trees = DensityTrees(rows, 16)
    assert (trees.squares is not None) == is_held
    for min_samples in (1, 2, 4, 16):
        for eps in radii(kind, rows, random):
            expected = DBSCAN(eps=eps, min_samples=min_samples).fit(rows).labels_
            labels = trees.tree(min_samples).cut(eps)
            assert labels.dtype == np.int64
            assert labels.tolist() == expected.tolist(), (min_samples, eps)


@settings(max_examples=30, deadline=None)
@given(st.sampled_from(("random", "grid", "copies")), st.integers(2, 40), st.integers(0, 99_999))
def test_a_distance_of_epsilon_exactly_is_within_it(kind: str, n: int, seed: int):
    rows = some_rows(kind, n, seed)
    away = cdist(rows.astype(float), rows.astype(float), "sqeuclidean")
    trees = DensityTrees(rows.astype(float), 6)
    for eps in np.sqrt(np.random.default_rng(seed).choice(away[away > 0], 5) if (away > 0).any() else [1.0]):
        for min_samples in (2, 3, 6):
            # a root rounds, and its square again: the oracle compares the same squares, from a matrix of its own
            expected = DBSCAN(eps=float(eps) ** 2, min_samples=min_samples, metric="precomputed").fit(away).labels_
            assert trees.tree(min_samples).cut(float(eps)).tolist() == expected.tolist()


def test_a_border_row_goes_to_the_cluster_that_scikit_learn_meets_first():
    # rows 0–3 and 5–8 are dense, row 4 stands between and reaches one of each
    line = np.array([10, 10.1, 10.2, 11, 12, 13, 13.8, 13.9, 14.0])
    for rows in (line, line[::-1]):
        labels = DensityTrees(rows[:, None].astype(np.float32), 4).tree(4).cut(1.05)
        assert labels.tolist() == [0, 0, 0, 0, 0, 1, 1, 1, 1]
        assert labels.tolist() == DBSCAN(eps=1.05, min_samples=4).fit(rows[:, None].astype(np.float32)).labels_.tolist()


def test_a_thousand_rows_without_a_matrix_have_the_same_tree(four_groups):
    rows = np.concatenate([four_groups[0]] * 3 + [four_groups[0] * 1.01])
    held = DensityTrees(rows, 5)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(densitytree, "FULL", 0)
        walked = DensityTrees(rows, 5)
    for eps in np.linspace(0.5, 8, 12):
        expected = DBSCAN(eps=eps, min_samples=5).fit(rows.astype(float)).labels_.tolist()
        assert held.tree(5).cut(eps).tolist() == expected
        assert walked.tree(5).cut(eps).tolist() == expected


@pytest.mark.parametrize("d", [3, 40])
def test_a_distance_in_single_precision_is_decided_as_scikit_learn_decides_it(d: int):
    rows = (50 + np.random.default_rng(d).standard_normal((200, d))).astype(np.float32)
    trees = DensityTrees(rows, 4)
    away = np.sort(cdist(rows.astype(float), rows.astype(float)), axis=1)[:, 1].astype(np.float32)
    for eps in away[:60].astype(float):
        assert trees.tree(2).cut(eps).tolist() == DBSCAN(eps=eps, min_samples=2).fit(rows).labels_.tolist()


def test_fewer_rows_than_a_neighbourhood_are_noise_at_any_radius():
    trees = DensityTrees(np.zeros((3, 2), np.float32), 9)
    assert trees.tree(4).cut(1e300).tolist() == [-1, -1, -1]
    assert trees.tree(3).cut(1e-300).tolist() == [0, 0, 0]
    assert DensityTrees(np.zeros((0, 2), np.float32), 5).tree(1).cut(1.0).tolist() == []


@pytest.mark.parametrize("d", [1, 3, 63, 64, 700])
def test_squares_are_exact_near_and_far_and_zero_between_copies(d: int):
    random = np.random.default_rng(d)
    rows = (50 + random.standard_normal((60, d))).astype(np.float32)
    rows[7] = rows[3]
    rows[9] = np.nextafter(rows[3], np.float32(99))  # as near as two rows can be
    found = squares(rows)
    expected = cdist(rows.astype(float), rows.astype(float), "sqeuclidean")
    assert found == pytest.approx(expected, rel=1e-10, abs=0)
    assert (found == found.T).all()
    assert found[3, 7] == 0
    assert (np.diag(found) == 0).all()
    if d < 64:
        assert (found == expected).all()
