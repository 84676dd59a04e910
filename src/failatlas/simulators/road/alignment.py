"""Alignment: the lane's centre as a clothoid in plan and a parabola in profile, seen from the car.

Axes: x right, y up, z forward, in metres. The *road frame* has its origin on the lane centre abreast of the rear axle
and its z along the lane there; the *car frame* has its origin on the ground under the rear axle.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from failatlas.simulators.compiled import Lane, compiled, lanes, select
from failatlas.simulators.skipping import some

TIGHTEST = 0.03  # 1/m, radius 33 m: the slow hairpin of a country road; the clothoid stays at it once reached
STEP = 1.0  # m between table rows; between them an arc's second-order expansion, off by κ²·STEP³/6 = 0.15 mm
BEHIND = 12  # rows behind the car, for what lies beside it
LENGTH = 280  # rows ahead; beyond the last the road is straight
TURNED = math.radians(110)  # a bend that turned further is out of every view we offer, and goes on straight
CREST_END = 120.0  # m, where the parabola of a crest or dip ends and a straight slope begins


Course: TypeAlias = NDArray[np.float64]  # (n, 6) the lane centre in the road frame, one row a metre of arc length
X, Z, SIN, COS, K = range(5)  # place; sine and cosine of the heading; curvature, right bends > 0
ABREAST = 5  # in row i: the arc length at which the lane centre is first i metres ahead


@dataclass(frozen=True, slots=True)
class Pose:
    """Where the car is: ``offset_m`` right of the lane centre, ``heading`` radians clockwise of the lane."""

    offset_m: float
    heading: float

    def to_car(self, x: NDArray[np.float64], z: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Points of the road frame in the car frame."""
        sin, cos = math.sin(self.heading), math.cos(self.heading)
        right = x - self.offset_m
        return right * cos - z * sin, right * sin + z * cos


def course(curvature: float, rate: float) -> Course:
    """The lane centre whose curvature is ``curvature + rate · s``, kept within ±`TIGHTEST`.

    Args:
        curvature: 1/m abreast of the rear axle; > 0 bends right.
        rate: 1/m², the change of curvature ahead; behind the car the curvature is constant.
    """
    lane = np.empty((BEHIND + LENGTH, 6))
    _lay(curvature, rate, lane)
    s = np.arange(-BEHIND, LENGTH) * STEP
    reach = np.maximum.accumulate(lane[:, Z]) + 1e-9 * s
    lane[:, ABREAST] = np.interp(np.arange(len(s)), reach, s)
    return lane


@compiled
def _lay(curvature: float, rate: float, lane: Course) -> None:
    """All columns but `ABREAST`, row by row from abreast of the rear axle, ahead and then back."""
    for way in (1, -1):
        here = np.minimum(np.maximum(curvature, -TIGHTEST), TIGHTEST)
        bend, turned, heading, x, z = here, 0.0, 0.0, 0.0, 0.0
        sin, cos = 0.0, 1.0
        for n in range(LENGTH if way > 0 else BEHIND + 1):
            row = BEHIND + way * n
            if n > 0:
                change = rate if way > 0 else 0.0
                next_ = np.minimum(np.maximum(curvature + change * (n * STEP), -TIGHTEST), TIGHTEST)
                turned = turned + way * (here + next_) * (STEP / 2)
                here = next_
                ahead = here if abs(turned) <= TURNED and row + 1 < BEHIND + LENGTH else 0.0
                # Simpson over each metre, with the heading in its middle: exact to about κ⁴·STEP⁵
                middle = heading + way * STEP * (3 * bend + ahead) / 8
                heading = heading + way * (bend + ahead) * (STEP / 2)
                x = x + way * (sin + 4 * np.sin(middle) + np.sin(heading)) * (STEP / 6)
                z = z + way * (cos + 4 * np.cos(middle) + np.cos(heading)) * (STEP / 6)
                bend, sin, cos = ahead, np.sin(heading), np.cos(heading)
            lane[row, X], lane[row, Z], lane[row, SIN], lane[row, COS], lane[row, K] = x, z, sin, cos, bend


