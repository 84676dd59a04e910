"""Glasses: rims and temples as tubes, lenses as curved fans, fitted once to a person in the head's frame."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from failatlas.arrays import freeze
from failatlas.parameters import Values
from failatlas.simulators.compiled import Lane, compiled, lanes
from failatlas.simulators.driver.hair import sheet
from failatlas.simulators.driver.head import Faces, Identity, Points
from failatlas.simulators.driver.light import answer, facing
from failatlas.simulators.driver.pattern import step


@dataclass(frozen=True, slots=True)
class Shape:
    """A frame; cm.

    Attributes:
        width, height: half-axes of a lens.  power: 2 is an ellipse, more is squarer.
        rim: radius of the rim's tube, at least 0.1, or it breaks into dashes at a slant.
        droop: how much the outer lower corner hangs (aviators).
    """

    width: float
    height: float
    power: float
    rim: float
    droop: float = 0.0


SHAPES = {
    "round": Shape(2.50, 2.25, 2.0, 0.11),
    "oval": Shape(2.75, 1.80, 2.4, 0.11),
    "square": Shape(2.80, 1.85, 4.5, 0.17),
    "aviator": Shape(2.95, 2.35, 2.6, 0.11, 0.35),
}
COLOURS = {
    "black": (0.010, 0.010, 0.011),
    "metal": (0.34, 0.33, 0.31),
    "tortoise": (0.075, 0.030, 0.010),
    "blue": (0.020, 0.040, 0.120),
}


@dataclass(frozen=True, slots=True, eq=False)
class Glasses:
    """Frame and lenses in the upright head's frame."""

    rim: Points
    rim_faces: Faces
    lens: Points
    lens_faces: Faces


def glasses(shape: Shape, person: Identity, sun: bool) -> Glasses:
    """A frame on a person's nose and ears; sunglasses are the same frame, larger."""
    scale = 1.14 if sun else 1.0
    width, height = shape.width * scale, shape.height * scale
    x, y, z = person.rest.T
    # the bridge rests on the nose, the lenses stay clear of lids and brows
    nose = float(z[(np.abs(x) < 0.5) & (np.abs(y + 0.4) < 0.5)].max())
    brow = float(z[(np.abs(x) < 4.0) & (np.abs(y - 1.6) < 0.9)].max())
    front = max(nose + 0.05, brow + 0.25, float(person.eye[2] + person.eye[3]) + 0.95)
    centre_x, centre_y = max(float(person.eye[0]), width + 0.75), float(person.eye[1]) - 0.15
    half_head = float(np.abs(x[(np.abs(y - 0.6) < 0.9) & (z < -1.0) & (z > -5.5)]).max())
    tubes, lenses = [], []
    for sign in (1.0, -1.0):
        loop = _loop(shape, width, height, sign) + np.array([sign * centre_x, centre_y, 0.0])
        loop[:, 2] = front - _wrap(loop[:, 0])
        tubes.append(_tube(np.vstack([loop, loop[:1]]), shape.rim))
        hub = np.array([sign * centre_x, centre_y, front - _wrap(np.array([centre_x]))[0] + 0.12])
        lenses.append(_fan(hub, loop if sign > 0 else loop[::-1]))
        hinge_x = sign * (centre_x + width * 0.98)
        hinge = np.array([hinge_x, centre_y + height * 0.45, front - _wrap(np.array([hinge_x]))[0]])
        side, ear = sign * (half_head + 0.15), 0.9
        corner = np.array([side, ear, hinge[2] - 1.1])
        temple = np.array([hinge, corner, [side, ear, -3.5], [side * 1.03, ear - 0.1, -7.4], [side * 1.04, -1.6, -9.2]])
        tubes.append(_tube(temple, max(0.10, shape.rim * 0.85)))
    inner = centre_x - width
    arch = np.array([[inner * t, centre_y + 0.35 + 0.25 * (1 - t * t), front + 0.05] for t in np.linspace(-1, 1, 5)])
    tubes.append(_tube(arch, shape.rim))
    rim, rim_faces = _join(tubes)
    lens, lens_faces = _join(lenses)
    return Glasses(freeze(rim), freeze(rim_faces), freeze(lens), freeze(lens_faces))


def _wrap(x: NDArray[np.float64]) -> NDArray[np.float64]:
    """How far a frame curves back at a distance x from the nose, cm."""
    out: NDArray[np.float64] = 0.022 * x * x
    return out


def _loop(shape: Shape, width: float, height: float, sign: float) -> NDArray[np.float64]:
    turn = np.linspace(0, 2 * math.pi, 28, endpoint=False)
    c, s = np.cos(turn), np.sin(turn)
    x = np.sign(c) * np.abs(c) ** (2 / shape.power) * width
    y = np.sign(s) * np.abs(s) ** (2 / shape.power) * height
    y = y - shape.droop * np.clip(-y / height, 0, 1) * np.clip(0.4 + x / width, 0, 1)
    # narrower below the nose's side
    x = x * np.where(x < 0, 1 - 0.10 * np.clip(-y / height, 0, 1), 1.0)
    return np.stack([sign * x, y, 0 * x], axis=-1)


