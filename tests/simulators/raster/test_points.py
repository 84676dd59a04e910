"""Points: what is interpolated is what lies there, and a pixel is shaded once only where that shows nothing."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from failatlas.simulators.raster import Camera, Frame, Mesh, join
from failatlas.simulators.raster.points import Pool, points
from failatlas.simulators.raster.visibility import Visibility

CAMERA = Camera((4, 7, 40), (0, 0, 0), 1.6, 24, 20, roll_deg=17)


def plane(normal, size=60.0, **more):
    """A square through the origin, turned to +z as far as it goes."""
    normal = np.asarray(normal, float) / np.linalg.norm(normal)
    u = np.cross((0, 1, 0), normal)
    u /= np.linalg.norm(u)
    v = np.cross(normal, u)
    places = size * np.array([-u - v, u - v, u + v, v - u])
    return Mesh.of(places, [[0, 1, 2], [0, 2, 3]], attributes=places, **more)


def test_attributes_are_interpolated_right_in_perspective():
    # attributes are places, so what comes out must lie on the plane and on the ray of the pixel
    normal = np.array([0.7, 0.2, 0.6]) / np.linalg.norm([0.7, 0.2, 0.6])
    rows = Frame(24, 20, 1).see(CAMERA, plane(normal)).rows
    assert rows[6:9] == pytest.approx(rows[:3], abs=1e-3)
    rays = CAMERA.rays().reshape(-1, 3).astype(float)
    eye = np.array(CAMERA.eye)
    met = eye + rays * (-(eye @ normal) / (rays @ normal))[:, None]
    assert rows.shape[1] == 24 * 20  # the plane fills the picture
    assert pytest.approx(met, abs=0.02) == rows[:3].T
    assert pytest.approx(np.broadcast_to(normal, (480, 3)), abs=1e-5) == rows[3:6].T


def test_places_are_right_on_a_triangle_that_reaches_behind_the_camera():
    camera = Camera((0, 10, 0), (0, 0, -40), 1.0, 16, 16)
    far = 1e4
    ground = Mesh.of([[-far, 0, far], [far, 0, far], [far, 0, -far], [-far, 0, -far]], [[0, 1, 2], [0, 2, 3]])
    rows = Frame(16, 16, 1).see(camera, ground).rows
    rays = camera.rays().reshape(-1, 3)
    down = rays[:, 1] < -0.05
    met = np.array(camera.eye) - rays[down] * (10 / rays[down, 1])[:, None]
    # the ground fills the lower end of the picture, and points are numbered downwards
    assert pytest.approx(met, rel=2e-3, abs=0.02) == rows[:3, -len(met) :].T


def test_the_normal_of_a_two_sided_mesh_points_to_the_eye():
    rows = Frame(24, 20, 1).see(CAMERA, plane((0, 0, -1), two_sided=True)).rows
    assert rows[5] == pytest.approx(1.0)


def test_materials_lie_side_by_side_and_fine_ones_are_shaded_at_every_sample():
    left = Mesh.of([[-60, -60, 0], [0, -60, 0], [0, 60, 0], [-60, 60, 0]], [[0, 1, 2], [0, 2, 3]], material=7)
    right = Mesh.of([[0, -60, 0], [60, -60, 0], [60, 60, 0], [0, 60, 0]], [[0, 1, 2], [0, 2, 3]], material=2)
    camera = Camera((0, 0, 40), (0, 0, 0), 1.0, 8, 8)
    made = Frame(8, 8, 2, fine=[7]).see(camera, join([left, right]))
    assert list(made.parts()) == [(2, 0, 32), (7, 32, 32 + 4 * 32)]
    assert made.part(3) == (32, 32)
    assert (made.rows[0, :32] > 0).all()
    assert (made.rows[0, 32:] < 0).all()


def test_a_step_in_depth_is_shaded_at_every_sample():
    near = Mesh.of([[-60, -60, 2], [3, -60, 2], [3, 60, 2], [-60, 60, 2]], [[0, 1, 2], [0, 2, 3]])
    back = Mesh.of([[-60, -60, 0], [60, -60, 0], [60, 60, 0], [-60, 60, 0]], [[0, 1, 2], [0, 2, 3]])
    camera = Camera((0, 0, 40), (0, 0, 0), 1.0, 8, 8)
    made = Frame(8, 8, 2).see(camera, join([near, back]))
    per_pixel = [
        len(np.unique(made.of_sample[2 * y : 2 * y + 2, 2 * x : 2 * x + 2])) for y in range(8) for x in range(8)
    ]
    assert sorted(set(per_pixel)) == [1, 4]
    assert per_pixel.count(4) == 8  # one column of pixels


@given(seed=st.integers(0, 2**32 - 1), samples=st.sampled_from([1, 2, 3]))
@settings(max_examples=30, deadline=None)
def test_numpy_chooses_the_same_points_in_the_same_order(seed, samples):
    pytest.importorskip("numba")
    random = np.random.default_rng(seed)
    places = random.normal(size=(30, 3)) * 9
    soup = Mesh.of(places, random.integers(0, 30, (50, 3)), attributes=random.normal(size=(30, 2)), two_sided=True)
    mesh = Mesh(
        soup.positions, soup.triangles, soup.normals, soup.attributes,
        random.integers(0, 3, 50).astype(np.uint8), soup.two_sided,
    )  # fmt: skip
    fine = np.zeros(256, bool)
    fine[1] = True
    seen = Visibility.of_size(24 * samples, 20 * samples)
    lens = CAMERA.lens(samples)
    view = seen.look(mesh, CAMERA.pose(), lens)
    one, other = (points(mesh, view, seen, lens, samples, fine, Pool(), numba=numba) for numba in (True, False))
    assert np.array_equal(one.starts, other.starts)
    assert np.array_equal(one.of_sample, other.of_sample)
    assert np.array_equal(one.rows, other.rows)
    assert (one.of_sample >= 0).sum() == (seen.owner >= 0).sum()


def test_nothing_to_see_gives_no_points():
    made = Frame(6, 6, 2).see(Camera((0, 0, 40), (0, 0, 0), 1.0, 6, 6), Mesh.of(np.zeros((0, 3)), np.zeros((0, 3))))
    assert len(made) == 0
    assert list(made.parts()) == []
    assert (made.of_sample == -1).all()
