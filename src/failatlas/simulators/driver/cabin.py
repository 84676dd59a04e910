"""Cabin: what lies behind the driver - rear and side window with the world outside, pillars, roof lining, rear bench.

Out of focus, so it is painted at half resolution on a plane 80 cm behind the face: 0.5 ms at 128 px.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from failatlas.parameters import Values
from failatlas.seeds import generator
from failatlas.simulators.driver.light import Light
from failatlas.simulators.raster import Camera

Radiance = NDArray[np.float32]
_Map = NDArray[np.floating]

DEPTH = -80.0  # cm
N_LIGHTS = 16

SKIES = {  # at the horizon, overhead
    "day": ((1.15, 1.22, 1.28), (0.42, 0.66, 1.10)),
    "dusk": ((2.30, 1.05, 0.42), (0.42, 0.46, 0.80)),
    "night": ((0.55, 0.55, 0.75), (0.12, 0.14, 0.30)),
}
LAMPS = np.array(
    [[1.0, 0.72, 0.38], [1.0, 0.9, 0.75], [0.75, 0.85, 1.0], [1.0, 0.16, 0.08], [0.35, 0.9, 0.5]], np.float32
)


def backdrop(values: Values, light: Light, camera: Camera, seed: int) -> Radiance:
    """(h, w, 3) linear light behind the driver; the seed moves trees and lamps outside."""
    half = Camera(
        camera.eye,
        camera.target,
        camera.focal,
        (camera.width_px + 1) // 2,
        (camera.height_px + 1) // 2,
        camera.roll_deg,
    )
    rays = half.rays()
    way = (np.float32(DEPTH) - np.float32(camera.eye[2])) / np.minimum(rays[..., 2], np.float32(-0.05))
    x = np.clip(np.float32(camera.eye[0]) + rays[..., 0] * way, -200, 200)
    y = np.clip(np.float32(camera.eye[1]) + rays[..., 1] * way, -200, 200)
    random = generator(seed, "cabin")
    small = _painted(values, light, x, y, random)
    return _doubled(small)[: camera.height_px, : camera.width_px]


def _painted(values: Values, light: Light, x: _Map, y: _Map, random: np.random.Generator) -> Radiance:
    sky = np.array([light.sky_r, light.sky_g, light.sky_b], np.float32)
    ground = np.array([light.ground_r, light.ground_g, light.ground_b], np.float32)
    # lining and bench: dim, lit through the windows
    up = _ramp(-30, 30, y)[..., np.newaxis]
    lining = np.float32(0.34) * sky + np.float32(0.16) * ground
    trim = np.float32(0.06) * sky + np.float32(0.05) * ground
    picture = trim + (lining - trim) * _ramp(18.0, 24.0, y + np.float32(0.0022) * x * x)[..., np.newaxis]
    outside = _outside(values, light, x, y, random)
    rear = _pane(x + np.float32(0.10) * y, y, -46.0, -3.0, -2.0, 19.0)
    side = _pane(x - np.float32(0.22) * y, y, 8.5, 64.0, -5.0, 20.0)
    glass = np.maximum(rear, side)[..., np.newaxis]
    picture = picture + (outside - picture) * glass
    # rear bench with two headrests, before the windows
    bench = np.maximum(1 - _ramp(-9.0, -6.5, y), np.maximum(_lump(x, y, -30.0), _lump(x, y, 26.0)))[..., np.newaxis]
    cloth = (np.float32(0.075) * sky + np.float32(0.05) * ground) * (np.float32(0.55) + np.float32(0.7) * up)
    picture = picture + (cloth - picture) * bench
    # the pillar beside the seat is nearer: a broad dark band at the door's side
    pillar = (_ramp(24.0, 26.0, x - np.float32(0.30) * y) * (1 - _ramp(35.0, 37.0, x - np.float32(0.30) * y)))[
        ..., np.newaxis
    ]
    out: Radiance = picture + ((np.float32(0.16) * sky + np.float32(0.06) * ground) - picture) * pillar
    return out.astype(np.float32)


def _outside(values: Values, light: Light, x: _Map, y: _Map, random: np.random.Generator) -> Radiance:
    time = str(values["time"])
    low, high = (np.array(colour, np.float32) * np.float32(light.outside) for colour in SKIES[time])
    phase = random.uniform(0, 40, 4).astype(np.float32)
    far = x + np.float32(0.6) * phase[3]
    up = _ramp(2.0, 26.0, y)[..., np.newaxis]
    picture = low + (high - low) * up
    trees = np.float32(6.5) + np.float32(2.4) * np.sin(far * np.float32(0.21) + phase[0])
    trees += np.float32(1.5) * np.sin(far * np.float32(0.53) + phase[1]) + np.float32(0.8) * np.sin(
        far * np.float32(1.2) + phase[2]
    )
    wood = (1 - _ramp(-1.2, 1.2, y - trees))[..., np.newaxis]
    leaf = np.array([0.17, 0.22, 0.10], np.float32) * np.float32(light.outside)
    leaf = (
        leaf
        * (np.float32(0.8) + np.float32(0.35) * np.sin(far * np.float32(0.9) + y * np.float32(0.7)))[..., np.newaxis]
    )
    picture = picture + (leaf - picture) * wood
    road = (1 - _ramp(0.5, 2.5, y))[..., np.newaxis]
    asphalt = np.array([0.30, 0.30, 0.31], np.float32) * np.float32(light.outside)
    picture = picture + (asphalt - picture) * road
    if time != "day":
        strength = 1.0 if time == "night" else 0.45
        picture = picture + _lamps(x, y, random) * np.float32(strength)
    out: Radiance = picture
    return out


def _lamps(x: _Map, y: _Map, random: np.random.Generator) -> Radiance:
    """Discs of lamps out of focus; the rim of a disc is a little brighter."""
    out = np.zeros((*x.shape, 3), np.float32)
    for _ in range(N_LIGHTS):
        at_x, at_y = float(random.uniform(-45, 55)), float(random.uniform(0, 16))
        radius, bright = float(random.uniform(1.0, 2.6)), float(random.uniform(0.10, 0.55))
        colour = LAMPS[int(random.integers(len(LAMPS)))] * np.float32(bright)
        near = (np.abs(x - at_x) < radius + 0.6) & (np.abs(y - at_y) < radius + 0.6)
        if near.any():
            away = np.hypot(x[near] - np.float32(at_x), y[near] - np.float32(at_y)) / np.float32(radius)
            disc = (1 - _ramp(0.85, 1.12, away)) * (np.float32(0.75) + np.float32(0.25) * away * away)
            out[near] += disc[:, np.newaxis] * colour
    return out


def _pane(x: _Map, y: _Map, left: float, right: float, low: float, high: float) -> _Map:
    """1 inside a window with round corners, soft at the edge."""
    across = np.abs(x - np.float32((left + right) / 2)) - np.float32((right - left) / 2 - 4)
    along = np.abs(y - np.float32((low + high) / 2)) - np.float32((high - low) / 2 - 4)
    away = np.hypot(np.maximum(across, 0), np.maximum(along, 0)) + np.minimum(np.maximum(across, along), 0)
    return 1 - _ramp(3.2, 4.8, away)


def _lump(x: _Map, y: _Map, middle: float) -> _Map:
    """1 inside a rear headrest."""
    u, v = (x - np.float32(middle)) / np.float32(9.5), (y + np.float32(6.0)) / np.float32(8.0)
    return 1 - _ramp(0.80, 1.05, u * u * u * u + v * v * v * v)


def _ramp(low: float, high: float, x: _Map) -> _Map:
    t = np.clip((x - np.float32(low)) * np.float32(1 / (high - low)), 0, 1)
    out: _Map = t * t * (np.float32(3) - np.float32(2) * t)
    return out


def _doubled(small: Radiance) -> Radiance:
    """Twice the size, bilinear."""
    for axis in (0, 1):
        wide = np.concatenate([small.take([0], axis), small, small.take([-1], axis)], axis)
        n = small.shape[axis]
        before, here, after = (wide.take(range(k, k + n), axis) for k in range(3))
        pair = np.stack(
            [np.float32(0.75) * here + np.float32(0.25) * before, np.float32(0.75) * here + np.float32(0.25) * after],
            axis + 1,
        )
        shape = list(small.shape)
        shape[axis] *= 2
        small = pair.reshape(shape)
    return small
