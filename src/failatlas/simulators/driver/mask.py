"""Mask: a pleated face mask over nose, mouth and chin that follows person and jaw, with its ear loops."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from failatlas.arrays import freeze
from failatlas.simulators.driver.hair import sheet
from failatlas.simulators.driver.head import Faces, Identity, Points, head_data

ROWS, COLUMNS = 26, 33
AXIS_Z = -4.0  # of the cylinder on which the cloth is laid, cm
NEIGHBOURS = 6  # skin vertices that carry a knot of the cloth
THICK = 0.22  # cm between skin and cloth

COLOURS = {"blue": (0.20, 0.42, 0.56), "white": (0.62, 0.62, 0.60), "black": (0.018, 0.018, 0.020)}


@dataclass(frozen=True, slots=True, eq=False)
class Mask:
    """How the cloth hangs on a head.

    Attributes:
        points: (858, 3) on the mean head.
        faces: triangles.
        skin: (858, 6) vertices of the head; weight: (858, 6) their shares.
        weave: (858, 2) coordinates on the cloth, cm.
        corners: indices of the upper and lower corner on the left, then on the right.
    """

    points: Points
    faces: Faces
    skin: NDArray[np.int64]
    weight: NDArray[np.float32]
    weave: NDArray[np.float32]
    corners: tuple[int, int, int, int]


@cache
def mask() -> Mask:
    """The cloth on the mean head; made once."""
    from scipy.spatial import cKDTree

    data = head_data()
    across = np.linspace(-1, 1, COLUMNS)
    down = np.linspace(0, 1, ROWS)
    angle = across * np.deg2rad(74)
    # the upper edge rises over the nose, the lower one goes under the chin in the middle
    top = -3.3 + 1.7 * np.exp(-((across / 0.28) ** 2))
    bottom = -9.9 - 2.5 * np.exp(-((across / 0.62) ** 2))
    y = top + (bottom - top) * down[:, np.newaxis]
    skin = data.mean[(data.inside < 0.5) & (data.ears < 0.4)]
    radius = _laid(angle, y, skin)
    least = _reached(angle, y, skin)
    for _ in range(12):  # cloth spans hollows: smoothing may only move it outward
        radius = np.maximum(np.maximum(radius, _smoothed(radius)), least)
    for _ in range(2):
        radius = np.maximum(_smoothed(radius), least)
    # pleats: folds that stand off in the middle and are sewn flat at the sides
    fold = down * 4.2
    pleat = (fold % 1.0) ** 1.5 * 0.42 * ((fold > 1) & (fold < 4))
    pleat = pleat[:, np.newaxis] * (1 - across**4)
    hem = 0.08 * (np.abs(down - 0.5) > 0.455)[:, np.newaxis]
    radius = radius + THICK + pleat + hem
    x, z = radius * np.sin(angle), AXIS_Z + radius * np.cos(angle)
    points = np.stack([x, y + 0 * x, z], axis=-1).reshape(-1, 3).astype(np.float32)
    outside = np.flatnonzero((data.inside < 0.3) & (data.face > 0.3) & (data.ears < 0.3))
    distance, found = cKDTree(data.mean[outside]).query(points, NEIGHBOURS)
    weight = 1 / (distance + 0.3) ** 2
    weight /= weight.sum(axis=1, keepdims=True)
    weave = np.stack(np.broadcast_arrays(across * 8, down[:, np.newaxis] * 9), axis=-1).reshape(-1, 2)
    last = (ROWS - 1) * COLUMNS
    # columns run from the right (x < 0) to the left
    return Mask(
        freeze(points),
        freeze(sheet(ROWS, COLUMNS)),
        freeze(outside[found]),
        freeze(weight.astype(np.float32)),
        freeze(weave.astype(np.float32)),
        (COLUMNS - 1, last + COLUMNS - 1, 0, last),
    )


def _laid(angle: NDArray[np.float64], y: NDArray[np.float64], skin: Points) -> NDArray[np.float64]:
    """(rows, columns) mean radius of the skin near each knot."""
    azimuth = np.arctan2(skin[:, 0], skin[:, 2] - AXIS_Z)
    reach = np.hypot(skin[:, 0], skin[:, 2] - AXIS_Z)
    out = np.zeros(y.shape)
    for row in range(y.shape[0]):
        for column in range(y.shape[1]):
            near = np.exp(-(((azimuth - angle[column]) / 0.08) ** 2) - ((skin[:, 1] - y[row, column]) / 0.40) ** 2)
            out[row, column] = (reach * near).sum() / near.sum()
    return out


def _reached(angle: NDArray[np.float64], y: NDArray[np.float64], skin: Points) -> NDArray[np.float64]:
    """(rows, columns) radius that each knot needs so that no skin of the four cells around it comes through."""
    azimuth = np.arctan2(skin[:, 0], skin[:, 2] - AXIS_Z)
    reach = np.hypot(skin[:, 0], skin[:, 2] - AXIS_Z)
    out = np.zeros(y.shape)
    column = (azimuth - angle[0]) / (angle[1] - angle[0])
    for at, height, radius in zip(column.tolist(), skin[:, 1].tolist(), reach.tolist(), strict=True):
        if not -1 < at < len(angle):
            continue
        for j in (int(np.floor(at)), int(np.floor(at)) + 1):
            if 0 <= j < len(angle):
                row = float(np.interp(-height, -y[:, j], np.arange(len(y)), left=-9, right=-9))
                for i in (int(np.floor(row)), int(np.floor(row)) + 1):
                    if 0 <= i < len(y):
                        out[i, j] = max(out[i, j], radius)
    return out


def _smoothed(grid: NDArray[np.float64]) -> NDArray[np.float64]:
    wide = np.pad(grid, 1, mode="edge")
    rows = (wide[:-2] + 2 * wide[1:-1] + wide[2:]) / 4
    out: NDArray[np.float64] = (rows[:, :-2] + 2 * rows[:, 1:-1] + rows[:, 2:]) / 4
    return out


def worn(points: Points) -> Points:
    """(858, 3) the cloth on a person's upright head; ``points`` is the head with its expression."""
    cloth, data = mask(), head_data()
    shift = (points[cloth.skin] - data.mean[cloth.skin]) * cloth.weight[..., np.newaxis]
    out: Points = cloth.points + shift.sum(axis=1)
    return out


def loops(person: Identity, cloth: Points) -> tuple[Points, Points]:
    """(m, 3) starts and ends of the straight pieces of both ear loops."""
    upper_left, lower_left, upper_right, lower_right = mask().corners
    starts, ends = [], []
    for sign, upper, lower in ((1.0, upper_left, lower_left), (-1.0, upper_right, lower_right)):
        ear = _ear(person, sign)
        path = np.stack([cloth[upper], ear[0], ear[1], ear[2], cloth[lower]])
        starts.append(path[:-1])
        ends.append(path[1:])
    return np.concatenate(starts), np.concatenate(ends)


def _ear(person: Identity, sign: float) -> Points:
    """(3, 3) over, behind and under the root of an ear."""
    data = head_data()
    ear = person.rest[(data.ears > 0.6) & (data.mean[:, 0] * sign > 0)]
    top, low = float(ear[:, 1].max()), float(ear[:, 1].min())
    root = float(np.sort(ear[:, 0] * sign)[len(ear) // 6]) + 0.15
    z = float(ear[:, 2].max())
    return np.array(
        [
            [sign * root, top - 0.8, z - 0.3],
            [sign * (root + 0.2), (top + low) / 2, z - 2.2],
            [sign * root, low + 0.9, z - 0.6],
        ],
        np.float32,
    )
