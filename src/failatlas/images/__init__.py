"""Images: sets of them, safe decoding, and what can be known of a picture without a network.

The pass over a set is ``failatlas.images.survey.survey``: a function cannot share its module's name here.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from failatlas.images.decoding import Decoding, decode
    from failatlas.images.delimited import write_manifest
    from failatlas.images.imageset import ImageSet
    from failatlas.images.records import BadImage, Batch, Decoded, ImageRecord, Quarantined
    from failatlas.images.survey import Overlap, Survey

_PLACES = {
    "BadImage": "records",
    "Batch": "records",
    "Decoded": "records",
    "Decoding": "decoding",
    "ImageRecord": "records",
    "ImageSet": "imageset",
    "Overlap": "survey",
    "Quarantined": "records",
    "Survey": "survey",
    "decode": "decoding",
    "write_manifest": "delimited",
}

__all__ = [
    "BadImage",
    "Batch",
    "Decoded",
    "Decoding",
    "ImageRecord",
    "ImageSet",
    "Overlap",
    "Quarantined",
    "Survey",
    "decode",
    "write_manifest",
]


def __getattr__(name: str) -> object:
    if name in _PLACES:
        return getattr(import_module(f"failatlas.images.{_PLACES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
