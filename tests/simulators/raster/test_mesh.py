"""Mesh: what a compiled loop would read blindly is checked before."""

import numpy as np
import pytest

from failatlas.errors import ShapeError
from failatlas.simulators.raster import Mesh, join, mesh, vertex_normals

CUBE = np.array([[x, y, z] for x in (-1, 1) for y in (-1, 1) for z in (-1, 1)], np.float32)
FACES = np.array(
    [[0, 1, 3], [0, 3, 2], [4, 6, 7], [4, 7, 5], [0, 4, 5], [0, 5, 1],
     [2, 3, 7], [2, 7, 6], [0, 2, 6], [0, 6, 4], [1, 5, 7], [1, 7, 3]], np.int32,
)  # fmt: skip


def test_normals_point_outwards_and_weigh_faces_by_area():
    normals = vertex_normals(CUBE, FACES)
    assert ((normals * CUBE) > 0.3).all()
    assert np.linalg.norm(normals, axis=1) == pytest.approx(1.0)
    # a large face upwards and one of a ninth of its area forwards
    places = np.array([[0, 0, 0], [3, 0, 0], [0, 0, -3], [1, 0, 0], [0, 1, 0]], np.float32)
    corner = vertex_normals(places, np.array([[0, 1, 2], [0, 3, 4]], np.int32))[0]
    assert corner == pytest.approx(np.array([0, 9, 1]) / np.hypot(9, 1))


def test_numpy_makes_the_same_normals(monkeypatch):
    compiled = vertex_normals(CUBE, FACES)
    monkeypatch.setattr(mesh, "HAS_NUMBA", False)
    assert vertex_normals(CUBE, FACES) == pytest.approx(compiled, abs=1e-6)


def test_a_vertex_of_no_triangle_or_of_nan_gets_some_unit_normal():
    places = np.array([[0, 0, 0], [1, 0, 0], [np.nan, 1, 0], [5, 5, 5]], np.float32)
    normals = vertex_normals(places, np.array([[0, 1, 2]], np.int32))
    assert normals.tolist() == [[0, 0, 1]] * 4


def test_joined_meshes_keep_their_triangles_and_materials():
    one = Mesh.of(CUBE, FACES, material=3, attributes=np.ones((8, 2)))
    both = join([one, Mesh.of(CUBE + np.float32(5), FACES, material=4)])
    assert both.triangles[12:].tolist() == (FACES + 8).tolist()
    assert both.materials.tolist() == [3] * 12 + [4] * 12
    assert both.attributes.tolist() == [[1, 1]] * 8 + [[0, 0]] * 8
    assert repr(both) == "<Mesh 16 vertices, 24 triangles, 2 attributes, materials [3, 4]>"


@pytest.mark.parametrize("corner", [-1, 8])
def test_a_triangle_of_vertices_that_are_not_there_is_refused(corner):
    with pytest.raises(ShapeError, match=f"names vertex {corner} of 8"):
        Mesh.of(CUBE, [[0, 1, corner]], normals=CUBE)
    with pytest.raises(ShapeError, match=f"names vertex {corner} of 8"):
        vertex_normals(CUBE, np.array([[0, 1, corner]], np.int32))


def test_arrays_that_disagree_are_refused():
    one = Mesh.of(CUBE, FACES)
    with pytest.raises(ShapeError, match="normals"):
        Mesh(one.positions, one.triangles, one.normals[:3], one.attributes, one.materials, one.two_sided)
    with pytest.raises(ShapeError, match="positions are float64"):
        Mesh(CUBE.astype(float), one.triangles, one.normals, one.attributes, one.materials, one.two_sided)
    with pytest.raises(ShapeError, match="background"):
        Mesh.of(CUBE, FACES, material=255)
    with pytest.raises(ShapeError):
        one.moved(CUBE[:3])
    with pytest.raises(ShapeError):
        join([])
