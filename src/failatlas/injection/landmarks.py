"""Landmarks: places in a picture move with it or get out of sight; other answers speak of the scene and stay."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from failatlas.images.records import ImageRecord
from failatlas.simulators.scenarios import Injection
from failatlas.tasks import Landmarks
from failatlas.tasks.landmarks import MASKED
from failatlas.tasks.task import Task

HIDDEN = 0.0  # both coordinates of a landmark that is not marked


def answered(record: ImageRecord, injection: Injection, size: tuple[int, int], task: Task) -> ImageRecord:
    """The record with the right answer for the changed picture.

    A landmark goes where its place in the picture goes; beyond the border or under a cover it is not marked any more.

    Args:
        record: of the picture before.
        injection: what was done to its pixels.
        size: height and width of the picture, whose pixels landmarks are taken to count.
        task: the error rule; records of all tasks but landmarks stay as they are.
    """
    if not isinstance(task, Landmarks) or record.target is None:
        return record
    flat = np.array(record.target, np.float64)
    points = flat.reshape(-1, 2) if task.layout == "xyxy" else flat.reshape(2, -1).T
    moved = injection.points(points, size)
    if moved is points:
        return record
    # nan compares false
    is_seen = np.all((points > MASKED) & (moved > MASKED) & (moved < (size[1], size[0])), axis=1)
    kept = np.where(is_seen[:, np.newaxis], moved, HIDDEN)
    return replace(record, target=tuple((kept if task.layout == "xyxy" else kept.T).ravel().tolist()))
