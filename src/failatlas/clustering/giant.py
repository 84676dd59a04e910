"""Giant: a density cluster that holds over half of the rows, divided where that shows more than it breaks.

Density finds gaps. Where images shade into each other there is none, and one cluster swallows most of them: 982 of
1,109 real failures. k-means divides such a heap into neighbourhoods that a person can read; whether these mean more
than a cut through a round blob is seen by their silhouette: 0.34–0.43 inside real heaps of UMAP embeddings, 0.15–0.27
inside Gaussian blobs of 5 to 64 dimensions, which therefore stay whole.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from failatlas.arrays import Embedding, Labels
from failatlas.clustering.criteria import silhouette
from failatlas.clustering.kmeans import KMeans
from failatlas.clustering.labels import by_size
from failatlas.curves import Curve
from failatlas.errors import UsageError
from failatlas.registry import Parameter

SHARE = 0.5  # of the rows, beyond which a cluster is a giant
CLEAR = 0.3  # silhouette of the division below which it would cut through one blob
FEWEST = 50  # rows under which there is nothing to divide

PARTS = Parameter(
    "auto", "1 … n; 1 leaves it whole, 'auto' = k-means' knee where the parts are clear", "into how many a giant is cut"
)


@dataclass(frozen=True, slots=True, eq=False)
class Division:
    """Labels after a giant was divided, or as they were.

    Attributes:
        labels: (n,) int64, by falling size.
        parts: into how many the giant was cut; 1 = it stays whole, or there is none.
        curves: how the number was chosen.
        notes: what a reader must know.
    """

    labels: Labels
    parts: int
    curves: tuple[Curve, ...] = ()
    notes: tuple[str, ...] = ()


def check_parts(parts: int | str) -> None:
    """Raise UsageError unless ``parts`` is ``"auto"`` or a number ≥ 1."""
    if parts != "auto" and (isinstance(parts, str) or parts < 1):
        raise UsageError(f"parts is {parts!r}", remedy="a number ≥ 1 or 'auto'")


def has_giant(labels: Labels) -> bool:
    """Whether one cluster holds over half of the rows, noise counted among them.

    >>> has_giant(np.array([0, 0, 0, 1, -1])), has_giant(np.array([0, 0, 1, -1]))
    (True, False)
    """
    return bool((labels == 0).sum() > SHARE * len(labels))


def divide(rows: Embedding, labels: Labels, parts: int | str = "auto", seed: int = 0) -> Division:
    """Divide the largest cluster by k-means when it holds over half of the rows.

    Args:
        rows: (n, k) what was clustered.
        labels: (n,) by falling size, so that the giant is 0.
        parts: how many, or ``"auto"``.
        seed: of k-means.
    """
    giant = np.flatnonzero(labels == 0)
    if parts == 1 or len(giant) < FEWEST or not has_giant(labels):
        return Division(labels, 1)
    means = KMeans(parts if isinstance(parts, str) else int(parts), seed=seed)
    inside = means.fit_predict(rows[giant])
    clear = silhouette(rows[giant], inside, seed=seed)
    held = f"one cluster holds {len(giant) / len(labels):.0%} of the rows"
    if parts == "auto" and clear < CLEAR:
        return Division(labels, 1, (), (f"{held} and has no parts (silhouette {clear:.2f} of the best division)",))
    count = int(inside.max()) + 1
    divided = labels.copy()
    divided[giant] = np.where(inside == 0, 0, int(labels.max()) + inside)
    note = f"{held} without a gap: divided into {count} neighbourhoods by k-means (silhouette {clear:.2f})"
    return Division(by_size(divided), count, means.curves_, (note,))
