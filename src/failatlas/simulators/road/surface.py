"""Surface: asphalt, paint, verge and what lies on them, as a function of arc length and distance from the lane centre.

Every pattern is averaged over the footprint of the pixel, so that nothing flickers towards the horizon and no pixel
needs more than one sample.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from failatlas.simulators.compiled import Lane, compiled, select
from failatlas.simulators.noise import fractal, mix, noise, scatter, step
from failatlas.simulators.road.light import Light, lamp_light
from failatlas.simulators.road.sky import clear_sky
from failatlas.simulators.road.view import CAMERA_AHEAD_M
from failatlas.simulators.skipping import some

LINE_WIDTH_M = 0.16
SNOW = 0.62  # albedo of snow that is driven by; a fresh field of 0.9 would leave the picture no contrast
DASH_M, DASH_PERIOD_M = 3.0, 9.0  # paint and period of a dashed line; rural roads of most countries are near 1 : 2


class Surface(NamedTuple):
    """The road's cross-section, its state and its verge. Distances are from the lane centre, right > 0."""

    shift: float  # where the noise is read, from the seed
    lane: float  # lane width
    left: float  # inner edge of the left edge line
    right: float
    centre: float  # 0 missing, 1 dashed, 2 solid, 3 double
    edge: float  # 0 missing, 1 dashed, 2 solid
    third: float  # 1 where a lane runs on the right of ours
    phase: float  # where the dashes begin
    wear: float
    paint_r: float
    paint_g: float
    paint_b: float
    shoulder: float  # width of the paved strip beyond the edge line
    brightness: float  # of the asphalt
    grain: float
    patches: float
    seams: float
    wet: float
    snow: float
    canopy: float  # shade of trees
    bridge: float  # arc length of a bridge over the road; < 0 without
    verge_r: float
    verge_g: float
    verge_b: float
    dry: float  # 0 lush … 1 bare: how much soil and straw show
    woods: float
    town: float


@compiled
def paint(road: Surface, grid: NDArray[np.float32], s: Lane, d: Lane, wide: Lane, deep: Lane) -> Lane:
    """Share of a footprint ``wide`` metres across and ``deep`` along that is lane paint, in [0, 1]; wear included."""
    half = 0.5 * road.lane
    dashes = _dashes(s + road.phase, deep)
    inner = select(road.centre > 1.5, 1.0 + 0.0 * s, dashes) * select(road.centre > 0.5, 1.0, 0.0)
    double = select(road.centre > 2.5, 1.0, 0.0)
    lines = inner * mix(
        _stripe(d + half, wide), _stripe(d + half - 0.14, wide) + _stripe(d + half + 0.14, wide), double
    )
    lines = lines + road.third * select(road.centre > 0.5, 1.0, 0.0) * dashes * _stripe(d - half, wide)
    outer = select(road.edge > 1.5, 1.0 + 0.0 * s, dashes) * select(road.edge > 0.5, 1.0, 0.0)
    lines = lines + outer * (_stripe(d - road.left, wide) + _stripe(d - road.right, wide))
    if road.wear <= 0.0:
        return np.minimum(lines, 1.0)
    if some(lines > 0.0):
        lines = np.minimum(lines, 1.0) * _left(road, grid, s, d)
    return lines


@compiled
def _left(road: Surface, grid: NDArray[np.float32], s: Lane, d: Lane) -> Lane:
    """Share of the paint that wear has left at a point."""
    worn = 0.55 * noise(grid, s * 5.1, d * 9.0 + road.shift) + 0.45 * noise(grid, s * 0.7 + 3.0, d * 2.0 + road.shift)
    left = 1.0 - step(-0.25, 0.2, road.wear * 1.35 - worn - 0.2) * np.minimum(road.wear * 3.0, 1.0)
    return left * (1.0 - 0.35 * road.wear)


