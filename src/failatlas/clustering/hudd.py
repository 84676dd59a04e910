"""HUDD's clustering: Ward on distance profiles of one layer's heatmaps, K at the knee of WICD's gradient, then the
layer whose clusters are tightest.  O(n³) for the profiles (a matrix product), O(n²) memory, one layer at a time.

Fahmy, Pastore, Bagherzadeh & Briand, "Supporting DNN Safety Analysis and Retraining through Heatmap-based Unsupervised
Learning", IEEE Trans. Reliability 70(4), 2021, and the authors' program where the paper is silent.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from failatlas.arrays import Distances, Labels, Mask, Vector, freeze
from failatlas.clustering import dendrogram
from failatlas.clustering.criteria import wicd
from failatlas.clustering.labels import n_clusters
from failatlas.curves import Curve
from failatlas.errors import DataError, ShapeError, UsageError
from failatlas.reduction.knee import kneedle

MOST = 500
_STEP = 4.0  # the authors' grid step; it scales the gradient and moves no knee


@dataclass(frozen=True, slots=True, eq=False)
class LayerClustering:
    """The root-cause clusters that one layer's heatmaps give.

    Attributes:
        labels: (n,) int64, 0 … K−1 by falling size; no noise, but clusters of one (see ``singletons``).
        wicd: WICD of the row-scaled distances over k; chosen = K.
        gradient: its fourth-order finite difference, whose knee is K.
        k: number of clusters, clusters of one included.
        raw: WICD of the distances as they are, HUDD's layer score; low is better, but layers with small relevances
            have small distances, and the score falls with k.
        scaled: the same after division by the median distance: comparable between layers; nan when all are 0.
        notes: what a reader must know.
    """

    labels: Labels
    wicd: Curve
    gradient: Curve
    k: int
    raw: float
    scaled: float
    notes: tuple[str, ...]

    @property
    def singletons(self) -> Mask:
        """(n,) rows alone in their cluster: HUDD keeps them out of inspection, assignment and retraining."""
        counts = np.bincount(self.labels, minlength=1)
        return np.asarray(counts[self.labels] == 1, dtype=np.bool_)

    def __repr__(self) -> str:
        return f"<LayerClustering {self.k} clusters of {len(self.labels)} rows, WICD {self.raw:.3g} raw>"


def cluster_layer(distances: Distances) -> LayerClustering:
    """Root-cause clusters from the distances of one layer's heatmaps.

    Every row is divided by its maximum, giving M, which is no longer symmetric. Rows of M are the points of a Ward
    tree. WICD of M (entries above the diagonal) is read for k = 2 … min(500, max(2, n // 2)), and K is the knee of
    its gradient.

    Args:
        distances: (n, n) symmetric, zero diagonal.

    Raises:
        ShapeError: not square.
        DataError: a distance is not finite or is negative.

    Ours: where the gradient has no knee the authors' program stops; here the knee of the curve itself decides, then
    the point farthest below its chord, and a note says so.
    """
    n = _check(distances)
    if n < 2:
        return _trivial(n)
    scaled = row_scaled(distances)
    tree = profile_tree(scaled)
    counts = np.arange(2, min(MOST, max(2, n // 2)) + 1)
    curve = dendrogram.wicd_curve(tree, scaled)[counts - 1]
    del scaled
    k, rule, notes = _choose_k(counts, curve)
    labels = dendrogram.cut(tree, k)
    found = n_clusters(labels)
    if found < k:
        notes += (f"{found} clusters instead of {k}: rows with equal profiles do not split",)
    raw = wicd(distances, labels)
    median = median_distance(distances)
    x = counts.astype(np.float64)
    return LayerClustering(
        freeze(labels),
        Curve("n_clusters", "WICD", x, curve, float(k), rule),
        Curve("n_clusters", "gradient of WICD", x, gradient(curve), float(k), rule),
        found,
        raw,
        raw / median if median > 0 else float("nan"),
        notes,
    )


def choose_layer(
    clusterings: Sequence[LayerClustering],
    score: Literal["raw", "scaled"] = "raw",
    eligible: Sequence[bool] | None = None,
) -> int:
    """Position of the layer with the lowest score; of equals the first.

    Args:
        clusterings: one a layer, in the network's order.
        score: ``"raw"`` as in HUDD, or ``"scaled"``, free of the layers' scales of relevance.
        eligible: which layers may be chosen; by default all but the first, whose heatmap is of pixels.

    Raises:
        UsageError: nothing may be chosen, or the score is unknown.
    """
    if score not in ("raw", "scaled"):
        raise UsageError(f"unknown layer score {score!r}", remedy="'raw' or 'scaled'")
    allowed = [len(clusterings) == 1, *[True] * (len(clusterings) - 1)] if eligible is None else list(eligible)
    if not any(allowed):
        raise UsageError("no layer may be chosen", remedy="name an inner layer (--layer)")
    # a layer whose heatmaps are all alike has the perfect WICD of 0 and explains nothing: it comes last
    ranked = [
        (not may, bool(np.isnan(clustering.scaled)), float(getattr(clustering, score)), position)
        for position, (clustering, may) in enumerate(zip(clusterings, allowed, strict=True))
    ]
    return min(ranked)[-1]


def row_scaled(distances: Distances) -> NDArray[np.float32]:
    """M: every row divided by its maximum; rows of zeros stay. Not symmetric."""
    largest = distances.max(axis=1, keepdims=True)
    return np.divide(distances, np.where(largest > 0, largest, 1), dtype=np.float32)


def profile_tree(scaled: NDArray[np.float32]) -> dendrogram.Merges:
    """Ward's tree of distance profiles, the rows of M; their distances come from float64 products by blocks.

    0.5 s instead of 1.7 s at n = 2,000 (SciPy from the rows), tree included. Memory: 4 n² bytes beside M, and SciPy's
    copy of them.
    """
    from scipy.cluster.hierarchy import linkage

    n = len(scaled)
    if n < 2:
        return np.zeros((0, 4))
    condensed = np.empty(n * (n - 1) // 2)
    centre = scaled.mean(axis=0, dtype=np.float64)
    norms = np.concatenate([np.square(scaled[i : i + 512] - centre).sum(axis=1) for i in range(0, n, 512)])
    for top in range(0, n, 512):
        head = scaled[top : top + 512] - centre
        squares = norms[top : top + 512, None] + norms[None, top:]
        for left in range(top, n, 512):
            squares[:, left - top : left - top + 512] -= 2.0 * (head @ (scaled[left : left + 512] - centre).T)
        _near_exactly(squares, scaled, norms, top)
        profile = np.sqrt(np.maximum(squares, 0.0))
        for row in range(len(head)):
            i = top + row
            first = i * n - i * (i + 1) // 2
            condensed[first : first + n - i - 1] = profile[row, row + 1 :]
    return np.asarray(linkage(condensed, "ward"), dtype=np.float64)


def gradient(curve: Vector) -> Vector:
    """Fourth-order finite differences of a curve, divided by the authors' constant step of 4.

    (f₋₂ − 8 f₋₁ + 8 f₊₁ − f₊₂)/12 inside; first differences at the two first and two last points.

    >>> gradient(np.array([0.0, 4, 8, 12, 16, 20]))
    array([1., 1., 1., 1., 1., 1.])
    """
    m = len(curve)
    if m < 2:
        return np.zeros(m)
    slopes = np.empty(m)
    steps = np.diff(curve)
    if m >= 5:
        slopes[2:-2] = (curve[:-4] - 8 * curve[1:-3] + 8 * curve[3:-1] - curve[4:]) / 12
    slopes[:2] = steps[[0, min(1, m - 2)]]
    slopes[-2:] = steps[[max(-2, 1 - m), -1]]
    return slopes / _STEP


def median_distance(distances: NDArray[np.floating[Any]]) -> float:
    """Median over all pairs; 0 when there is none."""
    n = len(distances)
    if n < 2:
        return 0.0
    return float(np.median(np.concatenate([distances[i, i + 1 :] for i in range(n - 1)])))


def _choose_k(counts: NDArray[np.int64], curve: Vector) -> tuple[int, str, tuple[str, ...]]:
    if len(counts) == 1:
        return int(counts[0]), "only value", ()
    x = counts.astype(np.float64)
    knee = kneedle(x, gradient(curve), curve="concave", direction="increasing")
    if knee is not None:
        return int(knee), "knee of the gradient", ()
    from failatlas.clustering.count import choose_count

    k, found, notes = choose_count(counts, curve, "WICD")
    return k, f"{found.rule}, for the gradient has no knee", ("the gradient of WICD has no knee", *notes)


def _near_exactly(
    squares: NDArray[np.float64], scaled: NDArray[np.float32], norms: NDArray[np.float64], top: int
) -> None:
    """Replace squares that products cannot resolve by sums of squared differences: equal profiles merge at height 0."""
    scale = norms[top : top + len(squares), None] + norms[None, top:]
    heads, tails = np.nonzero(squares <= 1e-9 * scale)
    step = max(1, 2**22 // len(scaled))
    for start in range(0, len(heads), step):
        i, j = heads[start : start + step], tails[start : start + step]
        difference = scaled[top + i].astype(np.float64) - scaled[top + j]
        squares[i, j] = np.einsum("ij,ij->i", difference, difference)


def _check(distances: Distances) -> int:
    if distances.ndim != 2 or distances.shape[0] != distances.shape[1]:
        raise ShapeError(f"distances must be (n, n), got {distances.shape}")
    for start in range(0, len(distances), 512):
        block = distances[start : start + 512]
        if not np.isfinite(block).all() or block.min(initial=0.0) < 0:
            raise DataError("distances must be finite and not negative", remedy="check the heatmaps of that layer")
    return len(distances)


def _trivial(n: int) -> LayerClustering:
    empty = np.zeros(0)
    wicd_curve, slope = (
        Curve("n_clusters", name, empty, empty, float(n), "fewer than two rows") for name in ("WICD", "gradient")
    )
    return LayerClustering(freeze(np.zeros(n, np.int64)), wicd_curve, slope, n, 0.0, float("nan"), ())
