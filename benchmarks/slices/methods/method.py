"""Method: what every slice discovery method is given and returns."""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from benchmarks.slices.measures import Scores
from benchmarks.slices.networks import Answers
from failatlas.arrays import Features

N_SLICES = 5  # dcbench's budget
COLUMNS = 128  # Domino's PCA


class Method(Protocol):
    """Discovers slices on one half of the photographs and scores the other half; never sees a true slice."""

    def __call__(self, discovery: Answers, scored: Answers, feature: str, seed: int) -> Scores:
        """(m, 5) in 0 … 1, one column a slice, higher = more surely inside.

        Args:
            discovery: n photographs, with truth, to learn from.
            scored: m others, with truth, to score.
            feature: which of ``Answers.features`` to look at.
            seed: of everything random.
        """


def reduced(learnt: Features, asked: Features) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The first 128 principal components of both, fitted on what is learnt from; narrower rows as they are."""
    if learnt.shape[1] <= COLUMNS:
        return learnt.astype(np.float64), asked.astype(np.float64)
    from sklearn.decomposition import PCA

    pca = PCA(COLUMNS, svd_solver="covariance_eigh").fit(learnt.astype(np.float64))
    return pca.transform(learnt), pca.transform(asked)
