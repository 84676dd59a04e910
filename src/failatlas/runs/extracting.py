"""Extracting: what the settings and the chosen layer mean for an extractor."""

from __future__ import annotations

from typing import TYPE_CHECKING

from failatlas.arrays import Indices, Pixels
from failatlas.images import ImageSet
from failatlas.runs.settings import Settings

if TYPE_CHECKING:
    from failatlas.runs.layers import LayerChoice


def extractor_options(settings: Settings, layer: LayerChoice | None) -> dict[str, object]:
    """Options for ``open_extractor``, which leaves out those that an extractor does not know.

    A composite that nobody named leaves the extractor its own default: HUDD's rules are for internal layers, those of
    ``pixel-heatmap`` for pixels.
    """
    options: dict[str, object] = {"fallback": settings.fallback}
    if layer is not None:
        options["layer"] = layer.chosen
    if layer is not None or settings.composite != Settings().composite:
        options["composite"] = settings.composite
    return options


def first_readable(images: ImageSet, indices: Indices) -> Pixels | None:
    """Pixels of the first image that can be read, as an example; None when none can.

    Those that cannot are passed over here: the stage that needs them sets them aside.
    """
    batch = next(images.batches(1, indices.tolist(), on_bad=lambda *_: None), None)
    return batch.pixels[0] if batch is not None else None
