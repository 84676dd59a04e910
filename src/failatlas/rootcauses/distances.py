"""Distances in tiles: total distances, distances to one row, nearest rows; never the m × m table or a copy of all rows.

Euclidean, by one matrix product a tile: ‖x‖² + ‖y‖² − 2x·y in float32 on centred rows. Centring matters: far from the
origin the three terms cancel and a tight cluster would lose its digits.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from failatlas.arrays import Features, Indices, Vector

_ROWS = 1024  # of a tile: 4 MiB of distances
_ENTRIES = 1 << 22  # of the rows of a tile: 16 MiB of float32


def total_distances(features: Features) -> Vector:
    """Summed distance of every row to all rows, O(m²·d) time and O(m) memory beside three tiles.

    Args:
        features: (m, d) float32, finite.

    Returns:
        (m,) float64.

    >>> total_distances(np.array([[0.0], [1.0], [5.0]], np.float32))
    array([6., 5., 9.])
    """
    totals = np.zeros(len(features))
    for rows, _, tile in _tiles(features, features):
        totals[rows] += np.sqrt(tile, out=tile).sum(axis=1, dtype=np.float64)
    return totals


def distances_to(features: Features, point: Features) -> Vector:
    """Distance of every row to one point, exact in float64.

    Args:
        features: (m, d) float32.
        point: (d,) float32.

    Returns:
        (m,) float64.
    """
    found = np.empty(len(features))
    step = max(1, _ENTRIES // max(1, features.shape[1]))
    for start in range(0, len(features), step):
        difference = features[start : start + step].astype(np.float64) - point
        found[start : start + step] = np.sqrt(np.einsum("ij,ij->i", difference, difference))
    return found


def nearest(queries: Features, targets: Features) -> Indices:
    """Position of the nearest target of every query; of equals the first.

    Args:
        queries: (q, d) float32.
        targets: (m, d) float32, m ≥ 1.

    Returns:
        (q,) int64.
    """
    found = np.zeros(len(queries), np.int64)
    smallest = np.full(len(queries), np.inf, np.float32)
    for rows, start, tile in _tiles(queries, targets):
        column = tile.argmin(axis=1)
        distance = tile[np.arange(len(tile)), column]
        is_nearer = distance < smallest[rows]
        found[rows] = np.where(is_nearer, start + column, found[rows])
        smallest[rows] = np.minimum(distance, smallest[rows])
    return found


def _tiles(left: Features, right: Features) -> Iterator[tuple[slice, int, NDArray[np.float32]]]:
    """Squared distances of some rows of ``left`` to the rows of ``right`` from a start on."""
    if not len(left) or not len(right):
        return
    # rounding the mean to float32 makes identical rows exactly zero, so that they tie
    centre = right.mean(axis=0, dtype=np.float64).astype(np.float32)
    step = min(_ROWS, max(1, _ENTRIES // max(1, right.shape[1])))
    for first in range(0, len(left), step):
        rows = slice(first, min(first + step, len(left)))
        ours = left[rows] - centre
        our_norms = np.einsum("ij,ij->i", ours, ours)[:, None]
        for start in range(0, len(right), step):
            theirs = right[start : start + step] - centre
            tile = ours @ theirs.T
            tile *= -2
            tile += our_norms
            tile += np.einsum("ij,ij->i", theirs, theirs)
            yield rows, start, np.maximum(tile, 0, out=tile)
