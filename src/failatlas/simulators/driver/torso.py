"""Torso: shoulders in clothes with a collar, the seat behind them and the belt across."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache, lru_cache

import numpy as np
from numpy.typing import NDArray

from failatlas.arrays import freeze
from failatlas.simulators.driver.hair import sheet
from failatlas.simulators.driver.head import Faces, Points, head_data
from failatlas.simulators.raster import vertex_normals

CLOTH_THICK = 0.4  # cm between skin and cloth
AXIS_Z = -8.0  # about which a neck is round, cm


@dataclass(frozen=True, slots=True, eq=False)
class Part:
    """Something that does not move with the head; see `material` for the masks."""

    points: Points
    faces: Faces
    masks: NDArray[np.float32]  # (n, 3) two coordinates of the weave (cm), share of trim
    two_sided: bool = False


@dataclass(frozen=True, slots=True)
class Cut:
    """A collar: height of its line in front and behind (cm), and its cross-section from inside to outside.

    Attributes:
        section: (outward, upward) cm from the line on the skin.
        opens: how deep it is parted in front, cm.
    """

    front: float
    back: float
    section: tuple[tuple[float, float], ...]
    opens: float = 0.0


CUTS = {
    "crew": Cut(-15.6, -12.6, ((-0.3, 0.2), (0.15, 0.75), (0.6, 0.8), (1.0, 0.3), (1.1, -0.6), (1.0, -1.6))),
    "high": Cut(-14.2, -10.5, ((-0.2, 1.4), (0.3, 2.2), (0.8, 2.1), (1.0, 0.8), (1.1, -0.6), (1.3, -2.2))),
    "shirt": Cut(
        -14.9, -11.6, ((-0.2, 0.9), (0.3, 1.7), (0.8, 1.8), (1.7, 0.5), (2.3, -1.0), (2.3, -1.3), (1.2, -1.8)), 2.6
    ),
}
COLLARS = tuple(CUTS)


@lru_cache(maxsize=len(COLLARS))
def clothes(collar: str) -> tuple[Part, Part, Part]:
    """Bare neck below the head, shoulders in cloth, and collar; the neck ends in the same ring for every person."""
    data, cut = head_data(), CUTS[collar]
    line = _line(cut, np.arctan2(data.torso[:, 0], data.torso[:, 2] - AXIS_Z))
    bare = (data.torso[:, 1] > line)[data.torso_faces].any(axis=1)
    body = data.torso + vertex_normals(data.torso, data.torso_faces) * np.float32(CLOTH_THICK)
    around = np.arctan2(body[:, 0], body[:, 2] - AXIS_Z) * 9
    masks = np.stack([around, body[:, 1], np.zeros(len(body))], axis=-1).astype(np.float32)
    dressed = ~(data.torso[:, 1] > line + 0.6)[data.torso_faces].any(axis=1)
    neck = Part(data.torso, freeze(data.torso_faces[bare]), freeze(np.zeros_like(masks)))
    return neck, Part(freeze(body), freeze(data.torso_faces[dressed]), freeze(masks)), _collar(cut)


def _line(cut: Cut, turn: NDArray[np.floating]) -> NDArray[np.float64]:
    """Height of a collar's line at an azimuth about the neck; 0 is in front."""
    return cut.back + (cut.front - cut.back) * (0.5 + 0.5 * np.cos(turn.astype(np.float64)))


def _collar(cut: Cut) -> Part:
    n = 40
    turn = np.linspace(-math.pi, math.pi, n + 1)
    base, skin = _line(cut, turn), head_data().torso.astype(np.float64)
    azimuth, reach = np.arctan2(skin[:, 0], skin[:, 2] - AXIS_Z), np.hypot(skin[:, 0], skin[:, 2] - AXIS_Z)
    apart = np.abs((azimuth - turn[:, np.newaxis] + math.pi) % (2 * math.pi) - math.pi)
    near = np.exp(-((apart / 0.18) ** 2) - ((skin[:, 1] - base[:, np.newaxis]) / 0.7) ** 2)
    radius = (near * reach).sum(axis=1) / near.sum(axis=1)
    out, up = np.array(cut.section).T[..., np.newaxis]
    part = cut.opens * np.exp(-((turn / 0.42) ** 2))
    rise = up - part * np.clip(up + 0.5, 0, None) / 2.3
    wide = radius + out
    points = np.stack([wide * np.sin(turn), base + rise, AXIS_Z + wide * np.cos(turn)], axis=-1)
    masks = np.stack(np.broadcast_arrays(turn * 9, up, 0.0 if cut.opens else 1.0), -1).reshape(-1, 3)
    faces = sheet(len(cut.section), n + 1)[:, ::-1].copy()
    return Part(freeze(points.reshape(-1, 3).astype(np.float32)), freeze(faces), freeze(masks.astype(np.float32)), True)


