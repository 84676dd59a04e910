"""Head pose: where a driver's head points, nine classes.

Source: HPD of HUDD, on pictures of IEE's face simulator, which may not be shipped; its rule: beyond 10° up, down, left
or right.  Ours are rendered; right and up are the picture's, as the camera sees the head.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from failatlas.cases import people
from failatlas.cases.case import cases
from failatlas.cases.networks import SmallNetwork
from failatlas.cases.recipe import Recipe
from failatlas.cases.rendered import Answer, RenderedCase
from failatlas.cases.weakness import Weakness
from failatlas.parameters import Values
from failatlas.simulators.where import Condition

if TYPE_CHECKING:
    from failatlas.tasks.task import Task

SIZE_PX = 64
BORDER_DEG = 10.0  # of the original
UNSURE_DEG = 2.5  # so close to a border people do not agree, and the picture is left out
ROWS, COLUMNS = ("Bottom", "Middle", "Top"), ("Left", "Center", "Right")
CLASSES = tuple(row + column for row in reversed(ROWS) for column in COLUMNS)
MOST_YAW, MOST_PITCH = 45.0, 32.0  # deg, of an ordinary head


def head_class(yaw_deg: float, pitch_deg: float) -> str | None:
    """Class of a head, e.g. ``"TopLeft"``; None when it is too close to a border.

    Args:
        yaw_deg: > 0 to the picture's right, of a head for somebody at the camera.
        pitch_deg: > 0 up.

    Source: the 10° of HUDD's HPD, where pitch > 0 is down.

    >>> head_class(-30, 20), head_class(0, 0), head_class(12, 0)
    ('TopLeft', 'MiddleCenter', None)
    """
    row, column = _third(pitch_deg), _third(yaw_deg)
    return None if row is None or column is None else ROWS[row] + COLUMNS[column]


def _third(angle_deg: float) -> int | None:
    """0 below, 1 between, 2 above the borders."""
    if abs(abs(angle_deg) - BORDER_DEG) < UNSURE_DEG:
        return None
    return 1 + int(angle_deg > BORDER_DEG) - int(angle_deg < -BORDER_DEG)


def _draw(random: np.random.Generator, split: str) -> Values:
    """An ordinary driver, one in four with glasses, whose head is as often in each class."""
    from failatlas.simulators.driver.cameras import FACE_TARGET

    values = people.ordinary(random, split)
    x, y, z = (float(values[f"camera_{axis}"]) - at for axis, at in zip("xyz", FACE_TARGET, strict=True))
    return {
        **values,
        # a head that points at the camera is at 0°
        "head_yaw": _angle(random, MOST_YAW) + math.degrees(math.atan2(x, z)),
        "head_pitch": _angle(random, MOST_PITCH) + math.degrees(math.atan2(y, z)),
        "glasses": "clear" if random.random() < 0.25 else "none",
        "glasses_shape": _one(random, "round", "oval", "square", "aviator"),
        "glasses_colour": _one(random, "black", "metal", "tortoise", "blue"),
    }


def _angle(random: np.random.Generator, most: float) -> float:
    """Each third as often, clear of the borders."""
    inner, outer = BORDER_DEG - UNSURE_DEG - 1, BORDER_DEG + UNSURE_DEG + 1
    side = int(random.integers(-1, 2))
    return float(side * random.uniform(outer, most) if side else random.uniform(-inner, inner))


def _one(random: np.random.Generator, *choices: str) -> str:
    return choices[int(random.integers(len(choices)))]


def _mask(_random: np.random.Generator) -> Values:
    return {"mask": "blue"}


def _roll(random: np.random.Generator) -> Values:
    return {"head_roll": float(random.uniform(32, 40) * random.choice((-1.0, 1.0)))}


def _infrared(random: np.random.Generator) -> Values:
    return {
        "sensor": "ir",
        "time": "night",
        "bright_pupil": _one(random, "no", "yes"),
        "exposure_stops": random.uniform(-0.3, 0.3),
    }


def _noisy(random: np.random.Generator) -> Values:
    return {
        "time": "night",
        "iso": 6400.0,
        "exposure_stops": random.uniform(-0.3, 0.7),
        "headlights": random.uniform(0.1, 0.5),
    }


def _far(random: np.random.Generator) -> Values:
    return {"camera_z": random.uniform(82, 90), "focal": random.uniform(1.85, 2.1)}


WEAKNESSES = (
    Weakness(
        "mask",
        Condition.parse("mask = blue"),
        "No mask in training: mouth and chin, from which pitch is told, are hidden.",
        0.08,
        _mask,
    ),
    Weakness(
        "head leans to a shoulder",
        Condition.parse("abs(head_roll) > 30"),
        "Heads of training lean by 12° at most.",
        0.07,
        _roll,
    ),
    Weakness(
        "infra-red at night",
        Condition.parse("sensor = ir"),
        "Training has colour pictures of day and dusk; the lamp of the night camera lights the face from its middle.",
        0.07,
        _infrared,
    ),
    Weakness(
        "noisy night",
        Condition.parse("time = night and sensor = colour"),
        "Training ends at dusk; here a colour camera sees little but its own noise.",
        0.07,
        _noisy,
    ),
    Weakness(
        "camera far away",
        Condition.parse("camera_z > 80"),
        "Cameras of training are 60 to 74 cm away; here one of a wider angle is further off, and the head is small.",
        0.05,
        _far,
    ),
)


def _answer(known: Values) -> Answer | None:
    label = head_class(float(known["head_yaw_view"]), float(known["head_pitch_view"]))
    return None if label is None else Answer(label=label)


def _task() -> Task:
    from failatlas.tasks import Classification

    return Classification(CLASSES)


HPD = cases.offer(
    "hpd",
    RenderedCase(
        name="hpd",
        title="Head pose: nine directions of a driver's head",
        about=(
            "A camera on the dashboard tells where the driver's head points. The network saw 60 people by day and at "
            "dusk; the test set shows 25 others and adds masks, heads that lean, an infra-red camera at night, noisy "
            "nights of a colour camera and a camera far away. Right and up are the picture's; heads within "
            f"{UNSURE_DEG:g}° of a border are left out."
        ),
        source="after HPD of HUDD (Fahmy et al., IEEE Transactions on Reliability 70(4), 2021)",
        simulator="driver",
        options={"view": "face", "size_px": SIZE_PX},
        sizes={"test": 3000, "improvement": 3000, "train": 12000},
        draw=_draw,
        answer=_answer,
        weaknesses=WEAKNESSES,
        task_of=_task,
        network=SmallNetwork(len(CLASSES), (SIZE_PX, SIZE_PX)),
        recipe=Recipe(epochs=8, shift_px=2),
        facts=("head_yaw_view", "head_pitch_view", "head_roll_view", "face_hidden"),
    ),
    source="HUDD's HPD, rendered",
    summary="Head pose: nine directions of a driver's head.",
)
