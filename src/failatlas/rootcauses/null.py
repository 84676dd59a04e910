"""Null: would random correctly handled images cluster as well?  A cluster that chance makes as tight explains nothing.

As many correct images as there are error-inducing ones are put through the same reduction and clustering, a few times;
every cluster of comparable size that comes out is a draw from the null distribution of compactness.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from failatlas.arrays import NOISE, Features, Indices, Vector, freeze
from failatlas.progress import track
from failatlas.rootcauses.medoids import spread
from failatlas.rootcauses.stability import Recluster
from failatlas.seeds import derive, generator

FEWEST_CLUSTERS = 10  # of comparable size; below, p could not even reach 0.1


@dataclass(frozen=True, slots=True, eq=False)
class NullClusters:
    """Clusters of random correctly handled images.

    Attributes:
        sizes: (c,) int64.
        compactness: (c,) float64, each normalised by the spread of its own draw.
    """

    sizes: Indices
    compactness: Vector

    def comparable(self, size: int) -> Vector:
        """Compactness of the clusters between half and twice as large."""
        return self.compactness[(self.sizes * 2 >= size) & (self.sizes <= 2 * size)]

    def p_value(self, size: int, compactness: float) -> float:
        """(1 + clusters at least as compact) / (1 + clusters of comparable size); nan when there are too few.

        Source: Phipson & Smyth, Stat. Appl. Genet. Mol. Biol. 9(1), 2010: the observed cluster counts as one draw, so
        that p is never 0.
        """
        null = self.comparable(size)
        if len(null) < FEWEST_CLUSTERS or math.isnan(compactness):
            return float("nan")
        # a tie up to float32 noise counts against the cluster
        return float((1 + (null <= compactness * (1 + 1e-6)).sum()) / (1 + len(null)))


def null_clusters(
    reference: Features, n_failures: int, recluster: Recluster, *, draws: int = 5, seed: int
) -> NullClusters:
    """Cluster ``draws`` random samples of correctly handled images.

    Args:
        reference: (r, d) float32, correctly handled images; none are drawn when r < ``n_failures``.
        n_failures: images a draw has, as many as there are error-inducing ones.
        recluster: the pipeline from features to labels.
        draws: samples; they overlap when r is less than ``draws`` × ``n_failures``.
        seed: for the draws and for ``recluster``.
    """
    sizes: list[int] = []
    found: list[float] = []
    if 2 <= n_failures <= len(reference):
        for i in track(range(draws), "null", draws):
            draw = generator(seed, "null", i)
            rows = reference[np.sort(draw.choice(len(reference), n_failures, replace=False))]
            labels = recluster(rows, derive(seed, "null", "recluster", i))
            whole = spread(rows)
            for cluster in np.unique(labels[labels != NOISE]):
                members = rows[labels == cluster]
                if len(members) >= 2 and whole > 0:
                    sizes.append(len(members))
                    found.append(spread(members) / whole)
    return NullClusters(freeze(np.array(sizes, np.int64)), freeze(np.array(found, np.float64)))
