"""Describer: turns what was measured of a cluster into one sentence, and into words for its name."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np

from failatlas.arrays import Indices, Mask
from failatlas.registry import Registry
from failatlas.rootcauses.columns import Columns
from failatlas.rootcauses.contrasts import Contrast
from failatlas.rootcauses.rootcause import Description, RootCause

if TYPE_CHECKING:
    from failatlas.outcomes.outcome import Outcomes


@dataclass(frozen=True, slots=True, eq=False)
class Context:
    """One cluster, or the noise group, and the image set around it.

    Attributes:
        cause: everything measured of it; its name and descriptions are still empty.
        members: (m_c,) int64, positions of its images in ``outcomes``, nearest to the medoid first.
        outcomes: of all n images of the set.
        columns: measured properties and metadata of the same n images.
        contrasts: of the cluster against all other images, strongest first.
    """

    cause: RootCause
    members: Indices
    outcomes: Outcomes
    columns: Columns
    contrasts: tuple[Contrast, ...]

    @property
    def is_member(self) -> Mask:
        """(n,) bool."""
        found = np.zeros(len(self.outcomes.ids), np.bool_)
        found[self.members] = True
        return found


class Describer(Protocol):
    """Says one thing about a cluster."""

    def describe(self, context: Context) -> Description | None:
        """The finding, or None when there is nothing to say or not enough to say it from."""


describers: Registry[Describer] = Registry(
    "describer",
    methods=("describe",),
    modules=(
        "failatlas.rootcauses.describers.chance",
        "failatlas.rootcauses.describers.confusion",
        "failatlas.rootcauses.describers.contrasts",
        "failatlas.rootcauses.describers.extent",
        "failatlas.rootcauses.describers.exposure",
        "failatlas.rootcauses.describers.rules",
        "failatlas.rootcauses.describers.stability",
    ),
    group="failatlas.describers",
)
