"""Injection: correctly handled images made to fail by scenarios, so that the cause of every failure is known."""

from failatlas.injection.injection import Injected, Tally, inject
from failatlas.injection.mixture import NATURAL, Mixture, balanced, causes_of, rare, too_few, truth_of
from failatlas.injection.staging import Staging, default_scenarios

__all__ = [
    "NATURAL",
    "Injected",
    "Mixture",
    "Staging",
    "Tally",
    "balanced",
    "causes_of",
    "default_scenarios",
    "inject",
    "rare",
    "too_few",
    "truth_of",
]
