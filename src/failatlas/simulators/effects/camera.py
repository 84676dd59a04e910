"""Camera: from the light of a scene to the pixels of a file, one small function an effect, and all of them in order.

A camera at its defaults only develops the light: 0.15 ms at 128 × 128; with noise 0.4 ms.
"""

from __future__ import annotations

import io
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np

from failatlas.arrays import freeze
from failatlas.parameters import Parameter, Values
from failatlas.simulators.effects.blur import defocus, motion_blur
from failatlas.simulators.effects.effect import effect
from failatlas.simulators.effects.light import Curve, Light, Picture, to_pixels
from failatlas.simulators.effects.noise import sensor_noise

# Near infra-red (850 nm) is not in a picture of visible light; of its channels red predicts it best, for skin and most
# cloth reflect more the longer the wave.
INFRARED_WEIGHTS = (0.75, 0.2, 0.05)


def exposure(light: Light, stops: float) -> Light:
    """Light of a longer (> 0) or shorter (< 0) exposure; one stop doubles it.

    >>> exposure(np.array([[0.25]], np.float32), 1.0)
    array([[0.5]], dtype=float32)
    """
    return light * np.float32(2.0**stops)


@effect(
    "vignetting",
    "VI",
    "lens",
    Parameter("strength", 0, 1, 0.8, meaning="share of light that the corners lose"),
    source="falls with the squared distance from the middle",
    in_light=True,
)
def vignetting(light: Light, strength: float) -> Light:
    """Light that falls off towards the corners.

    Args:
        light: linear light, any size.
        strength: share of the light that the corners lose, 0–1; half way to the corner loses a quarter of that.
    """
    return light * _fall_off(light, strength)


@effect(
    "infrared",
    "IR",
    "sensor",
    Parameter("hot_spot", 0, 1, 0.5, meaning="how much brighter the camera's lamp makes the middle, as a share"),
    source="near infra-red as 0.75 R + 0.2 G + 0.05 B",
    in_light=True,
)
def infrared(light: Light, hot_spot: float = 0.0) -> Light:
    """What a near infra-red camera with its own lamp sees: one grey channel, repeated.

    Args:
        light: linear light, any size; grey stays as it is.
        hot_spot: how much brighter the lamp makes the middle, as a share, 0–1; the gain falls to 1/e at half the way to
            the corner.
    """
    seen = light.copy()
    if light.shape[2:] == (3,):
        seen[...] = (light @ np.array(INFRARED_WEIGHTS, np.float32))[..., np.newaxis]
    if hot_spot:
        seen *= np.float32(1) + np.float32(hot_spot) * np.exp(-4 * _radius_squared(light.shape))
    return seen


@effect(
    "jpeg",
    "JP",
    "sensor",
    Parameter("quality", 1, 95, 8, integer=True, meaning="lower is smaller and worse"),
    source="ISO/IEC 10918-1, as Pillow writes it",
)
def jpeg(pixels: Picture, quality: float) -> Picture:
    """The pixels after a round trip through JPEG (Pillow; colour halved in both directions, as cameras do).

    Args:
        pixels: 8-bit pixels, any size.
        quality: 1 (worst) – 95.
    """
    from PIL import Image

    flat = np.ascontiguousarray(pixels[..., 0] if pixels.shape[2:] == (1,) else pixels)
    file = io.BytesIO()
    Image.fromarray(flat).save(file, "jpeg", quality=int(quality))
    return np.array(Image.open(file)).reshape(pixels.shape)


def _fall_off(light: Light, strength: float) -> Light:
    return np.float32(1) - np.float32(strength) * _radius_squared(light.shape)


@lru_cache(maxsize=4)
def _radius_squared(shape: tuple[int, ...]) -> Light:
    """Of the shape of the light: squared distance from the middle, 1 in the corners."""
    height, width = shape[:2]
    y = (np.arange(height, dtype=np.float32) - (height - 1) / 2) ** 2
    x = (np.arange(width, dtype=np.float32) - (width - 1) / 2) ** 2
    corner = np.float32(max(float(y[0] + x[0]), 1e-6))
    squared = ((y[:, np.newaxis] + x[np.newaxis, :]) / corner).astype(np.float32, copy=False)
    # spread over the channels here: a product that repeats a value thrice takes eight times as long
    return freeze(squared if len(shape) == 2 else np.repeat(squared[..., np.newaxis], shape[2], axis=2))