@compiled
def buried(road: Surface, grid: NDArray[np.float32], s: Lane, d: Lane) -> Lane:
    """Depth of snow on the road at a point, 0 bare … 1 hidden: least in the tracks of wheels."""
    if road.snow <= 0.0:
        return 0.0 * s
    side = d / road.lane
    side = np.abs(side - np.floor(side + 0.5)) * road.lane
    track = np.exp(-(((side - 0.78) / 0.30) ** 2))
    drift = 0.6 * noise(grid, s * 0.15 + road.shift, d * 1.1) + 0.4 * noise(grid, s * 1.3, d * 2.9)
    return step(0.30, 0.62, road.snow * 1.25 - 0.42 * track * (1.15 - 0.6 * road.snow) - 0.30 * (1.0 - drift))


@compiled
def shade(road: Surface, light: Light, grid: NDArray[np.float32], s: Lane, x: Lane, z: Lane, deep: Lane) -> Lane:
    """Share of the direct sun that reaches a point of the ground, in [0, 1]."""
    sunny = 1.0 + 0.0 * s
    if road.canopy > 0.0:
        # crowns throw streaks that run away from the sun
        flat = np.sqrt(light.sun_x * light.sun_x + light.sun_z * light.sun_z) + 1e-6
        a, b = light.sun_x / flat, light.sun_z / flat
        run = x * a + z * b
        cross = x * b - z * a
        leaves = 0.62 * noise(grid, cross * 0.33 + road.shift, run * 0.10)
        leaves = leaves + 0.38 * noise(grid, cross * 1.3 + road.shift, run * 0.45 + 9.0)
        soft = 0.04 + 0.25 * np.minimum(deep, 4.0)
        cast = step(0.54 - soft, 0.54 + soft, leaves + road.canopy * 0.62 - 0.36)
        sunny = sunny - 0.94 * cast * np.minimum(road.canopy * 4.0, 1.0)
    if road.bridge > 0.0:
        deck = s - road.bridge - 2.0
        sunny = sunny * (1.0 - step(-0.5, 0.5, deck + 4.2) * step(0.5, -0.5, deck - 4.2))
    return sunny


