"""Head: the baked head as one person, with an expression, turned on its neck.

Positions are in cm: +x the person's left, y up, z forward, origin between the eyes.  Units of the face are linear and
do not depend on the person, so a pose is a few sums.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

import numpy as np
from numpy.typing import NDArray

from failatlas.arrays import freeze
from failatlas.simulators.compiled import Lane, compiled, lanes

N_SHAPE = 12
PIVOT = np.array([0.0, -9.0, -8.0], np.float32)  # about which the neck turns, cm
LID_CLEARANCE = 1.012  # lids stay outside the ball, in radii: their triangles are chords of it

Points = NDArray[np.float32]  # (n, 3) cm
Faces = NDArray[np.int32]  # (m, 3)
Units = Mapping[str, tuple[NDArray[np.int64], Points]]  # vertices that a unit of the face moves, and by how much


@dataclass(frozen=True, slots=True, eq=False)
class HeadData:
    """What was baked: mean, identity basis, face units, masks."""

    mean: Points
    basis: NDArray[np.float32]  # (12, v, 3)
    eye_mean: NDArray[np.float32]  # (4,) x y z radius of the left eye
    eye_basis: NDArray[np.float32]  # (12, 4)
    faces: Faces
    units: Units
    neck: NDArray[np.float32]  # (v,) share of the head's rotation
    ao: NDArray[np.float32]
    lips: NDArray[np.float32]
    lids: NDArray[np.float32]
    ears: NDArray[np.float32]
    inside: NDArray[np.float32]
    face: NDArray[np.float32]
    torso: Points
    torso_faces: Faces
    hand: Points  # left; origin its wrist, +y the middle finger, +z out of the palm, thumb towards −x
    hand_faces: Faces
    palm: NDArray[np.int64]  # vertices that touch what the palm lies on
    teeth: Points
    teeth_faces: Faces
    teeth_basis: NDArray[np.float32]
    teeth_units: Units
    neck_ring: NDArray[np.int64]  # where the head meets the torso, in order around the neck
    upper_lid: NDArray[np.int64]  # (2, n) margins from the inner to the outer corner; row 0 is the left eye
    lower_lid: NDArray[np.int64]
    landmarks: NDArray[np.int64]  # 27 in HUDD's order, −1 for pupils, then chin and nasion


@cache
def head_data() -> HeadData:
    """The baked head of the package."""
    with (files("failatlas.simulators") / "data" / "head.npz").open("rb") as file, np.load(file) as baked:
        arrays = {name: baked[name] for name in baked.files}
    place, offset, body = (arrays[f"{name}_step"] for name in ("position", "offset", "body"))
    names = [str(name) for name in arrays["unit_names"].tolist()]
    masks = arrays["masks"].astype(np.float32) / 255
    return HeadData(
        mean=freeze(arrays["mean"] * place),
        basis=freeze(arrays["basis"] * offset),
        eye_mean=freeze(arrays["eye_mean"].astype(np.float32)),
        eye_basis=freeze(arrays["eye_basis"].astype(np.float32)),
        faces=freeze(arrays["faces"].astype(np.int32)),
        units=_moved(names, arrays["units"] * offset),
        neck=freeze(arrays["neck_w"].astype(np.float32) / 255),
        ao=freeze(arrays["ao"].astype(np.float32) / 255),
        lips=freeze(masks[:, 0]),
        lids=freeze(masks[:, 1]),
        ears=freeze(masks[:, 2]),
        inside=freeze(masks[:, 3]),
        face=freeze(masks[:, 4]),
        torso=freeze(arrays["torso_v"] * body),
        torso_faces=freeze(arrays["torso_f"].astype(np.int32)),
        hand=freeze(arrays["hand_v"] * body),
        hand_faces=freeze(arrays["hand_f"].astype(np.int32)),
        palm=freeze(arrays["hand_palm"].astype(np.int64)),
        teeth=freeze(arrays["teeth_v"] * place),
        teeth_faces=freeze(arrays["teeth_f"].astype(np.int32)),
        teeth_basis=freeze(arrays["teeth_basis"] * offset),
        teeth_units=_moved(names, arrays["teeth_units"] * offset),
        neck_ring=freeze(arrays["neck_ring"].astype(np.int64)),
        upper_lid=freeze(arrays["lash_upper"].astype(np.int64)),
        lower_lid=freeze(arrays["lash_lower"].astype(np.int64)),
        landmarks=freeze(arrays["landmark_vertices"].astype(np.int64)),
    )


def _moved(names: list[str], units: NDArray[np.float32]) -> Units:
    """Only the vertices that a unit moves: most move few."""
    touched = [np.flatnonzero(np.abs(shift).max(axis=1) > 0) for shift in units]
    return {name: (rows, freeze(shift[rows])) for name, rows, shift in zip(names, touched, units, strict=True)}


@dataclass(frozen=True, slots=True, eq=False)
class Identity:
    """One person at rest: positions and both eyes."""

    rest: Points
    teeth: Points
    eye: NDArray[np.float32]  # (4,) x y z radius of the left eye; the right one is its mirror image

    def eye_centre(self, side: int) -> NDArray[np.float32]:
        """(3,) of the left (side 0) or right (1) eye, cm."""
        x, y, z, _ = self.eye
        return np.array([x if side == 0 else -x, y, z], np.float32)


def identity(coefficients: tuple[float, ...]) -> Identity:
    """The person of 12 coefficients of the identity basis, each N(0, 1) in the population, within ±2."""
    data = head_data()
    c = np.array(coefficients, np.float32)
    rest = data.mean + np.tensordot(c, data.basis, 1)
    teeth = data.teeth + np.tensordot(c, data.teeth_basis, 1)
    return Identity(freeze(rest), freeze(teeth), freeze(data.eye_mean + c @ data.eye_basis))


@dataclass(frozen=True, slots=True)
class Expression:
    """What the face does; every field a share of 0–1 unless said otherwise.

    Attributes:
        open_left, open_right: 1 is wide awake, 0 shut.
        gaze_yaw, gaze_pitch: deg, relative to the head; lids follow the gaze.
        brows: −1 drawn down … 1 raised.
    """

    open_left: float = 1.0
    open_right: float = 1.0
    gaze_yaw: float = 0.0
    gaze_pitch: float = 0.0
    jaw: float = 0.0
    smile: float = 0.0
    brows: float = 0.0

    def weights(self) -> dict[str, float]:
        """Weights of the face units."""
        units = {"jawOpen": self.jaw, "browInnerUp": max(0.0, self.brows)}
        for side, opening in (("Left", self.open_left), ("Right", self.open_right)):
            # a lid that is shut has nothing left to lower, so what follows the gaze fades with the opening
            follow = self.gaze_pitch / 30 * opening
            squint = 0.35 * max(0.0, self.smile) * opening
            outward = self.gaze_yaw if side == "Left" else -self.gaze_yaw
            units |= {
                f"eyeBlink{side}": blink(opening),
                f"eyeLookUp{side}": max(0.0, follow),
                f"eyeWide{side}": max(0.0, follow) * 0.7,
                f"eyeLookDown{side}": max(0.0, -follow) * 0.9,
                f"eyeLookOut{side}": max(0.0, outward / 40) * 0.6 * opening,
                f"eyeLookIn{side}": max(0.0, -outward / 40) * 0.6 * opening,
                f"cheekSquint{side}": squint,
                f"mouthSmile{side}": max(0.0, self.smile),
                f"mouthFrown{side}": max(0.0, -self.smile),
                f"browDown{side}": max(0.0, -self.brows),
                f"browOuterUp{side}": 0.7 * max(0.0, self.brows),
            }
        return {name: weight for name, weight in units.items() if weight}


def blink(opening: float) -> float:
    """Weight of the blink unit: the gap grows evenly with ``opening``, and at 0 every person's lids meet.

    Lids of most meet at a weight of 0.85, of all at 0.95: only the last of the way is hurried.
    """
    return 0.85 * (1 - opening) + 0.15 * (1 - opening) ** 6


def expressed(person: Identity, expression: Expression) -> tuple[Points, Points]:
    """Head (v, 3) and teeth of a person with an expression, head upright."""
    head, teeth = _packed()
    weights = expression.weights()
    every = np.array([weights.get(name, 0.0) for name in head_data().units], np.float32)
    points, bite = person.rest.copy(), person.teeth.copy()
    _add_units(*head, every, points)
    _add_units(*teeth, every, bite)
    for side in (0, 1):
        x, y, z = person.eye_centre(side).tolist()
        _push_out(lid_vertices(side), x, y, z, float(person.eye[3]) * LID_CLEARANCE, points)
    return points, bite


_Pack = tuple[NDArray[np.int64], NDArray[np.int64], Points]  # where each unit starts, and all units in one row


@cache
def _packed() -> tuple[_Pack, _Pack]:
    """Units of the head and of the teeth, one after the other: one call moves a face."""
    head, teeth = (_pack(units) for units in (head_data().units, head_data().teeth_units))
    return head, teeth


def _pack(units: Units) -> _Pack:
    touched, shift = zip(*units.values(), strict=True)
    starts = np.cumsum([0] + [len(rows) for rows in touched])
    return freeze(starts.astype(np.int64)), freeze(np.concatenate(touched)), freeze(np.concatenate(shift))


@compiled
def _add_units(starts: Lane, touched: Lane, shift: Lane, weights: Lane, points: Lane) -> None:
    for unit in range(weights.shape[0]):
        weight = weights[unit]
        if weight != 0.0:
            rows, way = touched[starts[unit] : starts[unit + 1]], shift[starts[unit] : starts[unit + 1]]
            for i in lanes(rows.shape[0]):
                v = rows[i]  # no vertex twice in a unit
                for k in range(3):
                    points[v, k] += way[i, k] * weight


@compiled
def _push_out(rows: Lane, x: float, y: float, z: float, least: float, points: Lane) -> None:
    """Move what is nearer than ``least`` to a place straight away from it."""
    for i in lanes(rows.shape[0]):
        v = rows[i]
        dx, dy, dz = points[v, 0] - x, points[v, 1] - y, points[v, 2] - z
        far = np.maximum(1.0, least / np.sqrt(dx * dx + dy * dy + dz * dz))
        points[v, 0] = x + dx * far
        points[v, 1] = y + dy * far
        points[v, 2] = z + dz * far


@cache
def lid_vertices(side: int) -> NDArray[np.int64]:
    """Vertices of both lids of the left (0) or right (1) eye."""
    data = head_data()
    sign = 1 if side == 0 else -1
    return np.flatnonzero((data.lids > 0.02) & (data.mean[:, 0] * sign > 0))


def rotation(yaw: float, pitch: float, roll: float) -> NDArray[np.float32]:
    """(3, 3) of angles in deg: yaw > 0 turns to the picture's right, pitch > 0 up, roll > 0 is clockwise."""
    y, p, r = (math.radians(angle) for angle in (yaw, pitch, roll))
    turn = np.array([[math.cos(y), 0, math.sin(y)], [0, 1, 0], [-math.sin(y), 0, math.cos(y)]])
    nod = np.array([[1, 0, 0], [0, math.cos(p), math.sin(p)], [0, -math.sin(p), math.cos(p)]])
    tilt = np.array([[math.cos(r), math.sin(r), 0], [-math.sin(r), math.cos(r), 0], [0, 0, 1]])
    matrix: NDArray[np.float32] = (turn @ nod @ tilt).astype(np.float32)
    return matrix


