"""Bake the drawings of the 43 traffic signs: src/failatlas/simulators/data/signs.npz.

    npm pack @rapideditor/mapillary_sprite_source@1.8.0 && tar xzf rapideditor-*.tgz
    pip install resvg-py
    python tools/bake_signs.py package/package_signs [--sheet sheet.png]

The drawings come from many hands: reds run from orange to wine, the 60 is a Swedish yellow one, digits differ in size.
A network could tell classes by that alone, so colours are brought to one red, blue and yellow, and all speed limits
share one ring and one height of digits; every drawing fills the square. Shapes are not touched.
"""

from __future__ import annotations

import argparse
import colorsys
import io
import re
from pathlib import Path

import numpy as np
import resvg_py
from PIL import Image, ImageColor

DATA = Path(__file__).parents[1] / "src/failatlas/simulators/data"
SIZE_PX = 128  # twice the widest plate of a 64 px picture; smaller ones are filtered down
OVERSAMPLING = 4  # rasterised larger and averaged: the rasteriser's own edges have 16 grey levels only
DIGITS_HIGH = 9.6  # of 24; as the German sign 274 has them
DIGITS_WIDE = 15.6
RED, BLUE, YELLOW = "#b81420", "#12529b", "#f2b200"  # about RAL 3020, 5017 and 1023 in sRGB

SPEEDS = {"20": 0, "30": 1, "50": 2, "60": 3, "70": 4, "80": 5, "100": 7, "120": 8}
DRAWINGS = {
    6: "regulatory--end-of-maximum-speed-limit-80--g1",
    9: "regulatory--no-overtaking--g1",
    10: "regulatory--no-overtaking-by-heavy-goods-vehicles--g1",
    11: "warning--crossroads--g1",
    12: "regulatory--priority-road--g1",
    13: "regulatory--yield--g1",
    14: "regulatory--stop--g1",
    15: "regulatory--road-closed-to-vehicles--g3",
    16: "regulatory--no-heavy-goods-vehicles--g1",
    17: "regulatory--no-entry--g1",
    18: "warning--other-danger--g1",
    19: "warning--curve-left--g1",
    20: "warning--curve-right--g1",
    21: "warning--double-curve-first-left--g1",
    22: "warning--uneven-road--g1",
    23: "warning--slippery-road-surface--g1",
    24: "warning--road-narrows-right--g1",
    25: "warning--roadworks--g3",
    26: "warning--traffic-signals--g1",
    27: "warning--pedestrians-crossing--g5",
    28: "warning--children--g1",
    29: "warning--bicycles-crossing--g1",
    30: "warning--icy-road--g1",
    31: "warning--wild-animals--g1",
    32: "regulatory--end-of-prohibition--g1",
    33: "regulatory--turn-right-ahead--g1",
    34: "regulatory--turn-left-ahead--g1",
    35: "regulatory--go-straight--g1",
    36: "regulatory--go-straight-or-turn-right--g1",
    37: "regulatory--go-straight-or-turn-left--g1",
    38: "regulatory--keep-right--g1",
    39: "regulatory--keep-left--g1",
    40: "regulatory--roundabout--g1",
    41: "regulatory--end-of-no-overtaking--g1",
    42: "regulatory--end-of-no-overtaking-by-heavy-goods-vehicles--g1",
}
DARK = r"#[0-3][0-9a-f][0-3][0-9a-f][0-3][0-9a-f]"


