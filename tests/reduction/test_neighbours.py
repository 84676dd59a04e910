import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from failatlas.reduction.neighbours import nearest, nearest_other


@settings(max_examples=40)
@given(st.integers(1, 30), st.integers(1, 5), st.integers(0, 99), st.integers(1, 4))
def test_neighbours_equal_a_sorted_list_of_all_distances(n: int, d: int, seed: int, levels: int):
    # few levels give many ties and copies
    rows = np.random.default_rng(seed).integers(0, levels, (n, d)).astype(np.float32)
    k = min(4, n)
    indices, distances = nearest(rows, k)
    for i in range(n):
        away = np.sqrt(((rows.astype(np.float64) - rows[i]) ** 2).sum(axis=1))
        away[i] = -1
        assert indices[i, 0] == i
        assert distances[i].tolist() == np.sort(np.maximum(away, 0)).astype(np.float32)[:k].tolist()
        assert np.allclose(np.maximum(away, 0)[indices[i]], distances[i])
        assert len(set(indices[i].tolist())) == k


def test_equal_rows_far_from_the_origin_are_at_distance_zero():
    rows = np.random.default_rng(0).standard_normal((20, 30)).astype(np.float32) + 1e4
    indices, distances = nearest(rows, 2, rows[5:8])
    assert indices[:, 0].tolist() == [5, 6, 7]
    assert distances[:, 0].tolist() == [0, 0, 0]


def test_a_lonely_row_has_no_other():
    assert nearest_other(np.ones((1, 2), np.float32)).tolist() == [np.inf]
    assert nearest_other(np.zeros((0, 2), np.float32)).shape == (0,)
    assert nearest_other(np.array([[0], [3], [10]], np.float32)).tolist() == [3, 3, 7]


def test_R4_copies_are_chosen_by_index_whatever_the_number_of_threads():
    from threadpoolctl import threadpool_limits

    draw = np.random.default_rng(0)
    distinct = draw.normal(size=(60, 12)).astype(np.float32)
    rows = distinct[draw.permutation(np.r_[np.arange(60), np.repeat([3, 7, 11], 20)])]
    found = []
    for threads in (1, 2, 4):
        with threadpool_limits(threads):
            found.append(nearest(rows, 9))
    for indices, distances in found[1:]:
        assert (indices == found[0][0]).all()
        assert (distances == found[0][1]).all()
    # the slow form: all distances, the row itself first, then by distance and index
    apart = np.sqrt(((rows[:, None].astype(np.float64) - rows[None]) ** 2).sum(axis=2))
    np.fill_diagonal(apart, -1)
    assert (found[0][0] == np.argsort(apart, axis=1, kind="stable")[:, :9]).all()


def test_zeros_of_either_sign_are_copies():
    rows = np.array([[0.0, 1.0], [-0.0, 1.0], [5.0, 5.0]], np.float32)
    indices, distances = nearest(rows, 2)
    assert indices.tolist() == [[0, 1], [1, 0], [2, 0]]
    assert distances[:2, 1].tolist() == [0, 0]
