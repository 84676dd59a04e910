from __future__ import annotations

import shlex
from pathlib import Path

import numpy as np
import pytest

from failatlas.images import ImageSet
from failatlas.report.gather import _command
from failatlas.runs import Inputs, Settings
from failatlas.tasks import Classification


def command(settings, name="photos"):
    images = ImageSet.from_arrays(np.zeros((1, 2, 2), np.uint8))
    return _command(settings, Inputs(images, Classification(("a", "b")), None, None, None, name))


def test_H17_the_command_can_be_pasted_into_a_shell_whatever_things_are_called():
    settings = Settings(images=Path("/home/me/a; touch x.csv"), classes=("Ankle boot", "$(id)", "it's"), seed=4)
    words = shlex.split(command(settings))
    assert words[:2] == ["failatlas", "analyze"]
    assert words[words.index("--images") + 1] == "a; touch x.csv"
    assert words[words.index("--classes") + 1] == "Ankle boot,$(id),it's"
    assert words[words.index("--seed") + 1] == "4"


@pytest.mark.parametrize("name", ["photos", "my photos"])
def test_images_in_memory_are_named(name):
    words = shlex.split(command(Settings(pipeline="safe"), name))
    assert words == ["failatlas", "analyze", "--pipeline", "safe", "--images", name, "--out", "RUN"]
