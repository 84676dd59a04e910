"""Picture: the buffers that one view is collected in, from near to far.

Near things are painted first, so that what they hide is never computed: in a wood that halves the work.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from failatlas.arrays import freeze
from failatlas.simulators.compiled import compiled, lanes, select
from failatlas.simulators.record import Records, record
from failatlas.simulators.road.alignment import ground_hit
from failatlas.simulators.road.view import View, ray

SKY = 1.0e6  # depth where there is no ground


@dataclass(frozen=True, slots=True, eq=False)
class Picture:
    """One view in the making.

    Attributes:
        canvas: (h, w, 3) float32 linear light, collected so far.
        clear: (h, w) float32 share of each pixel that nothing has covered yet.
        ground: (h, w) float32 metres ahead at which the ground lies; `SKY` without.
        front: (h, w) float32 metres ahead of what covers most of the pixel, the ground included.
    """

    canvas: NDArray[np.float32]
    clear: NDArray[np.float32]
    ground: NDArray[np.float32]
    front: NDArray[np.float32]


def blank(view: View) -> Picture:
    """A picture with nothing in it but the place of the ground."""
    height, width = int(view.height), int(view.width)
    depth = np.empty(height * width, np.float32)
    _measure(record(view), *_middles(height, width), depth)
    ground = depth.reshape(height, width)
    return Picture(
        np.zeros((height, width, 3), np.float32), np.ones((height, width), np.float32), ground, ground.copy()
    )


@cache
def _middles(height: int, width: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Columns and rows of the middles of all pixels."""
    rows, columns = np.indices((height, width)) + 0.5
    return freeze(columns.ravel()), freeze(rows.ravel())


@compiled
def _measure(
    views: Records,
    columns: NDArray[np.float64],
    rows: NDArray[np.float64],
    depth: NDArray[np.float32],
) -> None:
    view = views[0]
    for i in lanes(depth.shape[0]):
        _, slope = ray(view, columns[i], rows[i])
        z = ground_hit(view.bend, view.eye, slope)
        depth[i] = select(z < 0.0, SKY, z)
