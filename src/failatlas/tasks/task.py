"""Task: what counts as an error, how severe it is, and how unsure the network was."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from failatlas.arrays import Features, Indices, Mask, Vector
from failatlas.images.records import ImageRecord


@dataclass(frozen=True, slots=True, eq=False)
class Verdict:
    """The task's judgement of n outputs.

    Attributes:
        predicted, expected: n short texts for people: a class name, or a number with its unit.
        is_error: (n,) bool.
        severity: (n,) float64 ≥ 0; 0 where handled correctly, 1 = an ordinary error.
        uncertainty: (n,) float64 in [0, 1], nan where the task has none; 1 = the network had no idea.
        score: (n,) int64, position of the output that relevance starts from (predicted class, worst landmark, …).
    """

    predicted: tuple[str, ...]
    expected: tuple[str, ...]
    is_error: Mask
    severity: Vector
    uncertainty: Vector
    score: Indices


class Task(Protocol):
    """An error rule over outputs and what was expected."""

    @property
    def name(self) -> str:
        """``"classification"``, ``"regression"`` or ``"landmarks"``."""

    def gap(self, record: ImageRecord) -> str:
        """Why an image cannot be judged and is left out, e.g. ``"no label"``; empty when it can.

        Asked of every record before the network runs, so that a wrong label costs seconds and not hours.

        Raises:
            DataError: what the record expects is unknown to the task; the message names the image.
        """

    def judge(self, outputs: Features, records: Sequence[ImageRecord]) -> Verdict:
        """Judge (n, k) outputs against n records.

        Raises:
            DataError: a label is missing or unknown to the task; the message names the image.
            ShapeError: k is not what the task expects; the message has both numbers.
        """

    def to_json(self) -> dict[str, object]:
        """Everything that decides a verdict; enters the run's keys."""
