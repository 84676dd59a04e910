"""Record: a named tuple of numbers as compiled loops take it.

Compiled code passes a tuple by copying every number into each call; a record is passed by its address and read by the
same names.
"""

from __future__ import annotations

from typing import Any, NamedTuple, TypeAlias

import numpy as np

from failatlas.simulators.compiled import HAS_NUMBA

# what holds one record: an array in compiled code, a tuple in NumPy; `records[0]` has the tuple's fields in both
Records: TypeAlias = Any

_forms: dict[type, np.dtype[np.void]] = {}


def record(numbers: NamedTuple) -> Records:
    """The tuple as the only entry of what compiled loops take; a field is a number or a tuple of numbers."""
    if not HAS_NUMBA:
        return (numbers,)
    kind = type(numbers)
    if kind not in _forms:
        fields = zip(kind._fields, numbers, strict=True)
        _forms[kind] = np.dtype([(name, np.float64, np.shape(value)) for name, value in fields])
    return np.array([tuple(numbers)], _forms[kind])
