"""Figures: heat lies on the pixels that it speaks of, and equal steps of colour look equal."""

from __future__ import annotations

import io
import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from failatlas.report.figures import diverging, encode, overlay, relevance_key, resize, sequential

GREY = np.full((28, 28, 3), 128, np.uint8)


def redness(image):
    return image[..., 0].astype(int) - image[..., 2].astype(int)


@given(st.integers(0, 6), st.integers(0, 6), st.sampled_from([1.0, -1.0]))
def test_D2_heat_of_one_cell_lies_over_that_cell(row, column, sign):
    heatmap = np.zeros((7, 7), np.float32)
    heatmap[row, column] = sign
    laid = overlay(GREY, heatmap).astype(int)
    assert laid.shape == (112, 112, 3)
    ground = np.bincount(laid[..., 0].ravel()).argmax()  # most of the picture carries no heat: the grey image
    heat = np.abs(laid - ground).max(axis=-1)
    # the most opaque pixels: lightest where one-signed heat ends in yellow, bluest where it is negative
    most = laid[..., 1] if sign > 0 else -redness(laid)
    y, x = (axis.mean() for axis in np.nonzero(most == most.max()))
    assert (int(y // 16), int(x // 16)) == (row, column)
    away = np.ones((7, 7), bool)
    away[max(row - 1, 0) : row + 2, max(column - 1, 0) : column + 2] = False
    assert (heat.reshape(7, 16, 7, 16).max(axis=(1, 3))[away] == 0).all()


def test_D2_heat_of_the_same_size_touches_exactly_its_pixels():
    pixels = np.full((120, 160, 3), 90, np.uint8)
    heatmap = np.zeros((120, 160), np.float32)
    heatmap[10, 150] = 5.0
    heatmap[90, 20] = -5.0
    laid = overlay(pixels, heatmap)
    red = redness(laid)
    assert laid.shape == pixels.shape
    assert [tuple(map(int, at)) for at in np.argwhere(red > 0)] == [(10, 150)]
    assert [tuple(map(int, at)) for at in np.argwhere(red < 0)] == [(90, 20)]


def test_the_sign_gives_the_colour_and_zero_is_transparent():
    colours, opacity = diverging(np.array([-1.0, 0.0, 1.0]))
    assert opacity[:, 0].tolist() == pytest.approx([0.9, 0.0, 0.9])
    assert colours[0, 2] > colours[0, 0]
    assert colours[2, 0] > colours[2, 2]


@pytest.mark.parametrize(
    "heatmap",
    [np.zeros((3, 3)), np.full((3, 3), np.nan), np.array([[np.inf, 1.0]]), np.zeros((0, 0)), np.zeros((0, 4))],
)
def test_M2_an_empty_zero_or_broken_heatmap_gives_no_overlay(heatmap):
    assert overlay(GREY, heatmap.astype(np.float32)) is None


@given(st.integers(1, 9), st.integers(1, 9))
def test_a_constant_heatmap_stays_constant_at_any_size(height, width):
    large = resize(np.full((height, width), 2.5, np.float32), 3 * height + 1, 5)
    assert large.shape == (3 * height + 1, 5)
    assert np.allclose(large, 2.5)


def lab(colours):
    """CIELAB (D65), an older yardstick than the one the map was made with."""
    linear = np.where(colours <= 0.04045, colours / 12.92, ((colours + 0.055) / 1.055) ** 2.4)
    xyz = linear @ np.array([[0.4124, 0.2126, 0.0193], [0.3576, 0.7152, 0.1192], [0.1805, 0.0722, 0.9505]])
    f = np.cbrt(xyz / np.array([0.9505, 1.0, 1.089]))
    return np.stack([116 * f[:, 1] - 16, 500 * (f[:, 0] - f[:, 1]), 200 * (f[:, 1] - f[:, 2])], axis=1)


def test_the_sequential_map_rises_evenly_in_lightness():
    colours = sequential(np.linspace(0, 1, 33))
    assert colours.min() >= 0
    assert colours.max() <= 1
    lightness = lab(colours)[:, 0]
    steps = np.diff(lightness)
    assert lightness[0] < 25
    assert lightness[-1] > 90
    assert steps.min() > 0
    assert steps.max() / steps.min() < 2


def test_the_legend_has_the_colours_of_the_overlay():
    ends = sequential(np.array([0.0, 1.0]))
    shown = re.findall("#[0-9a-f]{6}", relevance_key("k", signed=False))
    for end, colour in zip(ends, (shown[0], shown[-1]), strict=True):
        assert [int(colour[i : i + 2], 16) for i in (1, 3, 5)] == pytest.approx(255 * end, abs=0.51)
    assert "red for it" in relevance_key("k", signed=True)


def test_values_that_are_no_number_get_the_lowest_colour():
    assert (sequential(np.array([np.nan])) == sequential(np.array([0.0]))).all()


@pytest.mark.parametrize("size", [28, 200])
def test_encoding_keeps_the_picture_and_nothing_else(size):
    y, x = np.mgrid[0:size, 0:size]
    pixels = np.stack([x, y, (x + y) // 2], axis=-1).astype(np.uint8)
    data = encode(pixels)
    image = Image.open(io.BytesIO(data))
    back = np.asarray(image.convert("RGB")).astype(int)
    assert image.size == (size, size)
    assert np.abs(back - pixels).mean() < (1e-9 if size <= 64 else 4)
    assert not image.getexif()
    assert encode(pixels) == data
