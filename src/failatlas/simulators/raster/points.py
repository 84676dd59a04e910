"""Points: where the visible surface gets shaded, with everything interpolated that a formula asks for.

A pixel whose samples all see one material at nearly one depth is one point, any other pixel one point a sample.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeVar, cast

import numpy as np
from numpy.typing import NDArray

from failatlas.simulators.compiled import HAS_NUMBA, Lane, compiled, lanes, select
from failatlas.simulators.raster.mesh import Mesh
from failatlas.simulators.raster.visibility import Visibility

POSITION, NORMAL, ATTRIBUTES = 0, 3, 6  # first rows of `Points.rows`

_Number = TypeVar("_Number", bound=np.number)
_Scalar = TypeVar("_Scalar", bound=np.generic)

_FLAT = 1.012  # nearest : farthest sample of a pixel that is shaded once; more would smear nose over cheek


class Pool:
    """Arrays that pictures reuse, each as large as the largest so far: fresh memory costs more than the loops."""

    def __init__(self) -> None:
        self._arrays: dict[str, NDArray[np.generic]] = {}

    def take(self, name: str, shape: tuple[int, ...], dtype: type[_Scalar]) -> NDArray[_Scalar]:
        """An array of this shape, contents as they were left; it shares memory with the last one of this name."""
        size = math.prod(shape)
        kept = self._arrays.get(name)
        if kept is None or kept.size < size:
            kept = self._arrays[name] = np.empty(size + size // 4, dtype)
        return cast("NDArray[_Scalar]", kept[:size].reshape(shape))


@dataclass(frozen=True, slots=True, eq=False)
class Points:
    """Points to shade, those of one material side by side.

    Attributes:
        rows: (6 + a, n) float32: world x, y, z (cm), unit normal x, y, z, attributes.
        starts: (257,) int64; the points of material m are ``starts[m]`` up to, not with, ``starts[m + 1]``.
        of_sample: (H, W) int32; the point that colours each sample, −1 = none.
        colours: (3 or 4, n) float32, to be filled: linear red, green, blue, and opacity where something shines through.
    """

    rows: NDArray[np.float32]
    starts: NDArray[np.int64]
    of_sample: NDArray[np.int32]
    colours: NDArray[np.float32]

    def parts(self) -> Iterator[tuple[int, int, int]]:
        """Every material that is seen, with its first point and the one after its last."""
        for material in np.flatnonzero(np.diff(self.starts)).tolist():
            yield material, int(self.starts[material]), int(self.starts[material + 1])

    def part(self, material: int) -> tuple[int, int]:
        """First point of a material and the one after its last; equal where it is not seen."""
        return int(self.starts[material]), int(self.starts[material + 1])

    def __len__(self) -> int:
        return int(self.rows.shape[1])

    def __repr__(self) -> str:
        return f"<Points {len(self)}, {len(self.rows)} rows, materials {[m for m, _, _ in self.parts()]}>"


def points(
    mesh: Mesh,
    view: NDArray[np.float32],
    seen: Visibility,
    lens: NDArray[np.float64],
    supersampling: int,
    fine: NDArray[np.bool_],
    pool: Pool,
    channels: int = 3,
    *,
    numba: bool = HAS_NUMBA,
) -> Points:
    """Choose and interpolate the points of a view through a pinhole.

    Args:
        mesh: what was drawn.
        view: its vertices as the camera has them, from `Visibility.look`.
        seen: what was seen.
        lens: of the camera, in samples.
        supersampling: samples a pixel and side.
        fine: (256,) materials that are always shaded sample by sample.
        pool: where the arrays lie; the points of the last call with it are overwritten.
        channels: 3, or 4 for a layer with opacity.
        numba: the compiled loop, or its NumPy twin; they choose the same points in the same order.
    """
    height, width = seen.owner.shape
    of_sample = pool.take("of_sample", (height, width), np.int32)
    whole = pool.take("whole", (height // supersampling, width // supersampling), np.bool_)
    starts = np.zeros(257, np.int64)
    choose = _choose if numba else _choose_numpy
    choose(seen.nearness, seen.owner, mesh.materials, fine, supersampling, whole, starts)
    n = int(starts[256])
    owner, place = pool.take("owner", (n,), np.int32), pool.take("place", (2, n), np.float32)
    number = _number if numba else _number_numpy
    number(seen.owner, mesh.materials, supersampling, whole, starts.copy(), of_sample, owner, place)
    rows = pool.take("rows", (ATTRIBUTES + mesh.attributes.shape[1], n), np.float32)
    colours = pool.take("colours", (channels, n), np.float32)
    colours.fill(0.0)
    _interpolate(
        owner, place, lens, mesh.triangles, view, mesh.positions, mesh.normals, mesh.attributes, mesh.two_sided, rows
    )
    return Points(rows, starts, of_sample, colours)


@compiled(exact=True)
def _choose(
    nearness: Lane,
    owner: Lane,
    materials: Lane,
    fine: Lane,
    s: Lane,
    whole: Lane,
    starts: Lane,
) -> None:
    """Which pixels are one point, and how many points come before each material."""
    if s == 2:
        _choose_of_four(nearness, owner, materials, fine, whole, starts)
    for y in range(whole.shape[0] if s != 2 else 0):
        for x in range(whole.shape[1]):
            first = owner[y * s, x * s]
            one = first >= 0 and not fine[materials[first]]
            low = high = nearness[y * s, x * s]
            for j in range(y * s, y * s + s):
                for i in range(x * s, x * s + s):
                    k = owner[j, i]
                    one = one and k >= 0 and materials[k] == materials[first]
                    low, high = min(low, nearness[j, i]), max(high, nearness[j, i])
            one = one and high <= np.float32(_FLAT) * low
            whole[y, x] = one
            if one:
                starts[materials[first] + 1] += 1
            else:
                for j in range(y * s, y * s + s):
                    for i in range(x * s, x * s + s):
                        if owner[j, i] >= 0:
                            starts[materials[owner[j, i]] + 1] += 1
    for m in range(256):
        starts[m + 1] += starts[m]


@compiled(exact=True)
def _choose_of_four(nearness: Lane, owner: Lane, materials: Lane, fine: Lane, whole: Lane, starts: Lane) -> None:
    """The usual 2 × 2 samples, without inner loops."""
    for y in range(whole.shape[0]):
        for x in range(whole.shape[1]):
            a, b = owner[2 * y, 2 * x], owner[2 * y, 2 * x + 1]
            c, d = owner[2 * y + 1, 2 * x], owner[2 * y + 1, 2 * x + 1]
            whole[y, x] = False
            if (a & b & c & d) < 0:  # air alone
                continue
            if (a | b | c | d) >= 0:  # no air
                m = materials[np.uint32(a)]
                same = m == materials[np.uint32(b)] and m == materials[np.uint32(c)] and m == materials[np.uint32(d)]
                if same and not fine[m]:
                    p, q = nearness[2 * y, 2 * x], nearness[2 * y, 2 * x + 1]
                    u, v = nearness[2 * y + 1, 2 * x], nearness[2 * y + 1, 2 * x + 1]
                    if max(p, q, u, v) <= np.float32(_FLAT) * min(p, q, u, v):
                        whole[y, x] = True
                        starts[np.int64(m) + 1] += 1
                        continue
            for k in (a, b, c, d):
                if k >= 0:
                    starts[np.int64(materials[k]) + 1] += 1


@compiled(exact=True)
def _number(
    owner: Lane,
    materials: Lane,
    s: Lane,
    whole: Lane,
    nexts: Lane,
    of_sample: Lane,
    point_owner: Lane,
    place: Lane,
) -> None:
    """Number the points by material, then pixel, then sample; the place of a whole pixel is its middle."""
    if s == 2:
        _number_of_four(owner, materials, whole, nexts, of_sample, point_owner, place)
    for y in range(whole.shape[0] if s != 2 else 0):
        for x in range(whole.shape[1]):
            k = np.int64(-1)
            if whole[y, x]:
                t = owner[y * s + s // 2, x * s + s // 2]
                k = nexts[materials[t]]
                nexts[materials[t]] += 1
                point_owner[k], place[0, k], place[1, k] = t, x * s + s * 0.5, y * s + s * 0.5
            for j in range(y * s, y * s + s):
                for i in range(x * s, x * s + s):
                    t = owner[j, i]
                    if not whole[y, x]:
                        k = np.int64(-1)
                        if t >= 0:
                            k = nexts[materials[t]]
                            nexts[materials[t]] += 1
                            point_owner[k], place[0, k], place[1, k] = t, i + 0.5, j + 0.5
                    of_sample[j, i] = k


@compiled(exact=True)
def _number_of_four(
    owner: Lane, materials: Lane, whole: Lane, nexts: Lane, of_sample: Lane, point_owner: Lane, place: Lane
) -> None:
    """As `_number`, of the usual 2 × 2 samples: twice as fast without inner loops."""
    for y in range(whole.shape[0]):
        for x in range(whole.shape[1]):
            if whole[y, x]:
                t = owner[2 * y + 1, 2 * x + 1]
                m = materials[np.uint32(t)]
                k = nexts[m]
                nexts[m] = k + 1
                point_owner[k], place[0, k], place[1, k] = t, 2 * x + 1.0, 2 * y + 1.0
                of_sample[2 * y, 2 * x] = of_sample[2 * y, 2 * x + 1] = k
                of_sample[2 * y + 1, 2 * x] = of_sample[2 * y + 1, 2 * x + 1] = k
                continue
            for j in range(2 * y, 2 * y + 2):
                for i in range(2 * x, 2 * x + 2):
                    t = owner[j, i]
                    if t < 0:
                        of_sample[j, i] = -1
                        continue
                    m = materials[np.uint32(t)]
                    k = nexts[m]
                    nexts[m] = k + 1
                    point_owner[k], place[0, k], place[1, k] = t, i + 0.5, j + 0.5
                    of_sample[j, i] = k


def _choose_numpy(
    nearness: NDArray[np.float32],
    owner: NDArray[np.int32],
    materials: NDArray[np.uint8],
    fine: NDArray[np.bool_],
    s: int,
    whole: NDArray[np.bool_],
    starts: NDArray[np.int64],
) -> None:
    h, w = whole.shape
    material = _materials(owner, materials)
    quads = _quads(material, h, w, s)
    near = _quads(nearness, h, w, s)
    even = (quads >= 0).all(axis=2) & (quads == quads[:, :, :1]).all(axis=2) & ~fine[quads[:, :, 0]]
    whole[:] = even & (near.max(axis=2) <= np.float32(_FLAT) * near.min(axis=2))
    single = quads[~whole]
    counts = np.bincount(quads[whole][:, 0], minlength=256) + np.bincount(single[single >= 0], minlength=256)
    starts[1:] = np.cumsum(counts)


def _number_numpy(
    owner: NDArray[np.int32],
    materials: NDArray[np.uint8],
    s: int,
    whole: NDArray[np.bool_],
    nexts: NDArray[np.int64],  # noqa: ARG001 - the loop counts in it
    of_sample: NDArray[np.int32],
    point_owner: NDArray[np.int32],
    place: NDArray[np.float32],
) -> None:
    h, w = whole.shape
    owners = _quads(owner, h, w, s).copy()
    y, x = np.meshgrid(np.arange(h * s) + 0.5, np.arange(w * s) + 0.5, indexing="ij")
    xs, ys = _quads(x, h, w, s).copy(), _quads(y, h, w, s).copy()
    middle = (s // 2) * s + s // 2
    owners[whole, 0] = owners[whole, middle]
    for places in (xs, ys):
        places[whole, 0] = places[whole].mean(axis=1)
    asked = owners >= 0
    asked[whole, 1:] = False
    order = np.argsort(_materials(owners[asked], materials), kind="stable")
    point_owner[:] = owners[asked][order]
    place[0], place[1] = xs[asked][order], ys[asked][order]
    numbers = np.full(owners.shape, -1, np.int32)
    numbers[asked] = np.argsort(order)
    numbers[whole] = numbers[whole, :1]
    of_sample[:] = numbers.reshape(h, w, s, s).swapaxes(1, 2).reshape(h * s, w * s)


def _materials(owner: NDArray[np.int32], materials: NDArray[np.uint8]) -> NDArray[np.int64]:
    if not len(materials):
        return np.full(owner.shape, -1, np.int64)
    found: NDArray[np.int64] = np.where(owner >= 0, materials[owner].astype(np.int64), -1)
    return found


def _quads(samples: NDArray[_Number], h: int, w: int, s: int) -> NDArray[_Number]:
    """(H, W) → (h, w, s²), row by row inside a pixel."""
    return samples.reshape(h, s, w, s).swapaxes(1, 2).reshape(h, w, s * s)


@compiled
def _interpolate(
    owner: Lane,
    place: Lane,
    lens: Lane,
    triangles: Lane,
    view: Lane,
    positions: Lane,
    normals: Lane,
    attributes: Lane,
    two_sided: Lane,
    rows: Lane,
) -> None:
    """Where the ray of each point meets its triangle, so right in perspective and for triangles cut by a plane too.

    Source: T. Möller, B. Trumbore, J. Graphics Tools 2(1), 1997.
    """
    n_attributes = attributes.shape[1]
    for i in lanes(owner.shape[0]):
        t = np.uint32(owner[i])  # unsigned: or Numba would ask of every index whether it counts from the end
        a, b, c = np.uint32(triangles[t, 0]), np.uint32(triangles[t, 1]), np.uint32(triangles[t, 2])
        dx, dy = (place[0, i] - lens[1]) / lens[0], (lens[2] - place[1, i]) / lens[0]
        ax, ay, az = view[a, 0], view[a, 1], view[a, 2]
        ux, uy, uz = view[b, 0] - ax, view[b, 1] - ay, view[b, 2] - az
        vx, vy, vz = view[c, 0] - ax, view[c, 1] - ay, view[c, 2] - az
        # the ray is (dx, dy, 1): p = ray × v, q = −a × u
        px, py, pz = dy * vz - vy, vx - dx * vz, dx * vy - dy * vx
        qx, qy, qz = az * uy - ay * uz, ax * uz - az * ux, ay * ux - ax * uy
        size = ux * px + uy * py + uz * pz
        safe = select(np.abs(size) > 1e-20, size, 1e-20)
        # a sample may lie 1/256 outside of the triangle as it was before snapping; at a grazing view that is far
        lb = np.minimum(np.maximum(-(ax * px + ay * py + az * pz) / safe, 0.0), 1.0)
        lc = np.minimum(np.maximum((dx * qx + dy * qy + qz) / safe, 0.0), 1.0)
        over = 1.0 / np.maximum(lb + lc, 1.0)
        lb, lc = lb * over, lc * over
        la, lb, lc = np.float32(1.0 - lb - lc), np.float32(lb), np.float32(lc)
        for k in range(3):
            rows[k, i] = la * positions[a, k] + lb * positions[b, k] + lc * positions[c, k]
        nx = la * normals[a, 0] + lb * normals[b, 0] + lc * normals[c, 0]
        ny = la * normals[a, 1] + lb * normals[b, 1] + lc * normals[c, 1]
        nz = la * normals[a, 2] + lb * normals[b, 2] + lc * normals[c, 2]
        # right, up and forward make a left-handed frame, so a size above 0 is the back
        turn = select(two_sided[t] & (size > 0.0), -1.0, 1.0)
        scale = turn / np.sqrt(np.maximum(nx * nx + ny * ny + nz * nz, 1e-12))
        rows[3, i] = nx * scale
        rows[4, i] = ny * scale
        rows[5, i] = nz * scale
        if n_attributes == 8:  # what a driver has: a third faster than a loop of unknown length
            for k in range(8):
                rows[6 + k, i] = la * attributes[a, k] + lb * attributes[b, k] + lc * attributes[c, k]
            continue
        for k in range(n_attributes):
            rows[6 + k, i] = la * attributes[a, k] + lb * attributes[b, k] + lc * attributes[c, k]
