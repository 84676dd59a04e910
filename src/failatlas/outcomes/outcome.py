"""Outcomes: what the network made of every readable image of a set."""

from __future__ import annotations

from dataclasses import dataclass

from failatlas.arrays import Features, Indices, Mask, Vector
from failatlas.images.records import Quarantined


@dataclass(frozen=True, slots=True, eq=False)
class Outcomes:
    """n outcomes, in the order of the image set (quarantined images are left out and listed).

    Attributes:
        ids: n image ids.
        indices: (n,) int64, their positions in the image set.
        outputs: (n, k) float32 raw outputs.
        predicted, expected: n texts each.
        is_error: (n,) bool.
        severity: (n,) float64 ≥ 0, 0 where handled correctly.
        uncertainty: (n,) float64 in [0, 1] or nan.
        score: (n,) int64, the output that relevance starts from.
        quarantined: images that could not be read or on which the network gave no finite output.
        left_out: (why, how many) images that the task cannot judge, e.g. ``("no label", 12)``.
        notes: what a reader must know, e.g. that the network gives every image one answer.
    """

    ids: tuple[str, ...]
    indices: Indices
    outputs: Features
    predicted: tuple[str, ...]
    expected: tuple[str, ...]
    is_error: Mask
    severity: Vector
    uncertainty: Vector
    score: Indices
    quarantined: tuple[Quarantined, ...] = ()
    left_out: tuple[tuple[str, int], ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def n_errors(self) -> int:
        """How many images are error-inducing."""
        return int(self.is_error.sum())

    def __repr__(self) -> str:
        share = f", {self.n_errors / len(self.ids):.1%}" if self.ids else ""
        without = "".join(f", {count} with {why}" for why, count in self.left_out)
        return (
            f"<Outcomes {len(self.ids)} images, {self.n_errors} error-inducing{share}, "
            f"{len(self.quarantined)} quarantined{without}>"
        )
