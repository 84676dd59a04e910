"""Checks: is a heatmap what it claims to be? Conservation, finiteness, silence; run on every batch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from failatlas.arrays import Vector

TOLERANCE = 0.5  # share of the score; biases alone absorb 5–30 % in common networks


def conservation_error(total: Vector, score: Vector) -> Vector:
    """Share of the score that a cut through the network lost or invented; 0 is perfect.

    Args:
        total: (n,) sum of the relevance of every neuron of the cut.
        score: (n,) the output from which relevance was propagated.

    Returns:
        (n,) |Σ R − f(x)| / |f(x)|; nan where f(x) = 0, for no share of nothing exists, or where a sum is not finite.

    Source: Bach et al., PLoS ONE 10(7), 2015, eq. 2. Ours: relative, so that networks of different scale compare.

    >>> conservation_error(np.array([4., 1.]), np.array([5., 0.]))
    array([0.2, nan])
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        error = np.abs(total - score) / np.abs(score)
    return np.where(np.isfinite(error), error, np.nan)


def non_finite(heatmaps: NDArray[np.float32]) -> int:
    """How many of n heatmaps hold nan or infinity.

    >>> non_finite(np.array([[1.0, np.nan], [0.0, 0.0]], dtype=np.float32))
    1
    """
    return int((~np.isfinite(heatmaps).reshape(len(heatmaps), -1).all(axis=1)).sum())


def silent(heatmaps: NDArray[np.float32]) -> int:
    """How many of n heatmaps are zero everywhere: the layer had no part in the explained output.

    >>> silent(np.array([[0.0, 1.0], [0.0, 0.0]], dtype=np.float32))
    1
    """
    return int((~heatmaps.reshape(len(heatmaps), -1).any(axis=1)).sum())


def warnings_of(
    heatmaps: Mapping[str, NDArray[np.float32]],
    conservation: Mapping[str, Vector],
    fallbacks: Sequence[tuple[str, str]],
    *,
    tolerance: float = TOLERANCE,
) -> tuple[str, ...]:
    """What a reader must know before trusting heatmaps, one line a finding, with numbers.

    Args:
        heatmaps: layer → (n, …) relevance.
        conservation: layer → (n,) conservation error.
        fallbacks: (layer, operator) passed by gradient.
        tolerance: conservation error above which an image is counted.
    """
    lines = []
    for layer, error in conservation.items():
        n = len(error)
        broken = non_finite(heatmaps[layer]) if n and not np.isfinite(error).all() else 0
        if broken:
            lines.append(f"{layer}: relevance of {broken} of {n} images is not finite")
        beyond = int((error > tolerance).sum())
        if beyond:
            lines.append(f"{layer}: conservation error of {beyond} of {n} images is above {tolerance:g} "
                         f"(worst {np.nanmax(error):.3g})")  # fmt: skip
    lines.extend(f"{layer}: {operator} has no rule and was passed by gradient" for layer, operator in fallbacks)
    return tuple(lines)
