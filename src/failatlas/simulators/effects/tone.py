"""Tone: brighter, darker, flatter, hazier; how light reaches the sensor before the lens blurs it."""

from __future__ import annotations

import math

import numpy as np

from failatlas.parameters import Parameter
from failatlas.simulators.effects.effect import effect
from failatlas.simulators.effects.light import Light, Picture


@effect(
    "brightness",
    "BR",
    "light",
    Parameter("stops", 0, 8, 2, "stop", meaning="longer exposure; each doubles the light, what exceeds white is lost"),
    source="exposure value: ISO 2720",
    in_light=True,
)
def brightness(light: Light, stops: float) -> Light:
    """Over-exposed: the light doubled ``stops`` times and clipped at white."""
    return light * np.float32(2.0**stops)


@effect(
    "darkness",
    "DA",
    "light",
    Parameter("stops", 0, 8, 4, "stop", meaning="shorter exposure; each halves the light"),
    source="exposure value: ISO 2720",
    in_light=True,
)
def darkness(light: Light, stops: float) -> Light:
    """Under-exposed: the light halved ``stops`` times."""
    return light * np.float32(2.0**-stops)


@effect(
    "contrast",
    "CO",
    "light",
    Parameter("factor", 0, 4, 0.3, meaning="distance of every pixel from the mean luma; 0 is even grey, 1 unchanged"),
    source="Pillow, ImageEnhance.Contrast; Haeberli & Voorhies, 1994",
)
def contrast(pixels: Picture, factor: float) -> Picture:
    """Flatter (< 1) or harder (> 1) around the picture's mean luma."""
    from PIL import Image, ImageEnhance

    flat = np.ascontiguousarray(pixels[..., 0] if pixels.shape[2:] == (1,) else pixels)
    return np.array(ImageEnhance.Contrast(Image.fromarray(flat)).enhance(factor)).reshape(pixels.shape)


@effect(
    "haze",
    "HZ",
    "light",
    Parameter("depth", 0, 8, 0.8, meaning="optical depth; light from the scene falls to exp(−depth)"),
    Parameter("airlight", 0, 1, 0.6, meaning="linear light of the haze itself, as a share of white"),
    source="Koschmieder, 1924; Narasimhan & Nayar, IJCV 48(3), 2002",
    in_light=True,
)
def haze(light: Light, depth: float, airlight: float) -> Light:
    """Fog or a misted lens: the scene fades into even light, equally at every distance."""
    passed = math.exp(-depth)
    return light * np.float32(passed) + np.float32(airlight * (1 - passed))
