"""Weakness: a condition that a reference network never saw in training, written down as ground truth."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from failatlas.errors import UsageError
from failatlas.parameters import Space, Value, Values
from failatlas.simulators.where import Condition

Plant = Callable[[np.random.Generator], Values]

KNOWN_CAUSE = "known_cause"  # the manifest's column of ground truth


@dataclass(frozen=True, slots=True)
class Weakness:
    """A condition missing from training and present in the test and improvement sets.

    Attributes:
        name: in the column ``known_cause``.
        where: condition over the simulator's parameters that says whether a picture has it.
        why: one sentence for people: what training lacks, and what should follow.
        share: of the test pictures that get it, 0–1.
        plant: parameters that bring it about; they must fulfil ``where``.
    """

    name: str
    where: Condition
    why: str
    share: float
    plant: Plant

    def planted(self, random: np.random.Generator, values: Values, space: Space) -> dict[str, Value]:
        """``values`` with the condition brought about.

        Raises:
            UsageError: what was planted does not fulfil the condition.
        """
        changed = space.validated({**values, **self.plant(random)})
        if not self.where.holds(changed):
            raise UsageError(f"weakness {self.name!r} was planted, and {self.where!r} does not hold")
        return changed
