"""Budget: a bad image costs itself; too many of them stop the run, for then the data or the network is at fault."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable

from failatlas.errors import DataError
from failatlas.images.records import Quarantined

LEAST = 10


class Budget:
    """Counts distinct quarantined images against what the run may lose.

    Args:
        n_images: images of the set.
        share: of them that may be bad; at least ``LEAST`` always may.
    """

    def __init__(self, n_images: int, share: float) -> None:
        self.allowed = max(LEAST, math.ceil(share * n_images))
        self.quarantined: dict[str, Quarantined] = {}

    def charge(self, quarantined: Iterable[Quarantined]) -> None:
        """Take note of bad images.

        Raises:
            DataError: there are more than allowed; says how many of which kind.
        """
        for image in quarantined:
            self.quarantined.setdefault(image.id, image)
        if len(self.quarantined) > self.allowed:
            kinds = Counter(image.code for image in self.quarantined.values())
            listed = ", ".join(f"{count} × {code}" for code, count in kinds.most_common(4))
            first = next(iter(self.quarantined.values()))
            raise DataError(
                f"{len(self.quarantined)} bad images, {self.allowed} allowed ({listed})",
                where=f"{first.id}: {first.reason}",
                remedy="mend them, or allow more with --max-bad",
                code="E_TOO_MANY_BAD",
            )
