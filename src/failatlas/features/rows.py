"""Rows: features of a number of images, extracted batch by batch: one batch of images is in memory."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from failatlas.arrays import Features, Indices, freeze
from failatlas.features.extractor import Extractor
from failatlas.images import ImageSet
from failatlas.images.records import BadImage, Quarantined
from failatlas.progress import step


@dataclass(frozen=True, slots=True, eq=False)
class Rows:
    """Features of m images.

    Attributes:
        ids: m image ids.
        indices: (m,) int64, their positions in the image set.
        matrix: (m, d) float32, finite.
        quarantined: images that could not be read any more, or whose features are not finite.
    """

    ids: tuple[str, ...]
    indices: Indices
    matrix: Features
    quarantined: tuple[Quarantined, ...] = ()

    def __repr__(self) -> str:
        return f"<Rows {self.matrix.shape[0]} × {self.matrix.shape[1]}, {len(self.quarantined)} quarantined>"


def extract(extractor: Extractor, images: ImageSet, indices: Indices, score: Indices, *, batch_size: int = 32) -> Rows:
    """Extract features of some images.

    Args:
        extractor: what to extract.
        images: the set.
        indices: (m,) positions in it.
        score: (m,) for each of them the output that relevance starts from.
        batch_size: images at a time.
    """
    starts = dict(zip(indices.tolist(), score.tolist(), strict=True))
    bad: list[Quarantined] = []

    def set_aside(index: int, error: BadImage) -> None:
        bad.append(error.quarantined(images.ids[index]))

    positions: list[int] = []
    blocks: list[Features] = []
    with step("extracting features", len(indices)) as listener:
        for batch in images.batches(batch_size, indices.tolist(), on_bad=set_aside):
            rows = extractor.extract(batch, np.array([starts[i] for i in batch.indices], np.int64))
            finite = np.isfinite(rows).all(axis=1)
            for index in np.asarray(batch.indices)[~finite]:
                bad.append(Quarantined(images.ids[index], "E_FEATURES_NAN", "its features are not finite"))
            positions += np.asarray(batch.indices)[finite].tolist()
            blocks.append(rows[finite])
            listener.advance(len(batch.indices))
    matrix = np.concatenate(blocks) if blocks else np.zeros((0, 0), np.float32)
    return Rows(
        tuple(images.ids[i] for i in positions), freeze(np.array(positions, np.int64)), freeze(matrix), tuple(bad)
    )


def merge(parts: Sequence[Rows]) -> Rows:
    """One after the other; parts without rows may have any width."""
    full = [part for part in parts if len(part.matrix)]
    return Rows(
        tuple(image for part in full for image in part.ids),
        freeze(np.concatenate([part.indices for part in full]) if full else np.zeros(0, np.int64)),
        freeze(np.concatenate([part.matrix for part in full]) if full else np.zeros((0, 0), np.float32)),
        tuple(image for part in parts for image in part.quarantined),
    )
