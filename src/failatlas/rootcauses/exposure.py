"""Exposure: how often the network fails on images that look like a root-cause cluster."""

from __future__ import annotations

import numpy as np

from failatlas.arrays import Features, Labels
from failatlas.rootcauses.distances import nearest
from failatlas.rootcauses.intervals import not_measured
from failatlas.statistics import Interval, wilson


def error_rates(labels: Labels, features: Features, reference: Features, fraction: float) -> dict[int, Interval]:
    """Share of errors among the images of the set that fall into every cluster, noise included.

    An image falls where its nearest error-inducing image lies; an error-inducing image falls into its own cluster.

    Args:
        labels: (m,) clusters of the error-inducing images.
        features: (m, d) float32 of the same.
        reference: (r, d) float32, a random sample of the correctly handled images.
        fraction: r / correctly handled images of the set, in (0, 1].

    Returns:
        Per cluster e / (e + c / fraction) for e errors and c reference images; n = e + c.

    The interval is Wilson's of e / (e + c) with its odds multiplied by ``fraction``: sampling one side at a known rate
    shifts the odds by that rate and nothing else, as in case-control studies (Prentice & Pyke, Biometrika 66, 1979).
    """
    clusters = [int(c) for c in np.unique(labels)]
    if not len(reference) or not len(labels):
        return {cluster: not_measured() for cluster in clusters}
    fallen = labels[nearest(reference, features)]
    return {c: _rate(int((labels == c).sum()), int((fallen == c).sum()), fraction) for c in clusters}


def _rate(errors: int, correct: int, fraction: float) -> Interval:
    sampled = wilson(errors, errors + correct)
    value, low, high = (_shift(share, fraction) for share in (sampled.value, sampled.low, sampled.high))
    weighted = "" if fraction == 1 else f", correct images weighted {1 / fraction:.3g}"
    return Interval(value, low, high, sampled.n, f"{sampled.method}{weighted}")


def _shift(share: float, fraction: float) -> float:
    """The share whose odds are ``fraction`` times those of ``share``."""
    return share if fraction == 1 else share * fraction / (share * fraction + 1 - share)
