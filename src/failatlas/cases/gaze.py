"""Gaze direction: where an eye looks, one of eight directions, from a crop of the eye.

Source: GD in HUDD and SAFE, on renders of UnityEyes that may not be shipped.  Ours: the same sectors of 45°, measured
on our own eyes; as there, the ninth direction, into the camera, is missing in the network.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from failatlas.cases.case import cases
from failatlas.cases.networks import SmallNetwork
from failatlas.cases.people import looking, ordinary
from failatlas.cases.recipe import Recipe
from failatlas.cases.rendered import Answer, RenderedCase
from failatlas.cases.weakness import Weakness
from failatlas.parameters import Values
from failatlas.simulators.where import Condition

if TYPE_CHECKING:
    from failatlas.tasks.task import Task

SIZE_PX = 64
SECTORS = (
    "MiddleLeft",
    "TopLeft",
    "TopCenter",
    "TopRight",
    "MiddleRight",
    "BottomRight",
    "BottomCenter",
    "BottomLeft",
)
"""In the picture, not the person's; sector k is centred on 45° · k."""
DOUBT_DEG = 11.25  # a quarter of a sector: so near to a border, HUDD counts a gaze as ambiguous; here it is left out

_FACTS = ("gaze_angle", "gaze_offset", "gaze_yaw_view", "gaze_pitch_view", "head_yaw_view", "head_pitch_view")
_LIDS = ("lid_gap_left_mm", "lid_gap_right_mm", "pupil_share_left", "pupil_share_right")


def sector(angle_deg: float) -> str | None:
    """The class of a gaze's direction in the picture: 0 left, 90 up, 180 right, 270 down; None near a border.

    >>> sector(11.2), sector(22.5), sector(33.8)
    ('MiddleLeft', None, 'TopLeft')
    """
    number, past = divmod((angle_deg + 22.5) % 360, 45)
    return SECTORS[int(number)] if DOUBT_DEG < past < 45 - DOUBT_DEG else None


def _draw(random: np.random.Generator, split: str) -> Values:
    """An ordinary eye: wide open, looking 17° to 28° past the camera."""
    eye = "left" if random.random() < 0.5 else "right"
    middle, offset = 45.0 * int(random.integers(len(SECTORS))), math.radians(random.uniform(17, 28))
    turn = math.radians(middle + random.uniform(-10.5, 10.5))
    right, up = -math.sin(offset) * math.cos(turn), math.sin(offset) * math.sin(turn)
    moment = {
        **ordinary(random, split),
        "head_yaw": float(np.clip(random.normal(0, 6), -15, 15)),
        "head_pitch": float(np.clip(random.normal(0, 4), -10, 10)),
        "eye": eye,
        "eye_open_left": (awake := random.uniform(0.85, 1)),
        "eye_open_right": awake,
        "focal": random.uniform(12.5, 14.5),
        "shift_x": random.uniform(-0.15, 0.15),
        "shift_y": random.uniform(-0.15, 0.15),
    }
    return looking(moment, math.degrees(math.atan2(right, math.cos(offset))), math.degrees(math.asin(up)))


def _into_the_camera(random: np.random.Generator) -> Values:
    away, turn = 3.5 * math.sqrt(random.random()), random.uniform(0, 2 * math.pi)
    pose = {
        "head_yaw": random.uniform(-3, 3),
        "head_pitch": random.uniform(-3, 3),
        "head_roll": random.uniform(-4, 4),
        "camera_x": random.uniform(-1, 1),
        "camera_y": random.uniform(-1, 1),
        "camera_z": random.uniform(60, 74),
    }
    return looking(pose, away * math.cos(turn), away * math.sin(turn))


def _drooping(random: np.random.Generator) -> Values:
    lids = random.uniform(0.38, 0.52)
    return {"eye_open_left": lids, "eye_open_right": lids}


def _sunglasses(random: np.random.Generator) -> Values:
    shapes, colours = ("square", "aviator", "oval", "round"), ("black", "metal", "tortoise", "blue")
    return {
        "glasses": "sun",
        "glasses_shape": shapes[int(random.integers(4))],
        "glasses_colour": colours[int(random.integers(4))],
    }


def _dark(random: np.random.Generator) -> Values:
    return {
        "time": "night",
        "dashboard": random.uniform(0.1, 0.3),
        "headlights": random.uniform(0, 0.2),
        "exposure_stops": random.uniform(0.6, 1.8),
        "iso": random.uniform(11000, 12800),
    }


WEAKNESSES = (
    Weakness(
        "looking into the camera",
        Condition.parse("abs(gaze_yaw) < 9 and abs(gaze_pitch) < 9 and abs(head_yaw) < 4 and abs(head_pitch) < 4"),
        "No eye in training looks into the camera: the ninth class, MiddleCenter, is missing in the network.",
        0.06,
        _into_the_camera,
    ),
    Weakness(
        "drooping lids",
        Condition.parse("eye_open_left < 0.7"),
        "All eyes in training are wide open; here the lids hide most of the iris.",
        0.06,
        _drooping,
    ),
    Weakness(
        "sunglasses",
        Condition.parse("glasses = sun"),
        "Nobody in training wears glasses.",
        0.06,
        _sunglasses,
    ),
    Weakness(
        "dark and grainy",
        Condition.parse("time = night"),
        "Training ends at dusk; here the dashboard alone lights the eye, and the sensor is at its limit.",
        0.06,
        _dark,
    ),
)


def _answer(known: Values) -> Answer | None:
    label = sector(float(known["gaze_angle"]))
    return None if label is None else Answer(label=label)


def _task() -> Task:
    from failatlas.tasks import Classification

    return Classification(SECTORS)


GD = cases.offer(
    "gd",
    RenderedCase(
        name="gd",
        title="Gaze direction of an eye: 8 sectors",
        about=(
            "A camera watches where the driver looks: eight directions of 45° from a crop of one eye. Training has "
            "eyes that are wide open and look past the camera, by day and at dusk. The test set, of other people, adds "
            "eyes that look into the camera (the class that the network lacks), drooping lids, sunglasses and "
            "grainy pictures at night."
        ),
        source="after GD in HUDD and SAFE (renders of UnityEyes)",
        simulator="driver",
        options={"view": "eye", "size_px": SIZE_PX},
        sizes={"test": 2500, "improvement": 2500, "train": 12000},
        draw=_draw,
        answer=_answer,
        weaknesses=WEAKNESSES,
        task_of=_task,
        network=SmallNetwork(len(SECTORS), (SIZE_PX, SIZE_PX)),
        recipe=Recipe(epochs=10, shift_px=2),
        facts=(*_FACTS, *_LIDS),
    ),
    source="UnityEyes, rendered",
    summary="Gaze direction of an eye: 8 sectors.",
)
