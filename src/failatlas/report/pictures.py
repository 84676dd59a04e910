"""Pictures: a run's images and heatmaps as the report shows them, one at a time."""

from __future__ import annotations

import numpy as np

from failatlas.arrays import Features, Pixels
from failatlas.images import ImageSet
from failatlas.runs import Run

LARGEST = 160  # pixels a side


class RunPictures:
    """Thumbnails from the image set, heatmaps from the run.

    Args:
        images: the set, pinned to what was analysed.
        run: the run.
    """

    def __init__(self, images: ImageSet, run: Run) -> None:
        self._images = images
        self._position = {image: i for i, image in enumerate(images.ids)}
        self._maps = run.maps
        self._row = {image: i for i, image in enumerate(run.maps.ids)} if run.maps is not None else {}

    def thumbnail(self, image: str) -> Pixels:
        """(h, w, 3) uint8, at most 160 px a side; small images stay as they are.

        Raises:
            BadImage: it cannot be read, or has changed since the analysis.
        """
        from PIL import Image

        pixels = self._images.read(self._position[image]).pixels
        if max(pixels.shape[:2]) <= LARGEST:
            return pixels
        picture = Image.fromarray(pixels)
        picture.thumbnail((LARGEST, LARGEST), Image.Resampling.LANCZOS)
        return np.asarray(picture)

    def heatmap(self, image: str) -> Features | None:
        """(h, w) float32 relevance; None for correctly handled images and black boxes."""
        if self._maps is None or image not in self._row:
            return None
        row: Features = self._maps.matrix[self._row[image]]
        side = round(len(row) ** 0.5)
        grid: Features = row.reshape(side, side)
        return grid
