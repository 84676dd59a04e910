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
    """Slowest first; what all rows share is left out.

    Args:
        weights: (n, n) symmetric, ≥ 0, as `reduction.umap.graph` gives them.
        k: how many, 1 … n − 1.

    Returns:
        (n, k) float32; of a graph in p parts that no walk leaves, (n, p − 1 + k): first what tells the parts apart,
        then the slowest inside of them, n − p at most.

    Source: Coifman & Lafon, Applied and Computational Harmonic Analysis 21, 2006: eigenvectors of the walk times their
    eigenvalues, one step. Ours: eigenvalues below 0, walks that jump to and fro, count as 0.
    """
    from scipy.sparse import diags

    degree = np.maximum(np.asarray(weights.sum(axis=1), dtype=np.float64).ravel(), 1e-12)
    scale = diags(1 / np.sqrt(degree))
    walk = scale @ weights.astype(np.float64) @ scale
    rests = _rests(weights, degree)
    n_parts = rests.shape[1]
    if n_parts == 1:
        values, vectors = _largest(walk, k + 1)
        values, vectors = values[1:], vectors[:, 1:]  # the first is the walk's rest, √degree
    else:
        # a solver may miss vectors of one eigenvalue, or mix the rest of all with those of the parts
        inside, vectors = _largest(walk, min(k, len(degree) - n_parts), rests)
        values = np.concatenate([np.ones(n_parts - 1), inside])
        vectors = np.concatenate([rests[:, 1:], vectors], axis=1)
    placed = vectors / np.sqrt(degree)[:, None] * np.sqrt(degree.sum()) * np.maximum(values, 0)
    return np.ascontiguousarray(placed, dtype=np.float32)


def _rests(weights: coo_matrix, degree: NDArray[np.float64]) -> NDArray[np.float64]:
    """(n, p) orthonormal: √degree, in which a walk rests, and p − 1 contrasts between the parts of the graph."""
    from scipy.sparse.csgraph import connected_components

    n_parts, part = connected_components(weights, directed=False)
    root = np.sqrt(degree)
    inside = np.zeros((len(degree), n_parts))
    inside[np.arange(len(degree)), part] = root
    share = np.linalg.norm(inside, axis=0)
    inside /= share
    # any basis whose first vector is the rest of all: distances do not depend on the others' turn
    basis, _ = np.linalg.qr(np.column_stack([share, np.eye(n_parts)[:, 1:]]))
    turned: NDArray[np.float64] = inside @ basis
    return turned


def _largest(
    matrix: coo_matrix, k: int, known: NDArray[np.float64] | None = None
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The k largest eigenvalues, falling, and their vectors (n, k); those of ``known`` vectors are passed over."""
    from scipy.linalg import eigh
    from scipy.sparse.linalg import LinearOperator, eigsh

    n = matrix.shape[0]
    if k < 1:
        return np.zeros(0), np.zeros((n, 0))
    # an eigenvalue of a walk is 1 at most: minus 2 it is the last to be asked for
    if n <= max(DENSE, 2 * k):
        dense = matrix.toarray() - (0 if known is None else 2 * known @ known.T)
        values, vectors = eigh(dense, subset_by_index=(n - k, n - 1))
    else:
        operator = matrix
        if known is not None:
            operator = LinearOperator((n, n), matvec=lambda x: matrix @ x - 2 * known @ (known.T @ x), dtype=np.float64)
        # ARPACK would draw its start from the global stream
        values, vectors = eigsh(operator, k, which="LA", v0=generator(0, "diffusion").uniform(0.5, 1, n))
    order = np.argsort(-values, kind="stable")
    return values[order], vectors[:, order]
