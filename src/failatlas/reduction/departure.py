"""Departure: in which direction an image leaves what the network handles correctly.  ~0.1 s for 1,000 rows of 424.

Rows of appearance say first what a picture shows (which sign, whose face, which road), and that varies as much among
images that are handled correctly. What matters for a failure is what remains: the difference from the correct images
most like it, measured where correct images hardly vary.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from failatlas.arrays import Features
from failatlas.errors import ShapeError
from failatlas.reduction.neighbours import nearest
from failatlas.reduction.rows import deviation, finite_rows

FEWEST = 50  # correct rows below which nobody knows how they vary
NEIGHBOURS = 20  # correct rows whose mean stands for "the same, handled correctly"
SHRINKAGE = 0.1  # of the covariance towards a sphere, which fewer rows than columns need


def departure(rows: Features, correct: Features) -> Features:
    """Unit vectors from the mean of the most alike correct rows to each row, whitened by all correct rows.

    Args:
        rows: (n, d) of failures.
        correct: (r, d) of correctly handled images; a row's own copy among them is passed over.

    Returns:
        (n, d) float32 of length 1; zeros where a row departs from nothing.

    Raises:
        ShapeError: the widths differ, or fewer than 50 correct rows.
    """
    rows, correct = finite_rows(rows), finite_rows(correct, "correct rows")
    if len(correct) < FEWEST or (len(rows) and rows.shape[1] != correct.shape[1]):
        raise ShapeError(
            f"departure of rows {rows.shape} from correct rows {correct.shape}",
            remedy=f"give rows of one width, and at least {FEWEST} correct ones",
        )
    if not len(rows):
        return rows
    centre, turn = _whitening(correct)
    points, ordinary = (np.asarray((part - centre) @ turn, np.float32) for part in (rows, correct))
    found, away = nearest(ordinary, NEIGHBOURS + 1, points)
    # of 21 the 20 that are not the row itself
    skip = away[:, 0] <= 1e-6 * np.linalg.norm(points, axis=1)
    chosen = np.where(skip[:, None], found[:, 1:], found[:, :-1])
    difference = points - ordinary[chosen].mean(axis=1)
    length = np.linalg.norm(difference, axis=1, keepdims=True)
    return np.ascontiguousarray(difference / np.where(length > 0, length, 1), dtype=np.float32)


def _whitening(correct: Features) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Centre (d,) and matrix (d, d) after which correct rows vary alike in every direction, as far as is known.

    Source: shrinkage of Ledoit & Wolf, J. Multivariate Analysis 88(2), 2004. Ours: a fixed share.
    """
    centre, scale = correct.mean(axis=0, dtype=np.float64), deviation(correct).astype(np.float64)
    standard = (correct - centre) / scale
    covariance = standard.T @ standard / len(standard)
    sphere = np.trace(covariance) / len(covariance) * np.eye(len(covariance))
    values, vectors = np.linalg.eigh((1 - SHRINKAGE) * covariance + SHRINKAGE * sphere)
    # columns stay principal directions, which UMAP standardises: turned back into the columns given, fewer planted
    # causes were found. Signs are the library's whim, hence the largest entry is positive
    vectors = vectors * np.sign(vectors[np.abs(vectors).argmax(axis=0), np.arange(len(vectors))])
    turn = vectors / np.sqrt(np.maximum(values, 1e-12))
    return centre.astype(np.float32), (turn / scale[:, None]).astype(np.float32)
