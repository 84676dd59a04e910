"""Skin: its colour from the place on the canonical head - lips, cheeks, brows, beard, freckles, hairline.

No textures, so no seams: every pattern is a function of the place on the mean head, and follows any person.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from failatlas.parameters import Values
from failatlas.simulators.compiled import Lane, compiled, lanes, select
from failatlas.simulators.driver.hair import HAIR_COLOURS, fibre, hairline, strands
from failatlas.simulators.driver.light import answer
from failatlas.simulators.driver.pattern import bump, mix, noise, step
from failatlas.simulators.skipping import some

# linear albedo from the lightest to the darkest; between them colours are mixed
TONES = np.array(
    [
        [0.72, 0.50, 0.40],
        [0.62, 0.40, 0.29],
        [0.50, 0.295, 0.19],
        [0.36, 0.19, 0.110],
        [0.215, 0.105, 0.060],
        [0.115, 0.054, 0.033],
    ]
)


class SkinLook(NamedTuple):
    """Colours of one person's skin and of what grows in it."""

    red: float
    green: float
    blue: float
    pale: float  # 0 dark … 1 light skin: how much blood and freckles show
    freckles: float
    brow_red: float
    brow_green: float
    brow_blue: float
    brow: float  # density
    beard: float  # 0 none, 0.5 stubble, 1 full
    lip: float  # how much redder than the skin
    gloss: float


def skin_look(values: Values) -> SkinLook:
    """The skin that a simulator's values describe."""
    tone = float(values["skin_tone"]) * (len(TONES) - 1)
    low = min(int(tone), len(TONES) - 2)
    red, green, blue = (TONES[low] + (TONES[low + 1] - TONES[low]) * (tone - low)).tolist()
    return SkinLook(
        red,
        green,
        blue,
        float(np.clip(1.15 - 1.4 * float(values["skin_tone"]), 0, 1)),
        float(values["freckles"]),
        *HAIR_COLOURS[str(values["brow_colour"])],
        float(values["brow_density"]),
        {"none": 0.0, "stubble": 0.5, "full": 1.0}[str(values["beard"])],
        float(values["lip_colour"]),
        float(values["skin_gloss"]),
    )


@compiled
def brow(table: Lane, x: Lane, y: Lane, z: Lane) -> Lane:
    """Share of brow hair at a place of the canonical head, 0–1."""
    side = np.abs(x)
    along = (side - 1.15) / 4.1  # 0 at the nose, 1 at the temple
    arch = 1.62 + 0.95 * along - 1.15 * along * along * along
    body = 0.0 * arch
    # 0.46 is 1.15 times the greatest half height
    here = (z > -6.0) & (np.abs(y - arch) < 0.46) & (along > -0.06) & (along < 1.05)
    if some(here):
        half = 0.40 * (1.0 - 0.62 * step(0.25, 1.05, along))
        body = (
            (1.0 - step(0.45, 1.15, np.abs(y - arch) / half))
            * step(-0.06, 0.10, along)
            * (1.0 - step(0.92, 1.05, along))
        )
        # hairs lean outward: streaks across the arch
        lean = side * 9.0 - y * 6.0 * (1.0 - 1.6 * along)
        streak = 0.5 * noise(table, lean, y * 1.6 + 9.0, x * 0.05)
        streak = streak + 0.5 * noise(table, lean * 2.6, y * 2.8 + 3.0, x * 0.05)
        body = body * (0.35 + 1.15 * streak)
        body = select(here, body, 0.0)
    return body


@compiled
def beard_place(x: Lane, y: Lane, z: Lane, lips: Lane) -> Lane:
    """Where a beard grows on the canonical head, 0–1."""
    side = np.abs(x)
    # cheek line falls from the sideburns to the corner of the mouth
    cheek = -6.5 + 0.62 * np.maximum(side - 2.6, 0.0)
    jaw = 1.0 - step(-0.5, 0.9, y - cheek)
    lip = (1.0 - step(2.0, 3.0, side)) * (1.0 - step(0.0, 0.45, y + 5.75)) * step(-7.2, -6.6, y)
    ear = step(-8.6, -6.6, z)
    low = step(-12.9, -11.3, y)
    return np.maximum(jaw * ear * low, lip) * (1.0 - step(0.1, 0.5, lips))


