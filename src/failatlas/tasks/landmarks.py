"""Landmarks: points in pixels against marked points; an error is a mean distance beyond a threshold."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from failatlas.arrays import Features, freeze
from failatlas.errors import DataError, ShapeError
from failatlas.images.records import ImageRecord
from failatlas.tasks.classification import check_outputs
from failatlas.tasks.regression import band_severity, checked_bands, target_rows
from failatlas.tasks.task import Verdict

MASKED = 1e-5  # a marked coordinate at or below this means "not marked" in HUDD's data
Layout = Literal["xyxy", "xxyy"]


class Landmarks:
    """Error ⇔ mean distance of the visible landmarks > ``threshold_px``, or one lies ``max_px`` or further off.

    Args:
        threshold_px: largest mean distance that is still right, > 0, in pixels of the coordinates given.
        max_px: a single landmark this far off is an error too; None = only the mean counts.
        bands_px: increasing mean distances beyond the threshold; each one passed raises severity by 1.
        layout: order of the coordinates in outputs and targets: ``"xyxy"`` = x₁ y₁ x₂ y₂ …, ``"xxyy"`` = all x first.

    Raises:
        DataError: a threshold is not positive or bands do not increase.

    Source: HUDD's code, mean distance > 4 px; its second check, "not (mean < 4 px and max < 8 px)", is ``max_px=8``.
    Ours: a landmark with either coordinate ≤ 1e-5 is masked as a whole, since half a point has no distance.
    """

    name = "landmarks"

    def __init__(
        self,
        threshold_px: float,
        *,
        max_px: float | None = None,
        bands_px: Sequence[float] = (),
        layout: Layout = "xyxy",
    ) -> None:
        if not 0 < threshold_px < np.inf or (max_px is not None and not 0 < max_px < np.inf):
            raise DataError("thresholds of landmarks must be numbers > 0", remedy="give --threshold in pixels")
        if layout not in ("xyxy", "xxyy"):
            raise DataError(f"unknown landmark layout {layout!r}", remedy='choose "xyxy" or "xxyy"')
        self.threshold_px = float(threshold_px)
        self.max_px = None if max_px is None else float(max_px)
        self.bands_px = checked_bands(bands_px, self.threshold_px)
        self.layout: Layout = layout

    def __repr__(self) -> str:
        return f"<Landmarks mean distance > {self.threshold_px:g} px>"

    def gap(self, record: ImageRecord) -> str:
        """``"no landmarks"``, ``"no visible landmark"``, or empty.

        Raises:
            DataError: an odd number of coordinates; the message names the image.
        """
        if not record.target:
            return "no landmarks"
        if len(record.target) % 2:
            raise DataError(
                f"{len(record.target)} coordinates are no x, y pairs", where=record.id, remedy="check targets"
            )
        points = self._points(np.array(record.target, dtype=np.float64)[None])
        return "" if _visible(points).any() else "no visible landmark"

    def judge(self, outputs: Features, records: Sequence[ImageRecord]) -> Verdict:
        """Judge (n, 2L) coordinates; the score is the coordinate furthest off of the worst visible landmark.

        Raises:
            ShapeError: outputs and targets differ in their number of coordinates, or it is odd.
            DataError: an image has no visible landmark, or an output is not finite.
        """
        check_outputs(outputs, records)
        if outputs.shape[1] % 2 or not outputs.shape[1]:
            raise ShapeError(f"{outputs.shape[1]} outputs are no x, y pairs", remedy="check the network's head")
        targets = target_rows(self.gap, outputs.shape[1], records)
        expected, predicted = self._points(targets), self._points(outputs.astype(np.float64))
        visible = _visible(expected)
        offset = np.where(visible[..., None], predicted - np.where(visible[..., None], expected, 0.0), 0.0)
        distance = np.sqrt((offset**2).sum(axis=2))
        mean = distance.sum(axis=1) / np.maximum(visible.sum(axis=1), 1)
        worst = np.where(visible, distance, -1.0).argmax(axis=1)
        largest = distance.max(axis=1, initial=0.0)
        is_error = mean > self.threshold_px
        if self.max_px is not None:
            is_error = is_error | (largest >= self.max_px)
        rows = np.arange(len(records))
        axis = np.abs(offset[rows, worst]).argmax(axis=1)
        return Verdict(
            predicted=tuple(f"mean {m:.3g} px off, worst landmark {w}" for m, w in zip(mean, worst, strict=True)),
            expected=tuple(f"{int(count)} landmarks" for count in visible.sum(axis=1)),
            is_error=freeze(is_error),
            severity=freeze(band_severity(mean, is_error, self.bands_px)),
            uncertainty=freeze(np.full(len(records), np.nan)),
            score=freeze(self._position(worst, axis, expected.shape[1])),
        )

    def to_json(self) -> dict[str, object]:
        """Name, thresholds, bands and layout."""
        return {
            "task": self.name,
            "threshold_px": self.threshold_px,
            "max_px": self.max_px,
            "bands_px": list(self.bands_px),
            "layout": self.layout,
        }

    @classmethod
    def from_json(cls, document: Mapping[str, object]) -> Landmarks:
        """The task that ``to_json`` described."""
        values = {key: value for key, value in document.items() if key != "task"}
        return cls(**values)  # type: ignore[arg-type]

    def _points(self, rows: NDArray[np.float64]) -> NDArray[np.float64]:
        # (n, 2L) → (n, L, 2)
        n, k = rows.shape
        if self.layout == "xyxy":
            return rows.reshape(n, k // 2, 2)
        return rows.reshape(n, 2, k // 2).transpose(0, 2, 1)

    def _position(self, landmark: NDArray[np.int64], axis: NDArray[np.int64], count: int) -> NDArray[np.int64]:
        place = landmark * 2 + axis if self.layout == "xyxy" else axis * count + landmark
        return place.astype(np.int64)


def _visible(points: NDArray[np.float64]) -> NDArray[np.bool_]:
    # nan compares false, so an unreadable mark counts as not marked
    visible: NDArray[np.bool_] = np.all(points > MASKED, axis=2)
    return visible
