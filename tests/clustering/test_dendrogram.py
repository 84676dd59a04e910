import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.cluster.hierarchy import fcluster
from sklearn.cluster import AgglomerativeClustering

from failatlas.clustering.criteria import wicd
from failatlas.clustering.dendrogram import cut, effective_counts, inertia_curve, ward, wicd_curve
from failatlas.clustering.labels import by_size
from failatlas.errors import ShapeError


def points(n: int, d: int, seed: int, levels: int) -> np.ndarray:
    """Points in general position, or on a grid of few levels with many ties and copies."""
    random = np.random.default_rng(seed)
    return random.standard_normal((n, d)) if levels == 0 else random.integers(0, levels, (n, d)).astype(float)


trees = st.tuples(st.integers(2, 30), st.integers(1, 3), st.integers(0, 9999), st.integers(0, 4))


@settings(max_examples=60)
@given(trees)
def test_cuts_equal_fcluster_where_no_copies_must_split(shape: tuple[int, int, int, int]):
    rows = points(*shape)
    merges = ward(rows)
    for k in range(1, len(rows)):
        assert cut(merges, k).tolist() == by_size(fcluster(merges, k, "maxclust")).tolist()
        assert cut(merges, k).max() + 1 == effective_counts(merges)[k - 1]


@settings(max_examples=60)
@given(trees)
def test_wicd_of_every_cut_equals_a_scan_of_that_cut(shape: tuple[int, int, int, int]):
    rows = points(*shape)
    n = len(rows)
    merges = ward(rows)
    lopsided = np.random.default_rng(shape[2]).random((n, n))
    curve = wicd_curve(merges, lopsided)
    assert curve == pytest.approx([wicd(lopsided, cut(merges, k)) for k in range(1, n + 1)], abs=1e-9)


def test_wicd_of_float32_distances_is_right_to_1e_9():
    rows = points(600, 8, 0, 0)
    merges = ward(rows)
    distances = np.random.default_rng(1).random((600, 600)).astype(np.float32)
    curve = wicd_curve(merges, distances)
    for k in (1, 2, 7, 50, 299, 600):
        assert abs(curve[k - 1] - wicd(distances.astype(np.float64), cut(merges, k))) < 1e-9


@settings(max_examples=40)
@given(trees)
def test_inertia_of_every_cut_is_the_sum_of_squares_about_the_means(shape: tuple[int, int, int, int]):
    rows = points(*shape)
    merges = ward(rows)
    for k, inertia in enumerate(inertia_curve(merges), start=1):
        labels = cut(merges, k)
        parts = [rows[labels == c] for c in range(labels.max() + 1)]
        assert inertia == pytest.approx(sum(((part - part.mean(axis=0)) ** 2).sum() for part in parts), abs=1e-8)


def test_the_tree_is_scikit_learns():
    rows = points(80, 5, 3, 0)
    for k in (2, 5, 20):
        expected = by_size(AgglomerativeClustering(k, linkage="ward").fit(rows).labels_)
        assert cut(ward(rows), k).tolist() == expected.tolist()


def test_trees_of_none_and_one_row():
    for n in (0, 1):
        assert ward(np.zeros((n, 2))).shape == (0, 4)
    assert cut(np.zeros((0, 4)), 3).tolist() == [0]
    assert wicd_curve(np.zeros((0, 4)), np.zeros((1, 1))).tolist() == [0]


def test_distances_of_other_rows_are_refused():
    with pytest.raises(ShapeError, match="needs distances"):
        wicd_curve(ward(np.eye(4)), np.zeros((3, 3)))
