"""Explaining one image: its relevance at every layer that has a map."""

from __future__ import annotations

import numpy as np

from failatlas.arrays import Features, Pixels
from failatlas.features.heatmaps import LayerHeatmaps, white_box
from failatlas.images.records import Batch
from failatlas.runs.inputs import Inputs
from failatlas.runs.run import Run
from failatlas.runs.settings import Settings


def layer_maps(run: Run, inputs: Inputs, settings: Settings, position: int) -> tuple[Pixels, dict[str, Features]]:
    """Pixels of one image and layer → (h, w) relevance for the answer, over channels, in forward order.

    Args:
        run: the run.
        inputs: its images and network.
        settings: with which rules relevance is computed.
        position: of the image among the outcomes.

    Raises:
        ModelError: the network is a black box.
        BadImage: the image cannot be read any more.
    """
    heatmaps = LayerHeatmaps(white_box(inputs.model), settings.composite, fallback=settings.fallback)
    pixels = inputs.images.read(int(run.outcomes.indices[position])).pixels
    found = heatmaps.run(Batch((0,), (pixels,)), np.array([run.outcomes.score[position]], np.int64))
    maps = {
        layer: found.for_the_answer(layer, settings.composite, inputs.task.name)[0]
        for layer, shape in found.shapes.items()
        if len(shape) == 3 and min(shape[1:]) > 1
    }
    return pixels, maps
