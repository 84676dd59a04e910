"""Stability: whether a cluster is found again when images are left out."""

from __future__ import annotations

import math

from failatlas.rootcauses.describers.describer import Context, describers
from failatlas.rootcauses.rootcause import Description


@describers.register("stability", source="Hennig 2007")
class Stability:
    """The mean Jaccard similarity over subsamples and what it means."""

    def describe(self, context: Context) -> Description | None:
        """Silent where stability was not measured."""
        value = context.cause.stability
        if math.isnan(value.value):
            return None
        verdict = "found again" if value.value > 0.75 else "partly found again" if value.value >= 0.5 else "dissolves"
        figures = f"mean Jaccard {value.value:.2f} [{value.low:.2f}, {value.high:.2f}], n = {value.n} subsamples"
        return Description("stability", f"{verdict.capitalize()} when images are left out ({figures}).")
