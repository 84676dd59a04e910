"""Cameras: the face view from the dashboard, and the close view of one eye."""

from __future__ import annotations

from failatlas.parameters import Values
from failatlas.simulators.driver.scene import Scene
from failatlas.simulators.raster import Camera

FACE_TARGET = (0.0, -2.4, -3.0)  # cm; the head fills about 70 % of the height


def camera(view: str, values: Values, scene: Scene, size_px: int) -> Camera:
    """The camera of a view: it always looks at the face, or at the eye."""
    eye = (float(values["camera_x"]), float(values["camera_y"]), float(values["camera_z"]))
    target = FACE_TARGET
    if view == "eye":
        x, y, z = scene.eye(0 if values["eye"] == "left" else 1).tolist()
        dx, dy = float(values["shift_x"]), float(values["shift_y"])
        target = (x - dx, y - dy, z)
        eye = (eye[0] + x, eye[1] + y, eye[2])
    return Camera(eye, target, float(values["focal"]), size_px, size_px)
