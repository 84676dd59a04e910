"""Light: sun, sky, headlights and air of one picture; linear, a white wall in the sun is about 1."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from failatlas.parameters import Values
from failatlas.simulators.compiled import Lane, compiled
from failatlas.simulators.signs.geometry import Geometry, axes

Colour = NDArray[np.float64]  # (3,)
REACH_M = 26.0  # at which headlights have half their strength


class Light(NamedTuple):
    """What reaches the camera, for surfaces of albedo 1."""

    face_r: float  # the plate's seen side in the shade
    face_g: float
    face_b: float
    sun_r: float  # added to it by the sun, where no shadow falls
    sun_g: float
    sun_b: float
    edge: float  # the plate's rim, grey
    gloss: float  # of the hot spot
    gloss_u: float  # its place on the plate
    gloss_v: float
    retro: float  # added by the headlights, which the face throws back
    pole_left: float  # light on the pole's left, middle and right
    pole_middle: float
    pole_right: float
    shade_r: float  # the backdrop in the shade
    shade_g: float
    shade_b: float
    beam_r: float  # added to it by the sun
    beam_g: float
    beam_b: float
    top_r: float  # the sky overhead and at the horizon
    top_g: float
    top_b: float
    low_r: float
    low_g: float
    low_b: float
    glow: float  # around the sun, when it stands ahead
    glow_x: float  # its place, as slopes from the line of sight
    glow_y: float
    clouds: float
    dark: float  # 1 at night: lit windows stand out
    air_r: float  # of fog
    air_g: float
    air_b: float
    fog: float  # 1/m
    through: float  # share of the plate's light that passes the air before it


def light(values: Values, geometry: Geometry) -> Light:
    """The light that time, sun, weather and headlights give a picture."""
    time, weather = str(values["time"]), str(values["weather"])
    strength, clear = float(values["weather_strength"]), float(values["sun_strength"])
    if weather != "clear":
        clear *= 0.35 * (1 - strength)
    azimuth = math.radians(float(values["sun_azimuth_deg"]))
    height = math.radians(float(values["sun_elevation_deg"]))
    toward = np.array([math.sin(azimuth) * math.cos(height), math.sin(height), math.cos(azimuth) * math.cos(height)])
    sun, top, low = _sky(time, azimuth, height, clear)
    if weather == "rain":
        top, low, sun = top * (1 - 0.35 * strength), low * (1 - 0.3 * strength), sun * 0.5
    right, up, normal = axes(values)
    if not geometry.front:
        normal = -normal
    facing = max(0.0, float(normal @ toward))
    # half the sky lights an upright surface, less of it when the plate looks away from the bright side
    ambient = (0.44 * top + 0.36 * low) * (0.8 + 0.25 * float(normal @ toward)) * (1 + 0.5 * float(normal[1]))
    ambient = 0.55 * ambient + 0.45 * ambient.sum() / 3  # the ground and the houses around add their grey
    distance = float(values["distance_m"])
    lamps = float(values["headlights"]) * {"day": 0.0, "dusk": 0.5, "night": 1.0}[time]
    hot = _hot_spot(toward, right, up, normal)
    fog = {"clear": 0.0008, "rain": 0.001 + 0.009 * strength, "snow": 0.002 + 0.016 * strength}.get(
        weather, 3.0 / (350.0 * (25.0 / 350.0) ** strength)
    )
    air = (0.25 * top + 0.75 * low) * (0.95 if time == "day" else 0.8) + lamps * 0.012
    sides = (-0.95 * toward[0] - 0.3 * toward[2], -toward[2], 0.95 * toward[0] - 0.3 * toward[2])
    white, grey = float(sun.sum()) / 3, float(ambient.sum()) / 3
    poles = [white * max(0.0, side) + grey + 0.06 * lamps for side in sides]
    front_lit = 0.35 + 0.55 * max(0.0, -math.cos(azimuth))
    shade = 0.42 * top + 0.2 * low + lamps * 0.05 / (1 + (geometry.backdrop / REACH_M) ** 2)
    return Light._make((
        *ambient, *(sun * facing), white * max(0.0, float(up @ toward)) * 0.6 + grey,
        white * hot[2], hot[0], hot[1], _retro(lamps, distance, float(-normal[2])) * geometry.front,
        *poles, *shade, *(sun * front_lit), *top, *low, *_glow(white, toward, geometry.elevation),
        1 - clear, {"day": 0.0, "dusk": 0.6, "night": 1.0}[time], *air, fog,
        math.exp(-fog * distance),
    ))  # fmt: skip


@compiled
def veiled(light: Light, red: Lane, green: Lane, blue: Lane, t: Lane) -> Lane:
    """A colour of which the share ``t`` passes the air."""
    return (
        light.air_r + (red - light.air_r) * t,
        light.air_g + (green - light.air_g) * t,
        light.air_b + (blue - light.air_b) * t,
    )


@compiled
def fogged(light: Light, red: Lane, green: Lane, blue: Lane, distance: Lane) -> Lane:
    """A colour seen through ``distance`` metres of air."""
    return veiled(light, red, green, blue, np.exp(-light.fog * distance))


def _sky(time: str, azimuth: float, height: float, clear: float) -> tuple[Colour, Colour, Colour]:
    """Light of the sun, of the sky overhead and at the horizon."""
    warm = math.exp(-math.degrees(height) / 9.0)  # the air reddens a sun below about 15°
    if time == "day":
        sun = np.array([1.0, 0.94 - 0.28 * warm, 0.86 - 0.55 * warm]) * (1.0 - 0.35 * warm) * clear
        top = np.array([0.15, 0.30, 0.68]) * clear + np.array([0.52, 0.55, 0.60]) * (1 - clear)
        low = np.array([0.46, 0.62, 0.88]) * clear + np.array([0.68, 0.70, 0.74]) * (1 - clear)
        return sun, top, low * (1 - warm * clear * np.array([-0.05, 0.12, 0.32]))
    if time == "dusk":
        top = np.array([0.055, 0.075, 0.15]) * clear + np.array([0.07, 0.075, 0.095]) * (1 - clear)
        # the afterglow is orange where the sun went, and blue opposite
        toward = 0.5 + 0.5 * math.cos(azimuth)
        glow = np.array([0.42, 0.22, 0.11]) * toward + np.array([0.12, 0.15, 0.22]) * (1 - toward)
        low = glow * clear + np.array([0.13, 0.135, 0.145]) * (1 - clear)
        return np.zeros(3), top, low
    top = np.array([0.010, 0.013, 0.024])
    return np.zeros(3), top, np.array([0.034, 0.030, 0.034]) * (1.2 - 0.4 * clear)


def _glow(sun: float, toward: Colour, elevation: float) -> tuple[float, float, float]:
    """Brightness and place of the glow around a sun ahead; none around one behind the camera."""
    if toward[2] < 0.05:
        return 0.0, 0.0, 0.0
    low = math.exp(-10 * float(toward[1]))
    return sun * (1.2 + low), float(toward[0] / toward[2]), float(toward[1] / toward[2]) - elevation


def _hot_spot(toward: Colour, right: Colour, up: Colour, normal: Colour) -> tuple[float, float, float]:
    """Where on the plate the sun is mirrored, and how strongly; a slightly domed plate spreads it."""
    half = toward + np.array([0.0, 0.0, -1.0])
    half = half / max(float(np.linalg.norm(half)), 1e-6)
    cosine = float(half @ normal)
    place = float(half @ right) * 3.0, float(half @ up) * 3.0
    return (*place, 1.2 * math.exp(-((1 - cosine) / 0.022)) if float(normal @ toward) > 0 else 0.0)


def _retro(lamps: float, distance: float, cosine: float) -> float:
    """Light thrown back towards the headlights: less with distance, and little beyond about 50° of entrance."""
    entrance = math.degrees(math.acos(min(1.0, max(-1.0, cosine))))
    return lamps * 0.95 * math.exp(-((entrance / 48.0) ** 4)) / (1 + (distance / REACH_M) ** 2)