@compiled
def spot(lane: Course, s: Lane, d: Lane) -> Lane:
    """A point at arc length ``s`` and ``d`` metres right of the lane centre: x, z and heading in the road frame."""
    row = np.int64(np.minimum(np.maximum(np.floor(s / STEP) + BEHIND, 0.0), len(lane) - 1.0))
    t = s - (row - BEHIND) * STEP
    sin, cos, k = lane[row, SIN], lane[row, COS], lane[row, K]
    x = lane[row, X] + t * sin + 0.5 * k * t * t * cos
    z = lane[row, Z] + t * cos - 0.5 * k * t * t * sin
    heading = np.arctan2(sin, cos) + k * t
    return x + d * np.cos(heading), z - d * np.sin(heading), heading


def place(lane: Course, s: NDArray[np.float64], d: NDArray[np.float64]) -> tuple[NDArray[np.float64], ...]:
    """The points `spot` of many arc lengths and distances, as three arrays."""
    x, z, heading = np.empty_like(s), np.empty_like(s), np.empty_like(s)
    _place(lane, s, d, x, z, heading)
    return x, z, heading


@compiled
def _place(
    lane: Course,
    s: NDArray[np.float64],
    d: NDArray[np.float64],
    x: NDArray[np.float64],
    z: NDArray[np.float64],
    heading: NDArray[np.float64],
) -> None:
    for i in lanes(s.shape[0]):
        x[i], z[i], heading[i] = spot(lane, s[i], d[i])


@compiled
def along_and_across(lane: Course, x: Lane, z: Lane) -> Lane:
    """Arc length and signed distance (right > 0) of a point of the road frame from the lane centre, and its course.

    Newton on the arc length from the row abreast of the point, until a step is below 5 cm: as the error squares with
    each step and no bend is tighter than `TIGHTEST`, less than 0.1 mm is left.

    Returns:
        (s, d, sin, cos) with the sine and cosine of the lane's heading there.
    """
    last = len(lane) - 1
    s = lane[np.int64(np.minimum(np.maximum(z, 0.0), 1.0 * last)), ABREAST] + np.minimum(z, 0.0)
    d = s * 0.0
    sin = d
    cos = d + 1.0
    for _ in range(8):
        row = np.int64(np.minimum(np.maximum(np.floor(s / STEP) + BEHIND, 0.0), 1.0 * last))
        t = s - (row - BEHIND) * STEP
        k = lane[row, K]
        sin = lane[row, SIN] + k * t * lane[row, COS]
        cos = lane[row, COS] - k * t * lane[row, SIN]
        right = x - lane[row, X] - t * lane[row, SIN] - 0.5 * k * t * t * lane[row, COS]
        ahead = z - lane[row, Z] - t * lane[row, COS] + 0.5 * k * t * t * lane[row, SIN]
        d = right * cos - ahead * sin
        # 1 − κd vanishes at the centre of the bend: the verge there may smear, the road may not
        change = (right * sin + ahead * cos) / np.maximum(1.0 - k * d, 0.25)
        s = s + change
        if not some(np.abs(change) > 0.05):
            break
    return s, d, sin, cos


@compiled
def height_at(bend: Lane, z: Lane) -> Lane:
    """Height of the ground ``z`` metres ahead, in metres; ``bend`` is the profile's curvature, dips > 0."""
    near = np.minimum(np.maximum(z, 0.0), CREST_END)
    return 0.5 * bend * near * near + bend * CREST_END * np.maximum(z - CREST_END, 0.0)


@compiled
def ground_hit(bend: Lane, eye: Lane, slope: Lane) -> Lane:
    """How far ahead a ray from ``eye`` metres above the road meets the ground; −1 where it meets the sky.

    Args:
        bend: 1/m, curvature of the profile.
        eye: metres above the ground.
        slope: rise of the ray per metre ahead.
    """
    inside = slope * slope + 2.0 * bend * eye
    root = np.sqrt(np.maximum(inside, 0.0)) - slope
    near = 2.0 * eye / select(root > 1e-9, root, 1e-9)
    fall = bend * CREST_END - slope
    far = (eye + 0.5 * bend * CREST_END * CREST_END) / select(fall > 1e-6, fall, 1e-6)
    curved = (inside >= 0.0) & (root > 1e-9) & (near <= CREST_END)
    straight = (fall > 1e-6) & (far > CREST_END) & (far < 4000.0)
    # a crest hides what lies beyond: a ray that misses the parabola below its end cannot meet the slope behind it
    return select(curved, near, select(straight, far, -1.0))
