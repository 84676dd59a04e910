"""Hair: nine styles from one hairline, a scalp that is pushed outward, and what falls or is tied behind.

Short hair is the scalp itself, thicker, so its edge is drawn per pixel and stays smooth at any size; long hair adds a
curtain around the head, a bun a ball, a ponytail a tube.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from failatlas.arrays import freeze
from failatlas.parameters import Values
from failatlas.simulators.compiled import Lane, compiled, lanes
from failatlas.simulators.driver.head import Faces, Identity, Points, head_data
from failatlas.simulators.driver.light import facing
from failatlas.simulators.driver.pattern import bump, mix, noise, peak, step

HAIR_COLOURS = {
    "black": (0.016, 0.014, 0.013),
    "brown": (0.060, 0.039, 0.026),
    "auburn": (0.105, 0.047, 0.027),
    "blond": (0.300, 0.215, 0.120),
    "grey": (0.230, 0.225, 0.220),
    "white": (0.560, 0.550, 0.530),
}


@dataclass(frozen=True, slots=True)
class Style:
    """How hair is cut; lengths in cm.

    Attributes:
        cover: how well it hides the scalp, 0–1.
        thick: distance of its surface from the scalp; top: what is added on the crown.
        front: height of the hairline above the eyes; recess: how far it recedes at the temples; nape, side: how far it
            is pulled up at the nape and beside the ears.
        falls: height at which a curtain ends (0: no curtain); opens: half-angle of the face it leaves free, deg.
        tied: what is behind the head.
    """

    cover: float
    thick: float
    top: float = 0.0
    front: float = 6.3
    recess: float = 0.6
    nape: float = 0.0
    side: float = 0.0
    falls: float = 0.0
    opens: float = 60.0
    tied: str = ""


STYLES = {
    "bald": Style(0.0, 0.0),
    "crop": Style(0.80, 0.12, recess=1.1),
    "short": Style(1.0, 0.6, top=0.7),
    "side": Style(1.0, 0.45, top=1.7, nape=1.2, recess=0.3),
    "afro": Style(1.0, 2.3, top=1.0, recess=0.2),
    "bob": Style(1.0, 0.8, top=0.4, front=6.0, falls=-10.0, opens=54.0),
    "long": Style(1.0, 0.8, top=0.5, front=6.2, falls=-23.0, opens=54.0),
    "bun": Style(1.0, 0.4, front=6.4, recess=0.2, tied="bun"),
    "ponytail": Style(1.0, 0.4, front=6.3, recess=0.2, tied="tail"),
}


class HairLook(NamedTuple):
    """Hair as it is shaded."""

    red: float
    green: float
    blue: float
    gloss: float
    cover: float
    front: float
    recess: float
    nape: float
    side: float


def hair_look(values: Values) -> HairLook:
    """The hair that a simulator's values describe."""
    style = STYLES[str(values["hair_style"])]
    gloss = 0.12 if values["hair_style"] in ("crop", "afro") else 0.5
    line = style.front + float(values["hairline"])
    return HairLook(
        *HAIR_COLOURS[str(values["hair_colour"])], gloss, style.cover, line, style.recess, style.nape, style.side
    )


@compiled
def hairline(hair: Lane, x: Lane, y: Lane, z: Lane) -> Lane:
    """Height above the hairline at a place of the canonical head, cm; above 0 hair grows.

    The line runs from the forehead over temples and sideburns behind the ears to the nape, as a sum of ramps over the
    cosine of the azimuth about the head's axis, so that no angle needs to be computed.
    """
    back = z + 7.0
    t = 1.0 - back / np.sqrt(x * x + back * back + 1e-6)  # 0 in front, 1 at the ears, 2 behind
    line = hair.front + hair.recess * bump(t, 0.20, 0.12)
    line = line - (hair.front - 2.2) * step(0.27, 0.56, t) - 3.4 * step(0.56, 0.70, t)
    line = line - (2.4 - hair.side) * step(0.95, 1.30, t) - (4.3 - hair.nape) * step(1.15, 1.85, t)
    return y - line


