"""Painting: backdrop, pole, plate, occluder and weather over one another, one compiled pass each."""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from failatlas.arrays import Indices
from failatlas.simulators.compiled import compiled, lanes, select
from failatlas.simulators.effects import Light as Picture
from failatlas.simulators.noise import mix, table
from failatlas.simulators.record import Records, record
from failatlas.simulators.signs.backdrop import Place, behind
from failatlas.simulators.signs.drawings import Level, Texture
from failatlas.simulators.signs.geometry import Geometry, on_plate
from failatlas.simulators.signs.light import Light, veiled
from failatlas.simulators.signs.occlusion import Occluder, before, reached
from failatlas.simulators.signs.plate import Stickers, Surface, back, cap, face, pole, rim, second
from failatlas.simulators.signs.weather import Weather, drops
from failatlas.simulators.skipping import some

HIDDEN = 1e-4  # of a pixel: what is less clear than this shows nothing that lies behind


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
    """Paint a scene, as wide as high.

    Plate, pole and backdrop are painted from near to far, so that what the plate hides is not computed.
    """
    width = int(scene.geometry.width)
    rows, columns = _pixels(width)
    picture = np.zeros((width * width, 3), np.float32)
    clear = np.ones(width * width, np.float32)
    shares = np.zeros((width * width, 2), np.float32)
    geometry, surface = record(scene.geometry), record(scene.surface)
    common = (record(scene.light), geometry, table(), columns, rows)
    at = _inside(surface, geometry, columns, rows)
    post = _along(scene.geometry)
    if scene.geometry.front:
        level = record(scene.level)
        _paint_front(surface, level, scene.texture, scene.stickers, *common, at, picture, clear, shares)
        _paint_pole(*common, post, picture, clear)
    else:
        _paint_pole(*common, post, picture, clear)
        _paint_back(surface, scene.texture, *common, at, picture, clear, shares)
    _paint_backdrop(record(scene.place), *common, picture, clear)
    if scene.occluder.share:
        at = reached(scene.occluder, scene.geometry, columns, rows)
        _paint_occluder(record(scene.occluder), *common, at, picture, shares)
    if scene.weather.rain or scene.weather.snow:
        _paint_weather(record(scene.weather), *common, picture, shares)
    shape = (width, width)
    return Painting(picture.reshape(*shape, 3), shares[:, 0].reshape(shape), shares[:, 1].reshape(shape))


