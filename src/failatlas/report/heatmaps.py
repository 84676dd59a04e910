"""Heatmap files: one image's relevance at every layer, each as a PNG over the image."""

from __future__ import annotations

import io
import re
from collections.abc import Mapping
from pathlib import Path

from failatlas.arrays import Features, Pixels
from failatlas.report.figures import overlay
from failatlas.store import write_atomically


def write_heatmaps(pixels: Pixels, maps: Mapping[str, Features], folder: Path, image: str) -> tuple[Path, ...]:
    """Write one PNG a layer and return their paths, in forward order.

    Args:
        pixels: the image.
        maps: layer → (h, w) relevance; red speaks for the network's answer, blue against it.
        folder: made when missing.
        image: its id; what is no letter or digit in it becomes ``-`` in the files' names.
    """
    from PIL import Image

    stem = re.sub(r"[^A-Za-z0-9]+", "-", image).strip("-")[:80] or "image"
    files = []
    for number, (layer, heatmap) in enumerate(maps.items()):
        shown = overlay(pixels, heatmap)
        data = io.BytesIO()
        Image.fromarray(pixels if shown is None else shown).save(data, "PNG")
        name = re.sub(r"[^A-Za-z0-9]+", "-", layer).strip("-")[:80]
        files.append(folder / f"{stem}--{number:02d}-{name}.png")
        write_atomically(files[-1], data.getvalue())
    return tuple(files)
