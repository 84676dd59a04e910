"""Painting: backdrop, pole, plate, occluder and weather over one another, one compiled pass each."""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from failatlas.arrays import Indices
from failatlas.simulators.compiled import compiled, lanes, select
from failatlas.simulators.effects import Light as Picture
from failatlas.simulators.road.noise import mix, table
from failatlas.simulators.signs.backdrop import Place, behind
from failatlas.simulators.signs.drawings import Level, Texture
from failatlas.simulators.signs.geometry import Geometry, on_plate
from failatlas.simulators.signs.light import Light, fogged
from failatlas.simulators.signs.occlusion import Occluder, before, reached
from failatlas.simulators.signs.plate import Stickers, Surface, back, cap, face, pole, rim, second
from failatlas.simulators.signs.weather import Weather, drops


class Scene(NamedTuple):
    """All that one picture is painted from."""

    geometry: Geometry
    light: Light
    place: Place
    surface: Surface
    stickers: Stickers
    occluder: Occluder
    weather: Weather
    level: Level
    texture: Texture


class Painting(NamedTuple):
    """What was painted.

    Attributes:
        light: (h, w, 3) float32 linear light.
        plate: (h, w) float32, share of each pixel that the seen side of the plate covers, hidden or not.
        visible: (h, w) float32, share that shows the drawing; 0 where the back is seen.
    """

    light: Picture
    plate: NDArray[np.float32]
    visible: NDArray[np.float32]


def painted(scene: Scene) -> Painting:
    """Paint a scene, as wide as high."""
    width = int(scene.geometry.width)
    rows, columns = _pixels(width)
    picture = np.empty((width * width, 3), np.float32)
    shares = np.zeros((width * width, 2), np.float32)
    common = (scene.light, scene.geometry, table(), columns, rows)
    _paint_backdrop(scene.place, *common, picture)
    if scene.geometry.front:
        _paint_pole(*common, picture)
    at = _inside(scene, columns, rows)
    here = (scene.light, scene.geometry, table(), columns[at], rows[at])
    if scene.geometry.front:
        _paint_front(scene.surface, scene.level, scene.texture, scene.stickers, *here, at, picture, shares)
    else:
        _paint_back(scene.surface, scene.texture, *here, at, picture, shares)
        _paint_pole(*common, picture)
    if scene.occluder.share:
        at = reached(scene.occluder, scene.geometry, columns, rows)
        here = (scene.light, scene.geometry, table(), columns[at], rows[at])
        _paint_occluder(scene.occluder, *here, at, picture, shares)
    if scene.weather.rain or scene.weather.snow:
        _paint_weather(scene.weather, *common, picture, shares)
    shape = (width, width)
    return Painting(picture.reshape(*shape, 3), shares[:, 0].reshape(shape), shares[:, 1].reshape(shape))


