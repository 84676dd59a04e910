"""DBSCAN: clusters are what lies densely together, of any shape; the rest is noise.  O(n²) time.

A comparison of radii cuts one density tree for each min_samples (memory: see ``densitytree``); a single radius goes to
scikit-learn, which holds every row's neighbours.

The clustering of SAFE and of the best published pipeline: ε at the knee of the sorted nearest-neighbour distances.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from failatlas.arrays import NOISE, Embedding, Labels, Vector
from failatlas.clustering.clusterer import clusterers
from failatlas.clustering.densitytree import DensityTrees
from failatlas.clustering.giant import PARTS, check_parts, divide, has_giant
from failatlas.clustering.labels import by_size
from failatlas.clustering.validity import Validity, best, complaint
from failatlas.curves import Curve
from failatlas.errors import UsageError
from failatlas.reduction.knee import kneedle
from failatlas.reduction.neighbours import nearest, nearest_other
from failatlas.reduction.rows import finite_rows
from failatlas.registry import Parameter

MIN_SAMPLES = (2, 3, 5, 10, 15)
RANKS = (1, 4, 14)  # neighbours whose distances are candidates for ε
MARGIN = 0.1  # by how much another radius must beat the knee


@dataclass(frozen=True, slots=True, eq=False)
class _Cut:
    """One candidate clustering."""

    labels: Labels
    eps: float
    min_samples: int
    score: float


@clusterers.register(
    "dbscan",
    parameters={
        "eps": Parameter(
            "auto", "> 0, 'knee' of the nearest-neighbour distances, 'auto' = knee or better", "more joins more"
        ),
        "min_samples": Parameter(
            "auto", "1 … n, or 'auto' = best of 2, 3, 5, 10, 15", "more asks for denser clusters and leaves more noise"
        ),
        "parts": PARTS,
        "seed": Parameter(0, "≥ 0", "of the sample on which large inputs are scored, and of k-means"),
    },
    source="Ester et al. 1996, through scikit-learn; ε and min_samples as in SAFE (Attaoui et al., TOSEM 32(3), 2023)",
)
class Dbscan:
    """DBSCAN with ε from the knee of nearest-neighbour distances and min_samples from ½ silhouette + ½ DBCV.

    Args:
        eps: radius of a neighbourhood, in units of the embedding; ``"knee"`` takes the knee as published; ``"auto"``
            starts there, compares other radii (quantiles of the distances to the 1st, 4th and 14th neighbour), and
            leaves the knee where another is better by 0.1 in ½ silhouette + ½ DBCV, or when over half of the rows
            would be noise or nine in ten in one cluster. Of radii that score alike, one without a giant, or whose giant
            has parts, comes first. ``notes_`` says so. On UMAP embeddings the knee alone is
            often so narrow that it breaks clusters up: 29 instead of 7 on a mixture of 1,000 rows (adjusted Rand
            index 0.61 → 1.00).
        min_samples: rows in a neighbourhood (itself included) that make a core row, or ``"auto"``.
        parts: into how many neighbourhoods a cluster of over half of the rows is divided, see ``giant``.
        seed: of the sample on which more than 2,000 rows are scored, and of k-means.
    """

    labels_: Labels
    parameters_: dict[str, float | int | str]
    curves_: tuple[Curve, ...]
    notes_: tuple[str, ...]

    def __init__(
        self,
        eps: float | str = "auto",
        min_samples: int | str = "auto",
        parts: int | str = "auto",
        seed: int = 0,
    ) -> None:
        self.eps = eps
        self.min_samples = min_samples
        self.parts = parts
        self.seed = seed

    def fit_predict(self, embedding: Embedding) -> Labels:
        """(n, k) → (n,) int64; raises DataError where rows are not finite."""
        rows = finite_rows(embedding, "embedding")
        self._check()
        self.curves_, self.notes_ = (), ()
        n = len(rows)
        if n < 2:
            alone = NOISE if self.min_samples == "auto" or int(self.min_samples) > 1 else 0
            return self._finish(rows, _Cut(np.full(n, alone, np.int64), 0.0, 1, -1.0))
        grid = self._grid(n)
        candidates = _Candidates(rows, grid, self.seed, is_many=self.eps == "auto")
        if not isinstance(self.eps, str):
            return self._finish(rows, self._best(candidates, float(self.eps)))
        is_many = self.eps == "auto"
        near = nearest(rows, min(n, RANKS[-1] + 1 if is_many else 2))[1].astype(np.float64)
        away = np.sort(near[:, 1])
        eps, rule = self._choose_eps(rows, away)
        first = self._best(candidates, eps)
        better = self._compare(candidates, first, near) if is_many else None
        if better is not None:
            eps, rule = better.eps, f"best ½ silhouette + ½ DBCV; the {rule} is {first.eps:.4g}"
        x = np.arange(1, n + 1, dtype=np.float64)
        rank = float(min(int(np.searchsorted(away, eps)) + 1, n))
        radius = f"ε = {eps:.4g}, {rule}"
        self.curves_ = (Curve("rank", "distance to the nearest neighbour (ε)", x, away, rank, radius), *self.curves_)
        return self._finish(rows, better or first)

    def _check(self) -> None:
        if self.eps not in ("auto", "knee") and (isinstance(self.eps, str) or not self.eps > 0):
            raise UsageError(f"eps is {self.eps!r}", remedy="a number > 0, 'auto' or 'knee'")
        if self.min_samples != "auto" and (isinstance(self.min_samples, str) or self.min_samples < 1):
            raise UsageError(f"min_samples is {self.min_samples!r}", remedy="a number ≥ 1 or 'auto'")
        check_parts(self.parts)

    def _finish(self, rows: Embedding, cut: _Cut) -> Labels:
        division = divide(rows, cut.labels, self.parts, self.seed)
        reason = complaint(division.labels) if not division.notes else ""
        self.notes_ += (*division.notes, *((reason,) if reason else ()))
        self.curves_ += division.curves
        self.parameters_ = {"eps": cut.eps, "min_samples": cut.min_samples, "parts": division.parts}
        self.labels_ = division.labels
        return self.labels_

    def _grid(self, n: int) -> tuple[int, ...]:
        if not isinstance(self.min_samples, str):
            return (self.min_samples,)
        return tuple(value for value in MIN_SAMPLES if value <= n)

    def _choose_eps(self, rows: Embedding, away: Vector) -> tuple[float, str]:
        """The radius at the knee of the sorted distances ``away``, and how it was found."""
        knee = kneedle(np.arange(1.0, len(away) + 1), away, curve="convex", direction="increasing")
        if knee is not None and away[int(knee) - 1] > 0:
            return float(away[int(knee) - 1]), "knee"
        eps = float(np.quantile(away, 0.9))
        if eps > 0:
            self.notes_ += ("nearest-neighbour distances have no knee: ε starts from their 90th percentile",)
            return eps, "90th percentile: no knee"
        self.notes_ += ("most rows have a copy: ε joins copies only, unless another separates better",)
        return _between_copies(rows), "half the smallest distance: most rows have a copy"

    def _best(self, candidates: _Candidates, eps: float) -> _Cut:
        """The best min_samples at one radius; of equals the smallest."""
        cuts = [candidates.cut(eps, value) for value in candidates.grid]
        at = best([cut.score for cut in cuts])
        if len(cuts) > 1:
            x, y = np.array(candidates.grid, np.float64), np.array([cut.score for cut in cuts])
            self.curves_ = (Curve("min_samples", "½ silhouette + ½ DBCV", x, y, x[at].item(), "maximum"),)
        return cuts[at]

    def _compare(self, candidates: _Candidates, first: _Cut, near: NDArray[np.float64]) -> _Cut | None:
        """A clearly better clustering at another radius, or None."""
        trouble = complaint(first.labels)
        others = [candidates.usable(eps) for eps in _radii(near, first.eps)]
        usable = [cut for cut in others if cut is not None]
        if not usable:
            return None
        candidate = self._readable(candidates.rows, usable)
        # what is hard to use gives way to anything that is not: two clusters, one of them giant, always score high
        if not trouble and candidate.score <= first.score + MARGIN:
            return None
        tried = sorted(usable if trouble else [*usable, first], key=lambda cut: cut.eps)
        x, y = np.array([cut.eps for cut in tried]), np.array([cut.score for cut in tried])
        rule = "maximum" if candidate.score == y.max() else "highest of those without an undivided giant"
        self.curves_ = (Curve("eps", "½ silhouette + ½ DBCV", x, y, candidate.eps, rule),)
        why = trouble or f"score {first.score:.2f}"
        self.notes_ += (
            f"{why} at ε = {first.eps:.4g}; ε = {candidate.eps:.4g} was taken, for it scores {candidate.score:.2f}",
        )
        return candidate

    def _readable(self, rows: Embedding, cuts: list[_Cut]) -> _Cut:
        """The best cut; but of those nearly as good, the best without a giant or with one that has parts.

        A heap of nine in ten that nothing divides, and a handful beside it, always score high and tell a person little.
        """
        order = sorted(cuts, key=lambda cut: -cut.score)
        whole: dict[bytes, bool] = {}
        for cut in order:
            if cut.score < order[0].score - MARGIN:
                break
            if not has_giant(cut.labels):
                return cut
            giant = (cut.labels == 0).tobytes()  # whether it has parts is decided by its own rows
            if giant not in whole:
                whole[giant] = divide(rows, cut.labels, self.parts, self.seed).parts == 1
            if not whole[giant]:
                return cut
        return order[0]


class _Candidates:
    """Clusterings of the same rows by radius and min_samples; distances, trees and scores are computed once.

    Args:
        rows: (n, k).
        grid: every min_samples that may be asked for, ascending.
        seed: of the sample on which many rows are scored.
        is_many: whether radii will be compared, so that trees pay.
    """

    def __init__(self, rows: Embedding, grid: tuple[int, ...], seed: int, *, is_many: bool) -> None:
        self.rows, self.grid = rows, grid
        self._trees = DensityTrees(rows, grid[-1]) if is_many else None
        self._validity = Validity(rows, seed, self._trees.squares if self._trees else None)

    def cut(self, eps: float, min_samples: int) -> _Cut:
        """The clustering at one radius, scored."""
        return self._scored(self._labels(eps, min_samples), eps, min_samples)

    def usable(self, eps: float) -> _Cut | None:
        """The best clustering at one radius that leaves little noise and no giant; None when there is none."""
        found = [(value, self._labels(eps, value)) for value in self.grid]
        cuts = [self._scored(labels, eps, value) for value, labels in found if not complaint(labels)]
        return cuts[best([cut.score for cut in cuts])] if cuts else None

    def _scored(self, labels: Labels, eps: float, min_samples: int) -> _Cut:
        return _Cut(labels, eps, min_samples, self._validity(labels))

    def _labels(self, eps: float, min_samples: int) -> Labels:
        if self._trees is not None:
            return by_size(self._trees.tree(min_samples).cut(eps))
        from sklearn.cluster import DBSCAN

        return by_size(DBSCAN(eps=eps, min_samples=min_samples).fit(self.rows).labels_)


def _radii(near: NDArray[np.float64], eps: float) -> list[float]:
    """Candidates beside ε: quantiles of the distances ``near`` (n, m) to some of the neighbours, ascending."""
    ranks = [rank for rank in RANKS if rank < near.shape[1]]
    radii = np.unique(np.quantile(near[:, ranks], [0.25, 0.5, 0.75, 0.9, 0.98], axis=0))
    return [float(radius) for radius in radii if radius > 0 and radius != eps]


def _between_copies(rows: Embedding) -> float:
    """A radius that joins copies and nothing else: half the smallest positive distance; 1 when all are copies."""
    spots = np.unique(rows, axis=0)
    away = nearest_other(spots).astype(np.float64)
    return float(away.min()) / 2 if len(spots) > 1 and away.min() > 0 else 1.0
