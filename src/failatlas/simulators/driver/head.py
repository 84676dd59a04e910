"""Head: the baked head as one person, with an expression, turned on its neck.

Positions are in cm: +x the person's left, y up, z forward, origin between the eyes.  Units of the face are linear and
do not depend on the person, so a pose is a few sums: 0.3 ms.
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
    data, weights = head_data(), expression.weights()
    points, teeth = _moved_by(person.rest, data.units, weights), _moved_by(person.teeth, data.teeth_units, weights)
    _push_lids(points, person)
    return points, teeth


def _moved_by(rest: Points, units: Units, weights: Mapping[str, float]) -> Points:
    points = rest.copy()
    for name, weight in weights.items():
        touched, shift = units[name]
        points[touched] += shift * np.float32(weight)
    return points


def _push_lids(points: Points, person: Identity) -> None:
    for side in (0, 1):
        lid = lid_vertices(side)
        centre, least = person.eye_centre(side), person.eye[3] * LID_CLEARANCE
        outward = points[lid] - centre
        distance = np.sqrt((outward * outward).sum(axis=1, keepdims=True))
        points[lid] = centre + outward * np.maximum(1, least / distance)


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
    out: Points = ((points - PIVOT) @ matrix.T + PIVOT).astype(np.float32, copy=False)
    if share is None:
        return out
    loose = np.flatnonzero(share < 0.995)
    axis, angle = _axis_angle(matrix)
    if angle < 1e-6:
        return out
    part = (share[loose] * np.float32(angle))[:, np.newaxis]
    arm = points[loose] - PIVOT
    along = (arm @ axis)[:, np.newaxis] * axis
    x, y, z = axis.tolist()
    across = arm @ np.array([[0, z, -y], [-z, 0, x], [y, -x, 0]], np.float32)  # axis × arm
    out[loose] = PIVOT + along + (arm - along) * np.cos(part) + across * np.sin(part)
    return out


def _axis_angle(matrix: NDArray[np.float32]) -> tuple[NDArray[np.float32], float]:
    """Axis and angle (rad, below π) of a rotation."""
    m = matrix.astype(np.float64)
    vector = np.array([m[2, 1] - m[1, 2], m[0, 2] - m[2, 0], m[1, 0] - m[0, 1]])
    length = float(np.linalg.norm(vector))
    angle = math.atan2(length, float(np.trace(m)) - 1)
    return (vector / max(length, 1e-12)).astype(np.float32), angle
