import numpy as np
import pytest
from scipy.spatial.distance import cdist

from failatlas.rootcauses import distances
from failatlas.rootcauses.distances import distances_to, nearest, total_distances


@pytest.fixture
def rows():
    return np.random.default_rng(0).normal(size=(37, 5)).astype(np.float32)


@pytest.mark.parametrize(("tile_rows", "entries"), [(1, 1 << 22), (8, 1 << 22), (1024, 1 << 22), (1024, 50)])
def test_tiles_of_every_size_give_scipys_distances(rows, tile_rows, entries, monkeypatch):
    monkeypatch.setattr(distances, "_ROWS", tile_rows)
    monkeypatch.setattr(distances, "_ENTRIES", entries)
    exact = cdist(rows, rows)
    assert total_distances(rows) == pytest.approx(exact.sum(axis=1), rel=1e-4)
    assert distances_to(rows, rows[3]) == pytest.approx(exact[3], rel=1e-6)
    queries = rows[:9] + 0.01
    assert nearest(queries, rows).tolist() == cdist(queries, rows).argmin(axis=1).tolist()


def test_a_tight_cluster_far_from_the_origin_keeps_its_digits(rows):
    far = (rows * 0.01 + 1000).astype(np.float32)
    assert total_distances(far) == pytest.approx(cdist(far, far).sum(axis=1), rel=1e-3)


def test_identical_rows_lie_at_distance_zero():
    same = np.full((20, 3), 0.1, np.float32)
    assert total_distances(same).tolist() == [0.0] * 20


def test_no_rows_have_no_distances():
    none = np.empty((0, 4), np.float32)
    assert total_distances(none).shape == (0,)
    assert nearest(none, np.ones((2, 4), np.float32)).shape == (0,)
