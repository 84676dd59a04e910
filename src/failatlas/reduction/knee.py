"""Knee: the point of a curve beyond which more costs more than it gives (Kneedle).  O(m) for m points."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from failatlas.arrays import Mask, Vector
from failatlas.errors import ShapeError


def kneedle(
    x: NDArray[np.floating],
    y: NDArray[np.floating],
    *,
    curve: Literal["concave", "convex"],
    direction: Literal["increasing", "decreasing"],
    sensitivity: float = 1.0,
) -> float | None:
    """The first knee of a curve, or None when it has none.

    Args:
        x: (m,) ascending.
        y: (m,) the curve at x.
        curve: ``"concave"`` bends downwards (a knee), ``"convex"`` upwards (an elbow).
        direction: whether y rises or falls with x.
        sensitivity: S; how far, in mean steps of x, the curve must fall behind the chord before a bend counts. Higher
            waits longer and finds fewer.

    Returns:
        One of the values of x; None for fewer than three points, a flat curve, or one that never bends that way.

    Raises:
        ShapeError: x and y differ in length.

    Source: Satopää et al., "Finding a Kneedle in a Haystack", ICDCSW 2011, §III, without the smoothing spline; a
    falling or convex curve is turned into a rising concave one. Ours: None on flat curves instead of nan.

    >>> x = np.arange(1.0, 11.0)
    >>> kneedle(x, 1 / x, curve="convex", direction="decreasing")
    3.0
    """
    if len(x) != len(y):
        raise ShapeError(f"a curve has {len(x)} x and {len(y)} y")
    if len(x) < 3 or np.ptp(y) <= 0 or np.ptp(x) <= 0 or not np.isfinite(y).all():
        return None
    u, v = _unit(np.asarray(x, np.float64)), _unit(np.asarray(y, np.float64))
    # a concave falling or convex rising curve is read from its right end
    mirrored = (curve == "concave") == (direction == "decreasing")
    if curve == "convex":
        v = 1.0 - v
    if mirrored:
        u, v = (1.0 - u)[::-1], v[::-1]
    index = _first_knee(v - u, sensitivity * float(np.abs(np.diff(u)).mean()))
    if index is None:
        return None
    return float(x[len(x) - 1 - index] if mirrored else x[index])


def _unit(values: Vector) -> Vector:
    unit: Vector = (values - values.min()) / np.ptp(values)
    return unit


def _first_knee(gain: Vector, tolerance: float) -> int | None:
    """The first local maximum of the gain over the chord after which it falls by more than the tolerance."""
    peak, valley = _extrema(gain)
    candidate: int | None = None
    for i in range(len(gain) - 1):
        if peak[i]:
            candidate = i
        if valley[i]:
            # below a valley the last maximum no longer counts; a plateau is both and starts nothing
            candidate = None
        if candidate is not None and gain[i + 1] < gain[candidate] - tolerance:
            return candidate
    return None


def _extrema(gain: Vector) -> tuple[Mask, Mask]:
    """Local maxima and minima, plateaus and ends included."""
    left = np.concatenate([gain[:1], gain[:-1]])
    right = np.concatenate([gain[1:], gain[-1:]])
    return (gain >= left) & (gain >= right), (gain <= left) & (gain <= right)
