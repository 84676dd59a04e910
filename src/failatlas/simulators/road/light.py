"""Light: sun, sky, fog and headlamps of one picture, in linear units in which a sunlit white wall is about 1."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from failatlas.parameters import Values
from failatlas.simulators.compiled import Lane, compiled
from failatlas.simulators.noise import mix

LAMP_REACH_M = 24.0  # at which a low beam has half its strength


class Light(NamedTuple):
    """What lights the scene. Directions are in the car's frame: x right, y up, z forward."""

    sun_x: float
    sun_y: float
    sun_z: float
    sun_r: float  # direct sun on a surface that faces it; 0 at dusk and night
    sun_g: float
    sun_b: float
    top_r: float  # the sky overhead, which also lights the shade
    top_g: float
    top_b: float
    low_r: float  # the sky at the horizon
    low_g: float
    low_b: float
    fog_r: float
    fog_g: float
    fog_b: float
    fog: float  # 1/m: contrast falls by e over 1/fog metres
    clouds: float  # share of the sky
    cloud_light: float  # brightness of a lit cloud
    glow: float  # of the sky around the sun, also when the sun itself has set
    disc: float  # 1 where the sun can be seen
    lamps: float  # strength of the own headlamps
    dark: float  # 0 day … 1 night: how much the lamps of others stand out
    haze: float  # 1/m over which far hills fade
    exposure: float


def light(values: Values) -> Light:
    """The light that time of day, weather, clouds and the sun's place give."""
    time, weather = str(values["time"]), str(values["weather"])
    strength, cover = float(values["weather_strength"]), float(values["cloud_cover"])
    if weather != "clear":
        cover = max(cover, 0.75 + 0.25 * strength)
    azimuth = math.radians(float(values["sun_azimuth_deg"]))
    height = math.radians(float(values["sun_elevation_deg"]) * (1.0 if time == "day" else 0.08))
    flat = math.cos(height)
    sun = (math.sin(azimuth) * flat, math.sin(height), math.cos(azimuth) * flat)
    fog = {"clear": 0.0, "rain": 0.012 * strength, "snow": 0.022 * strength, "fog": 0.008 + 0.055 * strength}[weather]
    overcast = min(1.0, max(0.0, (cover - 0.55) / 0.4)) if weather != "fog" else 1.0
    # shine = light of clouds, glow, disc; rest = lamps, dark, haze, exposure
    if time == "day":
        warm = math.exp(-math.degrees(height) / 9.0)  # the air reddens a sun below about 15°
        beam = (1.0 - overcast) * (0.35 + 0.65 * min(1.0, math.degrees(height) / 25.0)) * 1.25
        direct = np.array([1.0, 0.93 - 0.30 * warm, 0.84 - 0.58 * warm]) * beam
        top = mix(np.array([0.20, 0.36, 0.72]), np.array([0.50, 0.54, 0.60]), overcast) * (1.0 - 0.25 * warm)
        low = mix(np.array([0.66, 0.77, 0.90]), np.array([0.70, 0.72, 0.75]), overcast)
        low = low * mix(np.ones(3), np.array([1.05, 0.86, 0.66]), warm * (1.0 - overcast))
        shine = 1.0 - 0.35 * overcast, (0.5 + 1.1 * warm) * (1.0 - 0.9 * overcast), 1.0 - overcast
        rest = 0.0, 0.0, 0.00016, 1.0 + 0.25 * overcast
    elif time == "dusk":
        direct = np.zeros(3)
        top = mix(np.array([0.060, 0.085, 0.19]), np.array([0.085, 0.09, 0.115]), overcast)
        low = mix(np.array([0.34, 0.21, 0.17]), np.array([0.17, 0.155, 0.155]), overcast)
        shine = 0.26, 0.55 * (1.0 - 0.8 * overcast), 0.0
        rest = 0.5, 0.75, 0.0003, 1.9
    else:
        direct = np.zeros(3)
        top = np.array([0.0035, 0.0050, 0.0105])
        low = np.array([0.0100, 0.0110, 0.0155]) * (1.0 + 0.5 * overcast)
        shine = 0.011, 0.0, 0.0
        rest = 1.0, 1.0, 0.0004, 2.3
    veil = low * 0.75 + top * 0.25
    if time == "night":
        veil = veil * 0.8
    numbers = (*sun, *direct, *top, *low, *veil, fog, cover, *shine, *rest)
    return Light._make(float(number) for number in numbers)


@compiled
def fogged(light: Light, red: Lane, green: Lane, blue: Lane, distance: Lane) -> Lane:
    """A colour seen through ``distance`` metres of air."""
    if light.fog <= 0.0:
        return red, green, blue
    t = 1.0 - np.exp(-light.fog * distance)
    # own lamps light the fog in front of the car
    back = light.lamps * 0.05 * light.dark * np.exp(-distance / 60.0) * t
    return (
        mix(red, light.fog_r + back, t),
        mix(green, light.fog_g + back, t),
        mix(blue, light.fog_b + back, t),
    )


@compiled
def lamp_light(light: Light, x: Lane, y: Lane, z: Lane) -> Lane:
    """What the own low beam gives a point of the car's frame: a fan ahead that is cut off above the lamps."""
    ahead = np.maximum(z - 3.0, 0.4)
    if light.lamps <= 0.0:
        return 0.0 * ahead
    angle = x / (ahead + 2.5)
    angle = angle * angle / 0.09
    fan = 1.0 / (1.0 + angle * angle)
    near = ahead / (ahead + 4.0)
    reach = 1.0 / (1.0 + ahead * ahead / (LAMP_REACH_M * LAMP_REACH_M))
    cut = 1.0 / (1.0 + np.exp(np.minimum((y - 1.0 - 0.015 * ahead) * 4.0, 30.0)))
    return light.lamps * 0.55 * fan * near * reach * (0.12 + 0.88 * cut)
