"""Shadow map: how much of a parallel light reaches a point, soft at the edge and without speckles.

The bias grows with the slope of the surface towards the light. Beyond the terminator it is so large that a body no
longer shadows itself, only bodies in front of it do: there the scene's own diffuse term already fades, and a hard map
edge against wrapped light would draw coloured speckles.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from failatlas.errors import UsageError
from failatlas.simulators.compiled import HAS_NUMBA, Lane, compiled, lanes, select
from failatlas.simulators.raster.camera import Triple, parallel_pose
from failatlas.simulators.raster.mesh import Mesh
from failatlas.simulators.raster.visibility import Visibility

_FAR = 1e9  # cm: what lies farther is not drawn


class ShadowMap:
    """Depth as a parallel light sees it; buffers are reused, so one a thread.

    Args:
        size: texels a side; the map just covers the sphere round all vertices.
        bias_texels: how far a surface is lifted off itself when it faces the light; less gives acne, more lets light
            creep under what touches.
        fade_texels: over how many texels of depth a shadow comes in.
        wrap_cm: thickness from which on a body shadows its own far side; at twice that it does so fully.

    Raises:
        UsageError: a size below 8.
    """

    def __init__(
        self, size: int = 160, *, bias_texels: float = 1.0, fade_texels: float = 2.0, wrap_cm: float = 2.0
    ) -> None:
        if size < 8:
            raise UsageError(f"a shadow map of {size} texels", remedy="ask for 8 or more, 160 is usual")
        self._seen = Visibility.of_size(size, size)
        self._settings = (bias_texels, fade_texels, wrap_cm)
        self._light = np.zeros((4, 4))
        self._light[2, 3] = -np.inf

    @property
    def nearness(self) -> NDArray[np.float32]:
        """(size, size): cm before the far end of the map, 0 = the light meets nothing."""
        return self._seen.nearness

    def cast(self, towards_light: Triple, mesh: Mesh, *, numba: bool = HAS_NUMBA) -> None:
        """Draw what throws shadows.

        Args:
            towards_light: direction from the scene to the light, any length.
            mesh: what throws shadows; leave out what shall not, such as clear lenses.
            numba: the compiled loop, or its NumPy twin.

        Raises:
            UsageError: the direction is (0, 0, 0) or not finite.
        """
        towards = np.asarray(towards_light, np.float64)
        if not (np.isfinite(towards).all() and towards.any()):
            raise UsageError(f"light from {towards_light}", remedy="give a finite direction that is not (0, 0, 0)")
        middle = np.zeros(3)
        radius = (_ball if numba else _ball_numpy)(mesh.positions, middle)
        pose = parallel_pose(middle, -towards, radius)
        size = len(self.nearness)
        # three texels of margin, so that look-ups at the rim find air
        scale = (size - 6) / (2 * radius)
        far = 2 * radius + 1.0
        lens = np.array([scale, size / 2, size / 2, 0.0, 1.0, far])
        self._seen.look(mesh, pose, lens, numba=numba)
        bias, fade, wrap = self._settings
        self._light[:3] = pose
        self._light[3] = scale, far, bias / scale, fade / scale
        self._wrap = wrap

    def at(self, rows: NDArray[np.float32]) -> NDArray[np.float32]:
        """(6 + a, n) rows of `Points` → (n,) share of the light that arrives, 0 dark … 1 lit; 1 outside of the map."""
        lit = np.ones(rows.shape[1], np.float32)
        if np.isfinite(self._light).all():
            _look_up(self.nearness, self._light, self._wrap, rows, lit)
        return lit


@compiled(exact=True)
def _ball(positions: Lane, middle: Lane) -> Lane:
    """Radius of a ball round all places that are numbers, and its middle (3,); at most √3 of the smallest ball."""
    for k in range(3):
        low, high = np.inf, -np.inf
        for v in range(positions.shape[0]):
            x = np.float64(positions[v, k])
            if abs(x) < _FAR:  # not nan either
                low, high = min(low, x), max(high, x)
        middle[k] = 0.5 * (low + high) if low <= high else 0.0
    square = 0.0
    for v in range(positions.shape[0]):
        x, y, z = np.float64(positions[v, 0]), np.float64(positions[v, 1]), np.float64(positions[v, 2])
        if abs(x) < _FAR and abs(y) < _FAR and abs(z) < _FAR:
            square = max(square, (x - middle[0]) ** 2 + (y - middle[1]) ** 2 + (z - middle[2]) ** 2)
    return np.sqrt(square) + 1e-3


def _ball_numpy(positions: NDArray[np.float32], middle: NDArray[np.float64]) -> float:
    places = positions.astype(np.float64)
    known = np.abs(places) < _FAR
    low = np.where(known, places, np.inf).min(axis=0, initial=np.inf)
    high = np.where(known, places, -np.inf).max(axis=0, initial=-np.inf)
    met = low <= high
    middle[met] = 0.5 * (low[met] + high[met])
    x, y, z = (places[known.all(axis=1)] - middle).T
    return float(np.sqrt((x**2 + y**2 + z**2).max(initial=0.0)) + 1e-3)


@compiled
def _look_up(
    nearness: Lane,
    light: Lane,
    wrap: Lane,
    rows: Lane,
    lit: Lane,
) -> None:
    """3 × 3 texels under a quadratic tent, each a soft comparison."""
    size = nearness.shape[0]
    scale, far, bias, fade = light[3, 0], light[3, 1], light[3, 2], light[3, 3]
    for i in lanes(rows.shape[1]):
        x, y, z = rows[0, i], rows[1, i], rows[2, i]
        facing = -(light[2, 0] * rows[3, i] + light[2, 1] * rows[4, i] + light[2, 2] * rows[5, i])
        slope = np.sqrt(np.maximum(1.0 - facing * facing, 0.0)) / np.maximum(facing, 0.15)
        away = np.minimum(np.maximum((0.35 - facing) / 0.35, 0.0), 1.0)
        thick = wrap * away * away
        lift = bias * (1.0 + 1.5 * slope) + thick
        near = far - (light[2, 0] * x + light[2, 1] * y + light[2, 2] * z + light[2, 3]) + lift
        near = np.maximum(near, 0.0)  # air is 0 in the map: beyond its far end it throws no shadow either
        u = size * 0.5 + scale * (light[0, 0] * x + light[0, 1] * y + light[0, 2] * z + light[0, 3])
        v = size * 0.5 - scale * (light[1, 0] * x + light[1, 1] * y + light[1, 2] * z + light[1, 3])
        u = np.minimum(np.maximum(u, 1.5), size - 1.5)
        v = np.minimum(np.maximum(v, 1.5), size - 1.5)
        column, line = np.int64(np.floor(u)), np.int64(np.floor(v))
        column, line = np.minimum(column, size - 2), np.minimum(line, size - 2)
        fu, fv = u - column - 0.5, v - line - 0.5
        left, middle, right = 0.5 * (0.5 - fu) * (0.5 - fu), 0.75 - fu * fu, 0.5 * (0.5 + fu) * (0.5 + fu)
        sharp = 1.0 / (fade + thick)
        dark = 0.0 * u
        for j in range(3):
            tv = select(j == 1, 0.75 - fv * fv, 0.5 * (0.5 + (j - 1) * fv) * (0.5 + (j - 1) * fv))
            row = line + (j - 1)
            a = np.minimum(np.maximum((nearness[row, column - 1] - near) * sharp, 0.0), 1.0)
            b = np.minimum(np.maximum((nearness[row, column] - near) * sharp, 0.0), 1.0)
            c = np.minimum(np.maximum((nearness[row, column + 1] - near) * sharp, 0.0), 1.0)
            dark = dark + tv * (left * a + middle * b + right * c)
        lit[i] = np.maximum(1.0 - dark, 0.0)
