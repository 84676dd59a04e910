"""Cloth: clothes, the mask, seat and belt - one woven surface with a few weaves, in subdued colours."""

from __future__ import annotations

import colorsys
from typing import NamedTuple

import numpy as np

from failatlas.parameters import Values
from failatlas.simulators.compiled import Lane, compiled, lanes
from failatlas.simulators.driver.light import answer
from failatlas.simulators.driver.mask import COLOURS as MASK_COLOURS
from failatlas.simulators.driver.pattern import mix, noise, step

PATTERNS = ("plain", "stripes", "check", "knit")


class ClothLook(NamedTuple):
    """A cloth as it is shaded; stripes and seams run along the two coordinates of the weave."""

    red: float
    green: float
    blue: float
    gloss: float
    power: float
    soft: float  # light that passes through thin cloth
    stripe: float  # depth of stripes across the second coordinate, 0–1
    check: float  # of those along the first as well
    rib: float  # relief of a knit
    pitch: float  # cm from stripe to stripe
    grain: float  # unevenness of the colour


def clothing_look(values: Values) -> ClothLook:
    """Clothes that a simulator's values describe."""
    r, g, b = _linear(
        float(values["clothing_hue"]) / 360, float(values["clothing_colour"]), float(values["clothing_light"])
    )
    pattern = str(values["clothing_pattern"])
    stripe = 0.55 if pattern in ("stripes", "check") else 0.0
    check = 0.45 if pattern == "check" else 0.0
    return ClothLook(r, g, b, 0.05, 8.0, 0.15, stripe, check, 0.5 if pattern == "knit" else 0.0, 2.2, 0.25)


def _linear(hue: float, saturation: float, value: float) -> tuple[float, float, float]:
    r, g, b = (channel**2.2 for channel in colorsys.hsv_to_rgb(hue % 1, saturation, value))
    return (r, g, b)


def mask_look(values: Values) -> ClothLook:
    """The mask's cloth; its pleats are in the geometry."""
    colour = MASK_COLOURS[str(values["mask"])] if values["mask"] != "none" else (0.5, 0.5, 0.5)
    return ClothLook(*colour, gloss=0.06, power=10.0, soft=0.6, stripe=0.0, check=0.0, rib=0.0, pitch=1.0, grain=0.10)


def seat_look(values: Values) -> ClothLook:
    """Leather or fabric of the seat."""
    colours = {"black": (0.022, 0.022, 0.024), "grey": (0.085, 0.085, 0.090), "beige": (0.300, 0.235, 0.165)}
    return ClothLook(*colours[str(values["seat"])], 0.35, 14.0, 0.05, 0.0, 0.0, 0.0, 1.0, 0.20)


BELT = ClothLook(0.035, 0.035, 0.038, 0.30, 22.0, 0.0, 0.25, 0.0, 0.0, 0.9, 0.10)


@compiled
def shade_cloth(rows: Lane, lit: Lane, first: int, last: int, look: Lane, light: Lane, table: Lane, out: Lane) -> None:
    """Fill ``out`` (3, n) for points of a cloth."""
    rows, lit, out = rows[:, first:last], lit[first:last], out[:, first:last]
    for i in lanes(last - first):
        u, v, trim = rows[10, i], rows[11, i], rows[12, i]
        thread = noise(table, u * 3.1, v * 3.1, 0.5) - 0.5
        fold = noise(table, rows[6, i] * 0.21, rows[7, i] * 0.13, rows[8, i] * 0.21) - 0.5
        # the edges of a stripe are as soft as a thread is thick
        across = v / look.pitch
        beyond = u / look.pitch
        wave = np.abs(across - np.floor(across) - 0.5) * 4.0 - 1.0
        other = np.abs(beyond - np.floor(beyond) - 0.5) * 4.0 - 1.0
        dark = (
            1.0
            - look.stripe * step(-0.25, 0.25, wave) * (1.0 - trim)
            - look.check * step(-0.25, 0.25, other) * (1.0 - trim)
        )
        dark = np.maximum(dark, 0.15) * (1.0 + look.grain * thread) * (1.0 + 0.22 * fold) * (1.0 - 0.18 * trim)
        ribs = u * 2.4 * (1.0 + 0.6 * trim)
        slope = (ribs - np.floor(ribs) - 0.5) * np.maximum(look.rib, 0.45 * trim)
        nx, ny, nz = rows[3, i] + slope * 0.6 + fold * 0.25, rows[4, i] + thread * 0.1, rows[5, i] + fold * 0.15
        size = 1.0 / np.sqrt(nx * nx + ny * ny + nz * nz)
        r, g, b = answer(
            light, rows[0, i], rows[1, i], rows[2, i], nx * size, ny * size, nz * size, lit[i], rows[9, i],
            look.red * dark, look.green * dark, look.blue * dark, look.soft, look.gloss, look.power,
        )  # fmt: skip
        out[0, i] = r
        out[1, i] = g
        out[2, i] = b


@compiled
def shade_mouth(rows: Lane, lit: Lane, first: int, last: int, light: Lane, out: Lane) -> None:
    """Fill ``out`` (3, n) for the inside of mouth and nostrils, dark red and darker the deeper, and for teeth."""
    rows, lit, out = rows[:, first:last], lit[first:last], out[:, first:last]
    for i in lanes(last - first):
        deep = mix(0.4, 1.0, step(0.0, 2.6, rows[8, i]))
        tooth = rows[13, i] * mix(0.35, 1.0, step(-0.5, 1.6, rows[8, i]))
        r, g, b = answer(
            light, rows[0, i], rows[1, i], rows[2, i], rows[3, i], rows[4, i], rows[5, i],
            lit[i] * (0.5 + 0.3 * tooth), np.maximum(rows[9, i] * deep, 0.15),
            mix(0.16 * deep, 0.66, tooth), mix(0.045 * deep, 0.62, tooth), mix(0.04 * deep, 0.54, tooth),
            0.4, 0.5, 24.0,
        )  # fmt: skip
        out[0, i] = r
        out[1, i] = g
        out[2, i] = b
