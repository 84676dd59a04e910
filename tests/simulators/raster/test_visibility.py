"""Visibility: analytic areas and depths, and the compiled loop against its NumPy twin, bit for bit."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from failatlas.simulators.raster import Camera, Mesh
from failatlas.simulators.raster.visibility import Visibility

pytest.importorskip("numba")

CAMERA = Camera((0, 0, 50), (0, 0, 0), 2.0, 32, 24)


def seen(mesh, camera=CAMERA, samples=2, *, numba=True, behind=None):
    made = Visibility.of_size(camera.width_px * samples, camera.height_px * samples)
    made.look(mesh, camera.pose(), camera.lens(samples), behind=behind, numba=numba)
    return made


def ball(radius, n=48):
    turn, tilt = np.meshgrid(np.linspace(0, 2 * np.pi, 2 * n + 1), np.linspace(0, np.pi, n + 1), indexing="ij")
    places = np.stack([np.sin(tilt) * np.sin(turn), np.cos(tilt), np.sin(tilt) * np.cos(turn)], -1).reshape(-1, 3)
    i, j = (x.ravel() for x in np.meshgrid(np.arange(2 * n), np.arange(n), indexing="ij"))
    a, b, c, d = i * (n + 1) + j, i * (n + 1) + j + 1, (i + 1) * (n + 1) + j + 1, (i + 1) * (n + 1) + j
    triangles = np.concatenate([np.stack([a, b, c], 1), np.stack([a, c, d], 1)])
    return Mesh.of(radius * places, triangles, normals=places)


@given(
    seed=st.integers(0, 2**32 - 1),
    spread=st.floats(0.1, 1e5),
    n_triangles=st.integers(0, 60),
    two_sided=st.booleans(),
    rotten=st.sampled_from([None, np.nan, np.inf, -np.inf, 3e38]),
    focal=st.floats(0.3, 12),
    roll=st.floats(-180, 180),
)
@settings(max_examples=60, deadline=None)
def test_numpy_sees_any_soup_as_the_compiled_loop_does(seed, spread, n_triangles, two_sided, rotten, focal, roll):
    random = np.random.default_rng(seed)
    places = random.normal(size=(20, 3)) * spread
    if rotten is not None:
        places[3, 1] = rotten
    mesh = Mesh.of(places, random.integers(0, 20, (n_triangles, 3)), normals=np.ones((20, 3)), two_sided=two_sided)
    camera = Camera((0, 0, 50), (0, 1, 0), focal, 32, 24, roll_deg=roll)
    one, other = seen(mesh, camera), seen(mesh, camera, numba=False)
    assert np.array_equal(one.owner, other.owner)
    assert np.array_equal(one.nearness, other.nearness)
    rotten_ones = (mesh.triangles == 3).any(axis=1) if rotten is not None else np.zeros(n_triangles, bool)
    assert not rotten_ones[one.owner[one.owner >= 0]].any()


@given(seed=st.integers(0, 2**32 - 1), on_middles=st.booleans())
@settings(max_examples=30, deadline=None)
def test_triangles_that_share_edges_leave_no_gap_and_cover_nothing_twice(seed, on_middles):
    random = np.random.default_rng(seed)
    n = 7
    x, y = np.meshgrid(np.linspace(-20, 20, n), np.linspace(-20, 20, n), indexing="ij")
    places = np.stack([x, y, np.zeros_like(x)], -1)
    places[1:-1, 1:-1] += random.uniform(-1, 1, (n - 2, n - 2, 3))  # so little that no triangle turns over
    if on_middles:  # at 2 samples a cm, corners fall on middles of samples: the hard case
        places = np.concatenate([np.round(places[..., :2] * 4) / 4, np.zeros((n, n, 1))], axis=2)
    i, j = (k.ravel() for k in np.meshgrid(np.arange(n - 1), np.arange(n - 1), indexing="ij"))
    a, b, c, d = i * n + j, (i + 1) * n + j, (i + 1) * n + j + 1, i * n + j + 1
    triangles = np.concatenate([np.stack([a, b, c], 1), np.stack([a, c, d], 1)])
    camera = Camera((0, 0, 64), (0, 0, 0), 2.0, 32, 24)
    times = sum(
        (seen(Mesh.of(places.reshape(-1, 3), triangles[[k]]), camera).owner >= 0).astype(int)
        for k in range(len(triangles))
    )
    assert times.min() == times.max() == 1


@pytest.mark.parametrize("samples", [1, 2, 3])
def test_a_ball_covers_the_area_of_its_silhouette(samples):
    camera = Camera((0, 0, 50), (0, 0, 0), 2.0, 64, 64)
    # the tangent cone of a ball of radius r at distance d has tan = r / sqrt(d² − r²)
    radius_px = 2.0 * 64 * 8 / np.sqrt(50**2 - 8**2)
    covered = (seen(ball(8.0), camera, samples).owner >= 0).sum() / samples**2
    assert covered == pytest.approx(np.pi * radius_px**2, rel=0.01)


def test_depth_of_a_slanted_plane_is_that_of_its_equation():
    # the plane z = x / 2 through a pinhole at z = 50: depth = 50 − z, x = depth · s, so depth = 50 / (1 + s / 2)
    plane = Mesh.of([[-30, -30, -15], [30, -30, 15], [30, 30, 15], [-30, 30, -15]], [[0, 1, 2], [0, 2, 3]])
    made = seen(plane)
    slope = (np.arange(64) + 0.5 - 32) / (2.0 * 64)
    covered = made.owner >= 0
    assert covered.all()
    assert made.nearness == pytest.approx(np.broadcast_to((1 + slope / 2) / 50, made.nearness.shape), rel=2e-4)


@pytest.mark.parametrize("numba", [True, False])
def test_a_ground_that_reaches_behind_the_camera_is_cut_not_lost(numba):
    camera = Camera((0, 10, 0), (0, 10, -100), 1.0, 32, 32)
    far = 1e6
    ground = Mesh.of([[-far, 0, far], [far, 0, far], [far, 0, -far], [-far, 0, -far]], [[0, 1, 2], [0, 2, 3]])
    made = seen(ground, camera, numba=numba)
    below = (np.arange(64) + 0.5 - 32) / 64  # tangent of the angle below the horizon
    assert (made.owner[below < 0] == -1).all()
    assert (made.owner[below > 0] >= 0).all()
    assert made.nearness[below > 0] == pytest.approx(np.broadcast_to(below[32:, None] / 10, (32, 64)), abs=2e-6)


def test_the_order_of_triangles_does_not_change_what_is_seen():
    random = np.random.default_rng(3)
    places = random.normal(size=(40, 3)) * 8
    triangles = random.integers(0, 40, (80, 3))
    order = random.permutation(80)
    one = seen(Mesh.of(places, triangles, two_sided=True))
    other = seen(Mesh.of(places, triangles[order], two_sided=True))
    assert np.array_equal(one.nearness, other.nearness)
    covered = one.owner >= 0
    assert covered.any()
    # a triangle that was drawn twice has two numbers
    same = np.sort(triangles[one.owner[covered]]) == np.sort(triangles[order][other.owner[covered]])
    assert same.all()


@pytest.mark.parametrize("numba", [True, False])
def test_of_two_triangles_in_one_place_the_lower_number_is_seen(numba):
    places = [[-9, -9, 0], [9, -9, 0], [0, 9, 0]]
    made = seen(Mesh.of(places, [[0, 1, 2], [0, 1, 2]]), numba=numba)
    assert set(np.unique(made.owner)) == {-1, 0}


@pytest.mark.parametrize("numba", [True, False])
def test_a_back_is_drawn_only_where_asked(numba):
    back = [[-9, -9, 0], [0, 9, 0], [9, -9, 0]]
    assert (seen(Mesh.of(back, [[0, 1, 2]]), numba=numba).owner == -1).all()
    assert (seen(Mesh.of(back, [[0, 1, 2]], two_sided=True), numba=numba).owner == 0).any()


@pytest.mark.parametrize(
    "places",
    [
        [[0, 0, 0], [0, 0, 0], [0, 0, 0]],
        [[-9, 0, 0], [0, 0, 0], [9, 0, 0]],
        [[-9, -9, 60], [9, -9, 60], [0, 9, 60]],
        [[-9, -9, 50], [9, -9, 50], [0, 9, 50]],
        [[900, 900, 0], [910, 900, 0], [900, 910, 0]],
        [[np.nan, 0, 0], [9, 0, 0], [0, 9, 0]],
    ],
    ids=["a point", "a line", "behind the camera", "in the pinhole", "beside the picture", "nan"],
)
@pytest.mark.parametrize("numba", [True, False])
def test_what_cannot_be_seen_covers_nothing(places, numba):
    made = seen(Mesh.of(places, [[0, 1, 2]], normals=np.ones((3, 3)), two_sided=True), numba=numba)
    assert (made.owner == -1).all()
    assert (made.nearness == 0).all()


@pytest.mark.parametrize("numba", [True, False])
def test_a_layer_shows_only_in_front_of_what_is_behind_it(numba):
    wall = seen(Mesh.of([[-99, -99, 0], [99, -99, 0], [0, 99, 0]], [[0, 1, 2]]))
    places = np.array([[-5, -5, 0], [5, -5, 0], [0, 5, 0]], float)
    front = seen(Mesh.of(places + np.array([0, 0, 1]), [[0, 1, 2]]), numba=numba, behind=wall)
    hidden = seen(Mesh.of(places - np.array([0, 0, 1]), [[0, 1, 2]]), numba=numba, behind=wall)
    assert (front.owner == 0).any()
    assert (hidden.owner == -1).all()
