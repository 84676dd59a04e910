"""Visibility: how much of the own lane's lines a picture shows, measured in its depth."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from failatlas.simulators.compiled import compiled, lanes, select
from failatlas.simulators.noise import table
from failatlas.simulators.record import Records, record
from failatlas.simulators.road.alignment import Course
from failatlas.simulators.road.surface import Surface, buried, paint
from failatlas.simulators.road.view import CAMERA_AHEAD_M, LENS_NEAR_M, View, from_camera, pixel

_NEAR_M, _FAR_M = 3.0, 40.0  # the stretch that is judged; beyond, a line is thinner than a pixel
_AHEAD = np.arange(_NEAR_M, _FAR_M, 0.25)
_SLACK_M = 1.0  # an item nearer than the line by more than this hides it


def line_share(view: View, lane: Course, road: Surface, depth: NDArray[np.float32]) -> float:
    """Share of the two lines of the own lane, 3 … 40 m ahead, that is in the picture, painted, bare and not hidden.

    In [0, 1]: two solid lines on a straight give nearly 1, a dashed one counts with the third that is painted. Fog,
    darkness and the windscreen do not count: they are in the parameters.
    """
    shares = np.empty(2 * len(_AHEAD))
    _see(record(view), lane, record(road), table(), depth, _AHEAD, shares)
    return float(shares.mean())


@compiled
def _see(
    views: Records,
    lane: Course,
    roads: Records,
    grid: NDArray[np.float32],
    depth: NDArray[np.float32],
    ahead: NDArray[np.float64],
    shares: NDArray[np.float64],
) -> None:
    view, road = views[0], roads[0]
    n = ahead.shape[0]
    for line in range(2):
        d = (line - 0.5) * road.lane
        if line == 0 and road.centre > 2.5:  # of a double line, the one on our side
            d = d + 0.14
        for i in lanes(n):
            s = ahead[i] + CAMERA_AHEAD_M
            x, y, z, _ = from_camera(view, lane, s, d + 0.0 * s)
            column, row, _ = pixel(view, x, y, np.maximum(z, LENS_NEAR_M))
            inside = (z > LENS_NEAR_M) & (column >= 0.0) & (column < view.width) & (row >= 0.0) & (row < view.height)
            front = depth[np.int64(select(inside, row, 0.0)), np.int64(select(inside, column, 0.0))]
            share = paint(road, grid, s, d + 0.0 * s, 0.02, 0.02) * (1.0 - buried(road, grid, s, d + 0.0 * s))
            shares[line * n :][i] = select(inside & (front > z - _SLACK_M), share, 0.0)
