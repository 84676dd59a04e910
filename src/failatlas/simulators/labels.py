"""Labels: what a simulator measured in a scene, held to the contract; and the error of a simulator that breaks it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from contextlib import suppress

import numpy as np

from failatlas.errors import DataError
from failatlas.parameters import Value

_MOST, _LONGEST = 1000, 1000  # labels a scene, and letters a name or text


class Labels:
    """Labels of a simulator: numbers and texts, under the same names for every scene, as a table needs them.

    Args:
        name: of the simulator, for messages.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._known: frozenset[str] | None = None

    def checked(self, labels: object, where: str) -> dict[str, Value]:
        """The labels as numbers and texts of Python.

        Raises:
            DataError: something else, or other names than before; ``where`` is the scene.
        """
        if not isinstance(labels, Mapping) or len(labels) > _MOST:
            raise failed(f"{self._name} gave no labels, or more than {_MOST}", where)
        made = {str(name): self._value(name, value, where) for name, value in labels.items()}
        if self._known is None:
            self._known = frozenset(made)
        different = self._known ^ made.keys()
        if different:
            raise failed(f"{self._name} gives the label {min(different)!r} for some scenes only", where)
        return made

    def _value(self, name: object, value: object, where: str) -> Value:
        if isinstance(name, str) and 0 < len(name) <= _LONGEST:
            if isinstance(value, str) and len(value) <= _LONGEST:
                return value
            with suppress(OverflowError):
                if isinstance(value, int | float | np.number) and not isinstance(value, bool) and not math.isinf(value):
                    return float(value)  # nan = could not be measured
        raise failed(f"{self._name} gave the label {str(name)[:60]!r} as {str(value)[:60]!r}, no number or text", where)


def failed(what: str, where: str) -> DataError:
    """A simulator of the user's failed on the scene ``where``."""
    return DataError(what, where=where, remedy="mend the simulator", code="E_SIMULATOR")