@cache
def seat() -> Part:
    """Backrest and headrest."""
    head = _cushion((0.0, -0.5, -25.5), (12.5, 9.0, 4.2), 3.2)
    back = _cushion((0.0, -44.0, -24.5), (25.0, 30.0, 7.0), 4.0)
    posts = [_cushion((sign * 5.0, -12.0, -26.0), (0.7, 5.0, 0.7), 2.0) for sign in (-1, 1)]
    parts = [head, back, *posts]
    start = np.cumsum([0] + [len(points) for points, _, _ in parts])
    return Part(
        freeze(np.concatenate([points for points, _, _ in parts])),
        freeze(np.concatenate([f + o for (_, f, _), o in zip(parts, start, strict=False)]).astype(np.int32)),
        freeze(np.concatenate([m for _, _, m in parts])),
    )


def _cushion(
    centre: tuple[float, float, float], half: tuple[float, float, float], power: float
) -> tuple[Points, Faces, NDArray[np.float32]]:
    """A superellipsoid: a box with round edges, rounder for a small power."""
    n, m = 11, 21
    polar, turn = np.meshgrid(np.linspace(0, math.pi, n), np.linspace(0, 2 * math.pi, m), indexing="ij")
    unit = np.stack([np.sin(polar) * np.cos(turn), np.cos(polar), np.sin(polar) * np.sin(turn)], axis=-1)
    shaped = unit / ((np.abs(unit) ** power).sum(axis=-1, keepdims=True)) ** (1 / power)
    points = (np.array(centre) + shaped * np.array(half)).reshape(-1, 3).astype(np.float32)
    masks = np.stack([points[:, 0], points[:, 1], 0 * points[:, 0]], axis=-1)
    return points, sheet(n, m)[:, ::-1].copy(), masks


def belt(shoulders: Part, side: str) -> Part:
    """A belt from the pillar over one shoulder and across the chest, laid on the clothes."""
    sign = 1.0 if side == "left" else -1.0
    key = np.array(
        [[19, -7, -27], [13.5, -12.0, -17], [11.2, -13.0, -9], [8.5, -17, 0], [3, -25, 5], [-6, -38, 8]], float
    )
    t = np.linspace(0, len(key) - 1, 26)
    path = np.stack([np.interp(t, np.arange(len(key)), key[:, k]) for k in range(3)], axis=-1)
    path[:, 0] *= sign
    body, normals = shoulders.points, vertex_normals(shoulders.points, shoulders.faces)
    for _ in range(2):
        distance, near = _nearest(body, path[6:], 4)
        weight = 1 / (distance + 0.5) ** 2
        weight = (weight / weight.sum(axis=1, keepdims=True))[..., np.newaxis]
        on, away = (body[near] * weight).sum(axis=1), (normals[near] * weight).sum(axis=1)
        lift = ((path[6:] - on) * away).sum(axis=1, keepdims=True)
        path[6:] = path[6:] + away * (0.55 - lift)
    smooth = path.copy()
    smooth[1:-1] = (path[:-2] + 2 * path[1:-1] + path[2:]) / 4
    along = np.gradient(smooth, axis=0)
    along /= np.linalg.norm(along, axis=1, keepdims=True)
    up = normals[_nearest(body, smooth, 1)[1][:, 0]]
    aside = np.cross(along, up)
    aside /= np.linalg.norm(aside, axis=1, keepdims=True)
    left, right = smooth - 2.3 * aside, smooth + 2.3 * aside
    points = np.stack([left, smooth + 0.12 * up, right], axis=1).reshape(-1, 3).astype(np.float32)
    masks = np.stack(np.broadcast_arrays(t[:, np.newaxis] * 2, np.array([0.0, 2.3, 4.6]), 0.0), -1).reshape(-1, 3)
    return Part(freeze(points), freeze(sheet(len(path), 3)), freeze(masks.astype(np.float32)), True)


def _nearest(body: Points, places: NDArray[np.float64], k: int) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """(n, k) distances and vertices; for two dozen places quicker than the import of a tree."""
    away = np.sqrt(((places[:, np.newaxis] - body) ** 2).sum(axis=2))
    near = np.argsort(away, axis=1, kind="stable")[:, :k]
    return np.take_along_axis(away, near, axis=1), near