@lru_cache(maxsize=256)
def _pixels(width: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Row and column of each pixel's middle; 150 kB at 96 px."""
    rows, columns = np.mgrid[0.5:width, 0.5:width].reshape(2, -1)
    return rows, columns


def _inside(
    surface: Records,
    geometry: Records,
    columns: NDArray[np.float64],
    rows: NDArray[np.float64],
) -> Indices:
    """Pixels where the plate, its rim, its snow or the plate below it may be."""
    there = np.empty(len(columns), np.bool_)
    _find_plate(surface, geometry, columns, rows, there)
    return np.flatnonzero(there)


@compiled
def _find_plate(
    surfaces: Records,
    geometries: Records,
    columns: NDArray[np.float64],
    rows: NDArray[np.float64],
    there: NDArray[np.bool_],
) -> None:
    surface, geometry = surfaces[0], geometries[0]
    edge = 1.02 + 3.0 * geometry.grain
    above, below = edge + 1.4 * surface.cap, edge + 1.2 * surface.second
    for i in lanes(columns.shape[0]):
        u, v, w = on_plate(geometry.near, columns[i], rows[i])
        near = (np.abs(u) < edge) & (v < above) & (v > -below) & (w > 0.0)
        u, v, w = on_plate(geometry.far, columns[i], rows[i])
        there[i] = near | ((np.abs(u) < edge) & (np.abs(v) < above) & (w > 0.0))


def _along(geometry: Geometry) -> Indices:
    """Pixels where the pole may be: those between its outermost columns."""
    width = int(geometry.width)
    lean = geometry.pole_down_x / geometry.pole_down_y
    length = width / geometry.pole_down_y
    half = (geometry.pole_half + abs(geometry.pole_taper) * length + 2.0) / geometry.pole_down_y
    top = geometry.pole_y + geometry.pole_top * geometry.pole_down_y - half
    first = min(max(int(top), 0), width)
    ends = [geometry.pole_x + lean * (row - geometry.pole_y) for row in (first, width)]
    left, right = max(int(min(ends) - half), 0), min(int(max(ends) + half) + 1, width)
    columns = np.arange(left, max(left, right))
    return (np.arange(first * width, width * width, width)[:, None] + columns).ravel()


@compiled
def _paint_backdrop(
    places: Records,
    lights: Records,
    geometries: Records,
    grid: NDArray[np.float32],
    columns: NDArray[np.float64],
    rows: NDArray[np.float64],
    out: Picture,
    clear: NDArray[np.float32],
) -> None:
    place, light, geometry = places[0], lights[0], geometries[0]
    for i in lanes(columns.shape[0]):
        if some(clear[i] > HIDDEN):
            r, g, b = behind(place, light, geometry, grid, columns[i], rows[i])
            out[i, 0] += clear[i] * r
            out[i, 1] += clear[i] * g
            out[i, 2] += clear[i] * b


@compiled
def _paint_pole(
    lights: Records,
    geometries: Records,
    grid: NDArray[np.float32],
    columns: NDArray[np.float64],
    rows: NDArray[np.float64],
    at: Indices,
    out: Picture,
    clear: NDArray[np.float32],
) -> None:
    light, geometry = lights[0], geometries[0]
    for i in lanes(at.shape[0]):
        left = clear[at[i]]
        if some(left > HIDDEN):
            r, g, b, a = pole(light, geometry, grid, columns[at[i]], rows[at[i]])
            out[at[i], 0] += left * a * r
            out[at[i], 1] += left * a * g
            out[at[i], 2] += left * a * b
            clear[at[i]] = left * (1.0 - a)


@compiled
def _paint_front(
    surfaces: Records,
    levels: Records,
    texture: Texture,
    labels: Stickers,
    lights: Records,
    geometries: Records,
    grid: NDArray[np.float32],
    columns: NDArray[np.float64],
    rows: NDArray[np.float64],
    at: Indices,
    out: Picture,
    clear: NDArray[np.float32],
    shares: NDArray[np.float32],
) -> None:
    surface, level, light, geometry = surfaces[0], levels[0], lights[0], geometries[0]
    for i in lanes(at.shape[0]):
        u, v, w = on_plate(geometry.near, columns[at[i]], rows[at[i]])
        seen = select(w > 0.0, 1.0, 0.0)
        red, green, blue, left = u * 0.0, u * 0.0, u * 0.0, u * 0.0 + 1.0
        if geometry.rim > 0.0:
            edge = rim(geometry, texture, columns[at[i]], rows[at[i]])
            r, g, b = veiled(light, 0.36 * light.edge, 0.36 * light.edge, 0.37 * light.edge, light.through)
            red, green, blue, left = r * edge, g * edge, b * edge, 1.0 - edge
        if surface.second > 0.0:
            white, a = second(surface, geometry, grid, u, v)
            a = a * seen
            r, g, b = veiled(
                light,
                white * (light.face_r + light.sun_r + light.retro),
                white * (light.face_g + light.sun_g + light.retro),
                white * (light.face_b + light.sun_b + light.retro),
                light.through,
            )
            red, green, blue, left = mix(red, r, a), mix(green, g, a), mix(blue, b, a), left * (1.0 - a)
        r, g, b, a, hidden = face(surface, light, geometry, level, texture, grid, labels, u, v)
        a = a * seen
        r, g, b = veiled(light, r, g, b, light.through)
        red, green, blue, left = mix(red, r, a), mix(green, g, a), mix(blue, b, a), left * (1.0 - a)
        if surface.cap > 0.0:
            snow = cap(surface, texture, grid, u, v) * seen
            r, g, b = veiled(
                light,
                0.80 * (light.shade_r * 1.3 + light.beam_r),
                0.82 * (light.shade_g * 1.3 + light.beam_g),
                0.86 * (light.shade_b * 1.3 + light.beam_b),
                light.through,
            )
            red, green, blue, left = mix(red, r, snow), mix(green, g, snow), mix(blue, b, snow), left * (1.0 - snow)
            hidden = 1.0 - (1.0 - hidden) * (1.0 - snow)
        out[at[i], 0] = red
        out[at[i], 1] = green
        out[at[i], 2] = blue
        clear[at[i]] = left
        shares[at[i], 0] = a
        shares[at[i], 1] = a * (1.0 - hidden)


@compiled
def _paint_back(
    surfaces: Records,
    texture: Texture,
    lights: Records,
    geometries: Records,
    grid: NDArray[np.float32],
    columns: NDArray[np.float64],
    rows: NDArray[np.float64],
    at: Indices,
    out: Picture,
    clear: NDArray[np.float32],
    shares: NDArray[np.float32],
) -> None:
    surface, light, geometry = surfaces[0], lights[0], geometries[0]
    for i in lanes(at.shape[0]):
        u, v, w = on_plate(geometry.near, columns[at[i]], rows[at[i]])
        seen = select(w > 0.0, 1.0, 0.0)
        edge = rim(geometry, texture, columns[at[i]], rows[at[i]])
        red, green, blue = veiled(light, 0.36 * light.edge, 0.36 * light.edge, 0.37 * light.edge, light.through)
        r, g, b, a = back(light, texture, grid, surface, u, v)
        a = a * seen
        r, g, b = veiled(light, r, g, b, light.through)
        left = clear[at[i]]
        out[at[i], 0] += left * mix(red * edge, r, a)
        out[at[i], 1] += left * mix(green * edge, g, a)
        out[at[i], 2] += left * mix(blue * edge, b, a)
        clear[at[i]] = left * (1.0 - edge) * (1.0 - a)
        shares[at[i], 0] = a


@compiled
def _paint_occluder(
    occluders: Records,
    lights: Records,
    geometries: Records,
    grid: NDArray[np.float32],
    columns: NDArray[np.float64],
    rows: NDArray[np.float64],
    at: Indices,
    out: Picture,
    shares: NDArray[np.float32],
) -> None:
    occluder, light, geometry = occluders[0], lights[0], geometries[0]
    for i in lanes(at.shape[0]):
        r, g, b, a = before(occluder, light, geometry, grid, columns[at[i]], rows[at[i]])
        out[at[i], 0] = mix(out[at[i], 0], r, a)
        out[at[i], 1] = mix(out[at[i], 1], g, a)
        out[at[i], 2] = mix(out[at[i], 2], b, a)
        shares[at[i], 1] = shares[at[i], 1] * (1.0 - a)


@compiled
def _paint_weather(
    weathers: Records,
    lights: Records,
    geometries: Records,
    grid: NDArray[np.float32],
    columns: NDArray[np.float64],
    rows: NDArray[np.float64],
    out: Picture,
    shares: NDArray[np.float32],
) -> None:
    weather, light, geometry = weathers[0], lights[0], geometries[0]
    for i in lanes(columns.shape[0]):
        white, a = drops(weather, light, geometry, grid, columns[i], rows[i])
        out[i, 0] = mix(out[i, 0], white, a)
        out[i, 1] = mix(out[i, 1], white, a)
        out[i, 2] = mix(out[i, 2], white, a)
        shares[i, 1] = shares[i, 1] * (1.0 - a)
