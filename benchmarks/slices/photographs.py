"""Photographs: the clothes that every setting is made of, and sub-styles of one class that no method's features know.

Networks learn from Fashion-MNIST's 60,000 training photographs where Debian's ``dataset-fashion-mnist`` is installed,
else from the 10,000 that failatlas ships; the 10,000 test photographs, on which slices are discovered, are shipped.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from failatlas.images import ImageSet

Images = NDArray[np.uint8]  # (n, 28, 28)
Classes = NDArray[np.int64]  # (n,)

DESCRIPTORS = ("pixels", "outline")
_INK = 32  # grey value from which a pixel belongs to the garment
_FITTED = 2500  # photographs of one class that k-means sees: more moved no centre by much


@dataclass(frozen=True, slots=True, eq=False)
class Pool:
    """Photographs and their classes.

    Attributes:
        images: (n, 28, 28) grey.
        classes: (n,) 0 … 9, as ``failatlas.cases.fashion.CLASSES`` numbers them.
        origin: in words.
        digest: SHA-256 over pixels and classes.
    """

    images: Images
    classes: Classes
    origin: str

    digest: str


@cache
def training() -> Pool:
    """What networks learn from: 60,000 photographs, or the 10,000 that are shipped."""
    from failatlas.cases.fashion import FULL_SET, Fashion

    case = Fashion()
    shipped = case.images("improvement")
    if not (FULL_SET / "train-images-idx3-ubyte.gz").is_file():
        return _pool([shipped], "the 10,000 shipped photographs of the training split")
    return _pool([case.images("train"), shipped], "all 60,000 photographs of the training split")


@cache
def evaluation() -> Pool:
    """Where slices are discovered and scored: the 10,000 test photographs."""
    from failatlas.cases.fashion import Fashion

    return _pool([Fashion().images("test")], "the 10,000 shipped test photographs")


@cache
def substyles(of: int, descriptor: str, k: int, seed: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The sub-style of every photograph of one class: k-means on pixels or outlines, fitted on training photographs.

    Args:
        of: the class.
        descriptor: one of ``DESCRIPTORS``.
        k: sub-styles.
        seed: of k-means.

    Returns:
        (n,) of the training and (m,) of the evaluation photographs, -1 where the class is another.
    """
    from sklearn.cluster import KMeans

    learnt, asked = training(), evaluation()
    rows = described(learnt.images[learnt.classes == of], descriptor)
    means = KMeans(k, n_init=3, random_state=seed).fit(rows[:_FITTED])
    found = []
    for pool in (learnt, asked):
        styles = np.full(len(pool.classes), -1, np.int64)
        members = pool.classes == of
        styles[members] = means.predict(described(pool.images[members], descriptor))
        found.append(styles)
    return found[0], found[1]


def described(images: Images, descriptor: str) -> NDArray[np.float64]:
    """(n, 28, 28) → (n, d): 14 × 14 mean grey values, or ink per row and column, both in 0 … 1.

    >>> described(np.full((1, 28, 28), 255, np.uint8), "outline").shape
    (1, 56)
    """
    if descriptor == "pixels":
        return images.reshape(-1, 14, 2, 14, 2).mean(axis=(2, 4)).reshape(len(images), -1) / 255
    ink = images >= _INK
    return np.concatenate([ink.mean(axis=1), ink.mean(axis=2)], axis=1)


def _pool(sets: Sequence[ImageSet], origin: str) -> Pool:
    from failatlas.cases.fashion import CLASSES

    number = {name: position for position, name in enumerate(CLASSES)}
    images, classes = [], []
    for image_set in sets:
        for batch in image_set.batches(1000):
            images.append(np.stack([picture[:, :, 0] for picture in batch.pixels]))
            classes += [number[image_set.records[index].label] for index in batch.indices]
    pixels, numbers = np.concatenate(images), np.array(classes, np.int64)
    digest = hashlib.sha256(pixels.tobytes() + numbers.astype(np.uint8).tobytes()).hexdigest()
    return Pool(pixels, numbers, origin, digest)
