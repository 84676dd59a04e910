"""Exposure: how often the network fails on images that look like the cluster's."""

from __future__ import annotations

import math

from failatlas.rootcauses.describers.describer import Context, describers
from failatlas.rootcauses.describers.figures import percent
from failatlas.rootcauses.rootcause import Description


@describers.register("exposure", source="Wilson 1927; Prentice & Pyke 1979 (sampled references)")
class Exposure:
    """The error rate among the images of the set that fall into the cluster."""

    def describe(self, context: Context) -> Description | None:
        """Silent where there was no sample of correctly handled images."""
        rate = context.cause.error_rate
        if math.isnan(rate.value):
            return None
        share = percent(rate)
        if "weighted" in rate.method:
            # n counts all errors and a sample of the rest: beside the share it would be read as its denominator
            share = f"{share.rpartition(' (n')[0]} (estimated, the correct ones from a sample)"
        return Description("exposure", f"Among images that look like these, {share} are errors.")
