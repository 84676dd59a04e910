"""Skipping: leave out work whose outcome is nothing, in a formula that serves one pixel or an array of them.

``if some(condition):`` may stand before lines that change only those pixels for which the condition holds, and would
change nothing in the others.
"""

from __future__ import annotations

import numpy as np

from failatlas.simulators.compiled import HAS_NUMBA, Lane, compiled

if HAS_NUMBA:

    @compiled
    def some(condition: Lane) -> bool:
        """Whether the condition holds for this pixel."""
        return condition  # type: ignore[no-any-return]

else:

    def some(condition: Lane) -> bool:
        """Whether the condition holds for any pixel."""
        return bool(np.any(condition))
