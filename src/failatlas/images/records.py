"""Records: what is known of an image before it is opened, what decoding gives, and why an image was set aside."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from failatlas.arrays import Pixels
from failatlas.errors import DataError


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


class BadImage(DataError):  # noqa: N818 - the name says what it is; it costs one image, not the run
    """One image cannot be used.

    Codes: ``E_IMG_TRUNCATED`` cut off; ``E_IMG_UNREADABLE`` damaged, or not an image; ``E_IMG_FORMAT`` a format, or a
    range of values, that is not on the allow-list; ``E_IMG_TOO_LARGE`` refused before decoding; ``E_IMG_NAN`` a float
    image with nan or infinity; ``E_IMG_CHANGED`` not the file it was; ``E_IMG_SPECIAL_FILE`` a pipe, device, socket or
    folder; ``E_IMG_LINK`` a link out of the set, or a loop; ``E_IMG_MISSING`` no such file.
    """

    code = "E_IMG_UNREADABLE"

    def quarantined(self, image_id: str) -> Quarantined:
        """The entry that the run keeps for it.

        >>> BadImage("empty file", code="E_IMG_TRUNCATED").quarantined("cat.png")
        Quarantined(id='cat.png', code='E_IMG_TRUNCATED', reason='empty file')
        """
        return Quarantined(image_id, self.name, self.what)
