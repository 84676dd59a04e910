"""Counter-examples: correctly handled images that look most like a root-cause cluster; the contrast shows the cause."""

from __future__ import annotations

import numpy as np

from failatlas.arrays import Features, Indices
from failatlas.rootcauses.distances import distances_to


def counterexamples(medoids: Features, reference: Features) -> Indices:
    """For every medoid the nearest reference row that no medoid before it has taken.

    Args:
        medoids: (k, d) float32, most central first.
        reference: (r, d) float32, correctly handled images.

    Returns:
        (min(k, r),) int64 positions in ``reference``, all different.

    >>> counterexamples(np.array([[0.0], [0.1]], np.float32), np.array([[9.0], [0.2], [1.0]], np.float32))
    array([1, 2])
    """
    taken: list[int] = []
    for medoid in medoids[: len(reference)]:
        distance = distances_to(reference, medoid)
        distance[taken] = np.inf
        taken.append(int(distance.argmin()))
    return np.array(taken, np.int64)
