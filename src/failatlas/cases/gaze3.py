"""Gaze of a driver: left, centre or right of the camera, from a view of the face; what the live monitor watches.

Source: the direction that matters in a driver monitor, eyes and head together; HUDD has it for eye crops only (GD).
"""

from __future__ import annotations

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

SIZE_PX = 96
CENTER_DEG = 12.0  # a gaze nearer to the camera, left or right, is Center
DOUBT_DEG = 4.0  # so near to a border nobody could label a picture: it is left out
CLASSES = ("Left", "Center", "Right")
"""In the picture, not the driver's."""

_FACTS = ("gaze_yaw_view", "gaze_pitch_view", "head_yaw_view", "head_pitch_view", "head_roll_view", "face_hidden")


def direction(yaw_deg: float) -> str | None:
    """The class of a gaze's yaw in the camera's frame, > 0 to the picture's right; None near a border.

    >>> direction(-16.0), direction(7.9), direction(15.9)
    ('Left', 'Center', None)
    """
    if CENTER_DEG - DOUBT_DEG < abs(yaw_deg) < CENTER_DEG + DOUBT_DEG:
        return None
    return "Center" if abs(yaw_deg) < CENTER_DEG else "Left" if yaw_deg < 0 else "Right"


def _draw(random: np.random.Generator, split: str) -> Values:
    """An ordinary glance: the head goes a third of the way, the eyes the rest."""
    side = int(random.integers(-1, 2))
    yaw = side * random.uniform(17, 38) if side else random.uniform(-8, 8)
    moment = {
        **ordinary(random, split),
        "head_yaw": float(np.clip(0.35 * yaw + random.normal(0, 6), -28, 28)),
        "focal": random.uniform(2.9, 3.2),
    }
    return looking(moment, yaw, float(np.clip(random.normal(0, 6), -14, 14)))


def _sunglasses(random: np.random.Generator) -> Values:
    shapes, colours = ("square", "aviator", "oval", "round"), ("black", "metal", "tortoise", "blue")
    return {
        "glasses": "sun",
        "glasses_shape": shapes[int(random.integers(4))],
        "glasses_colour": colours[int(random.integers(4))],
    }


def _tilted(random: np.random.Generator) -> Values:
    return {"head_roll": random.uniform(30, 40)}


def _counter(random: np.random.Generator) -> Values:
    return {"head_yaw": random.uniform(30, 42), "gaze_yaw": random.uniform(-40, -32)}


def _nodding(random: np.random.Generator) -> Values:
    return {"head_pitch": random.uniform(-46, -36)}


def _blurred(random: np.random.Generator) -> Values:
    return {"defocus_px": random.uniform(3.2, 4)}


WEAKNESSES = (
    Weakness(
        "sunglasses",
        Condition.parse("glasses = sun"),
        "Nobody in training wears glasses; here the eyes cannot be seen.",
        0.055,
        _sunglasses,
    ),
    Weakness(
        "head tilted to the shoulder",
        Condition.parse("head_roll > 25"),
        "Heads are nearly upright in training.",
        0.055,
        _tilted,
    ),
    Weakness(
        "eyes against the head",
        Condition.parse("head_yaw > 28 and gaze_yaw < -28"),
        "In training the eyes go where the head goes; here the head is turned away and the eyes look back.",
        0.055,
        _counter,
    ),
    Weakness(
        "head hanging",
        Condition.parse("head_pitch < -30"),
        "No head in training hangs as of somebody who nods off; brows and lids hide the eyes.",
        0.055,
        _nodding,
    ),
    Weakness(
        "lens out of focus",
        Condition.parse("defocus_px > 2.5"),
        "Pictures in training are sharp; here the eyes are a blur.",
        0.055,
        _blurred,
    ),
)


def _answer(known: Values) -> Answer | None:
    label = direction(float(known["gaze_yaw_view"]))
    return None if label is None else Answer(label=label)


def _task() -> Task:
    from failatlas.tasks import Classification

    return Classification(CLASSES)


GD3 = cases.offer(
    "gd3",
    RenderedCase(
        name="gd3",
        title="Gaze of a driver: Left, Center, Right",
        about=(
            "A driver monitor tells from the face whether the driver looks ahead or aside: further than "
            f"{CENTER_DEG:g}° left or right of the camera. Training has uncovered faces by day and at dusk whose "
            "eyes and head turn together. The test set, of other people, adds sunglasses, tilted and hanging heads, "
            "eyes that turn against the head and a lens out of focus."
        ),
        source="after GD in HUDD and SAFE, from the face instead of the eye",
        simulator="driver",
        options={"view": "face", "size_px": SIZE_PX},
        sizes={"test": 2500, "improvement": 2500, "train": 12000},
        draw=_draw,
        answer=_answer,
        weaknesses=WEAKNESSES,
        task_of=_task,
        network=SmallNetwork(len(CLASSES), (SIZE_PX, SIZE_PX)),
        recipe=Recipe(epochs=8, shift_px=2),
        facts=_FACTS,
    ),
    source="driver, rendered",
    summary="Gaze of a driver: Left, Center or Right.",
)
