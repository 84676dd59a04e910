"""Layout: from the values of the parameters and a seed to what is drawn, where."""

from __future__ import annotations

import numpy as np

from failatlas.parameters import Values
from failatlas.simulators.road.alignment import CREST_END
from failatlas.simulators.road.sky import Horizon
from failatlas.simulators.road.surface import DASH_PERIOD_M, Surface

_LAND = {"summer": (0.085, 0.150, 0.038), "autumn": (0.190, 0.130, 0.048), "winter": (0.120, 0.108, 0.070)}
_WOOD = {"summer": (0.070, 0.125, 0.045), "autumn": (0.240, 0.125, 0.035), "winter": (0.095, 0.080, 0.062)}
_PAINT = {"white": (0.78, 0.78, 0.75), "yellow": (0.80, 0.50, 0.06)}


def surface(values: Values, random: np.random.Generator) -> Surface:
    """The road and its verge."""
    lane = float(values["lane_width_m"])
    three = float(values["lanes"]) > 2.5
    snowing = values["weather"] == "snow"
    rain = 0.45 + 0.35 * float(values["weather_strength"]) if values["weather"] == "rain" else 0.0
    land = _LAND[str(values["season"])]
    tint = 1.0 + 0.25 * (random.random(3) - 0.5)
    return Surface(
        shift=float(random.integers(0, 200)) + 0.37,
        lane=lane,
        left=-1.5 * lane,
        right=(1.5 if three else 0.5) * lane,
        centre=float(("missing", "dashed", "solid", "double").index(str(values["centre_line"]))),
        edge=float(("missing", "dashed", "solid").index(str(values["edge_line"]))),
        third=float(three),
        phase=float(random.random()) * DASH_PERIOD_M + 100 * DASH_PERIOD_M,
        wear=float(values["line_wear"]),
        paint_r=_PAINT[str(values["line_colour"])][0],
        paint_g=_PAINT[str(values["line_colour"])][1],
        paint_b=_PAINT[str(values["line_colour"])][2],
        shoulder=float(values["shoulder_m"]),
        brightness=0.055 + 0.22 * float(values["asphalt_brightness"]),
        grain=2.0 * float(values["roughness"]),
        patches=float(values["patches"]),
        seams=float(values["tar_seams"]),
        wet=max(float(values["wetness"]), rain),
        snow=max(float(values["snow_cover"]), 0.25 * float(values["weather_strength"]) if snowing else 0.0),
        canopy=float(values["tree_shadow"]),
        bridge=float(values["structure_m"]) if values["structure"] == "bridge" else -1.0,
        verge_r=land[0] * float(tint[0]),
        verge_g=land[1] * float(tint[1]),
        verge_b=land[2] * float(tint[2]),
        dry={"summer": 0.3, "autumn": 0.6, "winter": 0.8}[str(values["season"])],
        woods=float(values["surroundings"] == "forest"),
        town=float(values["surroundings"] == "town"),
    )


def horizon(values: Values, random: np.random.Generator) -> Horizon:
    """What stands far away."""
    wood = _WOOD[str(values["season"])]
    return Horizon(
        shift=float(random.integers(0, 200)) + 0.61,
        base=max(0.0, float(values["profile_1pm"]) * CREST_END),
        hills=0.03 + 0.11 * float(random.random()),
        woods=float(values["surroundings"] == "forest"),
        town=float(values["surroundings"] == "town"),
        cold=float(values["snow_cover"]),
        hue_r=wood[0],
        hue_g=wood[1],
        hue_b=wood[2],
    )
