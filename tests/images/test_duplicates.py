"""Duplicates against every pair compared."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from failatlas.images.duplicates import alike, candidates, equal_rows, near_groups


def test_equal_rows_name_the_first():
    rows = np.zeros((5, 32), np.uint8)
    rows[1, 31] = rows[3, 31] = 1
    rows[4, 0] = 9
    np.testing.assert_array_equal(equal_rows(rows), [0, 1, 0, 1, 4])
    assert equal_rows(np.empty((0, 32), np.uint8)).shape == (0,)


def hashes_and_sums(seed: int, n: int, flips: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    base = rng.integers(0, 2**63, 4, dtype=np.uint64)[rng.integers(0, 4, n)]
    for _ in range(flips):
        base = base ^ (np.uint64(1) << rng.integers(0, 64, n, dtype=np.uint64))
    return base, rng.integers(0, 40, n)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 999), st.integers(0, 40), st.integers(0, 9), st.integers(0, 12), st.integers(0, 40))
def test_D7_no_pair_within_reach_is_missed_or_told_twice(seed, n, flips, max_distance, max_gap):
    hashes, sums = hashes_and_sums(seed, n, flips)
    found = [
        tuple(sorted(pair))
        for a, b in candidates(hashes, sums, max_distance, max_gap)
        for pair in zip(a.tolist(), b.tolist(), strict=True)
    ]
    expected = {
        (i, j)
        for i in range(n)
        for j in range(i + 1, n)
        if bin(int(hashes[i]) ^ int(hashes[j])).count("1") <= max_distance and abs(sums[i] - sums[j]) <= max_gap
    }
    assert set(found) == expected
    assert len(found) == len(expected)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 999), st.integers(0, 25), st.integers(0, 6))
def test_D7_groups_are_the_components_of_all_near_pairs(seed, n, spread):
    rng = np.random.default_rng(seed)
    hashes, _ = hashes_and_sums(seed, n, 2)
    thumbs = (100 + rng.integers(0, 4, n)[:, None, None] * 3 + rng.integers(0, spread + 1, (n, 16, 16))).astype(
        np.uint8
    )
    first = np.arange(n)
    if n > 3:
        first[3] = 1  # an exact duplicate
    roots = list(range(n))
    if n > 3:
        roots[3] = 1
    for _ in range(n):
        for i in range(n):
            for j in range(n):
                bits = bin(int(hashes[i]) ^ int(hashes[j])).count("1")
                rms = np.sqrt(((thumbs[i].astype(float) - thumbs[j]) ** 2).mean())
                if (bits <= 8 and rms <= 4 and first[i] == i and first[j] == j) or first[i] == first[j]:
                    roots[i] = roots[j] = min(roots[i], roots[j])
    np.testing.assert_array_equal(near_groups(hashes, thumbs, first), roots)


def test_D7_equal_hashes_are_not_enough():
    thumbs = np.zeros((3, 16, 16), np.uint8)
    thumbs[1] += 3
    thumbs[2] += 90
    hashes = np.zeros(3, np.uint64)
    np.testing.assert_array_equal(near_groups(hashes, thumbs, np.arange(3)), [0, 0, 2])
    np.testing.assert_array_equal(near_groups(hashes, thumbs, np.arange(3), max_rms=2), [0, 1, 2])


def test_alike_is_a_root_mean_square():
    thumbs = np.zeros((2, 16, 16), np.uint8)
    thumbs[1, 0, 0] = 64  # 64² / 256 = 4²
    a, b = np.array([0]), np.array([1])
    assert alike(thumbs, a, b, 4.0).tolist() == [True]
    assert alike(thumbs, a, b, 3.99).tolist() == [False]


def test_a_long_film_of_one_scene_is_one_group():
    rng = np.random.default_rng(0)
    n = 1500
    thumbs = (120 + rng.integers(0, 3, (n, 16, 16))).astype(np.uint8)
    roots = near_groups(np.zeros(n, np.uint64), thumbs, np.arange(n))
    assert set(roots.tolist()) == {0}


@pytest.mark.full
def test_R2_100_000_hashes_are_compared_without_a_square():
    rng = np.random.default_rng(0)
    n = 100_000
    thumbs = rng.integers(0, 256, (n // 2, 16, 16), dtype=np.uint8)
    thumbs = np.concatenate([thumbs, thumbs])
    hashes = rng.integers(0, 2**63, n // 2, dtype=np.uint64)
    roots = near_groups(np.concatenate([hashes, hashes ^ np.uint64(5)]), thumbs, np.arange(n))
    np.testing.assert_array_equal(roots, np.tile(np.arange(n // 2), 2))
