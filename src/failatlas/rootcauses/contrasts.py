"""Contrasts: in which measured property or number do a cluster's images differ from all others, and is it chance?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from failatlas.arrays import Mask, Vector
from failatlas.statistics import holm

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
    corrected = holm(np.array([contrast.p for contrast in found])) if found else ()
    named = [
        Contrast(one.name, one.mean, one.mean_all, one.delta, float(p)) for one, p in zip(found, corrected, strict=True)
    ]
    return tuple(sorted(named, key=lambda one: (-abs(one.delta), one.name)))
