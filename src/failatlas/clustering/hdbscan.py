"""HDBSCAN: DBSCAN at every density at once; clusters may differ in density.  O(n²) time in more than a few dimensions.

Prefer it to DBSCAN when some root causes are common and others rare; it fails in many dimensions (reduce first).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from failatlas.arrays import Embedding, Labels
from failatlas.clustering.clusterer import clusterers
from failatlas.clustering.count import distinct
from failatlas.clustering.giant import PARTS, check_parts, divide
from failatlas.clustering.labels import by_size
from failatlas.clustering.squares import FULL
from failatlas.clustering.validity import Validity, best, complaint
from failatlas.curves import Curve
from failatlas.errors import UsageError
from failatlas.reduction.rows import finite_rows
from failatlas.registry import Parameter

MIN_CLUSTER_SIZE = (2, 5, 10, 15)


@clusterers.register(
    "hdbscan",
    parameters={
        "min_cluster_size": Parameter(
            "auto", "2 … n, or 'auto' = best of 2, 5, 10, 15", "more merges small clusters or calls them noise"
        ),
        "min_samples": Parameter("auto", "1 … n, or 'auto' = min_cluster_size", "more leaves more noise"),
        "parts": PARTS,
        "seed": Parameter(0, "≥ 0", "of the sample on which large inputs are scored, and of k-means"),
    },
    source="Campello, Moulavi & Sander 2013, through scikit-learn",
)
class Hdbscan:
    """HDBSCAN with the smallest cluster size that gives the best ½ silhouette + ½ DBCV.

    Args:
        min_cluster_size: fewest rows of a cluster, or ``"auto"``.
        min_samples: rows in a neighbourhood, itself included as scikit-learn counts (one more than the hdbscan
            package), or ``"auto"``.
        parts: into how many neighbourhoods a cluster of over half of the rows is divided, see ``giant``.
        seed: of the sample on which more than 2,000 rows are scored, and of k-means.
    """

    labels_: Labels
    parameters_: dict[str, float | int | str]
    curves_: tuple[Curve, ...]
    notes_: tuple[str, ...]

    def __init__(
        self,
        min_cluster_size: int | str = "auto",
        min_samples: int | str = "auto",
        parts: int | str = "auto",
        seed: int = 0,
    ) -> None:
        self.min_cluster_size = min_cluster_size
        self.min_samples = min_samples
        self.parts = parts
        self.seed = seed

    def fit_predict(self, embedding: Embedding) -> Labels:
        """(n, k) → (n,) int64; raises DataError where rows are not finite."""
        rows = finite_rows(embedding, "embedding")
        size, samples = self._check("min_cluster_size", 2), self._check("min_samples", 1)
        check_parts(self.parts)
        self.curves_, self.notes_ = (), ()
        n = len(rows)
        if n < 2 or distinct(rows, 2) < 2:
            # scikit-learn has no density to compare; copies of one row are one cluster
            self.labels_ = np.full(n, 0 if n >= (size or 2) else -1, np.int64)
            self.notes_ = ("all rows are alike",) if n > 1 else ()
            self.parameters_ = {"min_cluster_size": size or 2, "min_samples": samples or 1, "parts": 1}
            return self.labels_
        grid = [min(size, n)] if size else [value for value in MIN_CLUSTER_SIZE if value <= n]
        distances = _distances(rows) if len(grid) > 1 and _is_plain(rows) else None
        candidates = [density_tree(rows, value, min(samples or value, n), distances=distances) for value in grid]
        at = 0
        if len(grid) > 1:
            score = Validity(rows, self.seed)
            scores = [score(labels) for labels in candidates]
            at = best(scores)
            x, y = np.array(grid, np.float64), np.array(scores)
            self.curves_ = (Curve("min_cluster_size", "½ silhouette + ½ DBCV", x, y, float(grid[at]), "maximum"),)
        division = divide(rows, candidates[at], self.parts, self.seed)
        reason = complaint(division.labels) if not division.notes else ""
        self.notes_ = (*division.notes, *((reason,) if reason else ()))
        self.curves_ += division.curves
        self.parameters_ = {
            "min_cluster_size": grid[at],
            "min_samples": min(samples or grid[at], n),
            "parts": division.parts,
        }
        self.labels_ = division.labels
        return self.labels_

    def _check(self, name: str, least: int) -> int | None:
        value: int | str = getattr(self, name)
        if value == "auto":
            return None
        if isinstance(value, str) or value < least:
            raise UsageError(f"{name} is {value!r}", remedy=f"a number ≥ {least} or 'auto'")
        return int(value)


def density_tree(
    rows: Embedding,
    min_cluster_size: int,
    min_samples: int,
    *,
    selection: str = "eom",
    distances: NDArray[np.float64] | None = None,
) -> Labels:
    """Labels by size from scikit-learn's tree.

    Args:
        rows: (n, k) finite, not all alike.
        min_cluster_size: fewest rows of a cluster.
        min_samples: rows in a neighbourhood, itself included.
        selection: ``"eom"`` takes the most persistent clusters, ``"leaf"`` the finest.
        distances: (n, n) between the rows, where several trees share them.
    """
    from sklearn.cluster import HDBSCAN

    tree = HDBSCAN(
        min_cluster_size=min_cluster_size,
        min_samples=min_samples,
        cluster_selection_method=selection,
        algorithm="brute" if _is_plain(rows) else "auto",
        metric="euclidean" if distances is None else "precomputed",
        copy=True,
    )
    # -2 and -3 (infinite, nan) are noise to us; finite_rows lets neither pass
    return by_size(tree.fit(rows if distances is None else distances).labels_)


def _is_plain(rows: Embedding) -> bool:
    # a tree of boxes is useless in many dimensions: 2.9 s instead of 0.11 s at 1,000 × 1,280, with the same labels
    return rows.shape[1] > 30 and len(rows) <= FULL


def _distances(rows: Embedding) -> NDArray[np.float64]:
    """What scikit-learn's HDBSCAN computes for itself, to the last bit."""
    from sklearn.metrics import pairwise_distances

    return np.asarray(pairwise_distances(rows.astype(np.float64)), dtype=np.float64)