def _tube(path: NDArray[np.float64], radius: float, sides: int = 5) -> tuple[Points, Faces]:
    along = np.gradient(path, axis=0)
    along /= np.linalg.norm(along, axis=1, keepdims=True)
    aside = np.cross(along, np.array([0.0, 0.3, 1.0]))
    size = np.linalg.norm(aside, axis=1, keepdims=True)
    aside = np.where(size > 0.1, aside / np.maximum(size, 1e-6), np.array([0.0, 1.0, 0.0]))
    third = np.cross(along, aside)
    turn = np.linspace(0, 2 * math.pi, sides + 1)
    ring = aside[:, np.newaxis] * np.cos(turn)[:, np.newaxis] + third[:, np.newaxis] * np.sin(turn)[:, np.newaxis]
    points = (path[:, np.newaxis] + radius * ring).reshape(-1, 3).astype(np.float32)
    return points, sheet(len(path), sides + 1)


def _fan(hub: NDArray[np.float64], loop: NDArray[np.float64]) -> tuple[Points, Faces]:
    n = len(loop)
    points = np.vstack([hub, loop]).astype(np.float32)
    here = np.arange(n)
    return points, np.stack([np.zeros(n), 1 + here, 1 + (here + 1) % n], axis=-1).astype(np.int32)


def _join(parts: list[tuple[Points, Faces]]) -> tuple[Points, Faces]:
    start = np.cumsum([0] + [len(points) for points, _ in parts])
    faces = np.concatenate([faces + offset for (_, faces), offset in zip(parts, start, strict=False)])
    return np.concatenate([points for points, _ in parts]), faces.astype(np.int32)


class GlassesLook(NamedTuple):
    """Frame and lenses as they are shaded."""

    red: float
    green: float
    blue: float
    gloss: float
    alpha: float  # of a lens, seen straight on
    tint_r: float
    tint_g: float
    tint_b: float


def glasses_look(values: Values) -> GlassesLook:
    """The glasses that a simulator's values describe."""
    sun = values["glasses"] == "sun"
    # infra-red passes dye that is dark to the eye
    alpha = (0.55 if values["sensor"] == "ir" else 0.94) if sun else 0.05
    gloss = 1.0 if values["glasses_colour"] == "metal" else 0.22
    return GlassesLook(*COLOURS[str(values["glasses_colour"])], gloss, alpha, 0.012, 0.012, 0.014)


@compiled
def shade_rim(rows: Lane, lit: Lane, first: int, last: int, look: Lane, light: Lane, out: Lane) -> None:
    """Fill ``out`` (3, n) for points of the frame."""
    rows, lit, out = rows[:, first:last], lit[first:last], out[:, first:last]
    for i in lanes(last - first):
        r, g, b = answer(
            light, rows[0, i], rows[1, i], rows[2, i], rows[3, i], rows[4, i], rows[5, i], lit[i], 0.9,
            look.red, look.green, look.blue, 0.0, look.gloss, 60.0,
        )  # fmt: skip
        out[0, i] = r
        out[1, i] = g
        out[2, i] = b


@compiled
def shade_lens(rows: Lane, first: int, last: int, look: Lane, light: Lane, out: Lane) -> None:
    """Fill ``out`` (4, n: colour and alpha) for points of the lenses: a tint, and a window mirrored in it."""
    rows, out = rows[:, first:last], out[:, first:last]
    for i in lanes(last - first):
        x, y, z, nx, ny, nz = rows[0, i], rows[1, i], rows[2, i], rows[3, i], rows[4, i], rows[5, i]
        vx, vy, vz = facing(light, x, y, z)
        toward = nx * vx + ny * vy + nz * vz
        edge = 1.0 - np.minimum(np.abs(toward), 1.0)
        fresnel = 0.045 + 0.75 * edge * edge * edge * edge
        rx, ry = 2.0 * toward * nx - vx, 2.0 * toward * ny - vy
        # windscreen above, dashboard below, a pillar between windscreen and side window
        sky = step(0.02, 0.20, ry + 0.25 * rx) * (1.0 - 0.8 * step(0.30, 0.36, rx) * (1.0 - step(0.44, 0.50, rx)))
        shine = fresnel * (0.06 + sky * 1.0) * light.catch
        hx, hy, hz = light.key_x + vx, light.key_y + vy, light.key_z + vz
        middle = np.abs(nx * hx + ny * hy + nz * hz) / np.sqrt(np.maximum(hx * hx + hy * hy + hz * hz, 1e-6))
        glint = np.exp(350.0 * np.log(np.maximum(middle, 1e-3))) * 1.8
        alpha = 1.0 - (1.0 - look.alpha) * (1.0 - fresnel)
        out[0, i] = (
            look.tint_r * look.alpha * (light.sky_r + light.key_r) + shine * 0.92 + glint * light.key_r
        ) / alpha
        out[1, i] = (
            look.tint_g * look.alpha * (light.sky_g + light.key_g) + shine * 0.97 + glint * light.key_g
        ) / alpha
        out[2, i] = (
            look.tint_b * look.alpha * (light.sky_b + light.key_b) + shine * 1.05 + glint * light.key_b
        ) / alpha
        out[3, i] = alpha