@compiled
def complexion(table: Lane, look: Lane, fine: float, x: Lane, y: Lane, z: Lane) -> Lane:
    """Albedo of bare skin, and the height of its pores, 0–1.

    ``fine`` is how much of the finest grain shows: 1 close to the eye, less where a pixel is wider than a pore.
    """
    blotch = noise(table, x * 0.55, y * 0.55 + 7.0, z * 0.55)
    pore = noise(table, x * 4.7, y * 4.7, z * 4.7)
    tone = 1.0 + 0.16 * (blotch - 0.5) + fine * 0.13 * (pore - 0.5)
    return look.red * tone, look.green * tone, look.blue * tone, pore


@compiled
def features(
    table: Lane,
    look: Lane,
    x: Lane,
    y: Lane,
    z: Lane,
    lips: Lane,
    lids: Lane,
    ears: Lane,
    red: Lane,
    green: Lane,
    blue: Lane,
) -> Lane:
    """Albedo with what makes a face of skin; also the share of hair in it, and of lip."""
    side = np.abs(x)
    # blood near the surface: cheeks, nose, ears, lids
    cheek = bump(side, 4.3, 2.1) * bump(y, -3.6, 2.0) * step(-5.0, 0.0, z) + bump(side, 0.0, 1.2) * bump(y, -4.3, 1.2)
    blood = (cheek * 0.55 + ears * 0.8) * (0.25 + 0.75 * look.pale)
    rim = 0.0 * side
    if some(lids > 0.15):
        rim = step(0.15, 0.9, lids)
    red = red * (1.0 + 0.05 * blood)
    green = green * (1.0 - 0.20 * blood - 0.10 * rim)
    blue = blue * (1.0 - 0.18 * blood - 0.10 * rim)
    if some(np.abs(y + 1.3) < 1.6):
        hollow = bump(side, 3.0, 1.7) * bump(y, -1.3, 0.8) * 0.12
        red, green, blue = red * (1.0 - hollow), green * (1.0 - hollow * 1.1), blue * (1.0 - hollow)
    if look.freckles * look.pale > 0.0:
        spot = step(0.62, 0.74, noise(table, x * 3.4 + 3.0, y * 3.4, z * 3.4)) * look.freckles * look.pale
        spot = spot * step(0.0, 0.6, cheek + 0.35)
        red, green, blue = red * (1.0 - 0.22 * spot), green * (1.0 - 0.42 * spot), blue * (1.0 - 0.5 * spot)
    mouth = 0.0 * side
    if some(lips > 0.25):
        mouth = step(0.25, 0.75, lips) * look.lip
        red = mix(red, 0.72 * look.red + 0.05, mouth)
        green = mix(green, 0.42 * look.green + 0.01, mouth)
        blue = mix(blue, 0.50 * look.blue + 0.012, mouth)
    if some(lids > 0.80):
        # root of the lashes
        lash = step(0.80, 0.98, lids) * (0.15 + 0.5 * step(2.3, 2.9, side))
        red, green, blue = mix(red, 0.03, lash), mix(green, 0.018, lash), mix(blue, 0.014, lash)
    # brows and beard: the same hairs, closer or farther apart
    share = brow(table, x, y, z) * look.brow
    grown = 0.0 * share
    if look.beard > 0.0:
        grown = beard_place(x, y, z, lips) * look.beard
    if some(np.maximum(share, grown) > 0.0):
        hairs = noise(table, x * 9.0, y * 5.0, z * 9.0)
        full = step(0.75, 1.0, look.beard)
        share = np.maximum(share, grown * mix(0.30 + 0.45 * hairs, 0.95 + 0.4 * (hairs - 0.5), full))
        share = np.minimum(share, 0.97)
        red = mix(red, look.brow_red * (0.7 + 0.6 * hairs), share)
        green = mix(green, look.brow_green * (0.7 + 0.6 * hairs), share)
        blue = mix(blue, look.brow_blue * (0.7 + 0.6 * hairs), share)
    return red, green, blue, share, mouth


