"""Injection: correctly handled images made to fail by scenarios, so that the cause of every failure is known.

Names are imported when they are asked for: who writes pictures needs no network.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from failatlas.injection.injection import Injected, Tally, inject
    from failatlas.injection.mixture import (
        NATURAL,
        Mixture,
        balanced,
        causes_of,
        looked_at,
        rare,
        too_few,
        truth_of,
    )
    from failatlas.injection.staging import Staging, default_scenarios

_PLACES = {
    "NATURAL": "mixture",
    "Injected": "injection",
    "Mixture": "mixture",
    "Staging": "staging",
    "Tally": "injection",
    "balanced": "mixture",
    "causes_of": "mixture",
    "default_scenarios": "staging",
    "inject": "injection",
    "looked_at": "mixture",
    "rare": "mixture",
    "too_few": "mixture",
    "truth_of": "mixture",
}

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
    "looked_at",
    "rare",
    "too_few",
    "truth_of",
]


def __getattr__(name: str) -> object:
    if name in _PLACES:
        return getattr(import_module(f"failatlas.injection.{_PLACES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
