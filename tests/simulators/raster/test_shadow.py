"""Shadow map: a square's shadow has the square's area, a lit ball no acne and a soft terminator."""

import numpy as np
import pytest

from failatlas.errors import UsageError
from failatlas.simulators.raster import Mesh, ShadowMap, join


def square(y, half):
    return Mesh.of(
        [[-half, y, half], [half, y, half], [half, y, -half], [-half, y, -half]], [[0, 1, 2], [0, 2, 3]], two_sided=True
    )


def on_ground(x, z):
    rows = np.zeros((6, x.size), np.float32)
    rows[0], rows[2], rows[4] = x.ravel(), z.ravel(), 1.0
    return rows


def on_ball(radius, n=200):
    turn, tilt = np.meshgrid(np.linspace(0, 2 * np.pi, 2 * n), np.linspace(0.01, np.pi - 0.01, n), indexing="ij")
    unit = np.stack([np.sin(tilt) * np.sin(turn), np.cos(tilt), np.sin(tilt) * np.cos(turn)])
    return np.concatenate([radius * unit, unit]).reshape(6, -1).astype(np.float32), unit.shape[1:]


def ball(radius, n=40):
    turn, tilt = np.meshgrid(np.linspace(0, 2 * np.pi, 2 * n + 1), np.linspace(0, np.pi, n + 1), indexing="ij")
    places = np.stack([np.sin(tilt) * np.sin(turn), np.cos(tilt), np.sin(tilt) * np.cos(turn)], -1).reshape(-1, 3)
    i, j = (x.ravel() for x in np.meshgrid(np.arange(2 * n), np.arange(n), indexing="ij"))
    a, b, c, d = i * (n + 1) + j, i * (n + 1) + j + 1, (i + 1) * (n + 1) + j + 1, (i + 1) * (n + 1) + j
    return Mesh.of(radius * places, np.concatenate([np.stack([a, b, c], 1), np.stack([a, c, d], 1)]), normals=places)


@pytest.mark.parametrize("towards", [(0, 1, 0), (0.5, 1, 0), (-0.3, 1, 0.4)])
def test_the_shadow_of_a_square_lies_where_the_light_puts_it(towards):
    shadow = ShadowMap(256)
    shadow.cast(towards, join([square(0, 12), square(6, 3)]))
    x, z = np.meshgrid(np.linspace(-11, 11, 221), np.linspace(-11, 11, 221), indexing="ij")
    lit = shadow.at(on_ground(x, z)).reshape(x.shape)
    middle = -6 * np.array([towards[0], towards[2]]) / towards[1]
    dark = 1 - lit
    assert dark.sum() * 0.1**2 == pytest.approx(36.0, rel=0.04)
    assert (dark * x).sum() / dark.sum() == pytest.approx(middle[0], abs=0.1)
    assert (dark * z).sum() / dark.sum() == pytest.approx(middle[1], abs=0.1)
    deep = np.maximum(np.abs(x - middle[0]), np.abs(z - middle[1]))
    assert lit[deep < 2.7].max() < 1e-6
    assert lit[deep > 3.3].min() > 1 - 1e-6


@pytest.mark.parametrize("towards", [(0, 0, 1), (1, 0, 0), (1, 1, 1), (-0.2, 0.9, 0.1)])
@pytest.mark.parametrize("size", [96, 160])
def test_a_ball_does_not_shadow_its_own_lit_side_nor_draw_speckles_at_the_terminator(towards, size):
    shadow = ShadowMap(size)
    shadow.cast(towards, ball(9.0))
    rows, shape = on_ball(9.0)
    lit = shadow.at(rows).reshape(shape)
    facing = (rows[3:].T @ np.array(towards, np.float32) / np.linalg.norm(towards)).reshape(shape)
    assert lit[facing > 0.05].min() > 1 - 1e-6
    # a speckle is a jump between neighbours, 0.9 degrees apart here
    assert np.abs(np.diff(lit, axis=0)).max() < 0.25
    assert np.abs(np.diff(lit, axis=1)).max() < 0.25


def test_a_body_shadows_another_and_its_own_far_side():
    shadow = ShadowMap(160)
    small = ball(2.0).moved(ball(2.0).positions + np.array([0, 0, 14], np.float32))
    shadow.cast((0, 0, 1), join([ball(9.0), small]))
    rows = np.array([[0, 0, 9, 0, 0, 1], [5, 0, 7.48, 0.556, 0, 0.831], [0, 0, -9, 0, 0, -1]], np.float32).T.copy()
    assert shadow.at(rows) == pytest.approx([0, 1, 0], abs=1e-6)


def test_nothing_cast_and_nothing_hit_is_light():
    rows = on_ground(np.zeros(3), np.zeros(3))
    assert ShadowMap(32).at(rows).tolist() == [1, 1, 1]
    shadow = ShadowMap(32)
    shadow.cast((0, 1, 0), Mesh.of(np.zeros((0, 3)), np.zeros((0, 3))))
    assert shadow.at(rows).tolist() == [1, 1, 1]
    shadow.cast((0, 1, 0), square(5, 1))
    assert shadow.at(on_ground(np.array([50.0]), np.array([0.0]))).tolist() == [1]


def test_both_loops_cast_the_same_map_whatever_is_in_it():
    pytest.importorskip("numba")
    random = np.random.default_rng(4)
    places = random.normal(size=(40, 3)) * 9
    places[5] = np.nan
    soup = Mesh.of(places, random.integers(0, 40, (60, 3)), normals=np.ones((40, 3)), two_sided=True)
    one, other = ShadowMap(64), ShadowMap(64)
    one.cast((0.3, 1, 0.2), soup, numba=True)
    other.cast((0.3, 1, 0.2), soup, numba=False)
    assert one.nearness == pytest.approx(other.nearness, abs=1e-4)
    assert (one.nearness > 0).any()


@pytest.mark.parametrize("towards", [(0, 0, 0), (np.nan, 1, 0)])
def test_a_light_without_direction_is_refused(towards):
    with pytest.raises(UsageError, match="light from"):
        ShadowMap(32).cast(towards, square(0, 1))


def test_a_map_too_small_for_its_filter_is_refused():
    with pytest.raises(UsageError, match="7 texels"):
        ShadowMap(7)
