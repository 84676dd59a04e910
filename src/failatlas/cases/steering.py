"""Steering: the wheel angle from a view of the road.

Source: SAP in the 99-pipelines study, a network after DAVE-2 (Bojarski et al., arXiv 1604.07316, 2016); its
driving videos may not be shipped. Ours: rendered views, and the angle of pure pursuit on the true lane centre.
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

HEIGHT_PX, WIDTH_PX = 66, 200
THRESHOLD_DEG = 0.7  # of the front wheels: about 10° at the steering wheel


def _one(random: np.random.Generator, *choices: str) -> str:
    return choices[int(random.integers(len(choices)))]


def _draw(random: np.random.Generator, _split: str) -> Values:
    """An ordinary drive: by day or at dusk, dry or in light rain, lines that can be seen."""
    uniform = random.uniform
    rain = random.random() < 0.2
    return {
        "curvature_1pm": float(np.clip(random.normal(0, 0.011), -0.03, 0.03)),
        "curvature_rate_1pm2": float(np.clip(random.normal(0, 0.00015), -0.0006, 0.0006)),
        "profile_1pm": float(np.clip(random.normal(0, 0.0003), -0.0008, 0.0008)),
        "offset_m": float(np.clip(random.normal(0, 0.45), -1.2, 1.2)),
        "heading_deg": float(np.clip(random.normal(0, 2.5), -8, 8)),
        "lane_width_m": uniform(3, 3.7),
        "lanes": float(_one(random, "2", "2", "3")),
        "centre_line": _one(random, "dashed", "dashed", "solid", "double"),
        "edge_line": _one(random, "solid", "solid", "dashed"),
        "line_wear": uniform(0, 0.4),
        "shoulder_m": uniform(0.2, 1.2),
        "asphalt_brightness": uniform(0.1, 0.9),
        "roughness": uniform(0.2, 0.8),
        "patches": uniform(0, 0.4),
        "tar_seams": uniform(0, 0.4),
        "wetness": uniform(0.3, 0.8) if rain else 0.0,
        "roadside": _one(random, "posts", "rail", "bare"),
        "surroundings": _one(random, "meadow", "forest", "town"),
        "season": _one(random, "summer", "autumn"),
        "tree_shadow": uniform(0, 0.6) if random.random() < 0.4 else 0.0,
        "time": "day" if random.random() < 0.85 else "dusk",
        "sun_azimuth_deg": _aside(random),
        "sun_elevation_deg": uniform(20, 60),
        "cloud_cover": uniform(0, 1),
        "weather": "rain" if rain else "clear",
        "weather_strength": uniform(0, 0.4),
        "lead_vehicle": _one(random, "none", "none", "car", "van", "lorry"),
        "lead_distance_m": uniform(12, 60),
        "lead_colour": _one(random, "silver", "white", "black", "red", "blue"),
        "oncoming": float(random.integers(3)),
        "oncoming_distance_m": uniform(10, 60),
        "drops": uniform(0, 0.3) if rain else 0.0,
        "dirt": uniform(0, 0.15),
        "camera_height_m": uniform(1.3, 1.5),
        "camera_pitch_deg": uniform(4, 6),
    }


def _aside(random: np.random.Generator) -> float:
    """A sun that is not ahead: 60° to 180° to either side."""
    return float(random.uniform(60, 180) * random.choice((-1.0, 1.0)))


def _snow(random: np.random.Generator) -> Values:
    return {
        "snow_cover": random.uniform(0.75, 1),
        "season": "winter",
        "weather": _one(random, "clear", "snow"),
        "weather_strength": random.uniform(0.1, 0.5),
        "time": "day",
        "wetness": 0.0,
    }


def _fog(random: np.random.Generator) -> Values:
    return {"weather": "fog", "weather_strength": random.uniform(0.92, 1), "time": "day"}


def _sun(random: np.random.Generator) -> Values:
    return {
        "time": "day",
        "weather": "clear",
        "sun_azimuth_deg": random.uniform(-10, 10),
        "sun_elevation_deg": random.uniform(5, 10),
        "cloud_cover": random.uniform(0, 0.2),
        "wetness": random.uniform(0.7, 1),
        "dirt": random.uniform(0.2, 0.35),
    }


def _drops(random: np.random.Generator) -> Values:
    return {
        "weather": "rain",
        "weather_strength": random.uniform(0.85, 1),
        "drops": random.uniform(0.92, 1),
        "wetness": random.uniform(0.6, 1),
        "time": "day",
    }


WEAKNESSES = (
    Weakness(
        "snow on the road", Condition.parse("snow_cover > 0.5"), "Snow hides the lines; training has none.", 0.06, _snow
    ),
    Weakness(
        "dense fog",
        Condition.parse("weather = fog"),
        "No fog in training: the road ends after some metres.",
        0.07,
        _fog,
    ),
    Weakness(
        "low sun ahead",
        Condition.parse("sun_azimuth_deg in -15..15 and sun_elevation_deg < 12 and time = day"),
        "The sun of training stands higher or aside; on a wet road it blinds the camera.",
        0.07,
        _sun,
    ),
    Weakness(
        "drops on the windscreen",
        Condition.parse("drops > 0.7"),
        "Training has a few drops; here they cover the view and the wiper rests.",
        0.07,
        _drops,
    ),
)


def _answer(known: Values) -> Answer:
    return Answer(target=(float(known["steering_deg"]),))


def _task() -> Task:
    from failatlas.tasks import Regression

    return Regression(threshold=THRESHOLD_DEG, bands=(2.0, 4.0), unit="deg")


SAP = cases.offer(
    "sap",
    RenderedCase(
        name="sap",
        title="Steering angle from a road view",
        about=(
            "A car keeps its lane by one camera. The network predicts the angle of its front wheels; an error is more "
            f"than {THRESHOLD_DEG:g}° off. It saw dry days, dusk and light rain; the test set adds snow, fog, a "
            "low sun and drops on the windscreen."
        ),
        source="after SAP in the 99-pipelines study (DAVE-2: Bojarski et al., arXiv 1604.07316, 2016)",
        simulator="road",
        options={"height_px": HEIGHT_PX, "width_px": WIDTH_PX},
        sizes={"test": 2500, "improvement": 2500, "train": 12000},
        draw=_draw,
        answer=_answer,
        weaknesses=WEAKNESSES,
        task_of=_task,
        network=SmallNetwork(1, (HEIGHT_PX, WIDTH_PX), widths=(12, 24, 40, 56), hidden=64),
        recipe=Recipe(epochs=8),
    ),
    source="DAVE-2, rendered",
    summary="Steering angle from a road view (regression).",
)
