"""Simulator "signs": one of 43 traffic signs on a pole, in any light, weather and state, as a car's camera crops it.

About 2.2 ms for 96 × 96 px on one core (6 ms without Numba), 1.2 ms for a sign so far away that its crop is small;
wear, blur and JPEG add 1.7 ms. Linear light is painted in `painting`, then the camera of `effects` takes it.
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import ClassVar, NamedTuple, final

import numpy as np
from numpy.typing import NDArray

from failatlas.arrays import Pixels, freeze
from failatlas.errors import UsageError
from failatlas.parameters import Space, Value, Values
from failatlas.registry import Parameter
from failatlas.seeds import derive, generator
from failatlas.simulators.effects import Camera
from failatlas.simulators.signs.backdrop import place
from failatlas.simulators.signs.classes import BY_KEY
from failatlas.simulators.signs.drawings import silhouette, texture
from failatlas.simulators.signs.geometry import Matrix, geometry, painted_px, projected
from failatlas.simulators.signs.light import light
from failatlas.simulators.signs.occlusion import NOTHING, occluder
from failatlas.simulators.signs.painting import Painting, Scene, painted
from failatlas.simulators.signs.plate import stickers, surface
from failatlas.simulators.signs.space import SPACE
from failatlas.simulators.signs.weather import DRY, falling
from failatlas.simulators.simulator import Rendering, simulators

SMALLEST_PX, LARGEST_PX = 16, 512
# of the square around the drawing, from its upper left, clockwise: (2, 4) u and v
_CORNERS = freeze(np.array(((-1, 1), (1, 1), (1, -1), (-1, -1)), np.float64).T)


@simulators.register(
    "signs",
    parameters={"size_px": Parameter(96, f"{SMALLEST_PX} … {LARGEST_PX}", "width and height of a picture")},
    source="classes of GTSRB (Stallkamp et al. 2012); drawings of mapillary_sprite_source (MIT)",
)
@final
class SignSimulator:
    """43 traffic signs on poles: pose, light, weather, wear, occlusion, camera.

    Labels: ``class_number`` and ``class_name``; ``crop_px``, the width that the sensor gave before the picture was
    enlarged; ``plate_width_px`` and ``plate_height_px`` of the plate in the picture; ``visible_share`` of the drawing,
    0–1, that lies in the picture with nothing before it; ``corner1_x`` … ``corner4_y`` in pixels, of the square around
    the drawing, from its upper left clockwise; ``contrast``, standard deviation of the grey of what is visible, 0–1;
    ``brightness``, its mean.

    Args:
        size_px: width and height of a picture.

    Raises:
        UsageError: ``size_px`` is no whole number in its range.
    """

    space: ClassVar[Space] = SPACE

    def __init__(self, size_px: int = 96) -> None:
        is_number = isinstance(size_px, int | float) and not isinstance(size_px, bool)
        if not is_number or size_px % 1 or not SMALLEST_PX <= size_px <= LARGEST_PX:
            raise UsageError(f"parameter 'size_px' is {size_px!r}", remedy=f"give {SMALLEST_PX} … {LARGEST_PX}")
        self.size_px = int(size_px)

    def __repr__(self) -> str:
        return f"<SignSimulator {self.size_px} × {self.size_px} px, {len(self.space)} parameters>"

    def render(self, values: Values, seed: int = 0) -> Rendering:
        """One picture; what ``values`` leaves out is at its default; same values and seed, same bytes."""
        full = self.space.validated(values)
        width = painted_px(full, self.size_px)
        whole, face = scene(full, width, seed)
        painting = painted(whole)
        shrunk = {name: float(full[name]) * width / self.size_px for name in ("motion_px", "defocus_px")}
        pixels = Camera.of({**full, **shrunk}, "filmic").take(painting.light, derive(seed, "signs", "camera"))
        labels = _labels(full, painting, face, pixels, self.size_px)
        return Rendering(_enlarged(pixels, self.size_px), full, labels)


def scene(values: Values, width_px: int, seed: int) -> tuple[Scene, Matrix]:
    """What is painted for validated values, and the matrix from the plate to the picture."""
    sign = BY_KEY[str(values["sign"])]
    geo, level, face = geometry(values, width_px)
    outline = silhouette(sign.number)

    def random(purpose: str) -> np.random.Generator:
        return generator(seed, "signs", purpose)

    whole = Scene(
        geo,
        light(values, geo),
        place(values, random("backdrop")),
        surface(values, outline, random("surface")),
        # a stream costs 0.02 ms to start, so what is not there starts none
        stickers(float(values["sticker_share"]), outline, lambda: random("stickers")),
        occluder(values, random("occluder")) if values["occluder_share"] else NOTHING,
        falling(values, random("weather")) if values["weather"] in ("rain", "snow") else DRY,
        level,
        texture(sign.number),
    )
    return whole, face


def _labels(values: Values, painting: Painting, face: Matrix, pixels: Pixels, size_px: int) -> dict[str, Value]:
    width = len(pixels)
    scale = size_px / width
    sign = BY_KEY[str(values["sign"])]
    spots = _spots(sign.number)
    x, y, w = face @ spots.places
    x, y = x / w, y / w
    inside = (x > 0) & (x < width) & (y > 0) & (y < width)
    plate_width, plate_height = (float(np.ptp(place[: spots.full])) * 32 / 31 * scale for place in (x, y))
    in_picture = float(spots.shares @ inside)
    plate = float(painting.plate.sum())
    corners = (projected(face, *_CORNERS) * scale).tolist()
    brightness, contrast = _tones(pixels, painting.visible)
    return {
        "class_number": float(sign.number),
        "class_name": sign.name,
        "crop_px": float(width),
        "plate_width_px": plate_width,
        "plate_height_px": plate_height,
        "visible_share": min(1.0, float(painting.visible.sum()) / plate * in_picture) if plate else 0.0,
        **{f"corner{k + 1}_{axis}": corners[k][j] for k in range(4) for j, axis in enumerate("xy")},
        "brightness": brightness,
        "contrast": contrast,
    }


class _Spots(NamedTuple):
    """Small squares of a plate's face that the plate covers."""

    places: NDArray[np.float64]  # (3, n) u and v of their middles, and 1; those that it covers by half come first
    shares: NDArray[np.float64]  # (n,) of the plate that lies in each
    full: int  # how many it covers by half


