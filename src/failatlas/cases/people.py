"""People: the drivers of the case studies over the simulator "driver", and an ordinary moment of one of them.

Nobody is in two splits, as in HUDD's simulated head poses: a network that knows faces by heart fails on the others.
"""

from __future__ import annotations

import math
from functools import cache
from types import MappingProxyType

import numpy as np

from failatlas.parameters import Value, Values
from failatlas.seeds import derive

POOLS = {"train": 60, "test": 25, "improvement": 25}  # people a split

MOST_YAW_DEG, MOST_PITCH_DEG = 40.0, 30.0  # of an eye in its head; the ranges of the simulator


def person(split: str, number: int) -> Values:
    """What stays of person ``number`` of a split's pool: head, skin, hair and eyes."""
    return _person(split, number % POOLS[split])


def ordinary(random: np.random.Generator, split: str) -> Values:
    """An ordinary moment of somebody of a split: by day or at dusk, awake, nothing before the face.

    The head is turned a little and looks about; a case draws its own pose over this.
    """
    uniform, normal = random.uniform, random.normal
    day = random.random() < 0.75
    awake = float(np.clip(normal(0.93, 0.06), 0.8, 1))
    return {
        **person(split, int(random.integers(POOLS[split]))),
        "head_yaw": _within(normal(0, 12), 35),
        "head_pitch": _within(normal(0, 7), 20),
        "head_roll": _within(normal(0, 4), 12),
        "gaze_yaw": _within(normal(0, 10), 25),
        "gaze_pitch": _within(normal(0, 6), 15),
        "eye_open_left": awake,
        "eye_open_right": awake,
        "jaw": float(random.beta(1, 6)),
        "smile": _within(normal(0.1, 0.3), 1),
        "brows": _within(normal(0, 0.3), 1),
        "pupil_size": uniform(0.3, 0.5) if day else uniform(0.4, 0.6),
        "redness": float(random.beta(1.5, 5)),
        "belt": "left" if random.random() < 0.9 else "right",
        "collar": _one(random, "crew", "high", "shirt"),
        "clothing_hue": uniform(0, 360),
        "clothing_colour": float(random.beta(1.5, 3) * 0.45),
        "clothing_light": uniform(0.1, 0.8),
        "clothing_pattern": _one(random, "plain", "plain", "stripes", "check", "knit"),
        "seat": _one(random, "black", "black", "grey", "beige"),
        "time": "day" if day else "dusk",
        "sun_azimuth": uniform(-120, 120),
        "sun_elevation": uniform(15, 65) if day else uniform(2, 15),
        "light_intensity": uniform(0.1, 1.3),
        "ambient": uniform(0.7, 1.4),
        "exposure_stops": _within(normal(0, 0.35), 0.9) + (0.0 if day else 1.0),
        "iso": float(random.choice((100.0, 200.0, 400.0, 800.0))),
        "defocus_px": float(random.beta(1, 5)),
        "motion_px": float(random.beta(1, 6)),
        "motion_deg": uniform(0, 180),
        "vignetting": uniform(0, 0.3),
        "jpeg_quality": float(random.choice((0.0, 80.0, 90.0))),
        "camera_x": _within(normal(0, 2.5), 7),
        "camera_y": _within(normal(0, 2.5), 7),
        "camera_z": uniform(60, 74),
    }


def looking(values: Values, yaw_deg: float, pitch_deg: float) -> dict[str, Value]:
    """``values`` with eyes that look in a direction relative to the camera, as far as eyes can turn in their head.

    Exact for the eye view; the face view aims below the eyes, which adds some 2° of pitch.

    Args:
        values: with pose of the head and place of the camera.
        yaw_deg: > 0 to the picture's right.
        pitch_deg: > 0 up.
    """
    from failatlas.simulators.driver.eyes import gaze_direction
    from failatlas.simulators.driver.head import rotation

    back = np.array([float(values[name]) for name in ("camera_x", "camera_y", "camera_z")])
    back /= np.linalg.norm(back)
    right = np.array([back[2], 0, -back[0]]) / math.hypot(back[0], back[2])
    gaze = np.array(gaze_direction(yaw_deg, pitch_deg)) @ np.stack([right, np.cross(back, right), back])
    x, y, z = gaze @ rotation(*(float(values[name]) for name in ("head_yaw", "head_pitch", "head_roll")))
    yaw, pitch = math.degrees(math.atan2(x, z)), math.degrees(math.asin(max(-1.0, min(1.0, y))))
    return {**values, "gaze_yaw": _within(yaw, MOST_YAW_DEG), "gaze_pitch": _within(pitch, MOST_PITCH_DEG)}


@cache
def _person(split: str, number: int) -> Values:
    from failatlas.simulators.driver import subject

    return MappingProxyType(subject(derive(0, "people", split, number)))


def _one(random: np.random.Generator, *choices: str) -> str:
    return choices[int(random.integers(len(choices)))]


def _within(number: float, most: float) -> float:
    return float(np.clip(number, -most, most))
