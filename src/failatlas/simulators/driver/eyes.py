"""Eyes: a cap of the ball whose iris and pupil are drawn per pixel from the gaze, and the lids' margins around it.

The cap does not turn with the gaze - only the colours do - so iris and pupil are sharp at any size.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from failatlas.arrays import Vector, freeze
from failatlas.parameters import Values
from failatlas.simulators.compiled import Lane, compiled, lanes, select
from failatlas.simulators.driver.hair import sheet
from failatlas.simulators.driver.head import Faces, Identity, Points, head_data
from failatlas.simulators.driver.light import facing
from failatlas.simulators.driver.pattern import mix, noise, step
from failatlas.simulators.raster import Mesh
from failatlas.simulators.raster.visibility import Visibility

IRIS_RAD = 0.37  # half-angle of the iris, seen from the centre of the ball
SCLERA = 0.56  # albedo: brighter, an eye would glow in the dark and give itself away

IRIS_COLOURS = {
    "brown": (0.075, 0.034, 0.014),
    "dark": (0.026, 0.014, 0.009),
    "hazel": (0.150, 0.095, 0.030),
    "green": (0.110, 0.150, 0.065),
    "blue": (0.095, 0.175, 0.290),
    "grey": (0.190, 0.220, 0.235),
}


@cache
def cap() -> tuple[Points, Faces]:
    """(n, 3) unit directions of the front of a ball, and its triangles."""
    rings, spokes = 12, 29
    polar, turn = np.meshgrid(np.linspace(0, 1.25, rings), np.linspace(0, 2 * math.pi, spokes), indexing="ij")
    unit = np.stack([np.sin(polar) * np.cos(turn), np.sin(polar) * np.sin(turn), np.cos(polar)], axis=-1)
    return freeze(unit.reshape(-1, 3).astype(np.float32)), freeze(sheet(rings, spokes))


@dataclass(frozen=True, slots=True, eq=False)
class Opening:
    """The gap between the lids of one eye, in the frame of the upright head.

    Attributes:
        azimuth: (25,) rad, growing to the left of the head, as seen from the ball's centre.
        upper, lower: (25,) elevation of the lids' edges, rad; equal where they touch.
        gap_mm: widest gap, seen from straight ahead of the head; 0 when shut.
    """

    azimuth: NDArray[np.float64]
    upper: NDArray[np.float64]
    lower: NDArray[np.float64]
    gap_mm: float


def openings(points: Points, person: Identity) -> tuple[Opening, Opening]:
    """The gaps of the posed lids, left and right: balls and skin drawn as seen from straight ahead, and measured.

    The lids' margins alone would not do: skin folds over them, so that a shut eye would still measure half a mm.
    """
    rows, mesh = _around()
    places: list[Points] = []
    for side in (0, 1):
        centre = person.eye_centre(side)
        skin: Points = points[rows[side]] - centre
        ball: Points = cap()[0] * person.eye[3]
        for part in (skin, ball):
            part[:, 0] = part[:, 0] * np.float32(_SQUEEZE) + np.float32(_APART[side])
            places.append(part)
    # drawn lying on its side: long rows of samples are quicker than many short ones
    seen = Visibility.of_size(_ROWS, _WIDTH)
    seen.look(mesh.moved(np.concatenate(places), mesh.normals), _POSE, _LENS)
    edges = np.zeros((3, _WIDTH), np.int64)
    # triangles of the balls come last of each side's
    _count_bare(seen.owner, mesh.materials, *edges)
    return _measured(np.stack([edges[:, :_COLUMNS], edges[:, -_COLUMNS:]], axis=1), points, person)


@compiled
def _count_bare(owner: Lane, materials: Lane, count: Lane, high: Lane, low: Lane) -> None:
    """Of every column: samples that see a ball, the row of the first of them from above, and the row after the last."""
    rows = owner.shape[1]
    for x in lanes(owner.shape[0]):
        for up in range(rows):
            bare = (owner[x, up] >= 0) & (materials[owner[x, up]] == 1)
            low[x] = select(bare & (count[x] == 0), rows - up, low[x])
            high[x] = select(bare, rows - 1 - up, high[x])
            count[x] = count[x] + select(bare, 1, 0)


def _measured(edges: NDArray[np.int64], points: Points, person: Identity) -> tuple[Opening, Opening]:
    """Of (3, 2, 25): samples that see a ball, first row and last, of both eyes."""
    data, radius = head_data(), float(person.eye[3])
    count, high, low = edges
    # where the lids touch, both edges are on the seam
    seam = np.array(
        [
            [np.interp(_ACROSS, *_by_x(points[margin[side]] - person.eye_centre(side))) for side in (0, 1)]
            for margin in (data.upper_lid, data.lower_lid)
        ]
    )
    middle = (seam[0] + seam[1]) / 2
    upper = np.where(count > 0, (_ROWS / 2 - high) / _SCALE, middle)
    lower = np.where(count > 0, (_ROWS / 2 - low) / _SCALE, middle)
    deep = np.sqrt(np.maximum(radius**2 - _ACROSS**2 - middle**2, 0.05))
    flat = np.hypot(_ACROSS, deep)
    azimuth, upper, lower = np.arctan2(_ACROSS, deep), np.arctan2(upper, flat), np.arctan2(lower, flat)
    gaps = (count.max(axis=1) / _SCALE * 10).tolist()
    left, right = (Opening(azimuth[side], upper[side], lower[side], gaps[side]) for side in (0, 1))
    return left, right


_COLUMNS, _ROWS, _WIDTH = 25, 200, 70
_SCALE = 100.0  # rows a cm: a gap is measured to 0.1 mm
_SQUEEZE = _COLUMNS / 3.0 / _SCALE  # columns of an eye span 3 cm
_APART = tuple(sign * (_WIDTH - _COLUMNS) / 2 / _SCALE for sign in (-1, 1))  # the left eye is drawn on the left
_ACROSS = (np.arange(_COLUMNS) + 0.5 - _COLUMNS / 2) / (_SCALE * _SQUEEZE)  # cm from the ball's centre
_POSE = np.array([[0, 1.0, 0, 0], [-1.0, 0, 0, 0], [0, 0, -1.0, 10.0]])  # looked at from 10 cm, without perspective
_LENS = np.array([_SCALE, _ROWS / 2, _WIDTH / 2, 0.0, 1.0, 20.0])


def _by_x(line: Points) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    order = np.argsort(line[:, 0], kind="stable")
    return line[order, 0], line[order, 1]


@cache
def _around() -> tuple[tuple[NDArray[np.int64], NDArray[np.int64]], Mesh]:
    """Vertices of the skin before each eye, and a mesh of their triangles (material 0) and of both balls (1)."""
    data = head_data()
    unit, ball = cap()
    rows: list[NDArray[np.int64]] = []
    places: list[Points] = []
    faces: list[NDArray[np.integer]] = []
    materials: list[NDArray[np.uint8]] = []
    start = 0
    for sign in (1, -1):
        away = data.mean - data.eye_mean[:3] * np.array([sign, 1, 1], np.float32)
        near = (np.abs(away[:, 0]) < 1.95) & (np.abs(away[:, 1]) < 1.7) & (away[:, 2] > -0.6)
        chosen = data.faces[near[data.faces].any(axis=1)]
        used, local = np.unique(chosen, return_inverse=True)
        rows.append(freeze(used.astype(np.int64)))
        places += [data.mean[used], unit]
        faces += [local.reshape(-1, 3) + start, ball + start + len(used)]
        materials += [np.zeros(len(chosen), np.uint8), np.ones(len(ball), np.uint8)]
        start += len(used) + len(unit)
    whole = Mesh.of(np.concatenate(places), np.concatenate(faces))
    return (rows[0], rows[1]), replace(whole, materials=np.concatenate(materials))


def clearance(azimuth: Vector, elevation: Vector, gap: Opening) -> NDArray[np.float32]:
    """(n, 2) rad by which directions lie below the upper and above the lower lid."""
    upper, lower = np.interp(azimuth, gap.azimuth, gap.upper), np.interp(azimuth, gap.azimuth, gap.lower)
    return np.stack([upper - elevation, elevation - lower], axis=-1).astype(np.float32)


@cache
def cap_angles() -> tuple[Vector, Vector]:
    """(n,) azimuth and elevation of the directions of `cap`, rad."""
    x, y, z = cap()[0].astype(np.float64).T
    return freeze(np.arctan2(x, z)), freeze(np.arctan2(y, np.hypot(x, z)))


def lashes(points: Points, person: Identity) -> tuple[Points, Points]:
    """(m, 3) starts and ends of the pieces of all lashes, three a lash, on the upright head."""
    data, fringes, roots, aways = head_data(), _fringes(), [], []
    for number, margin in enumerate((data.upper_lid, data.lower_lid)):
        for side in (0, 1):
            line = points[margin[side]]
            steps = np.sqrt((np.diff(line, axis=0) ** 2).sum(axis=1))
            knots = np.concatenate([[0], np.cumsum(steps)]) / max(float(steps.sum()), 1e-6)
            root = np.stack([np.interp(fringes.at[number], knots, line[:, k]) for k in range(3)], axis=-1)
            roots.append(root)
            aways.append(root - person.eye_centre(side))
    root, away = np.concatenate(roots), np.concatenate(aways)
    away /= np.sqrt((away * away).sum(axis=1, keepdims=True))
    heading = away * 0.8 + fringes.heading
    heading *= fringes.size / np.sqrt((heading * heading).sum(axis=2, keepdims=True))
    ends = root + np.cumsum(heading, axis=0)
    starts = np.concatenate([root[np.newaxis], ends[:-1]])
    return starts.reshape(-1, 3).astype(np.float32), ends.reshape(-1, 3).astype(np.float32)


class _Fringes(NamedTuple):
    """What all people's lashes share; of the upper lids, left and right, then of the lower ones."""

    at: tuple[Vector, Vector]  # where they grow along an upper and a lower margin, 0–1
    heading: NDArray[np.float64]  # (3, m, 3) of each piece, besides the way out of the ball
    size: NDArray[np.float64]  # (m, 1) cm of a piece


