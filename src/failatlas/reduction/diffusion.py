"""Diffusion: where rows lie in their own neighbour graph.  ~0.1 s for 1,000 rows, the same on every call.

A walk from neighbour to neighbour stays long within a group and seldom leaves it; the slowest ways in which such walks
mix are coordinates in which groups lie apart. UMAP starts from the same coordinates and then moves rows at random.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from failatlas.arrays import Embedding
from failatlas.seeds import generator

if TYPE_CHECKING:
    from scipy.sparse import coo_matrix

DENSE = 500  # rows up to which all eigenvectors are computed: few rows have nearly as many as are wanted


def coordinates(weights: coo_matrix, k: int) -> Embedding:
    """(n, k) float32, slowest first; what all rows share is left out.

    Args:
        weights: (n, n) symmetric, ≥ 0, as `reduction.umap.graph` gives them.
        k: how many, 1 … n − 1.

    Source: Coifman & Lafon, Applied and Computational Harmonic Analysis 21, 2006: eigenvectors of the walk times their
    eigenvalues, one step. Ours: eigenvalues below 0, walks that jump to and fro, count as 0.
    """
    from scipy.sparse import diags

    degree = np.maximum(np.asarray(weights.sum(axis=1), dtype=np.float64).ravel(), 1e-12)
    scale = diags(1 / np.sqrt(degree))
    values, vectors = _largest(scale @ weights.astype(np.float64) @ scale, k + 1)
    # the first is the walk's rest, √degree, on every graph
    placed = vectors[:, 1:] / np.sqrt(degree)[:, None] * np.sqrt(degree.sum()) * np.maximum(values[1:], 0)
    return np.ascontiguousarray(placed, dtype=np.float32)


def _largest(matrix: coo_matrix, k: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The k largest eigenvalues, falling, and their vectors (n, k)."""
    from scipy.linalg import eigh
    from scipy.sparse.linalg import eigsh

    n = matrix.shape[0]
    if n <= max(DENSE, 2 * k):
        values, vectors = eigh(matrix.toarray(), subset_by_index=(n - k, n - 1))
    else:
        # ARPACK would draw its start from the global stream
        values, vectors = eigsh(matrix, k, which="LA", v0=generator(0, "diffusion").uniform(0.5, 1, n))
    order = np.argsort(-values, kind="stable")
    return values[order], vectors[:, order]
