"""A toy world: a disc on a ground, left or right of the middle; cheap to render, and its causes are known."""

from __future__ import annotations

import numpy as np
import pytest

from failatlas.cases import Answer, RenderedCase, Weakness
from failatlas.cases.networks import SmallNetwork
from failatlas.cases.recipe import Recipe
from failatlas.parameters import Parameter, Space
from failatlas.registry import Part
from failatlas.simulators import Rendering, simulators
from failatlas.simulators.where import Condition
from failatlas.tasks import Classification

SIZE_PX = 16


class Disc:
    """A disc on a ground."""

    space = Space(
        [
            Parameter("x", low=-1, high=1),
            Parameter("light", low=0, high=1, default=0.8),
            Parameter("time", choices=("day", "night")),
        ]
    )

    def render(self, values, seed=0):
        values = self.space.validated(values)
        rows, columns = np.mgrid[:SIZE_PX, :SIZE_PX]
        centre = (values["x"] + 1) / 2 * (SIZE_PX - 1)
        disc = (columns - centre) ** 2 + (rows - SIZE_PX / 2) ** 2 < 9
        grey = np.where(disc, 220.0, 60.0) * values["light"]
        if values["time"] == "night":
            grey = 255 - grey
        noise = np.random.default_rng(seed).normal(0, 4, grey.shape)
        pixels = np.clip(grey + noise, 0, 255).astype(np.uint8)[..., None].repeat(3, 2)
        return Rendering(pixels, values, {"disc_px": float(disc.sum())})


def _draw(random, split):
    return {"x": random.uniform(-1, 1), "light": random.uniform(0.4, 1)}


def _answer(known):
    return None if abs(known["x"]) < 0.05 else Answer("left" if known["x"] < 0 else "right")


def _toy(**changes):
    fields = {
        "name": "toy",
        "title": "Which side is the disc on?",
        "about": "A toy.",
        "source": "tests",
        "simulator": "toy-disc",
        "options": {},
        "sizes": {"test": 60, "improvement": 40, "train": 300},
        "draw": _draw,
        "answer": _answer,
        "weaknesses": (
            Weakness(
                "night",
                Condition.parse("time=night"),
                "no night in training",
                0.2,
                lambda random: {"time": "night"},
            ),
            Weakness(
                "dark",
                Condition.parse("light<0.2"),
                "nothing dark in training",
                0.1,
                lambda random: {"light": random.uniform(0, 0.19)},
            ),
        ),
        "task_of": lambda: Classification(("left", "right")),
        "network": SmallNetwork(2, (SIZE_PX, SIZE_PX), widths=(4, 8), hidden=8),
        "recipe": Recipe(epochs=3, batch=32),
    }
    return RenderedCase(**{**fields, **changes})


@pytest.fixture(autouse=True)
def _here(monkeypatch):
    # other processes do not know a simulator of the tests
    monkeypatch.setenv("FAILATLAS_PROCESSES", "1")
    assert "driver" in simulators  # loads what there is, before the toy joins for one test
    monkeypatch.setitem(simulators._parts, "toy-disc", Part("toy-disc", Disc, {}, "tests", "A disc on a ground."))


@pytest.fixture
def toy():
    """Makes toy cases; keywords change fields."""
    return _toy


@pytest.fixture
def case():
    return _toy()
