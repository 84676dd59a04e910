"""Measured properties against analytic answers, SciPy, Pillow and colorsys."""

from __future__ import annotations

import colorsys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from scipy import ndimage

from failatlas.images.properties import PROPERTIES, luma, measure, shape_properties, working_copy


def measured(pixels: np.ndarray) -> dict[str, float]:
    batch = pixels[None]
    return dict(zip(PROPERTIES, measure(batch, luma(batch))[0].tolist(), strict=False))


def grey(values: np.ndarray) -> np.ndarray:
    return np.repeat(np.asarray(values, np.uint8)[:, :, None], 3, axis=2)


@pytest.mark.parametrize("level", [0, 1, 128, 255])
@pytest.mark.parametrize("shape", [(1, 1), (2, 5), (9, 9)])
def test_a_flat_picture(level, shape):
    found = measured(grey(np.full(shape, level)))
    assert found["brightness"] == pytest.approx(level / 255)
    assert found["blur"] == pytest.approx(6)
    for name in ("redness", "greenness", "blueness"):
        assert found[name] == np.float32(1 / 3)
    for name in ("contrast", "saturation", "edge_density", "entropy", "noise"):
        assert found[name] == 0, name


def test_half_black_half_white():
    values = np.zeros((10, 10))
    values[:, 5:] = 255
    found = measured(grey(values))
    assert found["brightness"] == pytest.approx(0.5)
    assert found["contrast"] == pytest.approx(0.5)
    assert found["entropy"] == pytest.approx(1)
    assert found["edge_density"] == pytest.approx(0.2), "the two columns at the border"


def test_pure_red():
    found = measured(np.full((4, 4, 3), (255, 0, 0), np.uint8))
    assert found["saturation"] == pytest.approx(1)
    assert found["redness"] == pytest.approx(1, abs=1e-3)
    assert found["blueness"] == pytest.approx(0, abs=1e-3)


def test_luma_is_that_of_pillow(photo):
    np.testing.assert_array_equal(luma(photo[None])[0], np.asarray(Image.fromarray(photo).convert("L")))


def test_each_number_against_another_library(photo):
    found = measured(photo)
    light = luma(photo[None])[0] / 255
    hsv = [colorsys.rgb_to_hsv(*(p / 255)) for p in photo.reshape(-1, 3)]
    assert found["saturation"] == pytest.approx(np.mean([s for _, s, _ in hsv]), abs=1e-4)
    assert found["brightness"] == pytest.approx(light.mean(), abs=1e-6)
    assert found["contrast"] == pytest.approx(light.std(), abs=1e-6)
    assert found["blur"] == pytest.approx(-np.log10(ndimage.laplace(light, mode="nearest").var() + 1e-6), abs=1e-4)
    slope = np.hypot(ndimage.sobel(light, 0, mode="nearest"), ndimage.sobel(light, 1, mode="nearest")) / 8
    assert found["edge_density"] == pytest.approx((slope > 0.1).mean(), abs=1e-6)
    shares = photo.reshape(-1, 3).sum(axis=0) / photo.sum()
    assert [found["redness"], found["greenness"], found["blueness"]] == pytest.approx(shares.tolist(), abs=1e-4)
    _, counts = np.unique(luma(photo[None]), return_counts=True)
    p = counts / counts.sum()
    assert found["entropy"] == pytest.approx(-(p * np.log2(p)).sum(), abs=1e-5)


@pytest.mark.parametrize("sigma", [2.0, 8.0, 20.0])
def test_noise_is_the_standard_deviation_that_was_added(sigma):
    rng = np.random.default_rng(3)
    ramp = np.linspace(90, 160, 200)[None, :] + np.zeros((200, 1))
    found = measured(grey(np.clip(np.rint(ramp + rng.normal(0, sigma, ramp.shape)), 0, 255)))
    assert found["noise"] * 255 == pytest.approx(sigma, rel=0.08)


def test_blur_rises_when_a_picture_is_blurred(photo):
    levels = [measured(ndimage.gaussian_filter(photo, (s, s, 0)))["blur"] for s in (0, 0.7, 1.5, 3)]
    assert levels == sorted(levels)
    assert levels[-1] > levels[0] + 1


def test_a_working_copy_keeps_the_mean_and_is_never_larger():
    rng = np.random.default_rng(1)
    large = rng.integers(0, 256, (600, 1024, 3), dtype=np.uint8)
    small = working_copy(large)
    assert small.shape == (150, 256, 3)
    assert abs(small.mean() - large.mean()) < 0.5
    tiny = large[:20, :30]
    assert working_copy(tiny) is tiny
    assert working_copy(large[:1, :1024]).shape == (1, 256, 3)
    assert shape_properties(large) == (1024, 600, 1024 / 600)


@settings(max_examples=25, deadline=None)
@given(st.integers(1, 6), st.integers(1, 12), st.integers(1, 12), st.integers(0, 2**31))
def test_an_image_measures_the_same_alone_and_in_any_batch(n, height, width, seed):
    pixels = np.random.default_rng(seed).integers(0, 256, (n, height, width, 3), dtype=np.uint8)
    together = measure(pixels, luma(pixels))
    for i in range(n):
        assert measure(pixels[i : i + 1], luma(pixels[i : i + 1])).tobytes() == together[i].tobytes()
    assert np.isfinite(together).all()
