"""Condition: one column of an image set held to an interval or to a value, with thresholds that a person can read."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from failatlas.arrays import Mask
from failatlas.rootcauses.columns import Column


@dataclass(frozen=True, slots=True)
class Condition:
    """``low < column ≤ high``, or ``column = value``; a missing entry satisfies nothing.

    Attributes:
        column: its name.
        low: exclusive; -inf = no lower end.
        high: inclusive; inf = no upper end. Below ``low`` = an arc of a full turn that passes through 0.
        value: the text to be equalled, for a column of texts; None for numbers.
    """

    column: str
    low: float = -math.inf
    high: float = math.inf
    value: str | None = None

    def holds(self, column: Column) -> Mask:
        """(n,) bool: which images satisfy it.

        >>> Condition("brightness", high=0.2).holds(np.array([0.1, 0.2, 0.3, np.nan]))
        array([ True,  True, False, False])
        """
        if self.value is not None:
            return np.array([entry == self.value for entry in column], np.bool_)
        entries = np.asarray(column, np.float64)
        if self.low > self.high:
            return (entries > self.low) | (entries <= self.high)
        return (entries > self.low) & (entries <= self.high)

    @property
    def text(self) -> str:
        """As a person reads it; a conjunction of such texts is unambiguous.

        >>> Condition("brightness", low=0.1, high=0.25).text, Condition("camera", value="left").text
        ('0.1 < brightness ≤ 0.25', 'camera = left')
        """
        if self.value is not None:
            return f"{self.column} = {self.value}"
        if self.low > self.high:
            return f"{self.column} from {self.low:.15g} through 0 to {self.high:.15g}"
        if self.low == -math.inf:
            return f"{self.column} ≤ {self.high:.15g}"
        if self.high == math.inf:
            return f"{self.column} > {self.low:.15g}"
        return f"{self.low:.15g} < {self.column} ≤ {self.high:.15g}"


def readable(low: float, high: float) -> float:
    """The number with the fewest digits in [low, high); low itself when nothing shorter lies there.

    >>> readable(0.2113, 0.2391), readable(3.0, 4.0), readable(-0.004, 0.3), readable(0.25, 0.25)
    (0.22, 3.0, 0.0, 0.25)
    """
    if low <= 0 < high:
        return 0.0
    if not high > low:
        return low
    top = math.floor(math.log10(max(abs(low), abs(high))))
    for exponent in range(top, max(top - 17, -300), -1):
        # parsing a decimal text gives the double nearest to it: what is shown is what is compared
        number = float(f"{math.ceil(round(low / 10.0**exponent, 9))}e{exponent}")
        if low <= number < high:
            return number
    return low