def turned(points: Points, matrix: NDArray[np.float32], share: NDArray[np.float32] | None = None) -> Points:
    """Points of the head after it turned about the neck.

    Args:
        points: (n, 3).
        matrix: (3, 3) of `rotation`.
        share: (n,) of the angle by which each turns; all of it when None.  Turning by a share of the angle, instead of
            mixing turned and unturned points, keeps the neck from thinning at 75°.
    """
    out: Points = np.empty(points.shape, np.float32)
    _turn(points, matrix, PIVOT, out)
    if share is not None:
        axis, angle = _axis_angle(matrix)
        if angle >= 1e-6:
            _turn_partly(points, np.flatnonzero(share < 0.995), share, PIVOT, axis, angle, out)
    return out


@compiled
def _turn(points: Lane, matrix: Lane, pivot: Lane, out: Lane) -> None:
    for i in lanes(points.shape[0]):
        x, y, z = points[i, 0] - pivot[0], points[i, 1] - pivot[1], points[i, 2] - pivot[2]
        for k in range(3):
            out[i, k] = matrix[k, 0] * x + matrix[k, 1] * y + matrix[k, 2] * z + pivot[k]


@compiled
def _turn_partly(points: Lane, rows: Lane, share: Lane, pivot: Lane, axis: Lane, angle: float, out: Lane) -> None:
    """About an axis, each row by its share of the angle (rad)."""
    for i in lanes(rows.shape[0]):
        v = rows[i]
        x, y, z = points[v, 0] - pivot[0], points[v, 1] - pivot[1], points[v, 2] - pivot[2]
        cosine, sine = np.cos(share[v] * angle), np.sin(share[v] * angle)
        along = (x * axis[0] + y * axis[1] + z * axis[2]) * (1.0 - cosine)
        out[v, 0] = pivot[0] + x * cosine + along * axis[0] + (axis[1] * z - axis[2] * y) * sine
        out[v, 1] = pivot[1] + y * cosine + along * axis[1] + (axis[2] * x - axis[0] * z) * sine
        out[v, 2] = pivot[2] + z * cosine + along * axis[2] + (axis[0] * y - axis[1] * x) * sine


def _axis_angle(matrix: NDArray[np.float32]) -> tuple[NDArray[np.float32], float]:
    """Axis and angle (rad, below π) of a rotation."""
    (a, b, c), (d, e, f), (g, h, i) = matrix.astype(np.float64).tolist()
    x, y, z = h - f, c - g, d - b
    length = math.sqrt(x * x + y * y + z * z)
    least = max(length, 1e-12)
    return np.array([x / least, y / least, z / least], np.float32), math.atan2(length, a + e + i - 1)
