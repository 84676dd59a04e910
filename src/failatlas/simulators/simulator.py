"""Simulator: declares its parameters and renders values of them to a picture with measured labels.

A part is one class with ``space`` and ``render``; see ``docs/how-to/own-simulator.md`` for one in another process.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from failatlas.arrays import Pixels, freeze
from failatlas.errors import ShapeError
from failatlas.parameters import Space, Value, Values
from failatlas.registry import Registry


@dataclass(frozen=True, slots=True, eq=False)
class Rendering:
    """One rendered picture.

    Attributes:
        pixels: (h, w, 3) uint8 RGB.
        values: every parameter of the space, as rendered.
        labels: what was measured in the scene, name → number or text; never the name of a parameter.

    Raises:
        ShapeError: the pixels are no RGB picture, or a label has a parameter's name.
    """

    pixels: Pixels
    values: Values
    labels: Mapping[str, Value]

    def __post_init__(self) -> None:
        pixels = self.pixels
        if pixels.dtype != np.uint8 or pixels.ndim != 3 or pixels.shape[2] != 3 or 0 in pixels.shape:
            raise ShapeError(f"a simulator gave pixels {pixels.dtype} {pixels.shape}", remedy="give uint8 (h, w, 3)")
        both = set(self.values) & set(self.labels)
        if both:
            raise ShapeError(f"{sorted(both)[0]!r} is a parameter and a label", remedy="rename the label")
        object.__setattr__(self, "pixels", freeze(pixels))

    def __repr__(self) -> str:
        height, width, _ = self.pixels.shape
        return f"<Rendering {width} × {height} px, {len(self.values)} parameters, {len(self.labels)} labels>"


class Simulator(Protocol):
    """Renders points of its space; one object a process and thread, for it may keep buffers."""

    @property
    def space(self) -> Space:
        """The parameters it declares."""

    def render(self, values: Values, seed: int = 0) -> Rendering:
        """One picture; what ``values`` leaves out is at its default; same values and seed, same bytes.

        Raises:
            UsageError: an unknown parameter or a value outside its range.
        """


simulators: Registry[Simulator] = Registry(
    "simulator",
    methods=("render",),
    modules={name: f"failatlas.simulators.{name}" for name in ("driver", "road", "signs")},
    group="failatlas.simulators",
)
