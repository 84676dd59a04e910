"""Distances in blocks: total distances, distances to one row, nearest rows; never the whole m × m table.

Euclidean, by one matrix product a block: ‖x‖² + ‖y‖² − 2x·y in float32 on centred rows. Centring matters: far from the
origin the three terms cancel and a tight cluster would lose its digits.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from failatlas.arrays import Features, Indices, Vector

_BLOCK = 1 << 22  # entries of one block of the distance table: 16 MiB of float32


def total_distances(features: Features) -> Vector:
    """Summed distance of every row to all rows, O(m²·d) time and O(m) memory beside one block.

    Args:
        features: (m, d) float32, finite.

    Returns:
        (m,) float64.

    >>> total_distances(np.array([[0.0], [1.0], [5.0]], np.float32))
    array([6., 5., 9.])
    """
    totals = np.zeros(len(features))
    for rows, block in _blocks(features, features):
        totals[rows] = np.sqrt(block, out=block).sum(axis=1, dtype=np.float64)
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
    step = max(1, _BLOCK // max(1, features.shape[1]))
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
    found = np.empty(len(queries), np.int64)
    for rows, block in _blocks(queries, targets):
        found[rows] = block.argmin(axis=1)
    return found


def _blocks(left: Features, right: Features) -> Iterator[tuple[slice, NDArray[np.float32]]]:
    """Squared distances of ``left`` to ``right``, some rows at a time."""
    if not len(left) or not len(right):
        return
    # rounding the mean to float32 makes identical rows exactly zero, so that they tie
    centre = right.mean(axis=0, dtype=np.float64).astype(np.float32)
    targets = right - centre
    target_norms = np.einsum("ij,ij->i", targets, targets)
    step = max(1, _BLOCK // len(right))
    for start in range(0, len(left), step):
        rows = slice(start, min(start + step, len(left)))
        block = left[rows] - centre
        norms = np.einsum("ij,ij->i", block, block)
        product = block @ targets.T
        product *= -2
        product += norms[:, None]
        product += target_norms
        yield rows, np.maximum(product, 0, out=product)