@cache
def _fringes() -> _Fringes:
    """Lashes fan out towards the corners and curl up (down below)."""
    places, headings, sizes = [], [], []
    for count, length, rise in ((54, 0.52, 1.0), (30, 0.26, -1.0)):
        n = np.arange(count)
        at = np.clip(np.linspace(0.10, 0.97, count) + 0.008 * np.sin(n * 2.4), 0, 1)
        size = length * (0.45 + 0.55 * np.sin(np.pi * np.clip(0.15 + at * 0.75, 0, 1)) ** 1.5)
        places.append(freeze(at))
        for outward in (1.0, -1.0):
            fan = outward * (at - 0.42) * 1.1 + 0.10 * np.sin(n * 3.7)
            headings.append([[(x, lift * rise, 0.5) for x in fan.tolist()] for lift in (0.10, 0.45, 0.80)])
            sizes.append(size * (1 + 0.16 * np.sin(n * 5.1)) / 3)
    heading, each = np.concatenate(headings, axis=1), np.concatenate(sizes)[:, np.newaxis]
    return _Fringes((places[0], places[1]), freeze(heading), freeze(each))


class EyeLook(NamedTuple):
    """Both eyes as they are shaded; the gaze is in the frame of the head."""

    red: float
    green: float
    blue: float
    pupil: float  # half-angle, rad
    gaze_x: float
    gaze_y: float
    gaze_z: float
    world_x: float  # the same direction after the head turned
    world_y: float
    world_z: float
    veins: float
    bright_pupil: float  # 1: the lamp beside the lens comes back from the retina