def thickness(style: Style, colour: HairLook) -> NDArray[np.float32]:
    """(v,) cm by which each vertex of the head is pushed out along its normal."""
    x, y, z = head_data().mean.astype(np.float64).T
    above = above_line(colour)
    edge = np.clip((above + 0.1) / 2.2, 0, 1)
    edge = np.sqrt(edge) * (2 - edge) * np.clip(edge * 6, 0, 1)
    crown = np.clip((y - 3.0) / 6.0, 0, 1)
    lump = 0.85 + 0.3 * np.asarray(_lump(x, y, z))
    return freeze((edge * (style.thick + style.top * crown * crown * (3 - 2 * crown)) * lump).astype(np.float32))


def above_line(colour: HairLook) -> NDArray[np.float64]:
    """(v,) cm above the hairline of every vertex of the head; far below 0 on the ears."""
    data = head_data()
    plain = getattr(hairline, "py_func", hairline)  # on arrays
    above: NDArray[np.float64] = plain(colour, *data.mean.astype(np.float64).T) - 20.0 * data.ears
    return above


def _lump(x: Lane, y: Lane, z: Lane) -> Lane:
    return np.sin(1.1 * x + 0.7 * z) * np.cos(0.9 * y - 0.5 * z)


@dataclass(frozen=True, slots=True, eq=False)
class Hair:
    """Hair beyond the scalp, in the upright head's frame; empty for short styles.

    Attributes:
        points: (n, 3).  follows: (n,) share of the head's turn that each takes part in.
        faces: seen from both sides.
    """

    points: Points
    faces: Faces
    follows: NDArray[np.float32]


def hair(style: Style, person: Identity) -> Hair:
    """What falls or is tied, fitted to a person."""
    if style.falls:
        points, faces = _curtain(style)
    elif style.tied == "bun":
        points, faces = _ball(np.array([0.0, 6.2, -18.2]), np.array([3.3, 3.1, 3.0]))
    elif style.tied == "tail":
        points, faces = _tail()
    else:
        nothing = np.zeros((0, 3), np.float32)
        return Hair(nothing, np.zeros((0, 3), np.int32), np.zeros(0, np.float32))
    near = _nearest_scalp(points)
    fitted = (points + (person.rest - head_data().mean)[near]).astype(np.float32)
    follows = np.clip(1 + (points[:, 1] + 7) / 22, 0.3, 1).astype(np.float32)
    return Hair(freeze(fitted), freeze(faces), freeze(follows))


def _nearest_scalp(points: Points) -> NDArray[np.int64]:
    from scipy.spatial import cKDTree

    data = head_data()
    outside = np.flatnonzero((data.inside < 0.5) & (data.ears < 0.5) & (data.lids < 0.1))
    found: NDArray[np.int64] = outside[cKDTree(data.mean[outside]).query(points)[1]]
    return found


