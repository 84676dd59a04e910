"""Visibility: how much of the own lane's lines a picture shows, measured in its depth."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from failatlas.simulators.compiled import compiled, lanes
from failatlas.simulators.road.alignment import Course, Pose, height_at, place
from failatlas.simulators.road.noise import table
from failatlas.simulators.road.surface import Surface, buried, paint
from failatlas.simulators.road.view import CAMERA_AHEAD_M, LENS_NEAR_M, View, pixel

_NEAR_M, _FAR_M = 3.0, 40.0  # the stretch that is judged; beyond, a line is thinner than a pixel
_SAMPLE_M = 0.25
_SLACK_M = 1.0  # an item nearer than the line by more than this hides it


def line_share(view: View, lane: Course, pose: Pose, road: Surface, depth: NDArray[np.float32]) -> float:
    """Share of the two lines of the own lane, 3 … 40 m ahead, that is in the picture, painted, bare and not hidden.

    In [0, 1]: two solid lines on a straight give nearly 1, a dashed one counts with the third that is painted. Fog,
    darkness and the windscreen do not count: they are in the parameters.
    """
    s = np.tile(np.arange(_NEAR_M, _FAR_M, _SAMPLE_M) + CAMERA_AHEAD_M, 2)
    d = np.repeat([-0.5 * road.lane, 0.5 * road.lane], len(s) // 2)
    if road.centre > 2.5:  # of a double line, the one on our side
        d[: len(d) // 2] += 0.14
    x, z, _ = place(lane, s, d)
    x, z = pose.to_car(x, z)
    z = z - CAMERA_AHEAD_M
    column, row, _ = pixel(view, x, height_at(view.bend, z) - view.eye, np.maximum(z, LENS_NEAR_M))
    height, width = depth.shape
    inside = (z > LENS_NEAR_M) & (column >= 0) & (column < width) & (row >= 0) & (row < height)
    rows, columns = row[inside].astype(np.int64), column[inside].astype(np.int64)
    free = depth[rows, columns] > z[inside] - _SLACK_M
    share = np.empty(len(s))
    _bare(road, table(), s, d, share)
    return float(np.sum(share[inside][free]) / len(s))


@compiled
def _bare(
    road: Surface, grid: NDArray[np.float32], s: NDArray[np.float64], d: NDArray[np.float64], share: NDArray[np.float64]
) -> None:
    for i in lanes(s.shape[0]):
        share[i] = paint(road, grid, s[i], d[i], 0.02, 0.02) * (1.0 - buried(road, grid, s[i], d[i]))
