"""Light: what reaches the driver by day, at dusk, at night and from an infra-red lamp, and how a surface answers.

Linear units in which a sunlit white wall is about 1.  The answer of a surface is elementwise and shared by all
materials: wrapped diffuse, Blinn-Phong with Fresnel, and ambient light by hemisphere and baked occlusion.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from failatlas.parameters import Values
from failatlas.simulators.compiled import Lane, compiled
from failatlas.simulators.driver.pattern import peak, step
from failatlas.simulators.skipping import some


class Light(NamedTuple):
    """The light of one picture; directions point to the source: x to the picture's right, y up, z to the camera."""

    key_x: float  # the one source that casts shadows: sun, street lamp, or the infra-red lamp
    key_y: float
    key_z: float
    key_r: float
    key_g: float
    key_b: float
    fill_x: float  # headlamps of others at night, the bright window by day; no shadow
    fill_y: float
    fill_z: float
    fill_r: float
    fill_g: float
    fill_b: float
    sky_r: float  # ambient light from above
    sky_g: float
    sky_b: float
    ground_r: float  # and from below: the dashboard's glow at night
    ground_g: float
    ground_b: float
    eye_x: float  # where the camera is, cm
    eye_y: float
    eye_z: float
    outside: float  # brightness of the world behind the windows
    catch: float  # brightness of the window mirrored in an eye


SUN = {"day": (1.0, 0.92, 0.80), "dusk": (1.0, 0.68, 0.43), "night": (0.75, 0.82, 1.0)}
SKY = {"day": (0.42, 0.43, 0.45), "dusk": (0.19, 0.17, 0.19), "night": (0.026, 0.031, 0.045)}
GROUND = {"day": (0.17, 0.155, 0.14), "dusk": (0.07, 0.06, 0.06), "night": (0.022, 0.028, 0.034)}
KEY = {"day": 1.0, "dusk": 0.62, "night": 0.20}
OUTSIDE = {"day": 1.0, "dusk": 0.35, "night": 0.02}
LAMP = 0.85  # of the infra-red camera, at the face


def light(values: Values, eye: tuple[float, float, float]) -> Light:
    """The light that a simulator's values describe; ``eye`` is where the camera is, cm."""
    time, strength, ambient = str(values["time"]), float(values["light_intensity"]), float(values["ambient"])
    sun = _direction(float(values["sun_azimuth"]), float(values["sun_elevation"]))
    key = np.array(SUN[time]) * KEY[time] * strength
    sky, ground = np.array(SKY[time]) * ambient, np.array(GROUND[time]) * ambient
    fill_at, fill = _direction(-float(values["sun_azimuth"]), 8.0), sky * 0.55
    if time == "night":
        sweep = float(values["headlights"])
        fill_at, fill = _direction(float(values["sun_azimuth"]) * 0.5, 2.0), np.array([1.0, 0.93, 0.80]) * 0.5 * sweep
        ground = ground + np.array([0.018, 0.030, 0.042]) * float(values["dashboard"])
    if values["sensor"] == "ir":
        # a band-pass filter keeps most of the sun out; the lamp beside the lens lights whatever the hour
        away = math.sqrt(sum(part * part for part in eye))
        lamp = (eye[0] / away + 0.06, eye[1] / away + 0.05, eye[2] / away)
        fill_at, fill = sun, key * 0.25
        sun, key = lamp, np.full(3, LAMP)
        sky, ground = sky * 0.2 + 0.015, ground * 0.2 + 0.01
    away = 0.15 if values["sensor"] == "ir" else 1.0
    return Light(
        *sun, *_rgb(key), *fill_at, *_rgb(fill), *_rgb(sky), *_rgb(ground), *eye,
        OUTSIDE[time] * away * (0.4 + 0.6 * ambient),
        float(key.max()) * 0.6 + float(sky.max()) * 1.4,
    )  # fmt: skip


def _rgb(colour: NDArray[np.float64]) -> tuple[float, float, float]:
    red, green, blue = colour.tolist()
    return red, green, blue


