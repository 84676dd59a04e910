"""Picture: the tone curve is the published one, and both ways of averaging agree."""

import numpy as np
import pytest

from failatlas.errors import ShapeError
from failatlas.simulators.raster import develop, picture


def written_out(light):
    """Narkowicz's fit and sRGB as they are printed."""
    x = np.minimum(light, 16) * 0.6
    x = np.clip((x * (2.51 * x + 0.03)) / (x * (2.43 * x + 0.59) + 0.14), 0, 1)
    return 255 * np.where(x <= 0.0031308, 12.92 * x, 1.055 * x ** (1 / 2.4) - 0.055)


def test_light_becomes_grey_levels_by_the_published_curve():
    light = np.geomspace(1e-6, 30, 3000, dtype=np.float32).reshape(100, 10, 3)
    assert np.abs(develop(light).astype(float) - written_out(light)).max() <= 1.0
    assert np.abs(develop(light, exposure=0.25).astype(float) - written_out(light / 4)).max() <= 1.0


def test_more_light_is_never_darker():
    grey = develop(np.repeat(np.linspace(0, 20, 5000, dtype=np.float32), 3).reshape(50, 100, 3))[:, :, 0].ravel()
    assert (np.diff(grey.astype(int)) >= 0).all()
    assert (grey[0], grey[-1]) == (0, 255)


def test_what_is_no_light_is_black_and_endless_light_white():
    light = np.array([[[np.nan, -1, -np.inf], [np.inf, 1e30, 0]]], np.float32)
    assert develop(light).tolist() == [[[0, 0, 0], [255, 255, 0]]]
    pixels = np.empty(6, np.uint8)
    picture._develop_numpy(light.ravel(), np.float32(1), picture._curve(), pixels)
    assert pixels.tolist() == [0, 0, 0, 255, 255, 0]


def test_radiance_of_another_shape_is_refused():
    with pytest.raises(ShapeError, match="radiance of shape"):
        develop(np.zeros((4, 4), np.float32))


@pytest.mark.parametrize("s", [1, 2, 3])
def test_numpy_spreads_covers_and_averages_the_same(s):
    pytest.importorskip("numba")
    random = np.random.default_rng(s)
    of_sample = random.integers(-1, 9, (5 * s, 7 * s)).astype(np.int32)
    colours = random.uniform(size=(4, 9)).astype(np.float32)
    background = random.uniform(size=(5, 7, 3)).astype(np.float32)
    one, other = np.empty((2, 5 * s, 7 * s, 3), np.float32)
    picture.spread(of_sample, colours[:3].copy(), background, s, one)
    picture.spread_numpy(of_sample, colours[:3].copy(), background, s, other)
    assert np.array_equal(one, other)
    assert np.array_equal(one[0, 0], background[0, 0] if of_sample[0, 0] < 0 else colours[:3, of_sample[0, 0]])
    picture.cover(of_sample, colours, one)
    picture.cover_numpy(of_sample, colours, other)
    assert one == pytest.approx(other, abs=1e-6)
    means = np.empty((2, 5, 7, 3), np.float32)
    picture.average(one, s, means[0])
    picture.average_numpy(other, s, means[1])
    assert means[0] == pytest.approx(means[1], abs=1e-6)
    assert means[0, 2, 3] == pytest.approx(one[2 * s : 3 * s, 3 * s : 4 * s].mean(axis=(0, 1)), abs=1e-6)
