"""Frame: a whole picture, compiled and not, in threads and again."""

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from failatlas.errors import ShapeError, UsageError
from failatlas.simulators.raster import Camera, Frame, Mesh, ShadowMap, develop, join

CAMERA = Camera((0, 0, 40), (0, 0, 0), 1.0, 16, 16)
GREY = np.full((16, 16, 3), 0.25, np.float32)

SCENE = """
import sys
import numpy as np
from failatlas.simulators.compiled import compiled, lanes, select
from failatlas.simulators.raster import *

def shade(rows, lit, sun, out):
    for i in lanes(lit.shape[0]):
        facing = np.maximum(rows[3, i] * sun[0] + rows[4, i] * sun[1] + rows[5, i] * sun[2], 0.0)
        stripe = select(np.floor(rows[6, i] * 2) % 2 < 1, 0.9, 0.3)
        for c in range(3):
            out[c, i] = stripe * (0.1 + facing * lit[i])

shade = compiled(shade)
random = np.random.default_rng(5)
places = random.normal(size=(60, 3)) * 7
soup = Mesh.of(places, random.integers(0, 60, (90, 3)), attributes=places, two_sided=True)
floor = Mesh.of([[-30, -9, -30], [30, -9, -30], [30, -9, 30], [-30, -9, 30]], [[0, 2, 1], [0, 3, 2]])
glass = Mesh.of([[-9, -9, 20], [9, -9, 20], [0, 9, 20]], [[0, 1, 2]])
mesh, sun = join([soup, floor]), np.array([0.36, 0.8, 0.48])
frame, camera, shadow = Frame(48, 40, 2), Camera((5, 9, 50), (0, 0, 0), 1.5, 48, 40), ShadowMap(64)
points = frame.see(camera, mesh)
shadow.cast(sun, mesh)
shade(points.rows, shadow.at(points.rows), sun, points.colours)
frame.paint(np.full((40, 48, 3), 0.2, np.float32))
frame.draw_lines(camera, places[:-1], places[1:], 0.1, (0.8, 0.1, 0.1, 0.9))
layer = frame.see_through(camera, glass)
layer.colours[:] = 0.4
frame.blend()
np.save(sys.argv[1], develop(frame.radiance()))
"""


def square(half, z, **more):
    return Mesh.of(
        [[-half, -half, z], [half, -half, z], [half, half, z], [-half, half, z]], [[0, 1, 2], [0, 2, 3]], **more
    )


def test_R4_the_picture_without_numba_is_the_same_within_a_grey_level(tmp_path):
    pictures = []
    for renderer in ("numba", "numpy"):
        file = tmp_path / f"{renderer}.npy"
        environment = os.environ | {"FAILATLAS_RENDERER": renderer}
        done = subprocess.run(
            [sys.executable, "-W", "error", "-c", SCENE, str(file)], env=environment, capture_output=True, text=True
        )
        assert done.stderr == ""
        pictures.append(np.load(file).astype(int))
    assert pictures[0].std() > 20
    assert np.abs(pictures[0] - pictures[1]).max() <= 1


def painted(frame, mesh, colour, camera=CAMERA):
    points = frame.see(camera, mesh)
    points.colours[:] = np.asarray(colour, np.float32)[:, None]
    frame.paint(GREY)
    return frame


def test_an_edge_through_a_pixel_mixes_light_by_area():
    # at depth 40, 16 px across 40 cm: 2.5 cm a pixel, so the square of half side 3.75 ends in the middle of a pixel
    radiance = painted(Frame(16, 16, 2), square(3.75, 0), (1, 0, 0)).radiance()
    assert radiance[8, 8] == pytest.approx([1, 0, 0])
    assert radiance[8, 9] == pytest.approx([0.625, 0.125, 0.125])
    assert radiance[9, 9] == pytest.approx([0.4375, 0.1875, 0.1875])
    assert radiance[8, 10] == pytest.approx([0.25, 0.25, 0.25])


def test_glass_tints_what_is_behind_it_and_not_what_is_before():
    frame = painted(Frame(16, 16, 2), square(20, 0), (0.8, 0.8, 0.8))
    for z, expected in ((2, 0.5), (-2, 0.8)):
        glass = frame.see_through(CAMERA, square(20, z))
        glass.colours[:] = np.array([[0.2], [0.2], [0.2], [0.5]])
        frame.blend()
        frame_light = frame.radiance()
        assert frame_light[8, 8] == pytest.approx([expected] * 3)
        frame = painted(frame, square(20, 0), (0.8, 0.8, 0.8))


def test_lines_are_drawn_in_the_world():
    frame = painted(Frame(16, 16, 2), square(20, 0), (0, 0, 0))
    frame.draw_lines(CAMERA, [[-5, 1, 1]], [[5, 1, 1]], 1.0, (1, 1, 1, 1))
    # 10 cm by 1 cm at depth 39, in pixels of 2.4375 cm
    assert frame.radiance()[:, :, 0].sum() == pytest.approx(10 / 2.4375**2, rel=0.02)
    frame = painted(frame, square(20, 0), (0, 0, 0))
    frame.draw_lines(CAMERA, [[-5, 1, -1], [0, 0, 90]], [[5, 1, -1], [0, 0, 0]], 1.0, (1, 1, 1, 1))
    assert frame.radiance().sum() == 0


def test_what_each_sample_and_each_landmark_sees():
    frame = Frame(16, 16, 2)
    frame.see(CAMERA, join([square(20, 0, material=5), square(5, 4, material=6)]))
    seen = frame.material_map()
    assert (seen[16, 16], seen[16, 2]) == (6, 5)
    places = [[0, 0, 4], [0, 0, 0], [12, 0, 0], [300, 0, 0], [0, 0, 99]]
    assert frame.is_visible(CAMERA, places).tolist() == [True, False, True, False, False]
    frame.see(CAMERA, Mesh.of(np.zeros((0, 3)), np.zeros((0, 3))))
    assert (frame.material_map() == 255).all()


def test_a_used_frame_and_frames_in_threads_give_the_bytes_of_a_fresh_one():
    def picture(frame, shadow, turn):
        mesh = join([square(9, 0), square(2 + turn, 3 + turn)])
        points = frame.see(CAMERA, mesh)
        shadow.cast((0.3, 0.4, 1), mesh)
        points.colours[:] = shadow.at(points.rows)
        frame.paint(GREY)
        return develop(frame.radiance()).tobytes()

    fresh = [picture(Frame(16, 16, 2), ShadowMap(64), turn) for turn in range(4)]
    assert len(set(fresh)) == 4
    used = Frame(16, 16, 2), ShadowMap(64)
    assert [picture(*used, turn) for turn in (3, 2, 1, 0)] == fresh[::-1]

    def many(turn):
        own = Frame(16, 16, 2), ShadowMap(64)
        return {picture(*own, turn) for _ in range(20)}

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(many, range(4))) == [{made} for made in fresh]


def test_steps_out_of_order_and_wrong_sizes_are_said():
    with pytest.raises(UsageError, match="samples"):
        Frame(8, 8, 5)
    frame = Frame(16, 16, 1)
    with pytest.raises(UsageError, match="nothing to paint"):
        frame.paint(GREY)
    with pytest.raises(UsageError, match="no glass"):
        frame.blend()
    with pytest.raises(ShapeError, match="a camera of 8 × 16 px"):
        frame.see(Camera((0, 0, 40), (0, 0, 0), 1.0, 8, 16), square(1, 0))
    frame.see(CAMERA, square(1, 0))
    with pytest.raises(ShapeError, match="background"):
        frame.paint(np.zeros((8, 8, 3), np.float32))