@compiled
def carriageway(
    road: Surface,
    light: Light,
    grid: NDArray[np.float32],
    s: Lane,
    d: Lane,
    x: Lane,
    z: Lane,
    wide: Lane,
    deep: Lane,
    eye: Lane,
) -> Lane:
    """Radiance of the paved road, and the share of paint in it.

    Args:
        s, d: arc length and distance from the lane centre.
        x, z: the same point in the car's frame.
        wide, deep: footprint of the pixel across and along, metres.
        eye: height of the camera.
    """
    fine = np.maximum(0.0, 1.0 - 3.0 * wide)
    grain = 0.0 * s
    if some(fine > 0.0):
        grain = (noise(grid, s * 9.0, d * 14.0 + road.shift) - 0.5) * fine
    blotch = noise(grid, s * 0.23, d * 0.9 + road.shift) - 0.5
    polish = _polish(d, road.lane)
    base = road.brightness * (1.0 + road.grain * (0.65 * grain + 0.42 * blotch) + 0.10 * polish)
    if road.patches > 0.0:
        patch, rim = _patch(road, grid, s, d, wide)
        base = base * mix(1.0, 0.62, patch) * (1.0 - 0.45 * rim)
    if road.seams > 0.0:
        base = base * (1.0 - 0.72 * _seams(road, grid, s, d, wide, deep))
    red, green, blue = base * 1.02, base, base * 0.985
    ink = paint(road, grid, s, d, wide, deep)
    red, green, blue = mix(red, road.paint_r, ink), mix(green, road.paint_g, ink), mix(blue, road.paint_b, ink)
    pool = 0.0 * s
    if road.wet > 0.0:
        # water stands in the wheel tracks first
        low = fractal(grid, s * 0.16, d * 0.55 + road.shift) + 0.05 * polish
        pool = step(0.86 - 0.32 * road.wet, 0.92 - 0.30 * road.wet, low) * np.minimum(road.wet * 2.0, 1.0)
        damp = 1.0 - 0.48 * np.minimum(road.wet * 1.6, 1.0) - 0.2 * pool
        red, green, blue = red * damp, green * damp, blue * damp
    white = 0.0 * s
    if road.snow > 0.0:
        white = buried(road, grid, s, d)
        drift = SNOW * (0.95 + 0.25 * grain + 0.22 * blotch)
        red, green, blue = (
            mix(red, drift * 0.95, white),
            mix(green, drift * 0.98, white),
            mix(blue, drift * 1.03, white),
        )
    direct = shade(road, light, grid, s, x, z, deep)
    beam = lamp_light(light, x, 0.0 * x, z + CAMERA_AHEAD_M)
    back = beam * (1.0 + 1.6 * ink * (1.0 - white))  # glass beads in the paint
    sun = direct * np.maximum(light.sun_y, 0.0)
    overhead = 0.35 + 0.65 * direct  # a canopy also hides part of the sky
    red = red * (light.sun_r * sun + (0.55 * light.top_r + 0.35 * light.low_r) * overhead + back)
    green = green * (light.sun_g * sun + (0.55 * light.top_g + 0.35 * light.low_g) * overhead + 0.95 * back)
    blue = blue * (light.sun_b * sun + (0.55 * light.top_b + 0.35 * light.low_b) * overhead + 0.82 * back)
    length = np.sqrt(x * x + z * z + eye * eye)
    ripple = 1.0 + 0.5 * grain
    if road.wet > 0.0:
        # a wet road is rough: it shows the sky a little higher than a mirror would
        r, g, b = clear_sky(light, x / length, np.minimum(eye / length + 0.06, 1.0), z / length)
        glance = 1.0 - eye / length
        glance = glance * glance * glance * glance
        gloss = road.wet * (0.05 + 0.50 * glance) * ripple * (1.0 - pool) + pool * (0.10 + 0.70 * glance)
        gloss = np.minimum(gloss, 0.9) * (0.4 + 0.6 * overhead) * (1.0 - white)
        # the sun's own mirror image is the sheen's business, below
        r, g, b = np.minimum(r, 1.1), np.minimum(g, 1.05), np.minimum(b, 1.0)
        red, green, blue = mix(red, r, gloss), mix(green, g, gloss), mix(blue, b, gloss)
    if light.sun_r > 0.0:
        sheen = (1.0 - white) * direct * _sheen(light, x, z, eye, length) * (0.05 + 0.5 * road.wet) * ripple
        red, green, blue = red + sheen * light.sun_r, green + sheen * light.sun_g, blue + sheen * light.sun_b
    return red, green, blue, ink * (1.0 - white)


@compiled
def _polish(d: Lane, lane: float) -> Lane:
    """Tyres polish two tracks a lane, and oil darkens the strip between: 1 … −0.7."""
    side = d / lane
    side = np.abs(side - np.floor(side + 0.5)) * lane
    track, oil = (side - 0.80) / 0.33, side / 0.22
    return np.maximum(1.0 - track * track * 0.6, 0.0) - 0.7 * np.maximum(1.0 - oil * oil * 0.6, 0.0)


