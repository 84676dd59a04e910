"""Contrasts: in which measured property or number do a cluster's images differ from all others, and is it chance?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from failatlas.arrays import Labels, Mask, Vector
from failatlas.statistics import cliffs_delta, holm

FEWEST = 5  # on either side, below which the normal approximation of U says nothing


@dataclass(frozen=True, slots=True)
class Contrast:
    """One number of a cluster's images against the same of other images.

    Attributes:
        name: of the property or metadata column.
        mean: in the cluster.
        mean_all: in the cluster and the images it is compared with.
        delta: Cliff's delta in [-1, 1]: P(member > other) − P(member < other); 1 = every member lies above every other.
        p: Mann–Whitney U, two-sided, Holm-corrected over the names; 1 where there are too few images to say.
    """

    name: str
    mean: float
    mean_all: float
    delta: float
    p: float

    def is_certain(self, level: float = 0.05) -> bool:
        """Whether the difference may be named."""
        return self.p < level


def contrasts(columns: Mapping[str, Vector], members: Mask, others: Mask) -> tuple[Contrast, ...]:
    """Contrasts of all columns that vary, strongest |delta| first; of equals by name.

    Args:
        columns: name → (n,) float64; entries that are not finite are left out.
        members: (n,) bool, the cluster's images.
        others: (n,) bool, the images to compare with; none of them a member.

    Source: Cliff, Psychological Bulletin 114, 1993, by way of U: delta = 2U / (n₁n₂) − 1.
    """
    from scipy.stats import mannwhitneyu

    found: list[Contrast] = []
    for name, column in columns.items():
        finite = np.isfinite(column)
        inside, outside = column[members & finite], column[others & finite]
        both = np.concatenate([inside, outside])
        if not len(inside) or not len(outside) or both.min() == both.max():
            continue
        # asymptotic at every size: scipy's exact distribution needs a table of n₁ × n₂
        test = mannwhitneyu(inside, outside, method="asymptotic")
        delta = 2 * float(test.statistic) / (len(inside) * len(outside)) - 1
        enough = min(len(inside), len(outside)) >= FEWEST
        p = float(test.pvalue) if enough else 1.0
        found.append(Contrast(name, float(inside.mean()), float(both.mean()), delta, p))
    return _corrected(found)


def stratified(columns: Mapping[str, Vector], members: Mask, others: Mask, strata: Labels) -> tuple[Contrast, ...]:
    """Contrasts between images of the same stratum alone, so that a difference of the strata themselves is none.

    Delta is that of a random member against the others of its stratum: every stratum counts by its members. Strata with
    fewer than five others, and images of a negative stratum, are left out.

    Args:
        columns, members, others: as in :func:`contrasts`.
        strata: (n,) int64, e.g. the expected class of every image.

    Source: the stratified rank test of van Elteren 1960, with weights that keep delta's meaning.
    """
    from scipy.special import ndtr

    found: list[Contrast] = []
    for name, column in columns.items():
        finite = np.isfinite(column) & (strata >= 0)
        parts = [
            (column[members & finite & (strata == stratum)], column[others & finite & (strata == stratum)])
            for stratum in np.unique(strata[members & finite])
        ]
        parts = [(inside, outside) for inside, outside in parts if len(outside) >= FEWEST]
        count = sum(len(inside) for inside, _ in parts)
        if not count:
            continue
        both = np.concatenate([values for part in parts for values in part])
        delta = sum(len(inside) * cliffs_delta(inside, outside) for inside, outside in parts) / count
        variance = sum((len(inside) / count) ** 2 * _variance(inside, outside) for inside, outside in parts)
        p = 2 * float(ndtr(-abs(delta) / np.sqrt(variance))) if variance > 0 and count >= FEWEST else 1.0
        mean = float(np.concatenate([inside for inside, _ in parts]).mean())
        found.append(Contrast(name, mean, float(both.mean()), delta, p))
    return _corrected(found)


def _variance(inside: Vector, outside: Vector) -> float:
    """Variance of Cliff's delta where nothing differs, ties considered."""
    n = len(inside) + len(outside)
    ties = np.unique(np.concatenate([inside, outside]), return_counts=True)[1].astype(np.float64)
    return float((n + 1 - (ties**3 - ties).sum() / (n * (n - 1))) / (3 * len(inside) * len(outside)))


def _corrected(found: list[Contrast]) -> tuple[Contrast, ...]:
    """Holm-corrected over the names, strongest first."""
    corrected = holm(np.array([contrast.p for contrast in found])) if found else ()
    named = [
        Contrast(one.name, one.mean, one.mean_all, one.delta, float(p)) for one, p in zip(found, corrected, strict=True)
    ]
    return tuple(sorted(named, key=lambda one: (-abs(one.delta), one.name)))
