"""Risk: expected severity that a tested image meets through one root cause, and the order that follows from it."""

from __future__ import annotations

import math

import numpy as np

from failatlas.arrays import Indices, Vector


def risk(severity: Vector, n_tested: int) -> float:
    """Summed severity of a cluster's members / images tested: frequency × mean severity.

    Args:
        severity: (m,) float64, of the members.
        n_tested: images the network was run on, correct ones included.

    >>> risk(np.array([1.0, 3.0]), 100)
    0.04
    """
    # fsum: the order of the images must not move the last digit, and with it a rank
    return math.fsum(severity) / n_tested if n_tested else 0.0


def rank_order(risks: Vector) -> Indices:
    """Positions by falling risk; of equals the first.

    >>> rank_order(np.array([0.1, 0.4, 0.1]))
    array([1, 0, 2])
    """
    return np.argsort(-np.asarray(risks), kind="stable").astype(np.int64)