@compiled
def verge(
    road: Surface, light: Light, grid: NDArray[np.float32], s: Lane, d: Lane, x: Lane, z: Lane, wide: Lane, deep: Lane
) -> Lane:
    """Radiance of the ground beside the road: a gritty strip, long grass, meadow or pavement."""
    out = np.maximum(d - road.right, road.left - d) - road.shoulder
    blur = np.maximum(wide, 0.5 * deep)
    fine = np.maximum(0.0, 1.0 - 2.0 * blur)
    rough = np.maximum(0.0, 1.0 - 0.4 * blur)
    tuft, clump = 0.0 * s, 0.0 * s
    if some(rough > 0.0):
        clump = (noise(grid, x * 0.9 + road.shift, z * 0.9) - 0.5) * rough
    if some(fine > 0.0):
        tuft = (noise(grid, x * 5.0 + road.shift, z * 5.0) - 0.5) * fine
    broad = 0.6 * noise(grid, x * 0.055 + road.shift, z * 0.055) + 0.4 * noise(grid, x * 0.17, z * 0.17 + road.shift)
    field = scatter(grid, s / 62.0 + road.shift, np.floor(d / 45.0))
    straw = step(0.35, 0.75, broad + 0.4 * (road.dry - 0.5) + 0.25 * clump)
    tone = 0.80 + 0.75 * tuft + 0.55 * clump + 0.35 * (broad - 0.5)
    crop = step(18.0, 26.0, out) * (1.0 - road.woods)
    red = road.verge_r * mix(1.0, 1.75, straw) * mix(1.0, 0.75 + 0.9 * field, crop)
    green = road.verge_g * mix(1.0, 1.22, straw) * mix(1.0, 0.80 + 0.5 * field, crop)
    blue = road.verge_b * mix(1.0, 1.10, straw)
    floor = road.woods * step(3.0, 9.0, out)  # fallen leaves in the shade of the wood
    red, green, blue = mix(red, 0.055, floor) * tone, mix(green, 0.050, floor) * tone, mix(blue, 0.026, floor) * tone
    pavement = 0.0 * s
    if road.town > 0.0:
        pavement = step(4.2, 4.1, out)
        kerb = pavement * step(0.02 + wide, 0.02, np.abs(out - 0.12) - 0.12)
        slab = 0.24 * (1.0 + 0.20 * (scatter(grid, s * 0.8, np.floor(out * 0.8)) - 0.5) * fine) + 0.18 * kerb
        red, green, blue = mix(red, slab * 1.03, pavement), mix(green, slab, pavement), mix(blue, slab * 0.95, pavement)
    grit = (1.0 - pavement) * step(0.95, 0.15, out + 0.8 * clump)
    stone = 0.21 * (1.0 + 0.9 * tuft)
    red, green, blue = mix(red, stone * 1.10, grit), mix(green, stone, grit), mix(blue, stone * 0.84, grit)
    if road.snow > 0.0:
        white = step(0.30, 0.62, road.snow * 1.7 - 0.45 * (0.5 - clump) - 0.15 * grit)
        drift = SNOW * (0.98 + 0.22 * clump + 0.18 * tuft + 0.25 * (broad - 0.5))
        red, green, blue = (
            mix(red, drift * 0.95, white),
            mix(green, drift * 0.98, white),
            mix(blue, drift * 1.03, white),
        )
    direct = shade(road, light, grid, s, x, z, deep)
    beam = lamp_light(light, x, 0.0 * x, z + CAMERA_AHEAD_M)
    sun = direct * np.maximum(light.sun_y, 0.0) * 1.0
    overhead = (0.40 + 0.60 * direct) * (1.0 - 0.55 * floor)
    red = red * (light.sun_r * sun + (0.55 * light.top_r + 0.35 * light.low_r) * overhead + beam)
    green = green * (light.sun_g * sun + (0.55 * light.top_g + 0.35 * light.low_g) * overhead + beam * 0.95)
    blue = blue * (light.sun_b * sun + (0.55 * light.top_b + 0.35 * light.low_b) * overhead + beam * 0.82)
    return red, green, blue


@compiled
def paved(road: Surface, d: Lane, wide: Lane) -> Lane:
    """Share of a footprint ``wide`` metres across that is paved."""
    low = np.maximum(d - 0.5 * wide, road.left - road.shoulder)
    high = np.minimum(d + 0.5 * wide, road.right + road.shoulder)
    return np.minimum(np.maximum((high - low) / wide, 0.0), 1.0)


