"""Camera: where the eye is, where it looks, and where a point of the world falls in the picture."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import ArrayLike, NDArray

from failatlas.arrays import freeze
from failatlas.errors import UsageError

Triple = tuple[float, float, float]


@dataclass(frozen=True, slots=True)
class Camera:
    """A pinhole that looks from ``eye`` at ``target``; y is up.

    Attributes:
        eye: where it stands, cm.
        target: what lies in the middle of the picture, cm.
        focal: distance of the picture from the pinhole, in picture widths; the view is 2 atan(0.5 / focal) wide.
        width_px: picture width.
        height_px: picture height.
        roll_deg: > 0 turns what is seen anticlockwise in the picture.
        near_cm: what lies nearer than this plane is cut off.

    Raises:
        UsageError: the picture is empty, or eye and target leave no direction.
    """

    eye: Triple
    target: Triple
    focal: float
    width_px: int
    height_px: int
    roll_deg: float = 0.0
    near_cm: float = 1.0

    def __post_init__(self) -> None:
        if self.width_px < 1 or self.height_px < 1:
            raise UsageError(f"a picture of {self.width_px} × {self.height_px} px", remedy="ask for at least 1 × 1")
        if not (self.focal > 0 and self.near_cm > 0):
            raise UsageError(f"focal {self.focal}, near_cm {self.near_cm}", remedy="give numbers above 0")
        away = np.subtract(self.target, self.eye)
        if not (np.isfinite(away).all() and np.isfinite(self.roll_deg) and away.any()):
            raise UsageError(f"a camera at {self.eye} that looks at {self.target}", remedy="give two different points")

    def pose(self) -> NDArray[np.float64]:
        """(3, 4): world to camera, cm; rows are right, up and forward, the last column the shift."""
        return _kept_pose(self.eye, self.target, self.roll_deg)

    def lens(self, supersampling: int = 1) -> NDArray[np.float64]:
        """(6,): scale, middle x, middle y (samples), near (cm), 0 for a pinhole, unused; as the rasteriser reads it."""
        s = supersampling
        return np.array(
            [self.focal * self.width_px * s, self.width_px * s / 2, self.height_px * s / 2, self.near_cm, 0, 0]
        )

    def project(self, points: ArrayLike) -> NDArray[np.float64]:
        """(n, 3) world cm → (n, 3): x and y in pixels (y down, 0 = left or upper border), 1 / depth in 1/cm.

        Behind the near plane all three are nan.

        >>> Camera((0, 0, 60), (0, 0, 0), 2.0, 96, 96).project([[0, 0, 0], [6, 6, 0]])[:, :2]
        array([[48. , 48. ],
               [67.2, 28.8]])
        """
        pose = self.pose()
        seen = np.asarray(points, np.float64).reshape(-1, 3) @ pose[:, :3].T + pose[:, 3]
        inverse = np.full(len(seen), np.nan)
        np.divide(1.0, seen[:, 2], out=inverse, where=seen[:, 2] > self.near_cm)
        scale = self.focal * self.width_px
        return np.stack(
            [
                self.width_px / 2 + scale * seen[:, 0] * inverse,
                self.height_px / 2 - scale * seen[:, 1] * inverse,
                inverse,
            ],
            axis=1,
        )

    def rays(self) -> NDArray[np.float32]:
        """(h, w, 3): unit direction in the world of every pixel's middle; what a backdrop is painted from."""
        x = (np.arange(self.width_px) + 0.5 - self.width_px / 2) / (self.focal * self.width_px)
        y = (self.height_px / 2 - np.arange(self.height_px) - 0.5) / (self.focal * self.width_px)
        right, up, forward = self.pose()[:, :3]
        rays = forward + x[None, :, None] * right + y[:, None, None] * up
        rays /= np.linalg.norm(rays, axis=2, keepdims=True)
        unit: NDArray[np.float32] = rays.astype(np.float32)
        return unit


@lru_cache(maxsize=16)
def _kept_pose(eye: Triple, target: Triple, roll_deg: float) -> NDArray[np.float64]:
    """A picture asks its camera several times, and one answer costs 0.2 ms."""
    return freeze(_pose(np.asarray(eye, np.float64), np.subtract(target, eye), roll_deg))


def _pose(eye: NDArray[np.float64], away: NDArray[np.float64], roll_deg: float) -> NDArray[np.float64]:
    """Rows right, up, forward of a look along ``away``; straight up or down, the world's −z counts as up."""
    # on numbers: for three of them NumPy's cross product alone takes 0.03 ms
    x, y, z = away.tolist()
    length = math.sqrt(x * x + y * y + z * z)
    forward = fx, fy, fz = x / length, y / length, z / length
    flat = math.hypot(fx, fz)
    rx, ry, rz = (-fz / flat, 0.0, fx / flat) if flat >= 1e-6 else (-math.copysign(1.0, fy), 0.0, 0.0)
    ux, uy, uz = ry * fz - rz * fy, rz * fx - rx * fz, rx * fy - ry * fx
    c, s = math.cos(math.radians(roll_deg)), math.sin(math.radians(roll_deg))
    right = c * rx - s * ux, c * ry - s * uy, c * rz - s * uz
    up = s * rx + c * ux, s * ry + c * uy, s * rz + c * uz
    ex, ey, ez = eye.tolist()
    return np.array([(*row, -(row[0] * ex + row[1] * ey + row[2] * ez)) for row in (right, up, forward)])


def parallel_pose(middle: NDArray[np.float64], away: NDArray[np.float64], back: float) -> NDArray[np.float64]:
    """(3, 4): world to a parallel light that shines along ``away`` from ``back`` cm before ``middle``."""
    return _pose(middle - away * (back / math.sqrt(float(away @ away))), away, 0.0)
