"""Regression: numbers against targets; an error is a deviation beyond a threshold, bands grade it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from failatlas.arrays import Features, Mask, Vector, freeze
from failatlas.errors import DataError, ShapeError
from failatlas.images.records import ImageRecord
from failatlas.tasks.classification import check_outputs
from failatlas.tasks.task import Verdict


class Regression:
    """Error ⇔ |output − target| > threshold for at least one output.

    Args:
        threshold: largest deviation that is still right, > 0, in ``unit``; or one for each output.
        bands: increasing deviations beyond the threshold; each one passed raises severity by 1.
        unit: for texts, e.g. ``"°"``.

    Raises:
        DataError: a threshold is not positive, or bands do not increase from it.

    >>> task = Regression(2.0, bands=(5.0, 10.0), unit="°")
    >>> verdict = task.judge(np.array([[9.0]], np.float32), [ImageRecord("a.png", "a.png", target=(1.0,))])
    >>> verdict.predicted, verdict.severity.tolist()
    (('9 °',), [2.0])
    """

    name = "regression"

    def __init__(self, threshold: float | Sequence[float], bands: Sequence[float] = (), unit: str = "") -> None:
        several = isinstance(threshold, Sequence)
        self.thresholds = tuple(float(t) for t in threshold) if isinstance(threshold, Sequence) else (float(threshold),)
        if not self.thresholds or not all(0 < t < np.inf for t in self.thresholds):
            raise DataError(f"a threshold must be a number > 0, not {threshold!r}", remedy="give --threshold")
        if bands and several and len(set(self.thresholds)) > 1:
            raise DataError("bands need one threshold for all outputs", remedy="drop the bands or use one threshold")
        self.bands = checked_bands(bands, self.thresholds[0])
        self.unit = unit

    def __repr__(self) -> str:
        return f"<Regression |error| > {', '.join(f'{t:g}' for t in self.thresholds)} {self.unit}".rstrip() + ">"

    def gap(self, record: ImageRecord) -> str:
        """``"no target"``, ``"target is not a number"``, or empty."""
        if not record.target:
            return "no target"
        return "" if np.isfinite(record.target).all() else "target is not a number"

    def judge(self, outputs: Features, records: Sequence[ImageRecord]) -> Verdict:
        """Judge (n, k) outputs against targets of k numbers; the score is the output furthest beyond its threshold.

        Raises:
            ShapeError: outputs, targets and thresholds disagree on k; the message has the numbers.
            DataError: a target is missing or not finite, or an output is not finite.
        """
        check_outputs(outputs, records)
        targets = target_rows(self.gap, outputs.shape[1], records)
        if len(self.thresholds) not in (1, outputs.shape[1]):
            raise ShapeError(
                f"{len(self.thresholds)} thresholds for {outputs.shape[1]} outputs",
                remedy="give one threshold, or one for each output",
            )
        error = np.abs(outputs.astype(np.float64) - targets)
        # outputs of different units compare by how many times their own threshold they are off
        worst = (error / np.array(self.thresholds)).argmax(axis=1)
        is_error: Mask = np.any(error > np.array(self.thresholds), axis=1)
        return Verdict(
            predicted=tuple(self._text(row, w) for row, w in zip(outputs, worst, strict=True)),
            expected=tuple(self._text(row, w) for row, w in zip(targets, worst, strict=True)),
            is_error=freeze(is_error),
            severity=freeze(band_severity(error[np.arange(len(error)), worst], is_error, self.bands)),
            uncertainty=freeze(np.full(len(error), np.nan)),
            score=freeze(worst.astype(np.int64)),
        )

    def to_json(self) -> dict[str, object]:
        """Name, thresholds, bands and unit."""
        return {
            "task": self.name,
            "thresholds": list(self.thresholds),
            "bands": list(self.bands),
            "unit": self.unit,
        }

    @classmethod
    def from_json(cls, document: Mapping[str, object]) -> Regression:
        """The task that ``to_json`` described."""
        return cls(document["thresholds"], document["bands"], document["unit"])  # type: ignore[arg-type]

    def _text(self, row: NDArray[np.floating], worst: int) -> str:
        # beyond four numbers only the worst one helps a reader
        shown = ", ".join(f"{v:.4g}" for v in row) if len(row) <= 4 else f"output {worst}: {row[worst]:.4g}"
        return f"{shown} {self.unit}".rstrip()


def checked_bands(bands: Sequence[float], threshold: float) -> tuple[float, ...]:
    """Bands as floats.

    Raises:
        DataError: they do not increase strictly from the threshold.
    """
    steps = (threshold, *(float(band) for band in bands))
    if any(not low < high < np.inf for low, high in pairwise(steps)):
        raise DataError(
            f"bands {', '.join(f'{b:g}' for b in steps[1:])} do not increase from the threshold {threshold:g}",
            remedy="list bands in increasing order, all beyond the threshold",
        )
    return steps[1:]


def band_severity(error: Vector, is_error: Mask, bands: Sequence[float]) -> Vector:
    """1 for an error, one more for every band that its deviation passes, 0 where right; (n,) float64."""
    passed = (error[:, None] > np.array(bands, dtype=np.float64)[None, :]).sum(axis=1)
    return np.where(is_error, 1.0 + passed, 0.0)


def target_rows(gap: Callable[[ImageRecord], str], k: int, records: Sequence[ImageRecord]) -> NDArray[np.float64]:
    """Targets as (n, k) float64.

    Raises:
        DataError: a record has none.
        ShapeError: a record has more or fewer than k numbers.
    """
    rows = np.empty((len(records), k))
    for i, record in enumerate(records):
        why = gap(record)
        if why or record.target is None:
            raise DataError(why, where=record.id, remedy="give a target or leave the image out")
        if len(record.target) != k:
            raise ShapeError(
                f"the network gives {k} outputs, the target has {len(record.target)} numbers",
                where=record.id,
                remedy="check the target columns and the network's head",
            )
        rows[i] = record.target
    return rows