def _direction(azimuth_deg: float, elevation_deg: float) -> tuple[float, float, float]:
    """Unit vector towards a source; azimuth 0 is behind the camera, 90 the picture's right, 180 behind the driver."""
    azimuth, elevation = math.radians(azimuth_deg), math.radians(elevation_deg)
    flat = math.cos(elevation)
    return (math.sin(azimuth) * flat, math.sin(elevation), math.cos(azimuth) * flat)


@compiled
def facing(light: Lane, x: Lane, y: Lane, z: Lane) -> Lane:
    """Unit vector from a point to the camera."""
    u = light.eye_x - x
    v = light.eye_y - y
    w = light.eye_z - z
    s = 1.0 / np.sqrt(u * u + v * v + w * w)
    return u * s, v * s, w * s


@compiled
def answer(
    light: Lane,
    x: Lane,
    y: Lane,
    z: Lane,
    nx: Lane,
    ny: Lane,
    nz: Lane,
    lit: Lane,
    ao: Lane,
    red: Lane,
    green: Lane,
    blue: Lane,
    soft: Lane,
    gloss: Lane,
    power: Lane,
) -> Lane:
    """Linear light that a surface sends to the camera.

    Args:
        light: a `Light`.
        x, y, z, nx, ny, nz: place (cm) and unit normal.
        lit: 1 where the key light reaches, 0 in shadow.
        ao: share of the sky that is seen.
        red, green, blue: albedo.
        soft: 0 for a hard surface, 1 for skin, in which light spreads (red farthest) past the terminator.
        gloss, power: strength and sharpness of the highlight.
    """
    vx, vy, vz = facing(light, x, y, z)
    key = nx * light.key_x + ny * light.key_y + nz * light.key_z
    r, g, b, shine = 0.0 * key, 0.0 * key, 0.0 * key, 0.0 * key
    if some(key > -0.3):
        # one shadow factor for all channels, after wrapping: a factor a channel makes red speckles along shadow edges.
        # What faces away shadows itself in the map, so there the wrap alone darkens.
        shade = 1.0 - (1.0 - lit) * step(-0.05, 0.25, key)
        turn_r, turn_g, turn_b = 0.05 + 0.24 * soft, 0.05 + 0.12 * soft, 0.05 + 0.08 * soft
        r = np.maximum((key + turn_r) / (1.0 + turn_r), 0.0) * light.key_r * shade
        g = np.maximum((key + turn_g) / (1.0 + turn_g), 0.0) * light.key_g * shade
        b = np.maximum((key + turn_b) / (1.0 + turn_b), 0.0) * light.key_b * shade
    if some(key > 0.0):
        # half way between source and camera
        hx, hy, hz = light.key_x + vx, light.key_y + vy, light.key_z + vz
        middle = (nx * hx + ny * hy + nz * hz) / np.sqrt(np.maximum(hx * hx + hy * hy + hz * hz, 1e-6))
        shine = peak(np.maximum(middle, 0.0), power) * (power + 8.0) * 0.04 * np.maximum(key, 0.0) * lit
    fill = nx * light.fill_x + ny * light.fill_y + nz * light.fill_z
    fill = np.maximum((fill + 0.35) / 1.35, 0.0) * (0.4 + 0.6 * ao)
    up = 0.5 + 0.5 * ny
    r = r + fill * light.fill_r + (light.ground_r + (light.sky_r - light.ground_r) * up) * ao
    g = g + fill * light.fill_g + (light.ground_g + (light.sky_g - light.ground_g) * up) * ao
    b = b + fill * light.fill_b + (light.ground_b + (light.sky_b - light.ground_b) * up) * ao
    toward = np.minimum(np.maximum(nx * vx + ny * vy + nz * vz, 0.0), 1.0)
    edge = 1.0 - toward
    edge = edge * edge * edge * edge
    # the mirrored sky grows towards grazing angles
    mirror = gloss * (0.03 + 0.6 * edge) * ao
    shine = shine * gloss * (0.35 + edge)
    return (
        red * r + shine * light.key_r + mirror * light.sky_r,
        green * g + shine * light.key_g + mirror * light.sky_g,
        blue * b + shine * light.key_b + mirror * light.sky_b,
    )