@lru_cache(maxsize=43)
def _spots(number: int) -> _Spots:
    outline = silhouette(number)
    side = np.arange(32) / 16 - 31 / 32
    v, u = np.nonzero(outline)
    share = outline[v, u]
    order = np.argsort(share <= 0.5, kind="stable")
    places = np.stack([side[u], -side[v], np.ones(len(u))])[:, order]
    return _Spots(freeze(places), freeze(share[order] / share.sum()), int((share > 0.5).sum()))


def _tones(pixels: Pixels, weight: NDArray[np.float32]) -> tuple[float, float]:
    """Weighted mean and standard deviation of the grey, 0–1; 0 where nothing is visible."""
    total = float(weight.sum())
    if total < 1e-6:
        return 0.0, 0.0
    shares = weight.ravel() / np.float32(total)
    grey = pixels.reshape(-1, 3) @ (np.array([0.299, 0.587, 0.114], np.float32) / np.float32(255))  # ITU-R BT.601
    mean = float(grey @ shares)
    return mean, math.sqrt(max(0.0, float(np.square(grey - np.float32(mean)) @ shares)))


def _enlarged(pixels: Pixels, size_px: int) -> Pixels:
    if len(pixels) == size_px:
        return pixels
    from PIL import Image

    return np.array(Image.fromarray(pixels).resize((size_px, size_px), Image.Resampling.BICUBIC))
