"""Squares: squared distances between rows, once, for all that compares them.  O(n² d) time, 8 n² bytes.

Squares and no roots: comparing needs none, and a root would merge distances that differ in the last place.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from failatlas.arrays import Embedding

FULL = 5000  # rows whose full matrix is held: 200 MB
WIDE = 64  # columns from which a matrix product is quicker than a loop over pairs
NEAR = 1e-4  # of |x|² + |y|², under which a product has lost too many digits


def squares(rows: Embedding) -> NDArray[np.float64]:
    """(n, k) → (n, n) squared Euclidean distances: symmetric, zero on the diagonal and between copies.

    Up to 64 columns the columns are summed one after the other in float64, as scikit-learn's trees do, so that both
    agree on which pairs are equally far. Wider rows are centred and multiplied; pairs that come out close are computed
    anew from their differences, which bounds the relative error by 1e-11.
    """
    from scipy.spatial.distance import pdist, squareform

    points = rows.astype(np.float64)
    if len(points) < 2:
        return np.zeros((len(points), len(points)))
    if points.shape[1] < WIDE:
        return np.asarray(squareform(pdist(points, "sqeuclidean"), checks=False), dtype=np.float64)
    return _by_product(points)


def _by_product(points: NDArray[np.float64]) -> NDArray[np.float64]:
    points -= points.mean(axis=0)
    norms = np.einsum("ij,ij->i", points, points)
    found: NDArray[np.float64] = points @ points.T
    for i in range(len(found)):
        row = found[i]
        row *= -2
        row += norms
        row += norms[i]
        near = np.flatnonzero(row[:i] <= NEAR * (norms[:i] + norms[i]))
        if len(near):
            apart = points[near] - points[i]
            row[near] = np.einsum("ij,ij->i", apart, apart)
        row[i] = 0.0
        found[:i, i] = row[:i]  # a product need not be symmetric to the last digit
    return found
