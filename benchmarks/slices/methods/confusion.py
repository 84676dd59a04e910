"""Confusion: each cell of the confusion matrix is a slice.

Source: the baseline of Eyuboglu et al., ICLR 2022, §5.1: membership is the probability of the cell's prediction for
images of the cell's label. A binary task has four cells; the fifth slice stays empty, as there.
"""

from __future__ import annotations

import numpy as np

from benchmarks.slices.measures import Scores
from benchmarks.slices.methods.method import N_SLICES
from benchmarks.slices.networks import Answers


def confusion(discovery: Answers, scored: Answers, feature: str, seed: int) -> Scores:  # noqa: ARG001 - the shared signature
    """Label by prediction: (0, 0), (0, 1), (1, 0), (1, 1), nothing."""
    cells = [(scored.labels == label) * scored.probabilities[:, predicted] for label in (0, 1) for predicted in (0, 1)]
    empty = np.zeros(len(scored.labels))
    return np.stack([*cells, *[empty] * (N_SLICES - len(cells))], axis=1)
