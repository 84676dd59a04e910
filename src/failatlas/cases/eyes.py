"""Eye state: open or closed, from a crop of the eye.

Source: OC in HUDD and SAFE: UnityEyes, closed below 20 px between two landmarks of the lids.  Ours: the widest gap
between the lids, measured; closed below 3 mm, about a third of an eye that is wide open (8.7 mm).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from failatlas.cases.case import cases
from failatlas.cases.networks import SmallNetwork
from failatlas.cases.people import ordinary
from failatlas.cases.recipe import Recipe
from failatlas.cases.rendered import Answer, RenderedCase
from failatlas.cases.weakness import Weakness
from failatlas.parameters import Values
from failatlas.simulators.where import Condition

if TYPE_CHECKING:
    from failatlas.tasks.task import Task

SIZE_PX = 56
CLOSED_MM = 3.0
CLASSES = ("Open", "Closed")

_FACTS = (
    "lid_gap_left_mm",
    "lid_gap_right_mm",
    "pupil_share_left",
    "pupil_share_right",
    "gaze_pitch_view",
    "head_pitch_view",
)


def state(gap_mm: float) -> str:
    """Open or Closed.

    >>> state(2.9), state(3.0)
    ('Closed', 'Open')
    """
    return "Closed" if gap_mm < CLOSED_MM else "Open"


def _draw(random: np.random.Generator, split: str) -> Values:
    """An ordinary eye that looks about ahead; half of them are shut or nearly so."""
    lids = random.uniform(0, 0.36) if random.random() < 0.5 else random.uniform(0.54, 1)
    return {
        **ordinary(random, split),
        "eye": "left" if random.random() < 0.5 else "right",
        "head_yaw": float(np.clip(random.normal(0, 8), -20, 20)),
        "head_pitch": float(np.clip(random.normal(0, 5), -12, 12)),
        "eye_open_left": lids,
        "eye_open_right": lids,
        "gaze_yaw": float(np.clip(random.normal(0, 9), -22, 22)),
        "gaze_pitch": float(np.clip(random.normal(2, 5), -8, 14)),
        "focal": random.uniform(11, 13.5),
        "shift_x": random.uniform(-0.2, 0.2),
        "shift_y": random.uniform(-0.2, 0.2),
    }


def _hanging(random: np.random.Generator) -> Values:
    return {"head_pitch": random.uniform(-44, -34)}


def _sunglasses(random: np.random.Generator) -> Values:
    shapes, colours = ("square", "aviator", "oval", "round"), ("black", "metal", "tortoise", "blue")
    return {
        "glasses": "sun",
        "glasses_shape": shapes[int(random.integers(4))],
        "glasses_colour": colours[int(random.integers(4))],
    }


def _back(random: np.random.Generator) -> Values:
    return {"head_pitch": random.uniform(34, 44)}


def _shaken(random: np.random.Generator) -> Values:
    return {"motion_px": random.uniform(10, 12), "motion_deg": random.uniform(60, 120)}


WEAKNESSES = (
    Weakness(
        "head hanging",
        Condition.parse("head_pitch < -30"),
        "No head in training hangs as of somebody who nods off: the camera looks at the lids from above.",
        0.09,
        _hanging,
    ),
    Weakness("sunglasses", Condition.parse("glasses = sun"), "Nobody in training wears glasses.", 0.09, _sunglasses),
    Weakness(
        "head thrown back",
        Condition.parse("head_pitch > 30"),
        "Nor does any lean back as of somebody asleep: the camera looks at the lids from below.",
        0.09,
        _back,
    ),
    Weakness(
        "shaken camera",
        Condition.parse("motion_px > 6"),
        "Pictures in training are sharp; here the camera shook up and down.",
        0.09,
        _shaken,
    ),
)


def _answer(known: Values) -> Answer:
    return Answer(label=state(float(known[f"lid_gap_{known['eye']}_mm"])))


def _task() -> Task:
    from failatlas.tasks import Classification

    return Classification(CLASSES)


OC = cases.offer(
    "oc",
    RenderedCase(
        name="oc",
        title="Eye state: open or closed",
        about=(
            "A drowsiness monitor tells open from closed eyes; closed is a gap between the lids of less than "
            f"{CLOSED_MM:g} mm. Training has eyes that look about ahead, by day and at dusk, in sharp pictures. The "
            "test set, of other people, adds heads that hang or lean back, sunglasses and a shaken camera."
        ),
        source="after OC in HUDD and SAFE (renders of UnityEyes)",
        simulator="driver",
        options={"view": "eye", "size_px": SIZE_PX},
        sizes={"test": 2500, "improvement": 2500, "train": 10000},
        draw=_draw,
        answer=_answer,
        weaknesses=WEAKNESSES,
        task_of=_task,
        network=SmallNetwork(len(CLASSES), (SIZE_PX, SIZE_PX)),
        recipe=Recipe(epochs=8, shift_px=2),
        facts=_FACTS,
    ),
    source="UnityEyes, rendered",
    summary="Eye state: open or closed.",
)
