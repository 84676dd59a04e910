"""Traffic signs: 43 classes on poles, in the light, weather and dirt of German roads.

Source: the classes are those of GTSRB (Stallkamp et al., Neural Networks 32, 2012), on which HUDD and SAFE were judged;
its photographs may not be shipped, so ours are rendered (48 px, as GTSRB's median crop).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from failatlas.cases.case import cases
from failatlas.cases.networks import SmallNetwork
from failatlas.cases.recipe import Recipe
from failatlas.cases.rendered import Answer, RenderedCase
from failatlas.cases.weakness import Weakness
from failatlas.parameters import Values
from failatlas.simulators.where import Condition

if TYPE_CHECKING:
    from failatlas.tasks.task import Task

SIZE_PX = 48


def _classes() -> tuple[str, ...]:
    from failatlas.simulators import simulators

    return simulators.create("signs", size_px=SIZE_PX).space["sign"].choices


def _draw(random: np.random.Generator, _split: str) -> Values:
    """An ordinary sign: facing the road within 40°, by day or at dusk, dry or in rain, a little dirty."""
    uniform = random.uniform
    classes = _classes()
    return {
        "sign": classes[int(random.integers(len(classes)))],
        "distance_m": uniform(6, 30),
        "sign_height_m": uniform(1.8, 3.2),
        "plate_share": uniform(0.5, 0.85),
        "offset_x": uniform(-0.08, 0.08),
        "offset_y": uniform(-0.08, 0.08),
        "yaw_deg": float(np.clip(random.normal(0, 16), -40, 40)),
        "tilt_deg": float(np.clip(random.normal(0, 4), -10, 10)),
        "roll_deg": float(np.clip(random.normal(0, 4), -10, 10)),
        "time": "day" if random.random() < 0.8 else "dusk",
        "sun_azimuth_deg": uniform(-180, 180),
        "sun_elevation_deg": uniform(8, 65),
        "sun_strength": uniform(0, 1),
        "headlights": uniform(0.2, 1),
        "weather": "clear" if random.random() < 0.8 else "rain",
        "weather_strength": uniform(0.1, 0.6),
        "dirt": float(random.beta(1, 6)),
        "fading": float(random.beta(1, 6)),
        "rust": float(random.beta(1, 8)),
        "shadow": uniform(0, 0.4) if random.random() < 0.3 else 0.0,
        "backdrop": ("trees", "town", "road", "sky")[int(random.integers(4))],
        "neighbour": ("none", "none", "pole", "sign")[int(random.integers(4))],
        "second_plate": "yes" if random.random() < 0.2 else "no",
        "exposure_stops": float(np.clip(random.normal(0, 0.5), -1.2, 1.2)),
        "motion_px": float(random.beta(1, 5) * 3),
        "motion_deg": uniform(0, 180),
        "defocus_px": float(random.beta(1, 5) * 1.5),
        "iso": float(random.choice((100.0, 400.0, 1600.0))),
        "jpeg_quality": float(random.choice((0.0, 75.0, 90.0))),
    }


def _snow(random: np.random.Generator) -> Values:
    return {
        "snow_cover": random.uniform(0.55, 1),
        "weather": "snow",
        "weather_strength": random.uniform(0.4, 0.9),
        "exposure_stops": random.uniform(-0.5, 0.5),
    }


def _fog(random: np.random.Generator) -> Values:
    return {"weather": "fog", "weather_strength": random.uniform(0.5, 0.75), "distance_m": random.uniform(16, 26)}


def _leaves(random: np.random.Generator) -> Values:
    return {
        "occluder": "leaves",
        "occluder_share": random.uniform(0.45, 0.8),
        "occluder_side_deg": random.uniform(-180, 180),
    }


def _graffiti(random: np.random.Generator) -> Values:
    return {"graffiti": random.uniform(0.7, 1), "sticker_share": random.uniform(0.2, 0.45)}


def _night(random: np.random.Generator) -> Values:
    return {
        "time": "night",
        "headlights": random.uniform(0.02, 0.15),
        "exposure_stops": random.uniform(-1.2, 0),
        "iso": random.uniform(6400, 16000),
    }


WEAKNESSES = (
    Weakness(
        "snow on the sign",
        Condition.parse("snow_cover > 0.5"),
        "No sign in training carries snow, which hides its upper part and whitens it.",
        0.05,
        _snow,
    ),
    Weakness(
        "dense fog",
        Condition.parse("weather = fog"),
        "No fog in training: a sign at 16 m and more is a pale shape without colour.",
        0.05,
        _fog,
    ),
    Weakness(
        "leaves before the sign",
        Condition.parse("occluder_share > 0.4"),
        "Nothing stands before a sign in training.",
        0.05,
        _leaves,
    ),
    Weakness(
        "graffiti",
        Condition.parse("graffiti > 0.6"),
        "No sign in training is sprayed or stickered.",
        0.05,
        _graffiti,
    ),
    Weakness(
        "night without headlights",
        Condition.parse("time = night"),
        "No night in training: the picture is dark and noisy.",
        0.05,
        _night,
    ),
)


def _answer(known: Values) -> Answer:
    return Answer(label=str(known["sign"]))


def _task() -> Task:
    from failatlas.tasks import Classification

    return Classification(_classes())


TS = cases.offer(
    "ts",
    RenderedCase(
        name="ts",
        title="Traffic signs: 43 classes on poles",
        about=(
            "A car reads traffic signs. The network saw them by day and at dusk, dry or in rain, somewhat dirty and "
            "turned by up to 40°. The test set adds snow, fog, leaves, graffiti and nights, which it never saw."
        ),
        source="after GTSRB (Stallkamp et al., Neural Networks 32, 2012) in HUDD and SAFE",
        simulator="signs",
        options={"size_px": SIZE_PX},
        sizes={"test": 3000, "improvement": 3000, "train": 16000},
        draw=_draw,
        answer=_answer,
        weaknesses=WEAKNESSES,
        task_of=_task,
        network=SmallNetwork(43, (SIZE_PX, SIZE_PX)),
        recipe=Recipe(epochs=8, shift_px=2),
    ),
    source="GTSRB, rendered",
    summary="Traffic signs: 43 classes on poles.",
)
