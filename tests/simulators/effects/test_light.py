"""Light and pixels: the sRGB standard's own numbers, and a way there and back."""

import numpy as np
import pytest

from failatlas.simulators.effects import to_light, to_pixels


def test_every_pixel_value_survives_the_way_to_light_and_back():
    every = np.arange(256, dtype=np.uint8)
    assert (to_pixels(to_light(every)) == every).all()


def test_light_is_the_standards():
    # IEC 61966-2-1: linear up to 0.04045 with slope 1/12.92, a power of 2.4 above; mid grey 0.2140 is level 127.5
    light = to_light(np.array([0, 10, 11, 128, 255], np.uint8))
    assert light == pytest.approx([0, 10 / 255 / 12.92, 0.0033465, 0.2158605, 1], rel=1e-4)


def test_light_outside_the_range_is_clipped():
    assert to_pixels(np.array([-1, -1e-9, 1.0001, 1e9], np.float32)).tolist() == [0, 0, 255, 255]


def test_filmic_rises_throughout_and_keeps_detail_that_srgb_clips():
    light = np.linspace(-0.1, 8, 4000, dtype=np.float32)
    filmic = to_pixels(light, "filmic").astype(int)
    assert (np.diff(filmic) >= 0).all()
    assert filmic[0] == 0
    assert to_pixels(np.float32([1.0, 3.0]), "srgb").tolist() == [255, 255]
    one, three = to_pixels(np.float32([1.0, 3.0]), "filmic").tolist()
    assert one < three <= 255


def test_filmic_is_narkowiczs_fit():
    for x in (0.01, 0.18, 0.5, 1.0, 4.0):
        fit = min(1.0, x * (2.51 * x + 0.03) / (x * (2.43 * x + 0.59) + 0.14))
        expected = 255 * (1.055 * fit ** (1 / 2.4) - 0.055)
        assert int(to_pixels(np.float32([x]), "filmic")[0]) == pytest.approx(expected, abs=1)


def test_shapes_are_kept():
    for shape in ((1, 1), (3, 5), (3, 5, 1), (2, 2, 3)):
        pixels = np.zeros(shape, np.uint8)
        assert to_light(pixels).shape == shape
        assert to_light(pixels).dtype == np.float32
        assert to_pixels(to_light(pixels)).shape == shape