CAMERA = (
    Parameter("exposure_stops", -8, 8, 0, "stop", meaning="light doubles a stop"),
    Parameter("motion_px", 0, 64, 0, "px", meaning="way of a point during the exposure"),
    Parameter("motion_deg", 0, 180, 0, "deg", circular=True, meaning="direction of that way; 0 level, 90 upright"),
    Parameter("defocus_px", 0, 32, 0, "px", meaning="radius of the blur disc of a lens out of focus"),
    Parameter("vignetting", 0, 1, 0, meaning="share of light that the corners lose"),
    Parameter("iso", 0, 102_400, 0, meaning="sensitivity, so noise; 0 is a noiseless sensor"),
    Parameter("infrared", choices=("no", "yes"), meaning="the sensor sees near infra-red, in grey"),
    Parameter("hot_spot", 0, 1, 0, meaning="how much brighter an infra-red lamp makes the middle, as a share"),
    Parameter("jpeg_quality", 0, 95, 0, integer=True, meaning="quality of compression; 0 stores without loss"),
)
"""The camera as parameters, for a simulator that wants all or some of them in its space."""


@dataclass(frozen=True, slots=True)
class Camera:
    """What happens between the light of a scene and the pixels of a file; the defaults only develop.

    Order: the scene moves, the lens blurs and darkens the corners, the exposure scales, the sensor may see infra-red
    only, adds its noise; the light is developed and compressed.

    Attributes:
        exposure_stops, motion_px, motion_deg, defocus_px, vignetting, iso, infrared, hot_spot, jpeg_quality: see
            `CAMERA`, whose names, units, ranges and defaults they share.
        curve: ``"srgb"`` or ``"filmic"``; see `to_pixels`.

    Raises:
        UsageError: a value lies outside its range; names parameter, value and range.

    >>> Camera(iso=-1)
    Traceback (most recent call last):
    failatlas.errors.UsageError: E_PARAMETER: parameter 'iso' is -1. Next: give 0 … 102400
    """

    exposure_stops: float = 0.0
    motion_px: float = 0.0
    motion_deg: float = 0.0
    defocus_px: float = 0.0
    vignetting: float = 0.0
    iso: float = 0.0
    infrared: str = "no"
    hot_spot: float = 0.0
    jpeg_quality: int = 0
    curve: Curve = "srgb"

    def __post_init__(self) -> None:
        for parameter in CAMERA:
            parameter.checked(getattr(self, parameter.name))

    @classmethod
    def of(cls, values: Values, curve: Curve = "srgb") -> Camera:
        """The camera that a simulator's values describe; what they do not name is at its default."""
        camera = cls(curve=curve)
        named = {p.name: values[p.name] for p in CAMERA if p.name in values}
        return replace(camera, **named)  # type: ignore[arg-type]  # each is checked against its parameter

    def take(self, light: Light, seed: int) -> Picture:
        """Pixels of a scene's light; the same seed gives the same noise."""
        if self.motion_px:
            light = motion_blur(light, self.motion_px, self.motion_deg)
        if self.defocus_px:
            light = defocus(light, self.defocus_px)
        if self.vignetting:
            light = vignetting(light, self.vignetting)
        if self.exposure_stops:
            light = exposure(light, self.exposure_stops)
        if self.infrared == "yes":
            light = infrared(light, self.hot_spot)
        if self.iso:
            light = sensor_noise(light, self.iso, seed)
        if self.infrared == "yes" and light.shape[2:] == (3,):
            light = np.repeat(light[..., :1], 3, axis=2)  # one sensor, one noise: grey stays grey
        pixels = to_pixels(light, self.curve)
        return jpeg(pixels, self.jpeg_quality) if self.jpeg_quality else pixels
