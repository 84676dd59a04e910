"""Chance: whether random correctly handled images cluster as well."""

from __future__ import annotations

import math

from failatlas.rootcauses.describers.describer import Context, describers
from failatlas.rootcauses.rootcause import Description

_LEVEL = 0.05


@describers.register("chance", source="Phipson & Smyth 2010")
class Chance:
    """The p-value of the cluster's compactness among clusters of random correctly handled images."""

    def describe(self, context: Context) -> Description | None:
        """Silent where the null was not measured."""
        p = context.cause.null_p
        if math.isnan(p):
            return None
        verdict = "Tighter than" if p <= _LEVEL else "No tighter than"
        return Description("chance", f"{verdict} clusters of random correctly handled images (p = {p:.2g}).")