@lru_cache(maxsize=256)
def _pixels(width: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Row and column of each pixel's middle; 150 kB at 96 px."""
    rows, columns = np.mgrid[0.5:width, 0.5:width].reshape(2, -1)
    return rows, columns


def _inside(scene: Scene, columns: NDArray[np.float64], rows: NDArray[np.float64]) -> NDArray[np.int64]:
    """Pixels where the plate, its rim, its snow or the plate below it may be."""
    geometry = scene.geometry
    u, v, w = on_plate(geometry.near, columns, rows)
    u1, v1, w1 = on_plate(geometry.far, columns, rows)
    rim_u, rim_v = 3 * geometry.grain + 0.02, 3 * geometry.grain + 0.02 + 1.4 * scene.surface.cap
    inside = (np.abs(u) < 1 + rim_u) & (v < 1 + rim_v) & (v > -1 - rim_u - 1.2 * scene.surface.second) & (w > 0)
    inside |= (np.abs(u1) < 1 + rim_u) & (np.abs(v1) < 1 + rim_v) & (w1 > 0)
    return np.flatnonzero(inside)


@compiled
def _paint_backdrop(
    place: Place,
    light: Light,
    geometry: Geometry,
    grid: NDArray[np.float32],
    columns: NDArray[np.float64],
    rows: NDArray[np.float64],
    out: Picture,
) -> None:
    for i in lanes(columns.shape[0]):
        r, g, b = behind(place, light, geometry, grid, columns[i], rows[i])
        out[i, 0] = r
        out[i, 1] = g
        out[i, 2] = b


@compiled
def _paint_pole(
    light: Light,
    geometry: Geometry,
    grid: NDArray[np.float32],
    columns: NDArray[np.float64],
    rows: NDArray[np.float64],
    out: Picture,
) -> None:
    for i in lanes(columns.shape[0]):
        r, g, b, a = pole(light, geometry, grid, columns[i], rows[i])
        out[i, 0] = mix(out[i, 0], r, a)
        out[i, 1] = mix(out[i, 1], g, a)
        out[i, 2] = mix(out[i, 2], b, a)


@compiled
def _paint_front(
    surface: Surface,
    level: Level,
    texture: Texture,
    labels: Stickers,
    light: Light,
    geometry: Geometry,
    grid: NDArray[np.float32],
    columns: NDArray[np.float64],
    rows: NDArray[np.float64],
    at: Indices,
    out: Picture,
    shares: NDArray[np.float32],
) -> None:
    for i in lanes(columns.shape[0]):
        u, v, w = on_plate(geometry.near, columns[i], rows[i])
        seen = select(w > 0.0, 1.0, 0.0)
        red, green, blue = out[at[i], 0], out[at[i], 1], out[at[i], 2]
        if geometry.rim > 0.0:
            edge = rim(geometry, texture, columns[i], rows[i])
            r, g, b = fogged(light, 0.36 * light.edge, 0.36 * light.edge, 0.37 * light.edge, geometry.distance)
            red, green, blue = mix(red, r, edge), mix(green, g, edge), mix(blue, b, edge)
        if surface.second > 0.0:
            white, a = second(surface, geometry, grid, u, v)
            r, g, b = fogged(
                light,
                white * (light.face_r + light.sun_r + light.retro),
                white * (light.face_g + light.sun_g + light.retro),
                white * (light.face_b + light.sun_b + light.retro),
                geometry.distance,
            )
            red, green, blue = mix(red, r, a * seen), mix(green, g, a * seen), mix(blue, b, a * seen)
        r, g, b, a, hidden = face(surface, light, geometry, level, texture, grid, labels, u, v)
        a = a * seen
        r, g, b = fogged(light, r, g, b, geometry.distance)
        red, green, blue = mix(red, r, a), mix(green, g, a), mix(blue, b, a)
        if surface.cap > 0.0:
            snow = cap(surface, texture, grid, u, v) * seen
            r, g, b = fogged(
                light,
                0.80 * (light.shade_r * 1.3 + light.beam_r),
                0.82 * (light.shade_g * 1.3 + light.beam_g),
                0.86 * (light.shade_b * 1.3 + light.beam_b),
                geometry.distance,
            )
            red, green, blue = mix(red, r, snow), mix(green, g, snow), mix(blue, b, snow)
            hidden = 1.0 - (1.0 - hidden) * (1.0 - snow)
        out[at[i], 0] = red
        out[at[i], 1] = green
        out[at[i], 2] = blue
        shares[at[i], 0] = a
        shares[at[i], 1] = a * (1.0 - hidden)


@compiled
def _paint_back(
    surface: Surface,
    texture: Texture,
    light: Light,
    geometry: Geometry,
    grid: NDArray[np.float32],
    columns: NDArray[np.float64],
    rows: NDArray[np.float64],
    at: Indices,
    out: Picture,
    shares: NDArray[np.float32],
) -> None:
    for i in lanes(columns.shape[0]):
        u, v, w = on_plate(geometry.near, columns[i], rows[i])
        seen = select(w > 0.0, 1.0, 0.0)
        edge = rim(geometry, texture, columns[i], rows[i])
        r, g, b = fogged(light, 0.36 * light.edge, 0.36 * light.edge, 0.37 * light.edge, geometry.distance)
        red, green, blue = mix(out[at[i], 0], r, edge), mix(out[at[i], 1], g, edge), mix(out[at[i], 2], b, edge)
        r, g, b, a = back(light, texture, grid, surface, u, v)
        a = a * seen
        r, g, b = fogged(light, r, g, b, geometry.distance)
        out[at[i], 0] = mix(red, r, a)
        out[at[i], 1] = mix(green, g, a)
        out[at[i], 2] = mix(blue, b, a)
        shares[at[i], 0] = a


@compiled
def _paint_occluder(
    occluder: Occluder,
    light: Light,
    geometry: Geometry,
    grid: NDArray[np.float32],
    columns: NDArray[np.float64],
    rows: NDArray[np.float64],
    at: Indices,
    out: Picture,
    shares: NDArray[np.float32],
) -> None:
    for i in lanes(columns.shape[0]):
        r, g, b, a = before(occluder, light, geometry, grid, columns[i], rows[i])
        out[at[i], 0] = mix(out[at[i], 0], r, a)
        out[at[i], 1] = mix(out[at[i], 1], g, a)
        out[at[i], 2] = mix(out[at[i], 2], b, a)
        shares[at[i], 1] = shares[at[i], 1] * (1.0 - a)


@compiled
def _paint_weather(
    weather: Weather,
    light: Light,
    geometry: Geometry,
    grid: NDArray[np.float32],
    columns: NDArray[np.float64],
    rows: NDArray[np.float64],
    out: Picture,
    shares: NDArray[np.float32],
) -> None:
    for i in lanes(columns.shape[0]):
        white, a = drops(weather, light, geometry, grid, columns[i], rows[i])
        out[i, 0] = mix(out[i, 0], white, a)
        out[i, 1] = mix(out[i, 1], white, a)
        out[i, 2] = mix(out[i, 2], white, a)
        shares[i, 1] = shares[i, 1] * (1.0 - a)
