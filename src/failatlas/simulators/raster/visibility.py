"""Visibility: which triangle each sample sees.  O(triangles + covered samples).

Vertices snap to 1/256 sample and edges are tested in whole numbers with the upper-left rule, so a sample on a shared
edge belongs to exactly one of two triangles, and the compiled loop, its NumPy twin and every machine agree bit for bit.
Source: J. Pineda, SIGGRAPH 1988 (edge functions); the fill rule is that of Direct3D and OpenGL.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
from numpy.typing import ArrayLike, NDArray

from failatlas.simulators.compiled import HAS_NUMBA, Lane, compiled
from failatlas.simulators.raster.mesh import Mesh

NOBODY = -1  # owner of a sample that no triangle covers

_SUB = 256  # steps of a sample
_SHIFT = 8
_HALF = 128
_GUARD = float(1 << 20)  # samples: farther off, a triangle is clipped, so that products fit 64 bits
_PAIRS = 1 << 18  # (triangle, sample) pairs that the NumPy twin takes at once: 50 MB
_CLIP, _DROP = 0.0, -1.0  # marks in place of nearness: reaches behind the near plane; not a number


@dataclass(frozen=True, slots=True, eq=False)
class Visibility:
    """Buffers of one view; reused picture after picture, so one set a thread.

    Attributes:
        nearness: (H, W) float32; 1 / depth (1/cm) for a pinhole, far − depth (cm) for a parallel light, 0 = nothing.
        owner: (H, W) int32; the triangle seen, −1 = none. Of two at one depth, the lower number is seen.
    """

    nearness: NDArray[np.float32]
    owner: NDArray[np.int32]

    @classmethod
    def of_size(cls, width: int, height: int) -> Visibility:
        """Empty buffers of so many samples."""
        return cls(np.zeros((height, width), np.float32), np.full((height, width), NOBODY, np.int32))

    def look(
        self,
        mesh: Mesh,
        pose: NDArray[np.float64],
        lens: NDArray[np.float64],
        *,
        behind: Visibility | None = None,
        numba: bool = HAS_NUMBA,
    ) -> NDArray[np.float32]:
        """Draw a mesh.

        Args:
            mesh: its triangles.
            pose: (3, 4), world to camera.
            lens: (6,), see `Camera.lens`.
            behind: only what lies in front of this view is drawn.
            numba: the compiled loop, or its NumPy twin; they agree bit for bit.

        Returns:
            (v, 3) float32, the vertices as the camera has them, cm.
        """
        if behind is None:
            self.nearness.fill(0.0)
        else:
            np.copyto(self.nearness, behind.nearness)
        self.owner.fill(NOBODY)
        view = np.empty_like(mesh.positions)
        if numba:
            _look(mesh.positions, mesh.triangles, mesh.two_sided, pose, lens, view, self.nearness, self.owner)
        else:
            _look_numpy(mesh, pose, lens, view, self)
        return view


@compiled(exact=True)
def _look(
    positions: Lane,
    triangles: Lane,
    two_sided: Lane,
    pose: Lane,
    lens: Lane,
    view: Lane,
    nearness: Lane,
    owner: Lane,
) -> None:
    n = positions.shape[0]
    spot = np.empty((n, 2), np.int64)
    near = np.empty(n, np.float64)
    for v in range(n):
        x, y, z = _seen(positions[v, 0], positions[v, 1], positions[v, 2], pose)
        view[v, 0], view[v, 1], view[v, 2] = x, y, z
        sx, sy, w = _placed(view[v, 0], view[v, 1], view[v, 2], lens)
        near[v] = w
        if w > 0.0:
            spot[v, 0], spot[v, 1] = _snapped(sx), _snapped(sy)
    for t in range(triangles.shape[0]):
        a, b, c = np.uint32(triangles[t, 0]), np.uint32(triangles[t, 1]), np.uint32(triangles[t, 2])
        low = min(near[a], near[b], near[c])
        if low > 0.0:
            _fill(
                spot[a, 0], spot[a, 1], near[a], spot[b, 0], spot[b, 1], near[b], spot[c, 0], spot[c, 1], near[c],
                t, two_sided[t], nearness, owner,
            )  # fmt: skip
        elif low == _CLIP:
            corners, m = _clipped(view[a], view[b], view[c], lens)
            for k in range(1, m - 1):
                ax, ay, aw = _placed(corners[0, 0], corners[0, 1], corners[0, 2], lens)
                bx, by, bw = _placed(corners[k, 0], corners[k, 1], corners[k, 2], lens)
                cx, cy, cw = _placed(corners[k + 1, 0], corners[k + 1, 1], corners[k + 1, 2], lens)
                if min(aw, bw, cw) > 0.0:
                    _fill(
                        _snapped(ax), _snapped(ay), aw, _snapped(bx), _snapped(by), bw, _snapped(cx), _snapped(cy), cw,
                        t, two_sided[t], nearness, owner,
                    )  # fmt: skip


@compiled(exact=True)
def _seen(
    x: Lane,
    y: Lane,
    z: Lane,
    pose: Lane,
) -> Lane:
    """A vertex as the camera has it; in doubles, so that both twins round once."""
    x, y, z = np.float64(x), np.float64(y), np.float64(z)
    return (
        np.float32(((pose[0, 0] * x + pose[0, 1] * y) + pose[0, 2] * z) + pose[0, 3]),
        np.float32(((pose[1, 0] * x + pose[1, 1] * y) + pose[1, 2] * z) + pose[1, 3]),
        np.float32(((pose[2, 0] * x + pose[2, 1] * y) + pose[2, 2] * z) + pose[2, 3]),
    )


@compiled(exact=True)
def _placed(
    x: Lane,
    y: Lane,
    z: Lane,
    lens: Lane,
) -> Lane:
    """Samples from the left and upper border and nearness, or a mark in place of nearness."""
    x, y, z = np.float64(x), np.float64(y), np.float64(z)
    if not (abs(x) < 1e9 and abs(y) < 1e9 and abs(z) < 1e9):
        return 0.0, 0.0, _DROP
    w = lens[5] - z
    scale = lens[0]
    if lens[4] == 0.0:
        if z < lens[3]:
            return 0.0, 0.0, _CLIP
        w = 1.0 / z
        scale = lens[0] * w
    sx, sy = lens[1] + scale * x, lens[2] - scale * y
    # a hair beyond the guard is where clipping puts its corners
    if max(abs(sx), abs(sy)) > 1.01 * _GUARD or w <= 0.0:
        return 0.0, 0.0, _CLIP if lens[4] == 0.0 else _DROP
    return sx, sy, w


@compiled(exact=True)
def _snapped(
    s: Lane,
) -> Lane:
    return np.int64(np.floor(s * _SUB + 0.5))


@compiled(exact=True)
def _clipped(
    a: Lane,
    b: Lane,
    c: Lane,
    lens: Lane,
) -> Lane:
    """The triangle cut by the near plane and the guard band, as a polygon in camera space: corners and how many."""
    now = np.empty((9, 3), np.float64)
    cut = np.empty((9, 3), np.float64)
    for i in range(3):  # number by number: whole rows would take seconds to compile
        now[0, i], now[1, i], now[2, i] = a[i], b[i], c[i]
    n = 3
    reach = (_GUARD - max(lens[1], lens[2])) / lens[0]
    for plane in range(5):
        m = 0
        for k in range(n):
            p, q = now[k], now[(k + 1) % n]
            dp, dq = _inside(p, plane, lens[3], reach), _inside(q, plane, lens[3], reach)
            if dp >= 0.0:
                for i in range(3):
                    cut[m, i] = p[i]
                m += 1
            if (dp >= 0.0) != (dq >= 0.0):
                share = dp / (dp - dq)
                for i in range(3):
                    cut[m, i] = p[i] + share * (q[i] - p[i])
                if plane == 0:
                    cut[m, 2] = lens[3]  # rounding may not put it before the plane again
                m += 1
        now, cut = cut, now
        n = m
    return now, n


@compiled(exact=True)
def _inside(
    p: Lane,
    plane: Lane,
    near: Lane,
    reach: Lane,
) -> Lane:
    """Signed distance, up to scale, from the near plane (0) or a side of the guard band (1 … 4)."""
    if plane == 0:
        return p[2] - near
    side = p[0] if plane < 3 else p[1]
    return reach * p[2] - side if plane % 2 == 1 else reach * p[2] + side


@compiled(exact=True)
def _fill(
    ax: Lane,
    ay: Lane,
    aw: Lane,
    bx: Lane,
    by: Lane,
    bw: Lane,
    cx: Lane,
    cy: Lane,
    cw: Lane,
    number: Lane,
    two_sided: Lane,
    nearness: Lane,
    owner: Lane,
) -> None:
    area = (bx - ax) * (cy - ay) - (by - ay) * (cx - ax)
    if area == 0 or (area > 0 and not two_sided):
        return  # y points down, so an area above 0 is the back
    if area < 0:
        bx, by, bw, cx, cy, cw, area = cx, cy, cw, bx, by, bw, -area
    height, width = nearness.shape
    x0 = max(0, (min(ax, bx, cx) + _HALF - 1) >> _SHIFT)
    y0 = max(0, (min(ay, by, cy) + _HALF - 1) >> _SHIFT)
    x1 = min(width - 1, (max(ax, bx, cx) - _HALF) >> _SHIFT)
    y1 = min(height - 1, (max(ay, by, cy) - _HALF) >> _SHIFT)
    if x0 > x1 or y0 > y1:
        return
    px, py = x0 * _SUB + _HALF, y0 * _SUB + _HALF
    row_a = _edge(bx, by, cx, cy, px, py)
    row_b = _edge(cx, cy, ax, ay, px, py)
    row_c = _edge(ax, ay, bx, by, px, py)
    slope_b, slope_c = (bw - aw) / np.float64(area), (cw - aw) / np.float64(area)
    step_a, step_b, step_c = (cy - by) * _SUB, (ay - cy) * _SUB, (by - ay) * _SUB
    for y in range(y0, y1 + 1):
        ea, eb, ec = row_a, row_b, row_c
        x = x0
        while x <= x1 and (ea | eb | ec) < 0:  # one has its sign bit set
            ea -= step_a
            eb -= step_b
            ec -= step_c
            x += 1
        # a triangle is convex: where a line leaves it, it does not come back
        while x <= x1 and (ea | eb | ec) >= 0:
            w = np.float32(aw + (np.float64(eb) * slope_b + np.float64(ec) * slope_c))
            at_y, at_x = np.uint64(y), np.uint64(x)  # unsigned: or Numba would ask whether they count from the end
            if w > nearness[at_y, at_x]:
                nearness[at_y, at_x] = w
                owner[at_y, at_x] = number
            ea -= step_a
            eb -= step_b
            ec -= step_c
            x += 1
        row_a += (cx - bx) * _SUB
        row_b += (ax - cx) * _SUB
        row_c += (bx - ax) * _SUB


@compiled(exact=True)
def _edge(
    px: Lane,
    py: Lane,
    qx: Lane,
    qy: Lane,
    x: Lane,
    y: Lane,
) -> Lane:
    """≥ 0 on the inner side of p → q; on the edge itself only if it is an upper or left one."""
    dx, dy = qx - px, qy - py
    mine = (dy < 0) | ((dy == 0) & (dx > 0))
    return dx * (y - py) - dy * (x - px) - (1 - mine)


def _look_numpy(
    mesh: Mesh, pose: NDArray[np.float64], lens: NDArray[np.float64], view: NDArray[np.float32], seen: Visibility
) -> None:
    """The twin: all (triangle, sample) pairs of a chunk at once; one number a pair decides who is seen."""
    with np.errstate(all="ignore"):  # places may be nan; the loop does not warn either
        view[:] = np.stack(_plain(_seen)(*mesh.positions.T, pose), axis=1)
        corners, number = _corners_numpy(mesh.triangles, view, lens)
    keys = _keys(seen.nearness.ravel(), 0xFFFFFFFF)
    height, width = seen.nearness.shape
    for part in _chunks(corners, number, mesh.two_sided, width, height):
        _fill_numpy(*part, width, keys)
    low = (keys & np.uint64(0xFFFFFFFF)).astype(np.int64)
    seen.owner[:] = np.where(low == 0xFFFFFFFF, NOBODY, 0xFFFFFFFE - low).reshape(height, width)
    seen.nearness[:] = (keys >> np.uint64(32)).astype(np.uint32).view(np.float32).reshape(height, width)


def _plain(function: Callable[..., Any]) -> Callable[..., Any]:
    """The Python function that was compiled."""
    return cast("Callable[..., Any]", getattr(function, "py_func", function))


def _keys(nearness: NDArray[np.float32], rank: ArrayLike) -> NDArray[np.uint64]:
    # floats ≥ 0 order like their bits
    high = np.ascontiguousarray(nearness).view(np.uint32).astype(np.uint64) << np.uint64(32)
    keys: NDArray[np.uint64] = high | np.asarray(rank, np.uint64)
    return keys


def _corners_numpy(
    triangles: NDArray[np.int32], view: NDArray[np.float32], lens: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """((m, 3, 3): samples x, y and nearness of every corner; (m,): its triangle), those cut by a plane included."""
    x, y, z = view.T.astype(np.float64)
    finite = (np.abs(x) < 1e9) & (np.abs(y) < 1e9) & (np.abs(z) < 1e9)
    pinhole = lens[4] == 0.0
    w = 1.0 / z if pinhole else lens[5] - z
    scale = lens[0] * w if pinhole else lens[0]
    sx, sy = lens[1] + scale * x, lens[2] - scale * y
    bad = ((z < lens[3]) & pinhole) | (np.maximum(np.abs(sx), np.abs(sy)) > 1.01 * _GUARD) | (w <= 0.0)
    near = np.where(finite, np.where(bad, _CLIP if pinhole else _DROP, w), _DROP)
    low = near[triangles].min(axis=1)
    good = np.flatnonzero(low > 0.0)
    whole = np.stack([sx, sy, near], axis=1)[triangles[good]]
    cut, cut_number = [whole], [good]
    for t in np.flatnonzero(low == _CLIP):
        polygon, m = _clipped(view[triangles[t, 0]], view[triangles[t, 1]], view[triangles[t, 2]], lens)
        placed = np.array([_placed(polygon[k, 0], polygon[k, 1], polygon[k, 2], lens) for k in range(m)]).reshape(m, 3)
        fans = [placed[[0, k, k + 1]] for k in range(1, m - 1) if placed[[0, k, k + 1], 2].min() > 0.0]
        cut += [fan[None] for fan in fans]
        cut_number += [np.array([t])] * len(fans)
    return np.concatenate(cut), np.concatenate(cut_number)


def _chunks(
    corners: NDArray[np.float64],
    number: NDArray[np.int64],
    two_sided: NDArray[np.bool_],
    width: int,
    height: int,
) -> Iterator[tuple[NDArray[np.int64], NDArray[np.float64], NDArray[np.int64], NDArray[np.int64]]]:
    """Turned to the front and cut to the picture: corners (m, 3, 2), nearness (m, 3), bounds (m, 4), number (m,)."""
    spot, w = _plain(_snapped)(corners[:, :, :2]), corners[:, :, 2]
    side, other = spot[:, 1] - spot[:, 0], spot[:, 2] - spot[:, 0]
    area = side[:, 0] * other[:, 1] - side[:, 1] * other[:, 0]
    front = area < 0
    spot[front], w[front] = spot[front][:, [0, 2, 1]], w[front][:, [0, 2, 1]]
    low = np.maximum(0, (spot.min(axis=1) + _HALF - 1) >> _SHIFT)
    high = np.minimum((width - 1, height - 1), (spot.max(axis=1) - _HALF) >> _SHIFT)
    kept = np.flatnonzero((front | (two_sided[number] & (area > 0))) & (low <= high).all(axis=1))
    bounds = np.concatenate([low, high], axis=1)
    pairs = np.cumsum((high - low + 1)[kept].prod(axis=1))
    for part in np.split(kept, np.flatnonzero(np.diff(pairs // _PAIRS)) + 1):
        yield spot[part], w[part], bounds[part], number[part]


def _fill_numpy(
    spot: NDArray[np.int64],
    w: NDArray[np.float64],
    bounds: NDArray[np.int64],
    number: NDArray[np.int64],
    width: int,
    keys: NDArray[np.uint64],
) -> None:
    wide = bounds[:, 2] - bounds[:, 0] + 1
    size = wide * (bounds[:, 3] - bounds[:, 1] + 1)
    t = np.repeat(np.arange(len(size)), size)
    step = np.arange(len(t)) - np.repeat(np.cumsum(size) - size, size)
    x, y = bounds[t, 0] + step % wide[t], bounds[t, 1] + step // wide[t]
    px, py = x * _SUB + _HALF, y * _SUB + _HALF
    (ax, bx, cx), (ay, by, cy) = spot[t, :, 0].T, spot[t, :, 1].T
    edge = _plain(_edge)
    ea, eb, ec = edge(bx, by, cx, cy, px, py), edge(cx, cy, ax, ay, px, py), edge(ax, ay, bx, by, px, py)
    inside = (ea | eb | ec) >= 0
    t, x, y, eb, ec = t[inside], x[inside], y[inside], eb[inside], ec[inside]
    area = ((spot[:, 1, 0] - spot[:, 0, 0]) * (spot[:, 2, 1] - spot[:, 0, 1])
            - (spot[:, 1, 1] - spot[:, 0, 1]) * (spot[:, 2, 0] - spot[:, 0, 0])).astype(np.float64)  # fmt: skip
    slope_b, slope_c = (w[:, 1] - w[:, 0]) / area, (w[:, 2] - w[:, 0]) / area
    nearness = (w[t, 0] + (eb.astype(np.float64) * slope_b[t] + ec.astype(np.float64) * slope_c[t])).astype(np.float32)
    shown = nearness > 0.0
    np.maximum.at(keys, (y * width + x)[shown], _keys(nearness[shown], 0xFFFFFFFE - number[t[shown]]))