def main() -> None:
    """Bake, and report the size."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("package", type=Path, help="the package's folder package_signs")
    parser.add_argument("--sheet", type=Path, help="also write a contact sheet here")
    options = parser.parse_args()
    texts = {number: _read(options.package, name) for number, name in DRAWINGS.items()}
    for speed, number in SPEEDS.items():
        drawn = [_read(options.package, f"regulatory--maximum-speed-limit-{name}--g1") for name in ("20", speed)]
        texts[number] = speed_limit(*drawn)
    drawings = np.stack([_cleared(rasterised(filling(recoloured(texts[number])))) for number in sorted(texts)])
    np.savez_compressed(DATA / "signs.npz", drawings=drawings)
    print(f"{drawings.shape} {drawings.dtype}, {(DATA / 'signs.npz').stat().st_size:,} bytes")
    if options.sheet:
        sheet(drawings).save(options.sheet)


def speed_limit(first: str, drawing: str) -> str:
    """The red ring of the first drawing on a white disc, with the digits of the second brought to one height."""
    head = '<svg xmlns="http://www.w3.org/2000/svg" width="24" height="24">'
    paths = re.findall(r"<path[^>]*/>", drawing)
    digits = "".join(path for path in paths if "fill=" not in path or re.search(f'fill="{DARK}"', path))
    (top, left), (bottom, right) = _extent(f"{head}{digits}</svg>")
    scale = min(DIGITS_HIGH / (bottom - top), DIGITS_WIDE / (right - left))
    x, y = 12 - scale * (left + right) / 2, 12 - scale * (top + bottom) / 2
    ring = re.findall(r"<path[^>]*/>", first)[0]
    placed = f'<g transform="translate({x:.4f} {y:.4f}) scale({scale:.4f})">{digits}</g>'
    return f'{head}<circle cx="12" cy="12" r="11" fill="#fff"/>{ring}{placed}</svg>'


def recoloured(text: str) -> str:
    """Reds, blues and yellows of an SVG brought to one each; whites, blacks, greys and greens stay."""
    return re.sub(r'fill="(#[0-9a-fA-F]{3,6}|[a-z]+)"', lambda found: f'fill="{_standard(found[1])}"', text)


def filling(text: str) -> str:
    """The drawing scaled and moved so that its longer side fills the square, in its middle."""
    (top, left), (bottom, right) = _extent(text)
    side = max(bottom - top, right - left)
    view = f"{(left + right - side) / 2:.4f} {(top + bottom - side) / 2:.4f} {side:.4f} {side:.4f}"
    return re.sub(
        r"<svg [^>]*>", f'<svg xmlns="http://www.w3.org/2000/svg" width="24" height="24" viewBox="{view}">', text
    )


def rasterised(text: str) -> np.ndarray:
    """(128, 128, 4) uint8 RGBA, colour not multiplied by alpha."""
    png = resvg_py.svg_to_bytes(svg_string=text, width=SIZE_PX * OVERSAMPLING, height=SIZE_PX * OVERSAMPLING)
    large = np.asarray(Image.open(io.BytesIO(bytes(png))).convert("RGBA"), np.float64) / 255
    colour, alpha = large[..., :3] * large[..., 3:], large[..., 3:]
    both = np.concatenate([colour, alpha], axis=2)
    mean = both.reshape(SIZE_PX, OVERSAMPLING, SIZE_PX, OVERSAMPLING, 4).mean((1, 3))
    mean[..., :3] /= np.maximum(mean[..., 3:], 1e-6)
    return np.round(mean * 255).astype(np.uint8)


def _cleared(drawing: np.ndarray) -> np.ndarray:
    """The drawing with nothing but clear pixels where it is nearly clear: they compress, and hide no colour."""
    drawing = drawing.copy()
    drawing[drawing[..., 3] < 2] = 0  # of 255
    return drawing


def sheet(drawings: np.ndarray) -> Image.Image:
    """All drawings on asphalt grey, in the order of their numbers."""
    columns = 9
    page = Image.new("RGB", (columns * 132, -(-len(drawings) // columns) * 132), (110, 118, 125))
    for number, drawing in enumerate(drawings):
        picture = Image.fromarray(drawing, "RGBA")
        page.paste(picture, (number % columns * 132 + 2, number // columns * 132 + 2), picture)
    return page


def _extent(text: str) -> np.ndarray:
    """(2, 2) top left and bottom right of what an SVG of 24 × 24 draws, in its units."""
    inked = np.argwhere(rasterised(text)[..., 3] > 127)  # half covered
    return np.array([inked.min(0), inked.max(0) + 1]) * 24 / SIZE_PX


def _read(folder: Path, name: str) -> str:
    return (folder / f"{name}.svg").read_text()


def _standard(fill: str) -> str:
    if fill == "none":
        return fill
    red, green, blue = (c / 255 for c in ImageColor.getrgb(fill)[:3])
    hue, lightness, saturation = colorsys.rgb_to_hls(red, green, blue)
    if saturation < 0.4 or not 0.1 < lightness < 0.9:  # white, black and greys
        return fill
    degrees = hue * 360
    for low, high, standard in ((0, 20, RED), (330, 361, RED), (40, 65, YELLOW), (190, 250, BLUE)):
        if low <= degrees < high:
            return standard
    return fill


if __name__ == "__main__":
    main()
