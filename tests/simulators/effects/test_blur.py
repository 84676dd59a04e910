"""Blur: kernels that can be written down, and another library's box."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from failatlas.simulators.effects import box_blur, defocus, motion_blur


def point(size=41):
    light = np.zeros((size, size), np.float32)
    light[size // 2, size // 2] = 1
    return light


def moments(light):
    y, x = np.mgrid[: light.shape[0], : light.shape[1]] - (light.shape[0] - 1) / 2
    return (light * x * x).sum(), (light * y * y).sum(), (light * x * -y).sum()


@pytest.mark.parametrize("radius", [1, 2, 3, 7])
def test_box_blur_is_the_mean_of_a_square(radius):
    picture = np.random.default_rng(0).integers(0, 256, (40, 50, 3), np.uint8)
    mean = ndimage.uniform_filter(picture.astype(np.float64), (2 * radius + 1, 2 * radius + 1, 0), mode="nearest")
    assert np.abs(box_blur(picture, radius) - mean).max() <= 1.01  # Pillow rounds after each direction


def test_a_level_motion_of_odd_length_is_a_running_mean():
    light = np.random.default_rng(0).random((30, 60, 3), dtype=np.float32)
    # the way of a point, spread over pixels as a tent: half of each end falls half a pixel farther
    weights = np.array([1, 7, 8, 8, 8, 7, 1]) / 40
    expected = ndimage.correlate1d(light.astype(np.float64), weights, axis=1, mode="nearest")
    assert np.abs(motion_blur(light, 5, 0) - expected).max() < 2e-3


@settings(deadline=None)
@given(length=st.floats(0, 15), angle=st.floats(-180, 360))
def test_motion_keeps_all_light_and_spreads_it_along_its_direction(length, angle):
    seen = motion_blur(point(), length, angle)
    assert seen.sum() == pytest.approx(1, abs=1e-4)
    if length >= 4:
        xx, yy, xy = moments(seen)
        spread = length**2 / 12
        direction = np.radians(angle)
        # a tent adds at most 1/4 px² in each direction
        assert xx == pytest.approx(spread * np.cos(direction) ** 2, abs=0.3)
        assert yy == pytest.approx(spread * np.sin(direction) ** 2, abs=0.3)
        assert xy == pytest.approx(spread * np.cos(direction) * np.sin(direction), abs=0.1)


@settings(deadline=None)  # the first wide blur imports scipy.signal
@given(radius=st.floats(0, 12))
def test_defocus_keeps_all_light_inside_its_disc(radius):
    seen = defocus(point(), radius)
    assert seen.sum() == pytest.approx(1, abs=1e-4)
    y, x = np.mgrid[-20:21, -20:21]
    assert seen[np.hypot(x, y) > radius + 1.5].max() < 1e-7
    if radius >= 2:
        xx, yy, xy = moments(seen)
        # a disc's second moment, and that of the tent over which each point is spread
        assert xx == pytest.approx(radius**2 / 4 + 1 / 6, rel=0.02, abs=0.1)
        assert yy == pytest.approx(xx, rel=1e-3)
        assert abs(xy) < 1e-4


def test_motion_keeps_the_mean_of_what_does_not_reach_the_border():
    light = np.zeros((40, 40, 3), np.float32)
    light[12:28, 12:28] = np.random.default_rng(0).random((16, 16, 3))
    assert motion_blur(light, 9, 30).mean() == pytest.approx(light.mean(), rel=1e-5)


@pytest.mark.parametrize("blur", [lambda x: motion_blur(x, 6.3, 40), lambda x: defocus(x, 4.2)])
def test_an_even_picture_stays_even(blur):
    seen = blur(np.full((5, 3, 3), 0.4, np.float32))
    assert seen == pytest.approx(np.full((5, 3, 3), 0.4), abs=1e-5)


def test_no_blur_changes_nothing_and_shares_nothing():
    light = np.random.default_rng(0).random((6, 7, 3), dtype=np.float32)
    for seen in (motion_blur(light, 0, 30), defocus(light, 0)):
        assert (seen == light).all()
        assert not np.shares_memory(seen, light)


@pytest.mark.parametrize("shape", [(30, 44), (30, 44, 1), (30, 44, 3), (1, 2, 3)])
def test_a_wide_blur_by_fourier_transforms_is_the_sum_that_a_narrow_one_is(shape, monkeypatch):
    light = np.random.default_rng(0).random(shape, dtype=np.float32)
    transformed = defocus(light, 7.3)
    monkeypatch.setattr("failatlas.simulators.effects.blur._MOST_CELLS", 10_000)
    summed = defocus(light, 7.3)
    assert transformed.dtype == summed.dtype == np.float32
    assert transformed == pytest.approx(summed, abs=1e-5)