@cache
def _profile() -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Azimuths (rad, 0 in front), heights, and radius of the mean head about its axis (x = 0, z = −7)."""
    data = head_data()
    keep = data.inside < 0.5
    x, y, z = data.mean[keep].astype(np.float64).T
    azimuth, radius = np.arctan2(x, z + 7), np.hypot(x, z + 7)
    columns, heights = np.linspace(-math.pi, math.pi, 61), np.arange(10.0, -12.1, -0.8)
    out = np.zeros((len(heights), len(columns)))
    for i, height in enumerate(heights):
        for j, angle in enumerate(columns):
            turn = np.abs((azimuth - angle + math.pi) % (2 * math.pi) - math.pi)
            weight = np.exp(-((turn / 0.16) ** 2) - ((y - height) / 0.9) ** 2)
            out[i, j] = (weight * radius).sum() / weight.sum() if weight.sum() > 1e-3 else 0
    return columns, heights, out


def _curtain(style: Style) -> tuple[Points, Faces]:
    columns, heights, radii = _profile()
    opens = math.radians(style.opens)
    angle = np.linspace(opens, 2 * math.pi - opens, 52)  # from the left temple round the back to the right one
    height = np.concatenate([np.arange(9.6, -6, -0.9), np.linspace(-6.5, style.falls, max(4, int(-6 - style.falls)))])
    wrapped = (angle + math.pi) % (2 * math.pi) - math.pi
    grid = np.empty((len(height), len(angle)))
    order = np.argsort(columns)
    for i, y in enumerate(height):
        row = np.array([np.interp(-y, -heights, radii[:, j]) for j in range(len(columns))])
        grid[i] = np.interp(wrapped, columns[order], row[order])
    grid = np.maximum.accumulate(grid, axis=0)  # hair hangs: below the widest place it does not turn inward
    down = np.clip((9.0 - height) / 9, 0, 1)[:, np.newaxis]
    grid += (
        style.thick * 0.2 * (1 - down)
        - 0.8 * np.clip((height - 6.5) / 3, 0, 1)[:, np.newaxis]
        + 1.7 * np.sqrt(down)
        + 0.4 * down * np.sin(angle * 9) * np.sin(angle * 4 + 1)
    )
    below = np.clip((-6 - height) / 12, 0, 1)[:, np.newaxis]
    grid -= 1.6 * below  # and gathers a little below the jaw
    # the edge beside the face curves inward, so that no rim is seen from the front
    side = np.minimum(angle - opens, 2 * math.pi - opens - angle)
    grid -= 1.0 * np.exp(-((side / 0.16) ** 2)) * down
    back = 0.5 - 0.5 * np.cos(angle)  # 1 behind
    tips = (
        height[:, np.newaxis] + below * (0.9 * np.sin(angle * 23) + 0.6 * np.sin(angle * 41 + 2)) - 1.5 * below * back
    )
    swept = angle + 0 * tips
    x, z = grid * np.sin(swept), grid * np.cos(swept) - 7
    points = np.stack([x, tips, z], axis=-1).reshape(-1, 3).astype(np.float32)
    return points, sheet(len(height), len(angle))


def _ball(centre: NDArray[np.float64], axes: NDArray[np.float64]) -> tuple[Points, Faces]:
    n, m = 11, 18
    polar, turn = np.meshgrid(np.linspace(0, math.pi, n), np.linspace(0, 2 * math.pi, m), indexing="ij")
    swirl = 1 + 0.05 * np.sin(turn * 3 + polar * 6)
    unit = np.stack([np.sin(polar) * np.cos(turn), np.sin(polar) * np.sin(turn), np.cos(polar)], axis=-1)
    points = (centre + unit * axes * swirl[..., np.newaxis]).reshape(-1, 3).astype(np.float32)
    return points, sheet(n, m)


def _tail() -> tuple[Points, Faces]:
    n, m = 16, 12
    t = np.linspace(0, 1, n)
    middle = np.stack(
        [0.6 * np.sin(2 * t), 6.5 - 24 * t**1.3 + 2.2 * np.sin(3.1 * t), -17.3 - 3.4 * np.sin(2.6 * t)], 1
    )
    radius = 1.0 + 1.5 * np.sin(math.pi * np.clip(t * 1.05, 0, 1)) ** 0.8 - 0.6 * t
    turn = np.linspace(0, 2 * math.pi, m)
    ring = np.stack([np.cos(turn), np.zeros(m), np.sin(turn)], axis=-1)
    points = (middle[:, np.newaxis] + ring * radius[:, np.newaxis, np.newaxis]).reshape(-1, 3).astype(np.float32)
    return points, sheet(n, m)


def sheet(n: int, m: int) -> Faces:
    """(2 (n − 1) (m − 1), 3) triangles of a grid of n rows and m columns, row by row."""
    corner = (np.arange(n - 1)[:, np.newaxis] * m + np.arange(m - 1)).ravel()
    first = np.stack([corner, corner + m, corner + 1], axis=-1)
    second = np.stack([corner + 1, corner + m, corner + m + 1], axis=-1)
    return np.concatenate([first, second]).astype(np.int32)


@compiled
def strands(table: Lane, x: Lane, y: Lane, z: Lane) -> Lane:
    """Streaks along hair at a place of the canonical head, in [0, 1); mean 0.5."""
    return noise(table, x * 5.5, y * 0.45, z * 5.5) * 0.6 + noise(table, x * 14.0, y * 1.1, z * 14.0) * 0.4


@compiled
def fibre(
    look: Lane,
    light: Lane,
    x: Lane,
    y: Lane,
    z: Lane,
    nx: Lane,
    ny: Lane,
    nz: Lane,
    lit: Lane,
    ao: Lane,
    strand: Lane,
) -> Lane:
    """Linear light of hair whose strands run downward in the surface.

    Source: Kajiya and Kay, SIGGRAPH 1989: the highlight follows the sine of the angle to the strand.
    """
    vx, vy, vz = facing(light, x, y, z)
    tx, ty, tz = ny * nx, ny * ny - 1.0, ny * nz
    size = 1.0 / np.sqrt(np.maximum(tx * tx + ty * ty + tz * tz, 0.02))
    tilt = 0.55 * (strand - 0.5)
    tx, ty, tz = tx * size + nx * tilt, ty * size + ny * tilt, tz * size + nz * tilt
    key = nx * light.key_x + ny * light.key_y + nz * light.key_z
    reach = (1.0 - (1.0 - lit) * step(-0.05, 0.25, key)) * np.maximum((key + 0.25) / 1.25, 0.0)
    hx, hy, hz = light.key_x + vx, light.key_y + vy, light.key_z + vz
    middle = (tx * hx + ty * hy + tz * hz) / np.sqrt(np.maximum(hx * hx + hy * hy + hz * hz, 1e-6))
    # rougher than a real fibre's: a pixel holds many that point apart
    shine = peak(np.maximum(1.0 - middle * middle, 0.0), 26.0) * reach * look.gloss * (0.04 + 0.16 * strand)
    # light that went through a fibre comes back coloured, in a wider lobe
    through = np.maximum(1.0 - middle * middle, 0.0)
    through = 1.0 + 1.3 * through * through * through
    up = 0.5 + 0.5 * ny
    fill = np.maximum((nx * light.fill_x + ny * light.fill_y + nz * light.fill_z + 0.35) / 1.35, 0.0)
    tone = 0.45 + 1.1 * strand
    r = through * reach * light.key_r + fill * light.fill_r + mix(light.ground_r, light.sky_r, up) * ao
    g = through * reach * light.key_g + fill * light.fill_g + mix(light.ground_g, light.sky_g, up) * ao
    b = through * reach * light.key_b + fill * light.fill_b + mix(light.ground_b, light.sky_b, up) * ao
    return (
        look.red * tone * r + shine * light.key_r,
        look.green * tone * g + shine * light.key_g,
        look.blue * tone * b + shine * light.key_b,
    )


@compiled
def shade_hair(rows: Lane, lit: Lane, first: int, last: int, look: Lane, light: Lane, table: Lane, out: Lane) -> None:
    """Fill ``out`` (3, n) for points of hair."""
    rows, lit, out = rows[:, first:last], lit[first:last], out[:, first:last]
    for i in lanes(last - first):
        strand = strands(table, rows[6, i], rows[7, i], rows[8, i])
        r, g, b = fibre(
            look,
            light,
            rows[0, i],
            rows[1, i],
            rows[2, i],
            rows[3, i],
            rows[4, i],
            rows[5, i],
            lit[i],
            rows[9, i],
            strand,
        )
        out[0, i] = r
        out[1, i] = g
        out[2, i] = b
