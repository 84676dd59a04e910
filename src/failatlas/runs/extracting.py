"""Extracting: what the settings and the chosen layer mean for an extractor, and what its maps mean for a cluster."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from failatlas.arrays import Features, Indices, Pixels, freeze
from failatlas.errors import UsageError
from failatlas.features import Rows, extractors
from failatlas.images import ImageSet
from failatlas.pipelines import Grouping
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
    for name in ("backbone", "backbone_weights", "backbone_preprocess"):
        if (value := getattr(settings, name)) is not None:
            options[name] = value
    return options


def check_backbone(settings: Settings, asked: Iterable[str]) -> None:
    """Pass, unless a backbone is named and none of these extractors looks through it.

    Raises:
        UsageError: it would be ignored.
    """
    if settings.backbone is not None and not any("backbone" in extractors.get(name).parameters for name in asked):
        raise UsageError(
            f"no extractor of the pipeline looks through --backbone {settings.backbone}",
            remedy="name own or own-tuned as the extractor, e.g. own+umap+dbscan, or leave --backbone out",
        )


def first_readable(images: ImageSet, indices: Indices) -> Pixels | None:
    """Pixels of the first image that can be read, as an example; None when none can.

    Those that cannot are passed over here: the stage that needs them sets them aside.
    """
    batch = next(images.batches(1, indices.tolist(), on_bad=lambda *_: None), None)
    return batch.pixels[0] if batch is not None else None


def mean_maps(maps: Rows, grouping: Grouping) -> dict[int, Features]:
    """(side, side) mean relevance of the members of every cluster, noise too; clusters without a map are left out.

    Args:
        maps: square maps of images, flattened.
        grouping: which image belongs where.
    """
    row = {image: i for i, image in enumerate(maps.ids)}
    members: dict[int, list[int]] = {}
    for image, label in zip(grouping.ids, grouping.labels.tolist(), strict=True):
        if image in row:
            members.setdefault(label, []).append(row[image])
    side = round(maps.matrix.shape[1] ** 0.5)
    return {
        label: freeze(maps.matrix[rows].mean(axis=0).reshape(side, side)) for label, rows in sorted(members.items())
    }
