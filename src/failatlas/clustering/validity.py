"""Validity: one score by which the density clusterers compare candidate clusterings, ½ silhouette + ½ DBCV."""

from __future__ import annotations

import numpy as np

from failatlas.arrays import Embedding, Labels
from failatlas.clustering.criteria import silhouette
from failatlas.clustering.dbcv import dbcv
from failatlas.clustering.labels import n_clusters, noise_share

NOISY = 0.5
GIANT = 0.9


def validity(rows: Embedding, labels: Labels, seed: int) -> float:
    """½ silhouette + ½ DBCV in [-1, 1]; high is good; -1 with fewer than two clusters."""
    if n_clusters(labels) < 2:
        return -1.0
    return (silhouette(rows, labels, seed=seed) + dbcv(rows, labels, seed=seed)) / 2


def complaint(labels: Labels) -> str:
    """What makes a density clustering hard to use, in words; empty when nothing does."""
    if not len(labels):
        return ""
    if n_clusters(labels) == 0:
        return "every row is noise"
    if noise_share(labels) > NOISY:
        return f"{noise_share(labels):.0%} of the rows are noise"
    largest = int((labels == 0).sum()) / len(labels)
    if largest > GIANT:
        return f"one cluster holds {largest:.0%} of the rows"
    return ""


def best(scores: list[float]) -> int:
    """Position of the highest score; the first of equals, so the smallest parameter."""
    return int(np.argmax(scores))
