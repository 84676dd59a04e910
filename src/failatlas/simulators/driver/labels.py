"""Labels: what is measured in a posed and rendered scene; angles as the camera sees them, gaps on the lids."""

from __future__ import annotations

import math
from functools import cache

import numpy as np
from numpy.typing import NDArray

from failatlas.arrays import freeze
from failatlas.parameters import Value, Values
from failatlas.simulators.driver import landmarks
from failatlas.simulators.driver.eyes import clearance, gaze_direction
from failatlas.simulators.driver.head import Points, head_data
from failatlas.simulators.driver.scene import Scene
from failatlas.simulators.raster import Camera, Frame, vertex_normals

SLACK = (
    0.003  # share of the depth by which a point may lie behind what is drawn there: 2 mm, less than a mask stands off
)

LID_SLACK = 0.008  # likewise for lids: 5 mm, for their edges turn inward and skin folds before them
CORNER_SLACK = 0.012  # likewise for the corners of the mouth: 8 mm, for they lie in its crease; a mask still hides them


def labels(values: Values, scene: Scene, camera: Camera, frame: Frame, pupil: float) -> dict[str, Value]:
    """All labels of one picture.

    Angles are in deg.  ``*_view`` are relative to the camera: yaw > 0 to the picture's right, pitch > 0 up, roll > 0
    clockwise.  ``gaze_angle`` is the gaze's direction in the picture: 0 left, 90 up, 180 right; ``gaze_offset`` how far
    it is from looking into the camera.  ``landmark_k_x`` and ``_y`` are pixels from the upper left corner.

    Args:
        pupil: half-angle of the pupil, rad.
    """
    out: dict[str, Value] = {}
    axes = camera.pose()[:, :3]  # rows right, up, forward
    gaze = scene.turn @ np.array(gaze_direction(float(values["gaze_yaw"]), float(values["gaze_pitch"])))
    right, up, toward = float(axes[0] @ gaze), float(axes[1] @ gaze), -float(axes[2] @ gaze)
    out["gaze_yaw_view"] = math.degrees(math.atan2(right, toward))
    out["gaze_pitch_view"] = math.degrees(math.asin(max(-1.0, min(1.0, up))))
    out["gaze_angle"] = math.degrees(math.atan2(up, -right)) % 360
    out["gaze_offset"] = math.degrees(math.acos(max(-1.0, min(1.0, toward))))
    out |= _head_angles(axes, scene.turn)
    for side, name in enumerate(("left", "right")):
        gap = scene.openings[side]
        out[f"lid_gap_{name}_mm"] = gap.gap_mm
        out[f"pupil_share_{name}"] = _pupil_share(values, scene, side, pupil)
    places = landmarks.landmarks(scene, float(values["gaze_yaw"]), float(values["gaze_pitch"]))
    front = _face_vertices(scene, camera)
    spots = camera.project(np.concatenate([places, front]))
    seen = frame.is_visible_at(spots, _slack(len(spots)))
    n = len(places)
    for names, spot, is_seen in zip(_landmark_labels(), spots[:n].tolist(), seen[:n].tolist(), strict=True):
        out[names[0]], out[names[1]], out[names[2]] = spot[0], spot[1], float(is_seen)
    inside = _inside(camera, spots[n:])
    hidden = ~seen[n:][inside]
    out["face_hidden"] = float(hidden.mean()) if len(hidden) else 1.0
    return out


@cache
def _landmark_labels() -> tuple[tuple[str, str, str], ...]:
    return tuple((f"landmark_{k}_x", f"landmark_{k}_y", f"landmark_{k}_visible") for k in range(len(landmarks.NAMES)))


def _slack(n: int) -> NDArray[np.float64]:
    """(n,) of the landmarks and of what follows them."""
    slack = np.full(n, SLACK)
    slack[landmarks.LIDS,] = LID_SLACK
    slack[landmarks.MOUTH_CORNERS,] = CORNER_SLACK
    return slack


def _head_angles(axes: NDArray[np.float64], turn: NDArray[np.float32]) -> dict[str, Value]:
    """Yaw, pitch and roll of the head for somebody at the camera."""
    view = np.stack([axes[0], axes[1], -axes[2]]) @ turn
    x, y, z = view[:, 2]
    return {
        "head_yaw_view": math.degrees(math.atan2(x, z)),
        "head_pitch_view": math.degrees(math.asin(max(-1.0, min(1.0, float(y))))),
        "head_roll_view": math.degrees(math.atan2(view[1, 0] * -1, view[1, 1])),
    }


@cache
def _disc() -> NDArray[np.float64]:
    """(2, 24) points spread evenly over the unit disc."""
    k = np.arange(24) + 0.5
    radius, angle = np.sqrt(k / 24), k * math.pi * (3 - math.sqrt(5))
    return freeze(np.stack([radius * np.cos(angle), radius * np.sin(angle)]))


def _pupil_share(values: Values, scene: Scene, side: int, pupil: float) -> float:
    """Share of the pupil that lies between the lids."""
    across, along = _disc() * pupil
    pitch = math.radians(float(values["gaze_pitch"])) + along
    yaw = math.radians(float(values["gaze_yaw"])) + across / np.maximum(0.2, np.cos(pitch))
    # no eye turns by 90 deg, so these are azimuth and elevation
    over, under = clearance(yaw, pitch, scene.openings[side]).T
    return float(((over > 0) & (under > 0)).mean())


@cache
def _sampled() -> NDArray[np.int64]:
    """Vertices spread over the face, from which its hidden share is counted."""
    data = head_data()
    face = np.flatnonzero((data.face > 0.5) & (data.inside < 0.2) & (data.lids < 0.2) & (data.mean[:, 1] > -10.5))
    # the mesh is finer at nose and mouth: one vertex a cell of 0.7 cm
    cells = np.floor(data.mean[face] / 0.7).astype(np.int64)
    _, first = np.unique(cells, axis=0, return_index=True)
    return freeze(face[np.sort(first)])


def _face_vertices(scene: Scene, camera: Camera) -> Points:
    """(n, 3) sampled vertices of the face that look towards the camera."""
    chosen = _sampled()
    normals = _rest_normals() @ scene.turn.T
    points = scene.skin[chosen]
    facing = ((np.asarray(camera.eye, np.float32) - points) * normals).sum(axis=1) > 15.0  # cm: not seen at a slant
    seen: Points = points[facing]
    return seen


@cache
def _rest_normals() -> Points:
    """Of the sampled vertices."""
    data = head_data()
    return freeze(vertex_normals(data.mean, data.faces)[_sampled()])


def _inside(camera: Camera, spots: NDArray[np.float64]) -> NDArray[np.bool_]:
    x, y, _ = spots.T
    out: NDArray[np.bool_] = (x >= 0) & (x < camera.width_px) & (y >= 0) & (y < camera.height_px)
    return out
