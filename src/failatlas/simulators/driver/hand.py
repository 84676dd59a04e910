"""Hand: one hand at the face, bare or sleeved, that touches without floating; the forearm goes down to the elbow."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from failatlas.arrays import freeze
from failatlas.simulators.driver.hair import sheet
from failatlas.simulators.driver.head import Faces, Identity, Points, head_data

CONTACT = 0.35  # cm that the nearest point of the palm keeps from the skin
SIZE = 0.92  # of the baked hand: 18 cm from wrist to finger tip


@dataclass(frozen=True, slots=True)
class Place:
    """Where a left hand goes; the right one is its mirror image.

    Attributes:
        x, y: where the middle of hand and fingers lies before the face, cm.
        roll: turn of the fingers from upright towards the nose, deg.
        inward: turn of the palm from facing backward towards facing the head's middle, deg.
        anchor: the point of the hand (cm above its middle) that lies there.
    """

    x: float
    y: float
    roll: float
    inward: float
    anchor: float


PLACES = {
    "mouth": Place(0.4, -6.8, 68.0, 8.0, 2.6),
    "eye": Place(3.2, 0.0, 48.0, 10.0, 3.4),
    "cheek": Place(5.6, -4.6, 8.0, 48.0, 1.5),
    "temple": Place(6.4, 2.2, 22.0, 52.0, 4.0),
    "forehead": Place(1.2, 4.6, 62.0, 6.0, 2.0),
}


@dataclass(frozen=True, slots=True, eq=False)
class Hand:
    """A placed hand in the upright head's frame.

    Attributes:
        points: (n, 3); faces: (m, 3).
        wrist: (3,) middle of the wrist; arm: (3,) unit direction of the forearm away from the hand.
    """

    points: Points
    faces: Faces
    wrist: NDArray[np.float32]
    arm: NDArray[np.float32]


@cache
def _upright() -> tuple[Points, NDArray[np.float64]]:
    """The left hand with fingers up, its back to +z and its middle at the origin, and where its wrist then is."""
    data = head_data()
    points = data.hand * np.array([-SIZE, SIZE, -SIZE], np.float32)
    middle = np.array([0.0, points[:, 1].mean(), 0.0])
    return freeze((points - middle).astype(np.float32)), freeze(-middle)


def hand(place: Place, side: str, person: Identity) -> Hand:
    """A hand on a person's face, pushed along its palm until it touches."""
    data = head_data()
    local, wrist = _upright()
    roll, inward = math.radians(place.roll), math.radians(place.inward)
    turn = np.array([[math.cos(roll), -math.sin(roll), 0], [math.sin(roll), math.cos(roll), 0], [0, 0, 1]])
    # the palm's normal swings outward about the vertical, so that it faces the cheek
    swing = np.array([[math.cos(inward), 0, math.sin(inward)], [0, 1, 0], [-math.sin(inward), 0, math.cos(inward)]])
    matrix = (swing @ turn).astype(np.float32)
    points = (local - np.array([0, place.anchor, 0], np.float32)) @ matrix.T
    wrist = (wrist - np.array([0, place.anchor, 0])) @ matrix.T
    points = points + np.array([place.x, place.y, 0], np.float32)
    wrist = wrist + np.array([place.x, place.y, 0])
    outward = swing @ np.array([0.0, 0.0, 1.0])
    shift = (outward * _clearance(points[data.palm], person.rest[data.inside < 0.5], swing)).astype(np.float32)
    points, wrist = points + shift, wrist + shift
    arm = matrix @ np.array([0.0, -1.0, 0.0], np.float32)
    faces = data.hand_faces
    if side == "right":
        mirror = np.array([-1, 1, 1], np.float32)
        points, wrist, arm, faces = points * mirror, wrist * mirror, arm * mirror, faces[:, ::-1]
    return Hand(
        freeze(points.astype(np.float32)),
        freeze(np.ascontiguousarray(faces)),
        freeze(wrist.astype(np.float32)),
        freeze(arm.astype(np.float32)),
    )


def _clearance(points: Points, skin: Points, swing: NDArray[np.float64]) -> float:
    """How far a hand must move along its palm's normal until its nearest point is `CONTACT` from the skin."""
    from scipy.spatial import cKDTree

    local, face = points @ swing, skin @ swing
    front = face[face[:, 2] > face[:, 2].max() - 9]
    # of the skin under each point only the foremost counts: the largest of the nearest few
    distance, near = cKDTree(front[:, :2]).query(local[:, :2], 6)
    height = np.where(distance < 1.2, front[near, 2], -np.inf).max(axis=1)
    gap = local[:, 2] - height
    return CONTACT - float(gap.min())


def forearm(
    wrist: NDArray[np.float32], arm: NDArray[np.float32], side: str, sleeve: bool
) -> tuple[Points, Faces, NDArray[np.float32]]:
    """A tube from the wrist down to the elbow, in the world.

    Args:
        wrist, arm: of the posed hand.
        side: "left" or "right".
        sleeve: wider than the wrist, and starting below it.

    Returns:
        points, faces, and (n, 2) coordinates around and along the tube, cm.
    """
    sign = 1.0 if side == "left" else -1.0
    elbow = np.array([sign * 19.0, -40.0, float(np.clip(wrist[2] + 2, 2, 12))])
    direct = elbow - wrist
    direct /= np.linalg.norm(direct)
    # leaves along the hand's own axis, then bends to the elbow; never back across the face
    n, m = 14, 17
    t = np.linspace(0, 1, n)[:, np.newaxis]
    heading = arm + (direct - arm) * np.clip(t * 2.2, 0, 1)
    heading /= np.linalg.norm(heading, axis=1, keepdims=True)
    start = wrist + arm * (-1.4 if sleeve else -1.2)
    path = start + np.vstack([np.zeros((1, 3)), np.cumsum(heading[:-1] * (26.0 / (n - 1)), axis=0)])
    aside = np.cross(heading, np.array([0.0, 0.0, 1.0]))
    aside /= np.linalg.norm(aside, axis=1, keepdims=True)
    third = np.cross(heading, aside)
    turn = np.linspace(0, 2 * math.pi, m)
    wide = (3.75 + 1.7 * t) if sleeve else (2.75 + 1.35 * t)
    deep = (3.2 + 1.7 * t) if sleeve else (2.0 + 1.6 * t)
    if sleeve:  # folds, and a cuff
        wide = wide + 0.16 * np.sin(t * 31) + 0.22 * (t < 0.1)
        deep = deep + 0.16 * np.sin(t * 31) + 0.22 * (t < 0.1)
    ring = (
        aside[:, np.newaxis] * (wide * np.cos(turn))[..., np.newaxis]
        + third[:, np.newaxis] * (deep * np.sin(turn))[..., np.newaxis]
    )
    points = (path[:, np.newaxis] + ring).reshape(-1, 3).astype(np.float32)
    weave = np.stack(np.broadcast_arrays(turn * 3.7, t * 26), axis=-1).reshape(-1, 2).astype(np.float32)
    return points, sheet(n, m), weave
