from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.distance import cdist

from failatlas.clustering.distances import DistanceAccumulator, cross, pairwise
from failatlas.errors import DataError, ShapeError


def reference(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return cdist(a.astype(np.float64), b.astype(np.float64))


@settings(max_examples=40)
@given(st.integers(0, 25), st.integers(1, 40), st.integers(1, 50), st.integers(0, 9999))
def test_streamed_distances_equal_scipys_whatever_the_shards_and_blocks(n: int, width: int, block: int, seed: int):
    random = np.random.default_rng(seed)
    rows = (random.standard_normal((n, width)) ** 3).astype(np.float32)
    cuts = np.sort(random.integers(0, n + 1, 2))
    shards = [part for part in np.split(rows, cuts) if len(part)] or [rows]
    distances = pairwise(shards, block)
    assert distances.dtype == np.float32
    assert distances.flags.c_contiguous
    assert np.array_equal(distances, distances.T)
    assert not np.diagonal(distances).any()
    assert np.allclose(distances, reference(rows, rows), rtol=1e-5, atol=1e-7)
    assert np.allclose(cross(shards, [rows[: n // 2]], block), reference(rows, rows[: n // 2]), rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("gap", [1e-1, 1e-2, 1e-3, 1e-4, 1e-5])
@pytest.mark.parametrize("copies", [3, 300])
def test_near_duplicates_keep_their_distance(gap: float, copies: int):
    random = np.random.default_rng(0)
    base = random.standard_normal((3, 500)) * 10
    rows = np.concatenate([base, np.repeat(base[:1], copies, axis=0)])
    rows[3:] += gap * random.standard_normal((copies, 500))
    rows = rows.astype(np.float32)
    expected = reference(rows, rows)
    with np.errstate(invalid="ignore"):
        error = np.nanmax(np.abs(pairwise([rows]) - expected) / expected)
        error_across = np.nanmax(np.abs(cross([rows], [rows[::2]]) - expected[:, ::2]) / expected[:, ::2])
    # many near pairs go by float64 products, which keep 1e-8 of |x|
    assert error < (3e-5 if copies == 3 else 3e-5 + 3e-8 / gap)
    assert error_across < 3e-5


def test_equal_rows_are_at_distance_zero_also_far_from_the_origin():
    rows = np.random.default_rng(0).standard_normal((6, 90)).astype(np.float32) + 1e4
    rows[4] = rows[1]
    assert pairwise([rows])[1, 4] == 0
    assert cross([rows[4:5]], [rows])[0, 1] == 0


def test_half_precision_maps_on_disk_are_read_in_blocks(tmp_path: Path):
    rows = np.random.default_rng(0).standard_normal((30, 300)).astype(np.float16)
    np.save(tmp_path / "a.npy", rows[:20])
    np.save(tmp_path / "b.npy", rows[20:])
    opened = []

    def shard(name: str):
        def load() -> np.ndarray:
            opened.append(name)
            return np.load(tmp_path / name, mmap_mode="r")

        return load

    distances = pairwise([shard("a.npy"), shard("b.npy")], block=128)
    assert np.allclose(distances, reference(rows, rows), rtol=1e-5)
    assert opened.count("a.npy") == 1 + 3  # its shape, then once a block


def test_feeding_blocks_by_hand_gives_the_same():
    rows = np.random.default_rng(1).standard_normal((12, 30)).astype(np.float32)
    rows[7] = rows[2]
    accumulator = DistanceAccumulator(12)
    for left in range(0, 30, 11):
        accumulator.update(rows[:, left : left + 11])
    assert accumulator.near_pairs() == 1
    for left in range(0, 30, 11):
        accumulator.refine(rows[:, left : left + 11])
    assert accumulator.compute().tolist() == pairwise([rows], 11).tolist()


def test_shards_of_different_width_are_refused():
    with pytest.raises(ShapeError, match="width"):
        pairwise([np.zeros((2, 3), np.float32), np.zeros((2, 4), np.float32)])
    with pytest.raises(ShapeError, match="new rows have 3"):
        cross([np.zeros((2, 3), np.float32)], [np.zeros((2, 4), np.float32)])
    with pytest.raises(ShapeError, match="block must be"):
        DistanceAccumulator(3).update(np.zeros((2, 4), np.float32))


def test_M2_relevance_that_is_not_finite_is_refused():
    rows = np.zeros((3, 4), np.float32)
    rows[1, 2] = np.nan
    with pytest.raises(DataError, match="not finite"):
        pairwise([rows])
    with pytest.raises(DataError, match="not finite"):
        cross([rows], [np.zeros((1, 4), np.float32)])
