"""Images whose right answer is known: class = the colour that is brightest."""

from __future__ import annotations

import numpy as np
import pytest

from failatlas.images.imageset import ImageSet
from failatlas.tasks import Classification

CLASSES = ("red", "green", "blue")


@pytest.fixture
def task():
    return Classification(CLASSES)


@pytest.fixture
def images():
    draw = np.random.default_rng(5)
    pixels = draw.integers(0, 100, (20, 6, 6, 3), dtype=np.uint8)
    labels = []
    for i in range(20):
        pixels[i, :, :, i % 3] += 120
        labels.append(CLASSES[(i + (i % 7 == 0)) % 3])  # every seventh label is wrong
    return ImageSet.from_arrays(pixels, labels=labels)
