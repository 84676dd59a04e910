"""Duplicates: pictures that are the same, pixel by pixel or to the eye.

Near duplicates are found in two steps. Hashes that differ in at most d of 64 bits agree in at least one of d + 1 bands
(pigeonhole), so only pictures that share a band are compared; nothing within d is missed. A candidate counts only when
the thumbnails agree too: small or pale pictures share hashes without looking alike. Time grows with the pairs that
share a band and a brightness, memory with n.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from failatlas.arrays import Indices, Mask
from failatlas.images.fingerprints import PerceptualHashes, Thumbnails

MAX_DISTANCE = 8  # bits of 64
MAX_RMS = 4.0  # grey levels; on 10,000 fashion photographs the one true copy has 1.1 and the nearest stranger 6.2
_BITS = 64
_CHUNK = 1 << 16  # pairs whose thumbnails are compared at once

Pairs = tuple[Indices, Indices]


def equal_rows(digests: NDArray[np.uint8]) -> Indices:
    """(n, 32) digests → (n,) position of the first row equal to each."""
    if len(digests) == 0:
        return np.empty(0, np.int64)
    # as text of fixed length: void has no order, and padding zeros make no two digests equal
    keys = np.ascontiguousarray(digests).view(f"S{digests.shape[1]}").ravel()
    _, first, inverse = np.unique(keys, return_index=True, return_inverse=True)
    found: Indices = first[inverse].astype(np.int64)
    return found


def near_groups(
    hashes: PerceptualHashes,
    thumbs: Thumbnails,
    first: Indices,
    *,
    max_distance: int = MAX_DISTANCE,
    max_rms: float = MAX_RMS,
) -> Indices:
    """(n,) smallest position of each image's group of near duplicates; chains count as one group.

    Args:
        hashes: (n,).
        thumbs: (n, 16, 16).
        first: (n,) from `equal_rows`: exact duplicates, which need no second look.
        max_distance: differing bits of 64.
        max_rms: root mean square difference of the thumbnails, in grey levels of 255.
    """
    root = first.copy()
    alone = np.flatnonzero(first == np.arange(len(first)))
    n_fields = thumbs.shape[1] * thumbs.shape[2]
    sums = thumbs.sum(axis=(1, 2), dtype=np.int64)[alone]
    # a difference in the mean is at most the root mean square difference
    for left, right in candidates(hashes[alone], sums, max_distance, max_rms * n_fields):
        a, b = alone[left], alone[right]
        # pairs that already hang together need no second look: a film of one scene stays linear
        open_ = root[a] != root[b]
        a, b = a[open_], b[open_]
        for start in range(0, len(a), _CHUNK):
            part = slice(start, start + _CHUNK)
            same = alike(thumbs, a[part], b[part], max_rms)
            _unite(root, a[part][same], b[part][same])
    return _settled(root)


def candidates(hashes: PerceptualHashes, sums: Indices, max_distance: int, max_gap: float) -> Iterator[Pairs]:
    """All pairs (i, j) of hashes at most ``max_distance`` bits and sums at most ``max_gap`` apart, each pair once.

    In blocks of at most n pairs. The sums (of thumbnails) sort each bucket, so that its far ends never meet.
    """
    n_bands = min(max_distance + 1, _BITS)
    edges = [_BITS * band // n_bands for band in range(n_bands + 1)]
    masks = [np.uint64(((1 << (end - start)) - 1) << start) for start, end in pairwise(edges)]
    for band, mask in enumerate(masks):
        keys = hashes & mask
        order = np.lexsort((sums, keys))
        keys, ranked, levels = keys[order], hashes[order], sums[order]
        position = np.arange(len(hashes) - 1)
        step = 1
        while len(position):
            # every member of a bucket against the one `step` places on, for all buckets at once
            position = position[position + step < len(keys)]
            is_open = keys[position] == keys[position + step]
            is_open &= levels[position + step] - levels[position] <= max_gap
            position = position[is_open]
            differing = ranked[position] ^ ranked[position + step]
            hit = np.flatnonzero(np.bitwise_count(differing) <= max_distance)
            for earlier in masks[:band]:
                hit = hit[(differing[hit] & earlier) != 0]  # else it was seen in that band
            if len(hit):
                found = position[hit]
                yield order[found].astype(np.int64), order[found + step].astype(np.int64)
            step += 1


def alike(thumbs: Thumbnails, a: Indices, b: Indices, max_rms: float) -> Mask:
    """Which pairs of thumbnails differ by at most ``max_rms`` grey levels, root mean square."""
    difference = thumbs[a].astype(np.int32) - thumbs[b]
    squares = (difference**2).reshape(len(a), -1).sum(axis=1) if len(a) else np.empty(0, np.int64)
    verdict: Mask = squares <= max_rms**2 * thumbs.shape[1] * thumbs.shape[2]
    return verdict


def _unite(root: Indices, a: Indices, b: Indices) -> None:
    for i, j in zip(a.tolist(), b.tolist(), strict=True):
        low, high = sorted((_find(root, i), _find(root, j)))
        root[high] = low
    if len(a):
        root[:] = _settled(root)


def _find(root: Indices, i: int) -> int:
    while root[i] != i:
        root[i] = root[root[i]]  # halve the path, or a film of one scene costs a square
        i = int(root[i])
    return i


def _settled(root: Indices) -> Indices:
    while not np.array_equal(root, root[root]):
        root = root[root]
    return root
