"""Measures: how well predicted slices match a true one, as Domino's evaluation of dcbench computes them.

Source: Eyuboglu et al., ICLR 2022, §5.1, and the evaluation code that its authors publish with dcbench: of all
predicted slices *and their complements* 1 − p the one with the best average precision stands for the true slice; its
precision among the 10 and 25 highest scores and its average precision are reported. Equal scores rank by position, so
photographs must come in a random order. An older rule of dcbench, which takes the best area under the ROC curve and
no complements, is reported beside it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from failatlas.arrays import Mask

Scores = NDArray[np.float64]  # (m, k), one column a predicted slice, higher = more surely inside
FOUND = 0.8  # precision at 10 above which a slice counts as found


@dataclass(frozen=True, slots=True)
class Match:
    """The predicted slice that matches a true one best.

    Attributes:
        precision_10, precision_25: share of the true slice among the highest scores.
        average_precision: over all.
        roc_precision_10: precision at 10 of the predicted slice with the best ROC area, complements left out.
    """

    precision_10: float
    precision_25: float
    average_precision: float
    roc_precision_10: float

    @property
    def is_found(self) -> bool:
        """Whether precision at 10 exceeds 0.8."""
        return self.precision_10 > FOUND


def match(truth: Mask, scores: Scores) -> Match:
    """Match predicted slices with one true slice.

    Args:
        truth: (m,) membership, at least one in and one out.
        scores: (m, k) finite, in 0 … 1.
    """
    from sklearn.metrics import average_precision_score, roc_auc_score

    both = np.concatenate([scores, 1 - scores], axis=1)
    precisions = [float(average_precision_score(truth, column)) for column in both.T]
    best = int(np.argmax(precisions))
    areas = [float(roc_auc_score(truth, column)) for column in scores.T]
    return Match(
        precision_at(truth, both[:, best], 10),
        precision_at(truth, both[:, best], 25),
        precisions[best],
        precision_at(truth, scores[:, int(np.argmax(areas))], 10),
    )


def precision_at(truth: Mask, score: NDArray[np.float64], k: int) -> float:
    """Share of the true slice among the k highest scores; the earlier of equals ranks higher.

    >>> precision_at(np.array([True, False, True, True]), np.array([0.9, 0.5, 0.5, 0.1]), 2)
    0.5
    """
    return float(truth[np.argsort(-score, kind="stable")[:k]].mean())
