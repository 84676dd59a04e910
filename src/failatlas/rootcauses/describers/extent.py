"""Extent: how many of the errors a cluster holds, how severe they are, and its place by risk."""

from __future__ import annotations

from failatlas.rootcauses.describers.describer import Context, describers
from failatlas.rootcauses.describers.figures import images, number, percent
from failatlas.rootcauses.rootcause import Description, ordinal


@describers.register("extent", source="Wilson 1927 (interval); HUDD: severity-weighted frequency")
class Extent:
    """Size, share of the errors, mean severity and rank by risk."""

    def describe(self, context: Context) -> Description:
        """Always says something: every cluster has a size."""
        cause = context.cause
        text = f"{images(cause.size)}, {percent(cause.share)} of the errors, mean severity {number(cause.severity)}"
        rank = f"; risk {ordinal(cause.rank)} of {cause.n_causes}" if cause.rank else ""
        return Description("extent", f"{text}{rank}.")
