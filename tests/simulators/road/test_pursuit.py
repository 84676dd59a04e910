"""Pure pursuit against answers known otherwise, and the alignment against numeric integration."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.integrate import solve_ivp
from scipy.optimize import brentq

from failatlas.simulators.road.alignment import (
    CREST_END,
    TIGHTEST,
    Pose,
    along_and_across,
    course,
    ground_hit,
    place,
)
from failatlas.simulators.road.pursuit import LOOK_AHEAD_M, WHEEL_BASE_M, goal
from failatlas.simulators.road.pursuit import wheel_angle_deg as wheel_angle_deg_to


def integrated(curvature: float, rate: float, s: float) -> tuple[float, float]:
    """The clothoid's point by an adaptive Runge-Kutta method."""

    def slope(t: float, state: np.ndarray) -> list[float]:
        k = min(max(curvature + rate * max(t, 0.0), -TIGHTEST), TIGHTEST)
        return [math.sin(state[2]), math.cos(state[2]), k]

    done = solve_ivp(slope, (0.0, s), [0.0, 0.0, 0.0], rtol=1e-10, atol=1e-12, max_step=0.5)
    return float(done.y[0, -1]), float(done.y[1, -1])


def wheel_angle_deg(lane: np.ndarray, pose: Pose) -> float:
    return wheel_angle_deg_to(goal(lane, pose)[0])


def test_straight_and_centred_means_wheels_straight():
    assert wheel_angle_deg(course(0.0, 0.0), Pose(0.0, 0.0)) == 0.0


@pytest.mark.parametrize("curvature", [0.03, -0.03, 0.011, -0.004])
def test_on_an_arc_pure_pursuit_gives_the_arcs_own_curvature(curvature):
    # the pursued arc through the car, tangent to it, is the lane itself: γ = κ exactly
    angle = wheel_angle_deg(course(curvature, 0.0), Pose(0.0, 0.0))
    assert angle == pytest.approx(math.degrees(math.atan(WHEEL_BASE_M * curvature)), abs=2e-3)


@pytest.mark.parametrize(("offset", "heading_deg"), [(0.8, 0.0), (0.0, 5.0), (-1.2, -8.0), (1.2, -3.0)])
def test_on_a_straight_the_goal_follows_from_a_triangle(offset, heading_deg):
    # the goal is LOOK_AHEAD away on the line x = −offset: its bearing is −asin(offset / ℓ) − heading
    bearing = -math.asin(offset / LOOK_AHEAD_M) - math.radians(heading_deg)
    expected = math.atan(2 * WHEEL_BASE_M * math.sin(bearing) / LOOK_AHEAD_M)
    assert wheel_angle_deg(course(0.0, 0.0), Pose(offset, math.radians(heading_deg))) == pytest.approx(
        math.degrees(expected), abs=1e-6
    )


@pytest.mark.parametrize(
    ("curvature", "rate", "offset", "heading_deg"),
    [(0.02, -0.0006, 0.5, 3.0), (-0.03, 0.0006, -1.2, 8.0), (0.0, 0.0006, 1.2, -8.0), (0.03, 0.0006, 1.0, 6.0)],
)
def test_label_agrees_with_numeric_integration_of_lane_and_car(curvature, rate, offset, heading_deg):
    heading = math.radians(heading_deg)

    def away(s: float) -> float:
        x, z = integrated(curvature, rate, s)
        return math.hypot(x - offset, z) - LOOK_AHEAD_M

    s = brentq(away, 6.0, 18.0, xtol=1e-9)
    gx, gz = integrated(curvature, rate, s)
    x = (gx - offset) * math.cos(heading) - gz * math.sin(heading)
    z = (gx - offset) * math.sin(heading) + gz * math.cos(heading)
    assert goal(course(curvature, rate), Pose(offset, heading)) == pytest.approx((x, z), abs=1e-3)
    # a bicycle that keeps the label's wheel angle drives through the goal
    delta = math.radians(wheel_angle_deg(course(curvature, rate), Pose(offset, heading)))
    turn = math.tan(delta) / WHEEL_BASE_M
    path = solve_ivp(
        lambda _, p: [math.sin(p[2]), math.cos(p[2]), turn], (0, 15), [0, 0, 0], rtol=1e-9, atol=1e-10, max_step=0.01
    )
    assert np.hypot(path.y[0] - x, path.y[1] - z).min() < 0.011


@pytest.mark.parametrize("values", [(0.02, 0.0003, 0.6, 2.0), (-0.013, -0.0006, -1.1, 7.5)])
def test_mirrored_poses_give_exactly_the_opposite_angle(values):
    curvature, rate, offset, heading = values
    one = wheel_angle_deg(course(curvature, rate), Pose(offset, math.radians(heading)))
    other = wheel_angle_deg(course(-curvature, -rate), Pose(-offset, -math.radians(heading)))
    assert one == -other != 0.0


@pytest.mark.parametrize(("curvature", "rate"), [(0.03, 0.0), (0.0, 0.0006), (0.02, -0.0006), (-0.01, 0.0002)])
def test_course_follows_the_clothoid(curvature, rate):
    s = np.array([0.5, 3.25, 11.9, 24.4])
    x, z, _ = place(course(curvature, rate), s, np.zeros(4))
    for number, distance in enumerate(s):
        assert (x[number], z[number]) == pytest.approx(integrated(curvature, rate, distance), abs=2e-3)


def test_along_and_across_undoes_place():
    rng = np.random.default_rng(3)
    for curvature, rate in [(0.03, 0.0), (-0.03, 0.0006), (0.0, -0.0006), (0.01, 0.0)]:
        lane = course(curvature, rate)
        s, d = rng.uniform(0, 45, 60), rng.uniform(-9, 9, 60)
        x, z, _ = place(lane, s, d)
        for number in range(60):
            found = along_and_across(lane, float(x[number]), float(z[number]))
            assert (found[0], found[1]) == pytest.approx((s[number], d[number]), abs=0.01)


@pytest.mark.parametrize("bend", [-0.0012, -0.0003, 0.0, 0.0008])
@pytest.mark.parametrize("slope", [-0.4, -0.1, -0.05, -0.02])
def test_ray_meets_the_ground_where_their_heights_agree(bend, slope):
    z = float(ground_hit(bend, 1.4, slope))
    ahead = np.arange(0.0, 3500.0, 0.01)
    below = 1.4 + slope * ahead <= height_at_array(bend, ahead)
    if z < 0:
        assert not below[: int(CREST_END / 0.01)].any()
    else:
        assert z == pytest.approx(ahead[np.argmax(below)], abs=0.02)


def height_at_array(bend: float, z: np.ndarray) -> np.ndarray:
    return np.where(z < CREST_END, bend * z * z / 2, bend * CREST_END**2 / 2 + bend * CREST_END * (z - CREST_END))