@compiled
def glow(
    rows: Lane,
    i: Lane,
    lit: Lane,
    light: Lane,
    red: Lane,
    green: Lane,
    blue: Lane,
    pore: Lane,
    share: Lane,
    gloss: Lane,
    power: Lane,
) -> Lane:
    """Light of skin whose pores (height 0–1) tilt the surface; hair (share) is neither soft nor oily."""
    tilt = 0.12 * (pore - 0.5)
    nx, ny, nz = rows[3, i] + tilt, rows[4, i] + tilt * 0.5, rows[5, i] - tilt * 0.4
    size = 1.0 / np.sqrt(nx * nx + ny * ny + nz * nz)
    return answer(
        light, rows[0, i], rows[1, i], rows[2, i], nx * size, ny * size, nz * size, lit[i], rows[9, i],
        red, green, blue, 1.0 - 0.8 * share, gloss * (0.9 + 0.5 * (pore - 0.5)) * (1.0 - share), power,
    )  # fmt: skip


@compiled
def shade_bare(
    rows: Lane, lit: Lane, first: int, last: int, look: Lane, light: Lane, table: Lane, fine: float, out: Lane
) -> None:
    """Fill ``out`` (3, n) for points first … last − 1 of hands and neck; see `material` for the rows."""
    rows, lit, out = rows[:, first:last], lit[first:last], out[:, first:last]
    for i in lanes(last - first):
        red, green, blue, pore = complexion(table, look, fine, rows[6, i], rows[7, i], rows[8, i])
        pore = 0.5 + fine * (pore - 0.5)
        r, g, b = glow(rows, i, lit, light, red, green, blue, pore, 0.0, look.gloss, 16.0)
        out[0, i] = r
        out[1, i] = g
        out[2, i] = b


@compiled
def shade_face(
    rows: Lane, lit: Lane, first: int, last: int, look: Lane, light: Lane, table: Lane, fine: float, out: Lane
) -> None:
    """Fill ``out`` (3, n) for points of the face."""
    rows, lit, out = rows[:, first:last], lit[first:last], out[:, first:last]
    for i in lanes(last - first):
        x, y, z = rows[6, i], rows[7, i], rows[8, i]
        red, green, blue, pore = complexion(table, look, fine, x, y, z)
        red, green, blue, share, mouth = features(
            table, look, x, y, z, rows[10, i], rows[11, i], rows[12, i], red, green, blue
        )
        pore = 0.5 + fine * (pore - 0.5)
        r, g, b = glow(
            rows, i, lit, light, red, green, blue, pore, share, look.gloss * (1.0 + mouth), 16.0 + 18.0 * mouth
        )
        out[0, i] = r
        out[1, i] = g
        out[2, i] = b


@compiled
def shade_scalp(
    rows: Lane,
    lit: Lane,
    first: int,
    last: int,
    look: Lane,
    hair: Lane,
    light: Lane,
    table: Lane,
    fine: float,
    out: Lane,
) -> None:
    """Fill ``out`` (3, n) for points near the hairline: hair grows out of the skin with an edge that thins."""
    rows, lit, out = rows[:, first:last], lit[first:last], out[:, first:last]
    for i in lanes(last - first):
        x, y, z = rows[6, i], rows[7, i], rows[8, i]
        strand = strands(table, x, y, z)
        edge = hairline(hair, x, y, z) - 20.0 * rows[12, i]
        cover = step(-0.35, 0.65, edge + 0.75 * (strand - 0.5)) * hair.cover
        r, g, b = 0.0 * cover, 0.0 * cover, 0.0 * cover
        if some(cover < 1.0):
            red, green, blue, pore = complexion(table, look, fine, x, y, z)
            red, green, blue, share, _ = features(
                table, look, x, y, z, rows[10, i], rows[11, i], rows[12, i], red, green, blue
            )
            pore = 0.5 + fine * (pore - 0.5)
            r, g, b = glow(rows, i, lit, light, red, green, blue, pore, share, look.gloss, 16.0)
        if some(cover > 0.0):
            hr, hg, hb = fibre(
                hair, light, rows[0, i], rows[1, i], rows[2, i], rows[3, i], rows[4, i], rows[5, i], lit[i], rows[9, i],
                strand,
            )  # fmt: skip
            r, g, b = mix(r, hr, cover), mix(g, hg, cover), mix(b, hb, cover)
        out[0, i] = r
        out[1, i] = g
        out[2, i] = b
