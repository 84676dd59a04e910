"""Starts: the centres from which k-means begins, for many K on the same rows.  O(n² k) time once, 4 n² bytes.

k-means++ measures thousands of distances, all between rows: 136 starts (K = 2 … 35, four each) on 1,000 × 1,280 rows
spend four fifths of k-means in it. From one matrix the same centres come for nothing.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from failatlas.arrays import Features


class Starts:
    """k-means++ that reads distances between rows from one matrix; a callable ``init`` of scikit-learn's KMeans.

    Draws as scikit-learn's own does, from the same stream, so both give the same centres.

    Source: Arthur & Vassilvitskii 2007, with several candidates for each centre (greedy k-means++).
    """

    def __init__(self) -> None:
        self._squares: NDArray[np.float32] | None = None

    def __call__(self, rows: Features, n_clusters: int, random_state: np.random.RandomState) -> Features:
        """(n, k) the same rows each time → (n_clusters, k) some of them, far apart."""
        if self._squares is None:
            self._squares = _squares(rows)
        n = len(rows)
        weights = np.ones(n, rows.dtype)
        n_candidates = 2 + int(np.log(n_clusters))
        chosen = [int(random_state.choice(n, p=weights / weights.sum()))]
        nearest = self._squares[chosen[0]]
        total = nearest[None] @ weights
        while len(chosen) < n_clusters:
            # a row is drawn with a probability that grows with its squared distance to the centres so far
            drawn = random_state.uniform(size=n_candidates) * total
            candidates = np.minimum(np.searchsorted(np.cumsum(nearest), drawn), n - 1)
            closer = np.minimum(nearest, self._squares[candidates])
            totals = closer @ weights[:, None]
            best = int(totals.argmin())
            total, nearest = totals[best], closer[best]
            chosen.append(int(candidates[best]))
        return rows[chosen]


def _squares(rows: Features) -> NDArray[np.float32]:
    from sklearn.metrics import euclidean_distances

    # a copy, so that no diagonal of zeros is put in: the library measures a candidate like any other row
    return np.asarray(euclidean_distances(rows, rows.copy(), squared=True), dtype=np.float32)
