"""A toy world: one half of a picture is lighter, and a network that fails in the dark, in glare and before a mask."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np
import pytest

from failatlas.arrays import Features, Pixels
from failatlas.images import ImageRecord, ImageSet
from failatlas.injection.staging import done_to
from failatlas.models.model import Preprocess
from failatlas.outcomes import run
from failatlas.parameters import Parameter, Space
from failatlas.simulators.scenarios import Scenario
from failatlas.tasks import Classification

SIZE_PX = 12
DARK = 45  # mean level below which the network says "left", whatever it sees
CLASSES = ("left", "right")


class Halves:
    """The lighter half; "left" when it cannot tell, when it is dark, and when the lowest row is blue."""

    name = "halves"
    digest = hashlib.sha256(b"halves").hexdigest()
    preprocess = Preprocess()

    def __init__(self) -> None:
        self.seen = 0

    def predict(self, pixels: Sequence[Pixels]) -> Features:
        self.seen += len(pixels)
        return np.array([self._one(picture.astype(np.float64)) for picture in pixels], np.float32)

    def _one(self, picture: np.ndarray) -> tuple[float, float]:
        if picture.mean() < DARK or picture[-1, :, 2].mean() > picture[-1, :, 0].mean() + 50:
            return 1.0, 0.0
        return picture[:, : SIZE_PX // 2].mean(), picture[:, SIZE_PX // 2 :].mean()


def scene(side: str, light: float, seed: int) -> Pixels:
    picture = np.random.default_rng(seed).uniform(60, 80, (SIZE_PX, SIZE_PX, 1))
    half = slice(None, SIZE_PX // 2) if side == "left" else slice(SIZE_PX // 2, None)
    picture[:, half] += light
    return picture.astype(np.uint8).repeat(3, axis=2)


class Stage:
    """Renders the scenes of `halves` again; a mask makes the lower rows its colour, and hides "right" where white."""

    space = Space(
        [
            Parameter("light", 0, 255, 100),
            Parameter("mask", choices=("none", "blue", "white", "black")),
        ]
    )

    def digest(self) -> str:
        return "stage"

    def known_cause(self, values) -> str:
        return "blue cover" if values["mask"] == "blue" else ""

    def restage(self, record: ImageRecord, scenario: Scenario, random: np.random.Generator):
        before = {name: record.metadata[name] for name in self.space.names}
        values = scenario.values(before, random, self.space)
        if values["mask"] == "black":
            return None
        pixels = scene(str(record.label), float(values["light"]), int(record.id[1:])).copy()
        if values["mask"] == "blue":
            pixels[-4:] = (0, 0, 255)
        injection = scenario.draw(random)
        truth = {**injection.truth, "known_cause": self.known_cause(values) or scenario.name}
        metadata = {**record.metadata, **values, **truth}
        return done_to(pixels, injection), ImageRecord(record.id, record.path, record.label, metadata=metadata)


@pytest.fixture
def model() -> Halves:
    return Halves()


@pytest.fixture
def task() -> Classification:
    return Classification(CLASSES)


@pytest.fixture
def images() -> ImageSet:
    """200 pictures: every other one right; every tenth has a known cause of its own, every twentieth a wrong label."""
    sides = [CLASSES[i % 2] for i in range(200)]
    lights = [50.0 + i % 80 for i in range(200)]
    labels = [CLASSES[(i + (i % 20 == 3)) % 2] for i in range(200)]
    return ImageSet.from_arrays(
        np.stack([scene(side, light, i) for i, (side, light) in enumerate(zip(sides, lights, strict=True))]),
        labels,
        [f"p{i}" for i in range(200)],
        "test",
        {
            "light": lights,
            "mask": ["none"] * 200,
            "known_cause": ["fog" if i % 10 == 4 else "" for i in range(200)],
        },
    )


@pytest.fixture
def outcomes(model, images, task):
    return run(model, images, task)


@pytest.fixture
def stage() -> Stage:
    return Stage()
