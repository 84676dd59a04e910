"""Pure pursuit: the wheel angle that brings the car back to the lane centre on one arc."""

from __future__ import annotations

import math

import numpy as np

from failatlas.simulators.compiled import Lane, compiled
from failatlas.simulators.road.alignment import BEHIND, COS, SIN, STEP, Course, K, Pose, X, Z

WHEEL_BASE_M = 2.7
LOOK_AHEAD_M = 12.0  # about one second at 45 km/h, within sight in every view; shorter swings, longer cuts bends


def goal(lane: Course, pose: Pose) -> tuple[float, float]:
    """The first point of the lane centre that is `LOOK_AHEAD_M` away from the rear axle, in the car frame.

    Bisection within the metre of the table that leaves the circle of that radius.
    """
    x, z = pose.to_car(lane[BEHIND:, X], lane[BEHIND:, Z])
    # the car is never further from the lane centre than it looks ahead, so row 0 lies inside the circle
    row = int(np.argmax(x * x + z * z > LOOK_AHEAD_M**2)) - 1
    sin, cos, k = (float(lane[BEHIND + row, column]) for column in (SIN, COS, K))
    return _leave(float(x[row]), float(z[row]), sin, cos, k, math.sin(pose.heading), math.cos(pose.heading))


def wheel_angle_deg(goal_x_m: float) -> float:
    """The angle of the front wheels in degrees, right > 0, that leads to a goal ``goal_x_m`` right of the car's axis.

    With the goal x metres to the right at the look-ahead distance ℓ, the arc through it has the curvature γ = 2x / ℓ²,
    and a car of wheel base L runs on it at the wheel angle δ = atan(L·γ).

    Source: Coulter, Implementation of the Pure Pursuit Path Tracking Algorithm, CMU-RI-TR-92-01, 1992, §2; the bicycle
    model gives δ. Ours: ℓ is constant, for a single picture has no speed.
    """
    return math.degrees(math.atan(WHEEL_BASE_M * 2 * goal_x_m / LOOK_AHEAD_M**2))


@compiled
def _moved(x: Lane, z: Lane, sin: Lane, cos: Lane, k: Lane, turn_sin: Lane, turn_cos: Lane, t: Lane) -> Lane:
    """The point ``t`` metres along the lane from (x, z), in the car frame; sine and cosine are of the road frame."""
    right = t * sin + 0.5 * k * t * t * cos
    ahead = t * cos - 0.5 * k * t * t * sin
    return x + right * turn_cos - ahead * turn_sin, z + right * turn_sin + ahead * turn_cos


@compiled
def _leave(
    x: float, z: float, sin: float, cos: float, k: float, turn_sin: float, turn_cos: float
) -> tuple[float, float]:
    low, high = 0.0, STEP
    for _ in range(40):
        middle = (low + high) / 2
        gx, gz = _moved(x, z, sin, cos, k, turn_sin, turn_cos, middle)
        if np.sqrt(gx * gx + gz * gz) > LOOK_AHEAD_M:
            high = middle
        else:
            low = middle
    return _moved(x, z, sin, cos, k, turn_sin, turn_cos, low)  # type: ignore[no-any-return]
