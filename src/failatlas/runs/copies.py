"""Copies: an error-inducing image that repeats another one; a cluster must not count the two twice."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from failatlas.images import ImageSet, Survey
from failatlas.outcomes import Outcomes


@dataclass(frozen=True, slots=True)
class Copy:
    """An error-inducing image with the pixels and label of an earlier one, which stands for both in the clusters."""

    id: str
    path: str
    original: str


def find_copies(outcomes: Outcomes, survey: Survey, images: ImageSet) -> tuple[Copy, ...]:
    """Copies among the error-inducing images, in set order.

    Args:
        outcomes: of the readable images.
        survey: their pixel digests.
        images: the set.
    """
    wrong = np.flatnonzero(outcomes.is_error)
    digests = survey.pixel_digests[np.searchsorted(survey.indices, outcomes.indices[wrong])]
    first: dict[tuple[bytes, str], str] = {}
    found = []
    for i, digest in zip(wrong.tolist(), digests, strict=True):
        image = outcomes.ids[i]
        original = first.setdefault((digest.tobytes(), outcomes.expected[i]), image)
        if original != image:
            found.append(Copy(image, images.records[outcomes.indices[i]].path, original))
    return tuple(found)
