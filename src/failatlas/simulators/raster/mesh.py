"""Mesh: triangles with materials, and vertices with what is interpolated between them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import accumulate

import numpy as np
from numpy.typing import ArrayLike, NDArray

from failatlas.errors import ShapeError
from failatlas.simulators.compiled import HAS_NUMBA, Lane, compiled, lanes, select

Rows3 = NDArray[np.float32]  # (v, 3): a place or direction a vertex
Triangles = NDArray[np.int32]  # (t, 3): vertex numbers, anticlockwise as seen from outside

BACKGROUND = 255  # material of what no triangle covers


@dataclass(frozen=True, slots=True, eq=False)
class Mesh:
    """What is drawn in one pass; several bodies are `join`-ed into one.

    Attributes:
        positions: (v, 3) float32, cm. Triangles with a vertex that is nan are not drawn.
        triangles: (t, 3) int32; anticlockwise as seen from outside, the other side is not drawn.
        normals: (v, 3) float32, unit length; see `vertex_normals`.
        attributes: (v, a) float32, whatever the formulas need, interpolated.
        materials: (t,) uint8, 0 … 254.
        two_sided: (t,) bool; drawn from behind as well, with the normal turned to the eye.

    Raises:
        ShapeError: the arrays disagree, or a triangle names a vertex that is not there.
    """

    positions: Rows3
    triangles: Triangles
    normals: Rows3
    attributes: NDArray[np.float32]
    materials: NDArray[np.uint8]
    two_sided: NDArray[np.bool_]

    def __post_init__(self) -> None:
        v, t = len(self.positions), len(self.triangles)
        self._check("positions", (v, 3), np.float32)
        self._check("triangles", (t, 3), np.int32)
        self._check("normals", (v, 3), np.float32)
        self._check("attributes", (v, self.attributes.shape[-1]), np.float32)
        self._check("materials", (t,), np.uint8)
        self._check("two_sided", (t,), np.bool_)
        _check_corners(self.triangles, v)
        if t and self.materials.max() == BACKGROUND:
            raise ShapeError(f"material {BACKGROUND} is the background", where="mesh.materials", remedy="use 0 … 254")

    @classmethod
    def of(
        cls,
        positions: ArrayLike,
        triangles: ArrayLike,
        *,
        material: int = 0,
        attributes: ArrayLike | None = None,
        normals: ArrayLike | None = None,
        two_sided: bool = False,
    ) -> Mesh:
        """A mesh of one material; arrays of any number type, smooth normals unless given.

        >>> Mesh.of([[0, 0, 0], [1, 0, 0], [0, 1, 0]], [[0, 1, 2]])
        <Mesh 3 vertices, 1 triangles, 0 attributes, materials [0]>
        """
        places = np.ascontiguousarray(positions, np.float32)
        corners = np.ascontiguousarray(triangles, np.int32).reshape(-1, 3)
        extra = np.zeros((len(places), 0), np.float32) if attributes is None else attributes
        return cls(
            places,
            corners,
            vertex_normals(places, corners) if normals is None else np.ascontiguousarray(normals, np.float32),
            np.ascontiguousarray(extra, np.float32),
            np.full(len(corners), material, np.uint8),
            np.full(len(corners), two_sided, np.bool_),
        )

    def moved(self, positions: Rows3, normals: Rows3 | None = None, attributes: ArrayLike | None = None) -> Mesh:
        """The same triangles elsewhere; normals are computed anew unless given.

        Raises:
            ShapeError: not as many vertices as before.
        """
        places = np.ascontiguousarray(positions, np.float32)
        if places.shape != self.positions.shape:
            raise ShapeError(f"{places.shape} positions for a mesh of {self.positions.shape}", where="Mesh.moved")
        return replace(
            self,
            positions=places,
            normals=vertex_normals(places, self.triangles)
            if normals is None
            else np.ascontiguousarray(normals, np.float32),
            attributes=self.attributes if attributes is None else np.ascontiguousarray(attributes, np.float32),
        )

    def __repr__(self) -> str:
        used = np.unique(self.materials).tolist()
        return (
            f"<Mesh {len(self.positions)} vertices, {len(self.triangles)} triangles, "
            f"{self.attributes.shape[1]} attributes, materials {used}>"
        )

    def _check(self, name: str, shape: tuple[int, ...], dtype: type[np.generic]) -> None:
        array: NDArray[np.generic] = getattr(self, name)
        if array.shape != shape or array.dtype != dtype or not array.flags.c_contiguous:
            raise ShapeError(
                f"{name} are {array.dtype} {array.shape}",
                where="mesh",
                remedy=f"give {np.dtype(dtype)} {shape}, contiguous",
            )


def join(meshes: Sequence[Mesh]) -> Mesh:
    """One mesh of several; vertices and triangles keep their order. Meshes with fewer attributes get zeros.

    Raises:
        ShapeError: there is none.
    """
    if not meshes:
        raise ShapeError("no meshes to join", remedy="give at least one")
    n_attributes = max(mesh.attributes.shape[1] for mesh in meshes)
    starts = accumulate((len(mesh.positions) for mesh in meshes[:-1]), initial=0)
    return Mesh(
        np.concatenate([mesh.positions for mesh in meshes]),
        np.concatenate([mesh.triangles + np.int32(start) for mesh, start in zip(meshes, starts, strict=True)]),
        np.concatenate([mesh.normals for mesh in meshes]),
        np.concatenate([_padded(mesh.attributes, n_attributes) for mesh in meshes]),
        np.concatenate([mesh.materials for mesh in meshes]),
        np.concatenate([mesh.two_sided for mesh in meshes]),
    )


def _padded(attributes: NDArray[np.float32], n: int) -> NDArray[np.float32]:
    return np.pad(attributes, ((0, 0), (0, n - attributes.shape[1])))


def _check_corners(triangles: Triangles, n_vertices: int) -> None:
    """Compiled loops do not look: they would read, and here write, foreign memory."""
    if len(triangles):
        low, high = triangles.min(), triangles.max()
        if low < 0 or high >= n_vertices:
            wrong = low if low < 0 else high
            raise ShapeError(f"a triangle names vertex {wrong} of {n_vertices}", where="mesh.triangles")


def vertex_normals(positions: Rows3, triangles: Triangles) -> Rows3:
    """(v, 3) float32 unit normals: area-weighted mean over each vertex's triangles; (0, 0, 1) for none.

    Raises:
        ShapeError: a triangle names a vertex that is not there.
    """
    _check_corners(triangles, len(positions))
    total = np.zeros((len(positions), 3), np.float64)
    if HAS_NUMBA:
        _add_normals(positions, triangles, total)
    else:
        a, b, c = (positions[triangles[:, k]].astype(np.float64) for k in range(3))
        face = np.cross(b - a, c - a)
        for k in range(3):
            np.add.at(total, triangles[:, k], face)
    unit: Rows3 = np.empty((len(positions), 3), np.float32)
    _make_unit(total, unit)
    return unit


@compiled(exact=True)
def _make_unit(total: Lane, unit: Lane) -> None:
    for i in lanes(total.shape[0]):
        x, y, z = total[i, 0], total[i, 1], total[i, 2]
        length = np.sqrt(x * x + y * y + z * z)
        known = length > 1e-20  # not nan either
        scale = 1.0 / select(known, length, 1.0)
        unit[i, 0] = select(known, x * scale, 0.0)
        unit[i, 1] = select(known, y * scale, 0.0)
        unit[i, 2] = select(known, z * scale, 1.0)


@compiled(exact=True)
def _add_normals(positions: Rows3, triangles: Triangles, total: NDArray[np.float64]) -> None:
    for t in range(triangles.shape[0]):
        a, b, c = triangles[t, 0], triangles[t, 1], triangles[t, 2]
        ux = np.float64(positions[b, 0]) - np.float64(positions[a, 0])
        uy = np.float64(positions[b, 1]) - np.float64(positions[a, 1])
        uz = np.float64(positions[b, 2]) - np.float64(positions[a, 2])
        vx = np.float64(positions[c, 0]) - np.float64(positions[a, 0])
        vy = np.float64(positions[c, 1]) - np.float64(positions[a, 1])
        vz = np.float64(positions[c, 2]) - np.float64(positions[a, 2])
        nx, ny, nz = uy * vz - uz * vy, uz * vx - ux * vz, ux * vy - uy * vx
        for k in range(3):
            v = triangles[t, k]
            total[v, 0] += nx
            total[v, 1] += ny
            total[v, 2] += nz
