"""Pure pursuit: the wheel angle that brings the car back to the lane centre on one arc."""

from __future__ import annotations

import math

import numpy as np

from failatlas.simulators.road.alignment import BEHIND, STEP, Course, Pose, X, Z, place

WHEEL_BASE_M = 2.7
LOOK_AHEAD_M = 12.0  # about one second at 45 km/h, within sight in every view; shorter swings, longer cuts bends


def goal(lane: Course, pose: Pose) -> tuple[float, float]:
    """The first point of the lane centre that is `LOOK_AHEAD_M` away from the rear axle, in the car frame.

    Bisection within the metre of the table that leaves the circle of that radius.
    """
    x, z = pose.to_car(lane[BEHIND:, X], lane[BEHIND:, Z])
    # the car is never further from the lane centre than it looks ahead, so row 0 lies inside the circle
    first = float(np.argmax(np.hypot(x, z) > LOOK_AHEAD_M))
    low, high = (first - 1) * STEP, first * STEP
    for _ in range(40):
        middle = (low + high) / 2
        gx, gz = _at(lane, pose, middle)
        low, high = (low, middle) if math.hypot(gx, gz) > LOOK_AHEAD_M else (middle, high)
    return _at(lane, pose, low)


def wheel_angle_deg(lane: Course, pose: Pose) -> float:
    """The angle of the front wheels in degrees, right > 0.

    With the goal x metres to the right at the look-ahead distance ℓ, the arc through it has the curvature γ = 2x / ℓ²,
    and a car of wheel base L runs on it at the wheel angle δ = atan(L·γ).

    Source: Coulter, Implementation of the Pure Pursuit Path Tracking Algorithm, CMU-RI-TR-92-01, 1992, §2; the bicycle
    model gives δ. Ours: ℓ is constant, for a single picture has no speed.
    """
    x, _ = goal(lane, pose)
    return math.degrees(math.atan(WHEEL_BASE_M * 2 * x / LOOK_AHEAD_M**2))


def _at(lane: Course, pose: Pose, s: float) -> tuple[float, float]:
    x, z, _ = place(lane, np.array([s]), np.zeros(1))
    right, ahead = pose.to_car(x, z)
    return float(right[0]), float(ahead[0])
