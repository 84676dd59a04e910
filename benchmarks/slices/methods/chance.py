"""Chance: random scores, the floor."""

from __future__ import annotations

from benchmarks.slices.measures import Scores
from benchmarks.slices.methods.method import N_SLICES
from benchmarks.slices.networks import Answers
from failatlas.seeds import generator


def chance(discovery: Answers, scored: Answers, feature: str, seed: int) -> Scores:  # noqa: ARG001 - the shared signature
    """Uniform scores; even so the best of ten columns is taken."""
    return generator(seed, "chance").random((len(scored.labels), N_SLICES))
