"""Layout: two coordinates for every row, for the eye only; nothing is clustered on it."""

from __future__ import annotations

import numpy as np

from failatlas.arrays import Embedding, Features
from failatlas.errors import UsageError
from failatlas.reduction.pca import Pca
from failatlas.reduction.rows import finite_rows
from failatlas.seeds import derive

EPOCHS = 200


def layout(rows: Embedding, seed: int = 0, method: str = "umap") -> Features:
    """(n, d) → (n, 2) float32, centred, largest coordinate 1.

    Args:
        rows: what was clustered; two columns are shown as they are, one gets a second of zeros.
        seed: of the optimiser.
        method: ``"umap"`` draws neighbours near each other: a two-dimensional UMAP of the embedding that starts from
            its first two principal components, 200 passes, about 1 s for 2,000 rows. A plain PCA of a 25-dimensional
            UMAP embedding would lay islands over each other, for they point in all 25 directions; the start keeps
            the broad arrangement and makes the map stable. ``"pca"`` needs no compiled code and shows true
            directions: for pipelines without UMAP. Fewer than 50 rows are always drawn by PCA.

    Raises:
        UsageError: the method is unknown.
    """
    if method not in {"umap", "pca"}:
        raise UsageError(f"unknown layout {method!r}", remedy="'umap' or 'pca'")
    points = finite_rows(rows, "rows")
    if points.shape[1] > 2:
        points = _plane(points, derive(seed, "layout"), method)
    flat = np.zeros((len(points), 2), np.float32)
    flat[:, : min(2, points.shape[1])] = points[:, :2]
    return _fit(flat)


def _plane(points: Features, seed: int, method: str) -> Features:
    start = Pca(min(2, max(1, min(len(points) - 1, points.shape[1]))), seed=seed).fit_transform(points)
    from failatlas.reduction.umap import FEWEST, embed, graph

    if method == "pca" or len(points) < FEWEST or start.shape[1] < 2 or (np.ptp(start, axis=0) <= 0).any():
        return start
    # umap-learn expects a start of about ten units; rows on one spot get a nudge there
    placed = embed(
        points,
        graph(points, 15),
        n_components=2,
        min_dist=0.3,
        n_epochs=EPOCHS,
        seed=seed,
        init=np.asarray(start * (10.0 / np.abs(start).max()), dtype=np.float32),
    )
    return placed if np.isfinite(placed).all() else start


def _fit(points: Features) -> Features:
    if not len(points):
        return points
    centred = points - (points.max(axis=0) + points.min(axis=0)) / 2
    largest = float(np.abs(centred).max())
    return np.asarray(centred / largest if largest > 0 else centred, dtype=np.float32)
