"""Lines: rims, strands and lashes that are thinner than a sample and must not break into dashes.

A line is as wide as seen, but never below one sample; what it gains in width it loses in opacity, so that its mean
brightness stays. It is tested against the depth of what is drawn; far lines are blended first.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from failatlas.simulators.compiled import HAS_NUMBA, Lane, compiled

_THIN = 1.0  # samples: the least width that is drawn
_LIFT = 1.004  # factor on nearness: a strand on the skin is not swallowed by it


def draw_lines(
    starts: NDArray[np.float64],
    ends: NDArray[np.float64],
    widths: NDArray[np.float64],
    rgba: NDArray[np.float32],
    nearness: NDArray[np.float32],
    samples: NDArray[np.float32],
    *,
    numba: bool = HAS_NUMBA,
) -> None:
    """Blend straight pieces over the samples.

    Args:
        starts: (m, 3): x and y in samples, 1 / depth; pieces with nan are left out.
        ends: (m, 3), likewise.
        widths: (m, 2): in samples at start and end.
        rgba: (m, 4) float32, linear light and opacity.
        nearness: (H, W), what is drawn already.
        samples: (H, W, 3), changed in place.
        numba: the compiled loop, or its NumPy twin.
    """
    good = np.isfinite(np.concatenate([starts, ends, widths, rgba], axis=1)).all(axis=1)
    # far ones first; equal ones keep their order
    order = np.flatnonzero(good)
    order = order[np.argsort(starts[order, 2] + ends[order, 2], kind="stable")]
    each = _draw if numba else _draw_numpy
    each(
        np.ascontiguousarray(starts[order]),
        np.ascontiguousarray(ends[order]),
        np.ascontiguousarray(widths[order]),
        np.ascontiguousarray(rgba[order], np.float32),
        nearness,
        samples,
    )


@compiled
def _draw(
    starts: Lane,
    ends: Lane,
    widths: Lane,
    rgba: Lane,
    nearness: Lane,
    samples: Lane,
) -> None:
    height, width = nearness.shape
    for m in range(starts.shape[0]):
        ax, ay, aw = starts[m, 0], starts[m, 1], starts[m, 2]
        bx, by, bw = ends[m, 0], ends[m, 1], ends[m, 2]
        reach = 0.5 * max(widths[m, 0], widths[m, 1], _THIN) + 1.0
        x0, x1 = max(0.0, np.floor(min(ax, bx) - reach)), min(width - 1.0, np.floor(max(ax, bx) + reach))
        y0, y1 = max(0.0, np.floor(min(ay, by) - reach)), min(height - 1.0, np.floor(max(ay, by) + reach))
        for y in range(np.int64(y0), np.int64(y1) + 1):
            for x in range(np.int64(x0), np.int64(x1) + 1):
                share, w = _share(x + 0.5, y + 0.5, ax, ay, aw, bx, by, bw, widths[m, 0], widths[m, 1])
                if share > 0.0 and w * _LIFT >= nearness[y, x]:
                    opacity = share * rgba[m, 3]
                    for c in range(3):
                        samples[y, x, c] += opacity * (rgba[m, c] - samples[y, x, c])


@compiled
def _share(
    x: Lane,
    y: Lane,
    ax: Lane,
    ay: Lane,
    aw: Lane,
    bx: Lane,
    by: Lane,
    bw: Lane,
    a_width: Lane,
    b_width: Lane,
) -> Lane:
    """How much of a sample a piece covers, and the nearness there."""
    dx, dy = bx - ax, by - ay
    length = np.sqrt(dx * dx + dy * dy)
    safe = np.maximum(length, 1e-9)
    along = ((x - ax) * dx + (y - ay) * dy) / safe
    aside = np.abs((x - ax) * dy - (y - ay) * dx) / safe
    t = np.minimum(np.maximum(along / safe, 0.0), 1.0)
    width = a_width + t * (b_width - a_width)
    drawn = np.maximum(width, _THIN)
    across = np.minimum(np.maximum(0.5 * drawn + 0.5 - aside, 0.0), 1.0)
    # box of one sample along the line too: two pieces that meet cover together what one would
    first, last = np.maximum(along - 0.5, 0.0), np.minimum(along + 0.5, length)
    return across * np.minimum(np.maximum(last - first, 0.0), 1.0) * width / drawn, aw + t * (bw - aw)


def _draw_numpy(
    starts: NDArray[np.float64],
    ends: NDArray[np.float64],
    widths: NDArray[np.float64],
    rgba: NDArray[np.float32],
    nearness: NDArray[np.float32],
    samples: NDArray[np.float32],
) -> None:
    height, width = nearness.shape
    share_of = getattr(_share, "py_func", _share)
    for a, b, wide, colour in zip(starts, ends, widths, rgba, strict=True):
        reach = 0.5 * max(*wide, _THIN) + 1.0
        low = np.maximum(np.floor(np.minimum(a, b)[:2] - reach), 0)
        high = np.minimum(np.floor(np.maximum(a, b)[:2] + reach), (width - 1, height - 1))
        if (low > high).any():
            continue
        (x0, y0), (x1, y1) = low.astype(np.int64), high.astype(np.int64) + 1
        x, y = np.arange(x0, x1) + 0.5, np.arange(y0, y1)[:, None] + 0.5
        share, w = share_of(x, y, *a, *b, *wide)
        opacity = np.where(w * _LIFT >= nearness[y0:y1, x0:x1], share, 0.0) * colour[3]
        part = samples[y0:y1, x0:x1]
        part += (opacity[:, :, None] * (colour[:3] - part)).astype(np.float32)
