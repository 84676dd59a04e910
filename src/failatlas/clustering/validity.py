"""Validity: one score by which the density clusterers compare candidate clusterings, ½ silhouette + ½ DBCV."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from failatlas.arrays import Embedding, Labels
from failatlas.clustering.criteria import SAMPLE, Silhouettes, silhouette, subsample
from failatlas.clustering.dbcv import Dbcv
from failatlas.clustering.labels import n_clusters, noise_share
from failatlas.clustering.squares import squares

NOISY = 0.5
GIANT = 0.9


def validity(rows: Embedding, labels: Labels, seed: int) -> float:
    """½ silhouette + ½ DBCV in [-1, 1]; high is good; -1 with fewer than two clusters."""
    return Validity(rows, seed)(labels)


class Validity:
    """½ silhouette + ½ DBCV of many clusterings of the same rows: one distance matrix; equal labels are scored once.

    2,000 rows hold 80 MB, and a little for each different cluster. Of more rows the silhouette's sample depends on the
    labels, and its distances are computed each time.

    Args:
        rows: (n, k) finite.
        seed: of the samples when there are more than 2,000 rows.
        matrix: squared distances of all rows, where somebody has them.
    """

    def __init__(self, rows: Embedding, seed: int, matrix: NDArray[np.float64] | None = None) -> None:
        self._rows, self._seed, self._matrix = rows, seed, matrix
        self._scores: dict[bytes, float] = {}
        self._silhouettes: Silhouettes | None = None
        self._dbcv: Dbcv | None = None

    def __call__(self, labels: Labels) -> float:
        """In [-1, 1]; high is good; -1 with fewer than two clusters."""
        if n_clusters(labels) < 2:
            return -1.0
        key = labels.tobytes()
        if key not in self._scores:
            self._scores[key] = self._score(labels)
        return self._scores[key]

    def _score(self, labels: Labels) -> float:
        # both samples are all rows when these are few; otherwise DBCV's depends on their number alone
        chosen = subsample(labels, SAMPLE, self._seed)
        if self._dbcv is None:
            matrix = squares(self._rows[chosen]) if self._matrix is None else self._matrix[np.ix_(chosen, chosen)]
            self._dbcv = Dbcv(np.sqrt(matrix), self._rows.shape[1])
            if len(chosen) == len(labels):
                self._silhouettes = Silhouettes(np.sqrt(matrix.astype(np.float32)))
        if self._silhouettes is None:
            apart = silhouette(self._rows, labels, seed=self._seed)
        else:
            apart = self._silhouettes(labels)
        return (apart + self._dbcv(labels[chosen])) / 2


def complaint(labels: Labels) -> str:
    """What makes a density clustering hard to use, in words; empty when nothing does."""
    if not len(labels):
        return ""
    if n_clusters(labels) == 0:
        return "every row is noise"
    if noise_share(labels) > NOISY:
        return f"{noise_share(labels):.0%} of the rows are noise"
    largest = int((labels == 0).sum()) / len(labels)
    if largest > GIANT:
        return f"one cluster holds {largest:.0%} of the rows"
    return ""


def best(scores: list[float]) -> int:
    """Position of the highest score; the first of equals, so the smallest parameter."""
    return int(np.argmax(scores))
