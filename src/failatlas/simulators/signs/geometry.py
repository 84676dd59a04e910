"""Geometry: where plate, pole and backdrop lie in the picture.

The camera's frame: x right, y up, z along the line of sight to the plate; metres. The picture is a crop of what the
car's camera sees, enlarged until the plate fills its share, as the pictures of sign benchmarks are.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from failatlas.parameters import Values
from failatlas.simulators.compiled import Lane, compiled
from failatlas.simulators.signs.drawings import INNER, SIDE_PX, Level, level

PLATE_M = 0.6  # width of a round sign; StVO's middle size
THICKNESS_M = 0.02  # with the folded rim
POLE_RADIUS_M = 0.038
CAMERA_HEIGHT_M = 1.4
FOCAL_PX = 1180.0  # of a camera of 1360 px and 60°, about that of the benchmark
BACKDROP_M = {"trees": 18.0, "town": 22.0, "road": 120.0, "sky": 300.0}  # behind the plate
NEIGHBOUR_M = 9.0

Matrix = NDArray[np.float64]  # (3, 3)


class Geometry(NamedTuple):
    """One picture's; lengths in pixels of the picture as painted."""

    width: float
    focal: float
    middle_x: float  # the plate's middle
    middle_y: float
    radius: float  # half the plate's width, facing the camera
    front: float  # 1 where the face is seen, 0 where the back is
    elevation: float  # slope of the line of sight
    distance: float  # m
    # from (column, row) to the plate: u, v and w of the seen side, then of the middle and the far side of its edge
    near: tuple[float, float, float, float, float, float, float, float, float]
    half: tuple[float, float, float, float, float, float, float, float, float]
    far: tuple[float, float, float, float, float, float, float, float, float]
    rim: float  # 1 where the edge shows
    probes: float  # along the direction in which the plate is foreshortened
    step_u: float  # between two probes
    step_v: float
    grain: float  # size of a pixel on the plate, in u
    pole_x: float  # a point of the pole's axis
    pole_y: float
    pole_down_x: float  # its direction, length 1
    pole_down_y: float
    pole_half: float  # half its width at that point
    pole_taper: float  # change of that a pixel downwards
    pole_top: float  # where it ends, in pixels from the point
    backdrop: float  # m from the camera
    neighbour: float  # m from the camera


def painted_px(values: Values, size_px: int) -> int:
    """Width of the crop on the sensor; smaller than the picture where the plate is far, for then it is enlarged."""
    plate = FOCAL_PX * PLATE_M / float(values["distance_m"])
    return max(8, min(size_px, math.ceil(plate / float(values["plate_share"]))))


def geometry(values: Values, width_px: int) -> tuple[Geometry, Level, Matrix]:
    """The geometry of a picture of that width, the drawing's level, and the matrix from (u, v, 1) to the picture."""
    distance = float(values["distance_m"])
    radius = width_px * float(values["plate_share"]) / 2
    focal = radius * distance / (PLATE_M / 2)
    middle_x = width_px * (0.5 + float(values["offset_x"]))
    middle_y = width_px * (0.5 - float(values["offset_y"]))
    centre = np.array([(middle_x - width_px / 2) / focal, (width_px / 2 - middle_y) / focal, 1.0]) * distance
    rise = (float(values["sign_height_m"]) - CAMERA_HEIGHT_M) / distance
    right, up, normal = axes(values)
    front = float(normal @ centre < 0)
    to_picture = np.array([[focal, 0, width_px / 2], [0, -focal, width_px / 2], [0, 0, 1]])
    behind = -normal if front else normal
    depths = np.array([0.0, THICKNESS_M / 2, THICKNESS_M])[:, None]
    planes = np.empty((3, 3, 3))
    planes[:, :, 0] = right * (PLATE_M / 2)
    planes[:, :, 1] = up * (PLATE_M / 2)
    planes[:, :, 2] = centre + behind * depths
    faces = to_picture @ planes
    near, half, far = _inverses(faces)
    probes, step, lod = _footprint(near, middle_x, middle_y)
    pole = _pole(centre - normal * (THICKNESS_M + POLE_RADIUS_M), up, to_picture, focal)
    whole = Geometry._make((
        float(width_px), focal, middle_x, middle_y, radius, front, rise, distance, near, half, far,
        float(_shift(faces) > 0.15), probes, *step, max(2**lod, 1.0) / (SIDE_PX * INNER), *pole,
        distance + BACKDROP_M[str(values["backdrop"])], distance + NEIGHBOUR_M,
    ))  # fmt: skip
    return whole, level(2**lod), faces[0]


