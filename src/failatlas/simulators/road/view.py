"""View: the camera behind the windscreen, from the car's frame to pixels and back."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from failatlas.parameters import Values
from failatlas.simulators.compiled import Lane, compiled
from failatlas.simulators.road.alignment import Course, height_at, spot

CAMERA_AHEAD_M = 1.5  # of the rear axle
LENS_NEAR_M = 0.8  # nothing nearer is drawn


class View(NamedTuple):
    """Pinhole camera and the car's place on the road."""

    height: float  # px
    width: float
    focal: float  # px
    sin: float  # of the pitch, down > 0
    cos: float
    eye: float  # metres above the road
    bend: float  # 1/m, curvature of the road's profile
    offset: float  # metres right of the lane centre, at the rear axle
    turn_sin: float  # of the heading
    turn_cos: float


def view(values: Values, height_px: int, width_px: int) -> View:
    """The view of a picture of that size; the field of view is horizontal."""
    pitch = math.radians(float(values["camera_pitch_deg"]))
    turn = math.radians(float(values["heading_deg"]))
    focal = width_px / 2 / math.tan(math.radians(float(values["fov_deg"])) / 2)
    return View(
        float(height_px),
        float(width_px),
        focal,
        math.sin(pitch),
        math.cos(pitch),
        float(values["camera_height_m"]),
        float(values["profile_1pm"]),
        float(values["offset_m"]),
        math.sin(turn),
        math.cos(turn),
    )


@compiled
def ray(view: View, column: Lane, row: Lane) -> Lane:
    """Direction of sight of a place in the picture, with 1 metre ahead: (right, up)."""
    up = (0.5 * view.height - row) / view.focal
    ahead = view.cos + up * view.sin
    return (column - 0.5 * view.width) / view.focal / ahead, (up * view.cos - view.sin) / ahead


@compiled
def steepness(view: View, slope: Lane) -> Lane:
    """How many metres of ground one pixel of a row sees along the line of sight, a metre ahead."""
    fall = np.sqrt(np.maximum(slope * slope + 2.0 * view.bend * view.eye, 1e-8))
    return 1.0 / (np.maximum(fall, 0.004) * view.focal)


@compiled
def bearing(view: View, column: Lane) -> Lane:
    """x / z of what is at the level of the camera in a column of the picture."""
    return (column - 0.5 * view.width) / view.focal * view.cos


@compiled
def pixel(view: View, x: Lane, y: Lane, z: Lane) -> Lane:
    """Column and row of a point that is (x, y, z) from the camera, and its depth along the line of sight."""
    depth = z * view.cos - y * view.sin
    up = y * view.cos + z * view.sin
    return (
        0.5 * view.width + view.focal * x / depth,
        0.5 * view.height - view.focal * up / depth,
        depth,
    )


@compiled
def to_road(view: View, x: Lane, z: Lane) -> Lane:
    """A point that is (x, z) from the camera, in the road frame."""
    ahead = z + CAMERA_AHEAD_M
    return view.offset + x * view.turn_cos + ahead * view.turn_sin, ahead * view.turn_cos - x * view.turn_sin


@compiled
def from_camera(view: View, lane: Course, s: Lane, d: Lane) -> Lane:
    """Right, up and ahead of the camera of a place on the ground at (s, d) along the lane; the lane's course there.

    The course is in radians clockwise of the car's.
    """
    x, z, course = spot(lane, s, d)
    right = x - view.offset
    ahead = right * view.turn_sin + z * view.turn_cos - CAMERA_AHEAD_M
    up = height_at(view.bend, ahead) - view.eye
    return right * view.turn_cos - z * view.turn_sin, up, ahead, course - np.arctan2(view.turn_sin, view.turn_cos)
