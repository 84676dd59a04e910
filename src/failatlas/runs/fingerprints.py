"""Fingerprints: what the images of a set are, to the byte, before anything is made of them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping

from failatlas import progress
from failatlas.images import BadImage, ImageSet


def image_digests(images: ImageSet, what: str) -> dict[str, str]:
    """SHA-256 (hex) of every image's bytes by id, in order; the code of the error where they cannot be had.

    Args:
        images: the set; every file is read once, none is decoded.
        what: for the progress line.
    """
    walk = progress.track(range(len(images)), what, len(images))
    return {images.ids[i]: _content(images, i) for i in walk}


def digest_of(digests: Mapping[str, str]) -> str:
    """SHA-256 (hex) over ids and digests in their order."""
    return hashlib.sha256(json.dumps(list(digests.items())).encode()).hexdigest()


def _content(images: ImageSet, i: int) -> str:
    try:
        return images.digest(i)
    except BadImage as error:
        return error.name