@compiled
def _stripe(d: Lane, wide: Lane) -> Lane:
    low = np.maximum(d - 0.5 * wide, -0.5 * LINE_WIDTH_M)
    high = np.minimum(d + 0.5 * wide, 0.5 * LINE_WIDTH_M)
    return np.maximum(high - low, 0.0) / wide


@compiled
def _dashes(s: Lane, deep: Lane) -> Lane:
    return (_painted(s + 0.5 * deep) - _painted(s - 0.5 * deep)) / deep


@compiled
def _painted(s: Lane) -> Lane:
    """Metres of paint on a dashed line before ``s``."""
    periods = np.floor(s / DASH_PERIOD_M)
    return periods * DASH_M + np.minimum(s - periods * DASH_PERIOD_M, DASH_M)


@compiled
def _patch(road: Surface, grid: NDArray[np.float32], s: Lane, d: Lane, wide: Lane) -> Lane:
    """Mended rectangles: how much of the point is mended, and how near it is to a tarred rim."""
    cell_s, cell_d = np.floor(s / 7.0), np.floor(d / 1.7 + 0.5)
    chance = scatter(grid, cell_s + road.shift, cell_d + 7.0)
    u = s / 7.0 - cell_s
    v = d / 1.7 + 0.5 - cell_d
    there = select(chance > 1.0 - 0.55 * road.patches, 1.0, 0.0)
    if not some(there > 0.0):
        return there, there
    left = 0.06 + 0.3 * scatter(grid, cell_s + road.shift, cell_d + 19.0)
    right = 0.62 + 0.3 * scatter(grid, cell_s + road.shift, cell_d + 31.0)
    inside = np.minimum(np.minimum(u - left, right - u) * 7.0, np.minimum(v - 0.05, 0.92 - v) * 1.7)
    soft = 0.03 + wide
    return there * step(-soft, soft, inside), there * step(0.05 + soft, 0.02, np.abs(inside)) * np.maximum(
        0.0, 1.0 - 4.0 * wide
    )


@compiled
def _seams(road: Surface, grid: NDArray[np.float32], s: Lane, d: Lane, wide: Lane, deep: Lane) -> Lane:
    """Tar in cracks: along the middle of the lanes, across, and wandering."""
    cell = np.floor(d / (0.5 * road.lane) + 0.5)
    row = np.floor(s / 11.0)
    along, across = 0.0 * s, 0.0 * s
    there = noise(grid, s * 0.06 + road.shift, cell * 5.0 + 60.0) < road.seams * 0.75
    if some(there):
        wander = (noise(grid, s * 0.35 + road.shift, 3.0) - 0.5) * 1.1
        here = d - cell * 0.5 * road.lane - wander * 0.35
        along = select(there, _band(here, 0.05, wide), 0.0)
    there = scatter(grid, row + road.shift, 71.0) < road.seams * 0.8
    if some(there):
        bent = 0.35 * (noise(grid, d * 0.8, row * 3.0 + road.shift) - 0.5)
        across = select(there, _band(s - row * 11.0 - 4.0 - bent, 0.06, deep), 0.0)
    return np.minimum(along + across, 1.0)


@compiled
def _band(distance: Lane, width: float, footprint: Lane) -> Lane:
    low = np.maximum(distance - 0.5 * footprint, -0.5 * width)
    high = np.minimum(distance + 0.5 * footprint, 0.5 * width)
    return np.maximum(high - low, 0.0) / footprint


@compiled
def _sheen(light: Light, x: Lane, z: Lane, eye: Lane, length: Lane) -> Lane:
    """Light of a low sun that asphalt throws forward, towards us."""
    hx, hy, hz = light.sun_x - x / length, light.sun_y + eye / length, light.sun_z - z / length
    size = np.sqrt(hx * hx + hy * hy + hz * hz) + 1e-6
    lobe = hy / size
    lobe = lobe * lobe * lobe
    lobe = lobe * lobe
    lobe = lobe * lobe
    return lobe * lobe * 3.0 * (1.0 - 0.7 * np.maximum(light.sun_y, 0.0))
