"""k-means on errors: five clusters of error-inducing images; the nearer to a centre, the more surely inside.

The folklore baseline: cluster what went wrong (e.g. Sohoni et al., NeurIPS 2020, cluster within classes).
Standardised, PCA to 128 columns where there are more, as for the others.
"""

from __future__ import annotations

import numpy as np

from benchmarks.slices.measures import Scores
from benchmarks.slices.methods.method import N_SLICES, reduced
from benchmarks.slices.networks import Answers
from failatlas.seeds import derive


def kmeans(discovery: Answers, scored: Answers, feature: str, seed: int) -> Scores:
    """Score = 1 / (1 + distance to the centre)."""
    from sklearn.cluster import KMeans

    learnt, asked = reduced(discovery.features[feature], scored.features[feature])
    errors = learnt[discovery.is_error]
    if len(errors) < N_SLICES:
        return np.zeros((len(asked), N_SLICES))
    means = KMeans(N_SLICES, n_init=10, random_state=derive(seed, "k-means")).fit(errors)
    return 1 / (1 + means.transform(asked))
