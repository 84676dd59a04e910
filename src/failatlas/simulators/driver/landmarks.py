"""Landmarks: 27 points of the face in the order of HUDD's network: brows, nose, eyes, mouth.

Left is the person's left.  Points are vertices of the head, so they follow person and expression; two are the pupils.
"""

from __future__ import annotations

import numpy as np

from failatlas.simulators.driver.eyes import gaze_direction
from failatlas.simulators.driver.head import Points, head_data, turned
from failatlas.simulators.driver.scene import Scene

NAMES = (
    "left brow inner", "left brow outer", "right brow inner", "right brow outer", "nasion", "nose ridge",
    "left nostril", "nose tip", "right nostril",
    "left eye inner corner", "left upper lid inner", "left upper lid outer", "left eye outer corner",
    "left lower lid outer", "left lower lid inner", "left pupil",
    "right eye inner corner", "right upper lid inner", "right upper lid outer", "right eye outer corner",
    "right lower lid outer", "right lower lid inner", "right pupil",
    "mouth left corner", "mouth right corner", "upper lip", "lower lip",
)  # fmt: skip
PARTS = {
    "left brow": (0, 1),
    "right brow": (2, 3),
    "nose ridge": (4, 5),
    "nose": (6, 7, 8),
    "left eye": tuple(range(9, 16)),
    "right eye": tuple(range(16, 23)),
    "mouth": (23, 24, 25, 26),
}
PUPILS = (15, 22)
LIDS = (*range(9, 15), *range(16, 22))
MOUTH_CORNERS = (23, 24)


def landmarks(scene: Scene, gaze_yaw: float, gaze_pitch: float) -> Points:
    """(27, 3) world cm of a posed head."""
    out = scene.skin[np.maximum(head_data().landmarks[: len(NAMES)], 0)]
    for number, side in zip(PUPILS, (0, 1), strict=True):
        gaze = np.array(gaze_direction(gaze_yaw, gaze_pitch), np.float32)
        at = scene.person.eye_centre(side) + gaze * scene.person.eye[3]
        out[number] = turned(at[np.newaxis], scene.turn)[0]
    return out
