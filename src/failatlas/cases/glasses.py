"""Glasses: does the driver wear any?

Source: OD of HUDD ("eyeglasses present"), on photographs of CelebA, which may not be shipped.  Ours are rendered.
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

SIZE_PX = 64
CLASSES = ("bare", "glasses")


def _draw(random: np.random.Generator, split: str) -> Values:
    """An ordinary driver, every other one with glasses: mostly clear ones, some for the sun."""
    return {
        **people.ordinary(random, split),
        "head_yaw": random.uniform(-28, 28),
        "head_pitch": random.uniform(-14, 14),
        "glasses": _one(random, "none", "none", "none", "clear", "clear", "sun"),
        "glasses_shape": _one(random, "round", "oval", "square", "aviator"),
        "glasses_colour": _one(random, "black", "metal", "tortoise", "blue"),
    }


def _one(random: np.random.Generator, *choices: str) -> str:
    return choices[int(random.integers(len(choices)))]


def _infrared(random: np.random.Generator) -> Values:
    return {
        "sensor": "ir",
        "time": "night",
        "bright_pupil": "yes",
        "exposure_stops": random.uniform(-0.3, 0.3),
        "glasses": _one(random, "none", "clear"),
    }


def _hand(random: np.random.Generator) -> Values:
    return {"hand": "sleeve", "hand_place": "forehead", "hand_side": _one(random, "left", "right")}


def _mask(random: np.random.Generator) -> Values:
    return {"mask": _one(random, "blue", "white")}


def _dark(random: np.random.Generator) -> Values:
    return {"time": "night", "iso": 6400.0, "exposure_stops": random.uniform(0.2, 1)}


WEAKNESSES = (
    Weakness(
        "infra-red at night",
        Condition.parse("sensor = ir"),
        "Training has colour pictures of day and dusk; here pupils shine, and rims are as grey as skin.",
        0.06,
        _infrared,
    ),
    Weakness(
        "hand over the eyes",
        Condition.parse("hand = sleeve"),
        "No hand in training; here one comes down from the forehead over the rims.",
        0.13,
        _hand,
    ),
    Weakness(
        "mask",
        Condition.parse("mask != none"),
        "No mask in training: its edge and its loops look like rims.",
        0.07,
        _mask,
    ),
    Weakness(
        "noisy night",
        Condition.parse("time = night and sensor = colour"),
        "Training ends at dusk: the picture is dark and noisy.",
        0.07,
        _dark,
    ),
)


def _answer(known: Values) -> Answer:
    return Answer(label=CLASSES[known["glasses"] != "none"])


def _task() -> Task:
    from failatlas.tasks import Classification

    return Classification(CLASSES)


GLD = cases.offer(
    "gld",
    RenderedCase(
        name="gld",
        title="Glasses: does the driver wear any?",
        about=(
            "A camera on the dashboard tells whether the driver wears glasses, clear or dark. The network saw 60 "
            "people by day and at dusk; the test set shows 25 others and adds an infra-red camera at night, hands over "
            "the eyes, masks and noisy nights."
        ),
        source="after OD of HUDD (Fahmy et al., IEEE Transactions on Reliability 70(4), 2021)",
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
    source="HUDD's OD, rendered",
    summary="Glasses: does the driver wear any?",
)
