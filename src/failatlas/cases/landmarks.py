"""Landmarks: where 27 points of a driver's face are, in pixels.

Source: FLD of HUDD, on grey pictures of IEE's face simulator, which may not be shipped; its points, in its order, are
those of the simulator.  Ours are rendered, 96 px.
"""

from __future__ import annotations

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

SIZE_PX = 96
N_LANDMARKS = 27
THRESHOLD_PX = 2.25  # a tenth of the distance between the eyes, seen from the front; HUDD: 4 px of 240
HIDDEN = 0.0  # both coordinates of a landmark that nobody can see: the task masks it


def marks(known: Values) -> tuple[float, ...]:
    """(54,) px, x₁ y₁ x₂ y₂ …, from the upper left corner of the picture; ``HIDDEN`` where a landmark is not seen.

    What lies behind the cheek, a mask, a hand, sunglasses or hair is not marked: nobody could mark it.
    """
    out: list[float] = []
    for number in range(N_LANDMARKS):
        x, y = (float(known[f"landmark_{number}_{axis}"]) for axis in "xy")
        is_inside = 0 < x < SIZE_PX and 0 < y < SIZE_PX
        out += (x, y) if is_inside and known[f"landmark_{number}_visible"] else (HIDDEN, HIDDEN)
    return tuple(out)


def _draw(random: np.random.Generator, split: str) -> Values:
    """An ordinary driver, one in five with glasses, the head turned by up to 30°."""
    return {
        **people.ordinary(random, split),
        "head_yaw": random.uniform(-30, 30),
        "head_pitch": random.uniform(-15, 15),
        "glasses": "clear" if random.random() < 0.2 else "none",
        "glasses_shape": _one(random, "round", "oval", "square", "aviator"),
        "glasses_colour": _one(random, "black", "metal", "tortoise", "blue"),
    }


def _one(random: np.random.Generator, *choices: str) -> str:
    return choices[int(random.integers(len(choices)))]


def _sign(random: np.random.Generator) -> float:
    return float(random.choice((-1.0, 1.0)))


def _aside(random: np.random.Generator) -> Values:
    return {"head_yaw": random.uniform(48, 65) * _sign(random), "head_pitch": random.uniform(-10, 10)}


def _mask(_random: np.random.Generator) -> Values:
    return {"mask": "black"}


def _sleeve(random: np.random.Generator) -> Values:
    return {
        "hand": "sleeve",
        "hand_place": _one(random, "eye", "forehead"),
        "hand_side": _one(random, "left", "right"),
    }


def _infrared(random: np.random.Generator) -> Values:
    return {
        "sensor": "ir",
        "time": "night",
        "bright_pupil": "yes",
        "exposure_stops": random.uniform(-0.3, 0.3),
    }


WEAKNESSES = (
    Weakness(
        "head turned far aside",
        Condition.parse("abs(head_yaw) > 45"),
        "Heads of training turn by 30° at most; here one sees a profile.",
        0.05,
        _aside,
    ),
    Weakness(
        "black mask",
        Condition.parse("mask = black"),
        "No mask in training: nostrils and mouth, which carry seven landmarks, are gone.",
        0.05,
        _mask,
    ),
    Weakness(
        "hand with a sleeve",
        Condition.parse("hand = sleeve"),
        "Nothing stands before a face in training.",
        0.05,
        _sleeve,
    ),
    Weakness(
        "infra-red at night",
        Condition.parse("sensor = ir"),
        "Training has pictures of day and dusk; the lamp of the night camera takes the shadows from the face.",
        0.07,
        _infrared,
    ),
)


def _answer(known: Values) -> Answer | None:
    target = marks(known)
    return Answer(target=target) if any(target) else None


def _task() -> Task:
    from failatlas.tasks import Landmarks

    return Landmarks(THRESHOLD_PX, bands_px=(2 * THRESHOLD_PX, 4 * THRESHOLD_PX))


FLD = cases.offer(
    "fld",
    RenderedCase(
        name="fld",
        title="Landmarks: 27 points of a driver's face",
        about=(
            "The network places 27 landmarks on a grey picture of the face; a mean distance of more than "
            f"{THRESHOLD_PX:g} px is an error. Landmarks that cannot be seen are not marked and do not count. It saw "
            "60 people by day and at dusk; the test set shows 25 others and adds heads turned far aside, black masks, "
            "hands with a sleeve and an infra-red camera at night."
        ),
        source="after FLD of HUDD (Fahmy et al., IEEE Transactions on Reliability 70(4), 2021)",
        simulator="driver",
        options={"view": "face", "size_px": SIZE_PX},
        sizes={"test": 2500, "improvement": 2500, "train": 8000},
        draw=_draw,
        answer=_answer,
        weaknesses=WEAKNESSES,
        task_of=_task,
        network=SmallNetwork(2 * N_LANDMARKS, (SIZE_PX, SIZE_PX), channels=1, hidden=80),
        recipe=Recipe(epochs=10, shift_px=3),
        facts=("head_yaw_view", "head_pitch_view", "head_roll_view", "face_hidden"),
    ),
    source="HUDD's FLD, rendered",
    summary="Landmarks: 27 points of a driver's face (regression).",
)
