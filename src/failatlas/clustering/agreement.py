"""Agreement: how well clusters separate failures whose causes are known.  O(n) time.

Purity and coverage are those of the published study of 99 pipelines; the adjusted Rand index and normalised mutual
information judge the whole partition.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from failatlas.arrays import NOISE, Labels, Vector, freeze
from failatlas.clustering.labels import by_size, noise_share
from failatlas.errors import ShapeError, UsageError

THRESHOLD = 0.9  # share of a cluster that a cause must have to count as found

_Counts = NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Agreement:
    """Clusters against known causes.

    Attributes:
        purities: (K,) share of the most frequent cause in each cluster, largest cluster first; in (0, 1], 1 is pure.
        purity, purity_median, purity_min: over the clusters; 0 without clusters, for nothing was told apart.
        causes: those that must be found.
        covered: those of them that make up at least the threshold of a cluster.
        coverage: share of the causes that are covered; nan without causes.
        ari: adjusted Rand index; 1 = the same partition, 0 = as good as chance.  Noise counts as one group.
        nmi: normalised mutual information, 0–1, over the arithmetic mean of both entropies; noise is one group.
        n_clusters: K, noise not counted: what somebody has to look at.
        redundancy: clusters to look at for each cause that is covered; nan when none is.
        noise: share of failures in no cluster; 0 without failures.
    """

    purities: Vector
    purity: float
    purity_median: float
    purity_min: float
    causes: tuple[str, ...]
    covered: tuple[str, ...]
    coverage: float
    ari: float
    nmi: float
    n_clusters: int
    redundancy: float
    noise: float

    def __repr__(self) -> str:
        return (
            f"<Agreement purity {self.purity:.3f}, {len(self.covered)} of {len(self.causes)} causes covered, "
            f"{self.n_clusters} clusters, {self.noise:.0%} noise>"
        )


def agreement(labels: Labels, truth: Sequence[str], causes: Sequence[str], threshold: float = THRESHOLD) -> Agreement:
    """Hold clusters against the known cause of every failure.

    Args:
        labels: (n,) cluster of each failure; negative = noise.
        truth: n causes.  One that is not among ``causes`` ("natural") is a group like any other for purity.
        causes: distinct ones that have to be covered; one that no failure has is not covered.
        threshold: share of a cluster from which it stands for a cause, above 0 and up to 1.

    Raises:
        ShapeError: not one cause a label.
        UsageError: a threshold outside (0, 1], or a cause named twice.

    Source: Attaoui, Fahmy, Pastore & Briand, "Supporting safety analysis of image-processing DNNs through
    clustering-based approaches", ACM TOSEM 33(5), 2024 (arXiv 2301.13506): P(c) = max_f |c_f| / |c|, its mean over
    clusters without noise; f is covered ⇔ |c_f| / |c| ≥ 0.9 for some c.  Ours: clusters of natural failures count too.

    >>> truth = ["noise"] * 9 + ["blur"] + ["blur"] * 5 + ["mask"] * 5 + ["mask"] * 20
    >>> found = agreement(np.repeat([0, 1, 2], [10, 10, 20]), truth, ("noise", "blur", "mask"))
    >>> found.purities.tolist(), round(found.purity, 6), found.covered
    ([1.0, 0.9, 0.5], 0.8, ('noise', 'mask'))
    >>> round(found.coverage, 3), found.redundancy
    (0.667, 1.5)
    """
    names = tuple(causes)
    if np.ndim(labels) != 1 or len(labels) != len(truth):
        raise ShapeError(f"{np.shape(labels)} labels for {len(truth)} causes", remedy="give one cause a failure")
    if not 0 < threshold <= 1:
        raise UsageError(f"a threshold of {threshold!r}", remedy="give a share above 0 and up to 1")
    if len(set(names)) < len(names):
        raise UsageError("a cause is named twice", where=", ".join(names), remedy="name every cause once")
    groups = by_size(labels)
    table, known = _table(groups, truth)
    inside = table[1:] if len(groups) and groups.min() == NOISE else table
    shares = inside / np.maximum(inside.sum(axis=1, keepdims=True), 1)
    is_covered = dict(zip(known, (shares >= threshold).any(axis=0).tolist(), strict=True))
    covered = tuple(cause for cause in names if is_covered.get(cause, False))
    purities: Vector = shares.max(axis=1, initial=0.0)
    k = len(purities)
    return Agreement(
        purities=freeze(purities),
        purity=float(purities.mean()) if k else 0.0,
        purity_median=float(np.median(purities)) if k else 0.0,
        purity_min=float(purities.min()) if k else 0.0,
        causes=names,
        covered=covered,
        coverage=len(covered) / len(names) if names else math.nan,
        ari=_adjusted_rand(table),
        nmi=_mutual_information(table),
        n_clusters=k,
        redundancy=k / len(covered) if covered else math.nan,
        noise=noise_share(groups),
    )


def _table(labels: Labels, truth: Sequence[str]) -> tuple[_Counts, tuple[str, ...]]:
    """(groups, causes) how many failures of each cause each group holds, noise first if there is any; the causes."""
    known = tuple(dict.fromkeys(truth))
    position = {cause: i for i, cause in enumerate(known)}
    columns = np.array([position[cause] for cause in truth], np.int64)
    rows = labels - labels.min(initial=0)
    n_rows = int(rows.max(initial=-1)) + 1
    counts = np.bincount(rows * len(known) + columns, minlength=n_rows * len(known))
    return counts.reshape(n_rows, len(known)).astype(np.int64), known


def _adjusted_rand(table: _Counts) -> float:
    """1 where both sides put all failures together, or all apart: then chance leaves nothing to gain.

    Source: Hubert & Arabie, Journal of Classification 2, 1985.
    """
    together, rows, columns = (_pairs(part) for part in (table, table.sum(axis=1), table.sum(axis=0)))
    every = _pairs(table.sum())
    if rows == columns and rows in (0, every):
        return 1.0
    expected = rows * columns / every
    return (together - expected) / ((rows + columns) / 2 - expected)


def _pairs(counts: _Counts | np.int64) -> int:
    """Pairs of failures in the same group; in Python's whole numbers, for their products pass 64 bits."""
    return int((counts * (counts - 1) // 2).sum())


def _mutual_information(table: _Counts) -> float:
    """1 where neither side tells anything apart.

    Source: Kvålseth, IEEE Trans. Systems, Man, and Cybernetics 17(3), 1987.
    """
    rows, columns, both = (_entropy(part) for part in (table.sum(axis=1), table.sum(axis=0), table))
    if rows == columns == 0:
        return 1.0
    return min(1.0, max(0.0, 2 * (rows + columns - both) / (rows + columns)))


def _entropy(counts: _Counts) -> float:
    held = counts[counts > 0]
    if len(held) < 2:
        return 0.0
    share = held / held.sum()
    return float(-(share * np.log(share)).sum())
