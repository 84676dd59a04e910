"""Record: a named tuple of numbers as compiled loops take it.

Compiled code passes a tuple by copying every number into each call, which took half the time of a picture; a record is
passed by its address and read by the same names.
"""

from __future__ import annotations

from functools import cache
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray


def record(numbers: NamedTuple) -> NDArray[np.void]:
    """(1,) structured float64 array with the tuple's fields."""
    return np.array([tuple(numbers)], _form(type(numbers)))


@cache
def _form(kind: type[Any]) -> np.dtype[np.void]:
    return np.dtype([(name, np.float64) for name in kind._fields])