def gaze_direction(yaw: float, pitch: float) -> tuple[float, float, float]:
    """Unit vector of a gaze; yaw > 0 to the picture's right, pitch > 0 up."""
    y, p = math.radians(yaw), math.radians(pitch)
    return (math.sin(y) * math.cos(p), math.sin(p), math.cos(y) * math.cos(p))


def eye_look(values: Values, turn: NDArray[np.float32]) -> EyeLook:
    """The eyes that a simulator's values describe; ``turn`` is the rotation (3, 3) of the head."""
    gaze = gaze_direction(float(values["gaze_yaw"]), float(values["gaze_pitch"]))
    bright = 1.0 if values["sensor"] == "ir" and values["bright_pupil"] == "yes" else 0.0
    return EyeLook(
        *IRIS_COLOURS[str(values["iris_colour"])],
        IRIS_RAD * float(values["pupil_size"]),
        *gaze,
        *_world(gaze, turn),
        float(values["redness"]),
        bright,
    )


def _world(gaze: tuple[float, float, float], turn: NDArray[np.float32]) -> tuple[float, float, float]:
    x, y, z = (turn @ np.array(gaze, np.float32)).tolist()
    return x, y, z


@compiled
def shade_eye(rows: Lane, lit: Lane, first: int, last: int, look: Lane, light: Lane, table: Lane, out: Lane) -> None:
    """Fill ``out`` (3, n) for points of both eyes; the canonical rows hold the direction in the head's frame."""
    rows, lit, out = rows[:, first:last], lit[first:last], out[:, first:last]
    for i in lanes(last - first):
        x, y, z, nx, ny, nz = rows[0, i], rows[1, i], rows[2, i], rows[3, i], rows[4, i], rows[5, i]
        ux, uy, uz = rows[6, i], rows[7, i], rows[8, i]
        size = 1.0 / np.sqrt(ux * ux + uy * uy + uz * uz)
        ux, uy, uz = ux * size, uy * size, uz * size
        # angle from the line of sight, and its direction around it
        ax, ay, az = ux - look.gaze_x, uy - look.gaze_y, uz - look.gaze_z
        chord = np.sqrt(ax * ax + ay * ay + az * az)
        away = chord * (1.0 + chord * chord / 24.0)
        turn_x, turn_y = ax / np.maximum(chord, 1e-4), ay / np.maximum(chord, 1e-4)
        part = away / 0.37
        fibre = (
            noise(table, turn_x * 5.5 + 3.0, turn_y * 5.5, part * 1.1) * 0.65
            + noise(table, turn_x * 12.0, turn_y * 12.0 + 5.0, part * 2.0) * 0.35
        )
        collar = np.exp(-((away - look.pupil - 0.05) / 0.05) * ((away - look.pupil - 0.05) / 0.05))
        ring = 1.0 - 0.75 * step(0.76, 1.0, part)
        tone = (0.40 + 1.25 * fibre) * ring * (1.0 + 0.5 * collar)
        red, green, blue = (
            look.red * tone * (1.0 + 0.5 * collar),
            look.green * tone * (1.0 + 0.2 * collar),
            look.blue * tone,
        )
        black = 1.0 - step(look.pupil - 0.018, look.pupil + 0.018, away)
        red, green, blue = mix(red, 0.004, black), mix(green, 0.004, black), mix(blue, 0.005, black)
        # the white: a little red in the corners, thin veins
        iris = 1.0 - step(0.93, 1.04, part)
        corner = step(0.45, 0.95, np.sqrt(ux * ux + 0.3 * uy * uy))
        vein = step(0.60, 0.75, noise(table, ux * 3.0 + 7.0, uy * 16.0, uz * 3.0)) * (0.25 + corner) * look.veins
        white_r = 0.56 * (1.0 - 0.10 * corner)
        white_g = 0.53 * (1.0 - 0.26 * corner - 0.30 * vein)
        white_b = 0.50 * (1.0 - 0.26 * corner - 0.32 * vein)
        red, green, blue = mix(white_r, red, iris), mix(white_g, green, iris), mix(white_b, blue, iris)
        # lids and lashes keep light away: much from above, a little from below
        over, under = rows[10, i], rows[11, i]
        shelter = (0.22 + 0.78 * step(-0.05, 0.42, over)) * (0.55 + 0.45 * step(-0.05, 0.22, under))
        key = nx * light.key_x + ny * light.key_y + nz * light.key_z
        reach = np.maximum((key + 0.15) / 1.15, 0.0) * lit[i] * (0.35 + 0.65 * shelter)
        fill = np.maximum((nx * light.fill_x + ny * light.fill_y + nz * light.fill_z + 0.2) / 1.2, 0.0) * shelter
        up = (0.5 + 0.5 * ny) * 0.8
        r = red * (reach * light.key_r + fill * light.fill_r + mix(light.ground_r, light.sky_r, up) * shelter * 0.8)
        g = green * (reach * light.key_g + fill * light.fill_g + mix(light.ground_g, light.sky_g, up) * shelter * 0.8)
        b = blue * (reach * light.key_b + fill * light.fill_b + mix(light.ground_b, light.sky_b, up) * shelter * 0.8)
        # the cornea bulges over the iris: its normal leans with the gaze, and mirrors the key light and a window
        vx, vy, vz = facing(light, x, y, z)
        lean = 0.55 * (1.0 - step(0.8, 1.25, part))
        mx, my, mz = nx + lean * (nx - look.world_x), ny + lean * (ny - look.world_y), nz + lean * (nz - look.world_z)
        size = 1.0 / np.sqrt(mx * mx + my * my + mz * mz)
        mx, my, mz = mx * size, my * size, mz * size
        hx, hy, hz = light.key_x + vx, light.key_y + vy, light.key_z + vz
        middle = (mx * hx + my * hy + mz * hz) / np.sqrt(np.maximum(hx * hx + hy * hy + hz * hz, 1e-6))
        glint = np.exp(650.0 * np.log(np.maximum(middle, 1e-3))) * 2.4 * lit[i] * (0.3 + 0.7 * shelter)
        # a window above the camera, seen in the wet surface
        twice = 2.0 * (mx * vx + my * vy + mz * vz)
        rx, ry = twice * mx - vx, twice * my - vy
        pane = (
            step(0.10, 0.16, rx + 0.30)
            * (1.0 - step(0.36, 0.44, rx + 0.30))
            * step(0.28, 0.36, ry)
            * (1.0 - step(0.66, 0.76, ry))
        )
        window = pane * light.catch * 0.16 * shelter
        comes_back = black * look.bright_pupil * 0.55
        out[0, i] = r + glint * light.key_r + window + comes_back
        out[1, i] = g + glint * light.key_g + window + comes_back
        out[2, i] = b + glint * light.key_b + window + comes_back