def axes(values: Values) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """The plate's right, up and normal in the camera's frame, each of length 1."""
    yaw, tilt, roll = (math.radians(float(values[name])) for name in ("yaw_deg", "tilt_deg", "roll_deg"))
    rise = math.atan2(float(values["sign_height_m"]) - CAMERA_HEIGHT_M, float(values["distance_m"]))
    # the line of sight climbs by `rise`, so what is upright leans away from the camera by as much
    up = np.array([0.0, math.cos(rise), math.sin(rise)])
    toward = np.array([0.0, math.sin(rise), -math.cos(rise)])
    across = np.array([1.0, 0.0, 0.0])
    normal = math.cos(yaw) * toward + math.sin(yaw) * across
    right = math.cos(yaw) * across - math.sin(yaw) * toward
    normal, up = math.cos(tilt) * normal + math.sin(tilt) * up, math.cos(tilt) * up - math.sin(tilt) * normal
    right, up = math.cos(roll) * right + math.sin(roll) * up, math.cos(roll) * up - math.sin(roll) * right
    return right, up, normal


def projected(face: Matrix, u: float | NDArray[np.float64], v: float | NDArray[np.float64]) -> NDArray[np.float64]:
    """(..., 2) column and row of places of the plate; pixel centres lie at halves."""
    u, v = np.asarray(u, np.float64), np.asarray(v, np.float64)
    x, y, w = (row[0] * u + row[1] * v + row[2] for row in face)
    return np.stack([x / w, y / w], axis=-1)


@compiled
def on_plate(inverse: tuple[float, ...], column: Lane, row: Lane) -> Lane:
    """(u, v) of the plate's plane under a place of the picture, and w, ≤ 0 where the plane is behind the camera."""
    w = inverse[6] * column + inverse[7] * row + inverse[8]
    safe = np.maximum(w, 1e-9)
    return (
        (inverse[0] * column + inverse[1] * row + inverse[2]) / safe,
        (inverse[3] * column + inverse[4] * row + inverse[5]) / safe,
        w,
    )


def _shift(faces: NDArray[np.float64]) -> float:
    """Pixels between the middles of the plate's two sides."""
    near, far = (face[:2, 2] / face[2, 2] for face in (faces[0], faces[2]))
    return float(np.abs(near - far).max())


def _inverses(faces: NDArray[np.float64]) -> list[tuple[float, ...]]:
    """From the picture back to each of the (n, 3, 3) planes, row by row; w > 0 where a plane's middle is."""
    inverses = np.linalg.inv(faces + np.eye(3) * 1e-9)  # a plate seen exactly edge-on has no inverse
    middles = faces[:, :, 2] / faces[:, 2:, 2]
    # the scale of a homography is free
    w = np.einsum("nj,nj->n", inverses[:, 2], middles)
    inverses /= np.where(w == 0, 1, w)[:, None, None]
    return [tuple(inverse) for inverse in inverses.reshape(-1, 9).tolist()]


def _footprint(inverse: tuple[float, ...], x: float, y: float) -> tuple[float, tuple[float, float], float]:
    """Number of probes, the step between them in (u, v), and log2 of the texels that each covers."""
    u0, v0, _ = on_plate(inverse, x, y)
    u1, v1, _ = on_plate(inverse, x + 1, y)
    u2, v2, _ = on_plate(inverse, x, y + 1)
    across = np.array([[u1 - u0, u2 - u0], [v1 - v0, v2 - v0]])
    left, sizes, _ = np.linalg.svd(across * SIDE_PX * INNER)
    # one probe where the plate faces the camera, up to four where it is seen sideways
    probes = min(4.0, max(1.0, float(np.ceil(sizes[0] / max(sizes[1], 1e-6) - 0.4))))
    step = left[:, 0] * sizes[0] / (SIDE_PX * INNER) / probes
    # half a level sharper than the footprint: bilinear reading blurs by itself
    lod = math.log2(max(sizes[1], sizes[0] / probes, 1e-6)) - 0.5
    return probes, (float(step[0]), float(step[1])), min(max(lod, 0.0), 5.0)


def _pole(at: NDArray[np.float64], up: NDArray[np.float64], to_picture: Matrix, focal: float) -> tuple[float, ...]:
    low = at - up * 0.5
    points = [to_picture @ point for point in (at, low)]
    (x, y), (x1, y1) = ((point[0] / point[2], point[1] / point[2]) for point in points)
    length = math.hypot(x1 - x, y1 - y)
    half, half1 = (POLE_RADIUS_M * focal / point[2] for point in (at, low))
    top = -0.12 * focal / at[2]  # ends behind the plate
    down = ((x1 - x) / length, (y1 - y) / length)
    return float(x), float(y), float(down[0]), float(down[1]), float(half), float((half1 - half) / length), float(top)
