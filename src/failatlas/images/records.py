"""Records: what is known of an image before it is opened, what decoding gives, and why an image was set aside."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from failatlas.arrays import Pixels


@dataclass(frozen=True, slots=True)
class ImageRecord:
    """One image of a set.

    Attributes:
        id: unique in the set; the path below the set's root unless the manifest names one.
        path: below the set's root, exactly as written (any bytes, by surrogateescape).
        label: class name, or None when unlabelled or a regression.
        target: numbers to be predicted (steering angle, landmark coordinates), or None.
        split: ``"train"``, ``"test"``, …, or None.
        metadata: further columns, numbers as float, everything else as text.
    """

    id: str
    path: str
    label: str | None = None
    target: tuple[float, ...] | None = None
    split: str | None = None
    metadata: Mapping[str, str | float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, eq=False)
class Decoded:
    """A decoded image: (h, w, 3) uint8 RGB, upright, and notices such as ``"first of 12 frames"``."""

    pixels: Pixels
    notices: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class Batch:
    """Consecutive readable images of a set: their positions in it and their pixels (sizes may differ)."""

    indices: tuple[int, ...]
    pixels: tuple[Pixels, ...]


@dataclass(frozen=True, slots=True)
class Quarantined:
    """An image set aside: it costs itself, not the run.

    Attributes:
        id: the image.
        code: e.g. ``E_IMG_TRUNCATED``, ``E_MODEL_NAN``.
        reason: one line for a person.
    """

    id: str
    code: str
    reason: str
