"""Staging: who can change the scene behind a picture; and which scenarios fit whom."""

from __future__ import annotations

from itertools import product
from typing import Protocol

import numpy as np

from failatlas.arrays import Pixels
from failatlas.images.records import ImageRecord
from failatlas.parameters import Space, Values
from failatlas.simulators.scenarios import Injection, Scenario, create

PHOTOMETRIC = (
    "noise",
    "blur",
    "brightness",
    "darkness",
    "scaling",
    "rotation",
    "occlusion",
    "contrast",
    "watermark",
)
GEOMETRIC = ("mask", "eyeglasses", "sunglasses", "hand")


class Staging(Protocol):
    """Renders the scene of a picture again with a scenario in it; a rendered case study does."""

    @property
    def space(self) -> Space:
        """The parameters of a scene; a picture's record has them in its metadata."""

    def digest(self) -> str:
        """SHA-256 (hex) of what decides over its pictures."""

    def known_cause(self, values: Values) -> str:
        """The cause of failure that a scene has without any scenario, e.g. a planted weakness; empty = none."""

    def restage(
        self, record: ImageRecord, scenario: Scenario, random: np.random.Generator
    ) -> tuple[Pixels, ImageRecord] | None:
        """The picture and its record with the scenario done to its scene and pixels; None = no right answer is left.

        Label or target are those of the new scene; the metadata has the new parameters and the scenario's truth.

        Raises:
            DataError: the record does not say how its scene was rendered.
        """


def default_scenarios(staging: Staging | None = None) -> tuple[Scenario, ...]:
    """The nine photometric scenarios; mask, eyeglasses, sunglasses and hand as well where the scene can have them.

    A geometric scenario is left out where it would bring about a weakness that was planted under another name: one
    cause with two names would count as two.
    """
    chosen = [create(name) for name in PHOTOMETRIC]
    if staging is not None:
        geometric = [create(name) for name in GEOMETRIC]
        chosen += [s for s in geometric if s.applies_to(staging.space) and not _is_planted(s, staging)]
    return tuple(chosen)


def done_to(pixels: Pixels, injection: Injection) -> Pixels:
    """The pixel part of a scenario done to a picture; a grey picture stays grey, as that of a camera for grey does.

    >>> noisy = done_to(np.full((4, 4, 3), 99, np.uint8), create("noise").draw(np.random.default_rng(0)))
    >>> bool((noisy == noisy[..., :1]).all())
    True
    """
    if (pixels == pixels[..., :1]).all():
        return np.repeat(injection.pixels(np.ascontiguousarray(pixels[..., :1])), pixels.shape[2], axis=2)
    return injection.pixels(pixels)


def _is_planted(scenario: Scenario, staging: Staging) -> bool:
    """Whether one of the scenes that a scenario may bring about has a cause of another name."""
    ordinary = staging.known_cause(staging.space.defaults)
    names = scenario.space.names
    for values in product(*(scenario.space[name].choices for name in names)):
        cause = staging.known_cause({**staging.space.defaults, **dict(zip(names, values, strict=True))})
        if cause not in ("", ordinary, scenario.name):
            return True
    return False
