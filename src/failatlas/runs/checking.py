"""Checking relevance: can the heatmaps that a report shows be trusted?  Said of every run that shows any."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from failatlas.arrays import Indices
from failatlas.features.heatmaps import LayerHeatmaps, probe
from failatlas.images import ImageSet
from failatlas.models import WhiteBox
from failatlas.runs.layers import LayerChoice, LayerScore
from failatlas.runs.settings import Settings

SAMPLE = 32  # images on which conservation is measured where no layer is chosen
VERSION = 3


@dataclass(frozen=True, slots=True)
class RelevanceCheck:
    """Conservation of relevance, layer by layer.

    Attributes:
        scores: every layer, in forward order; WICD is nan where no layer was chosen.
        n_images: error-inducing images on which conservation was measured.
        fallbacks: one sentence for each operator passed by gradient.
        warnings: what limits the reading, with numbers.
    """

    scores: tuple[LayerScore, ...]
    n_images: int
    fallbacks: tuple[str, ...]
    warnings: tuple[str, ...]


def checked(choice: LayerChoice) -> RelevanceCheck:
    """What choosing a layer has measured on the way."""
    return RelevanceCheck(choice.scores, len(choice.indices), choice.fallbacks, choice.warnings)


def check_relevance(
    model: WhiteBox, images: ImageSet, indices: Indices, score: Indices, settings: Settings
) -> RelevanceCheck:
    """Measure conservation on the first ``SAMPLE`` of some images.

    Args:
        model: the network.
        images: the set, pinned.
        indices: (m,) positions of error-inducing images, at least one of them readable.
        score: (m,) the output that relevance starts from.
        settings: composite and fallback.

    Raises:
        ModelError: relevance cannot pass this network.
    """
    starts = dict(zip(indices.tolist(), score.tolist(), strict=True))
    batch = next(images.batches(SAMPLE, indices.tolist(), on_bad=lambda *_: None))
    _, fallbacks = probe(model, batch.pixels[0], settings.composite, settings.fallback)
    heatmaps = LayerHeatmaps(model, settings.composite, fallback=settings.fallback)
    found = heatmaps.run(batch, np.array([starts[i] for i in batch.indices], np.int64))
    scores = []
    for layer, errors in found.conservation.items():
        known = errors[np.isfinite(errors)]
        scores.append(LayerScore(layer, np.nan, np.nan, 0, float(np.median(known)) if len(known) else np.nan))
    return RelevanceCheck(tuple(scores), len(batch.pixels), fallbacks, ())
