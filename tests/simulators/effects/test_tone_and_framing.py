"""Tone and framing: numbers that can be worked out by hand."""

import numpy as np
import pytest
from PIL import Image, ImageEnhance

from failatlas.simulators.effects import effects, to_light, to_pixels

PICTURE = np.random.default_rng(0).integers(0, 256, (20, 30, 3), np.uint8)
FILLS = effects["scaling"].space["fill"].choices


def test_darkness_halves_the_light_each_stop():
    dark = effects["darkness"].apply(PICTURE, stops=2)
    assert (dark == to_pixels(to_light(PICTURE) / 4)).all()


def test_brightness_doubles_the_light_and_loses_what_exceeds_white():
    seen = effects["brightness"].apply(np.array([[0, 100, 188, 250]], np.uint8), stops=1)
    assert seen.tolist() == [[0, 138, 255, 255]]  # 100 is 0.1274 of white; twice that is level 138.2


def test_contrast_is_pillows_and_zero_is_the_mean():
    expected = np.asarray(ImageEnhance.Contrast(Image.fromarray(PICTURE)).enhance(0.5))
    assert (effects["contrast"].apply(PICTURE, factor=0.5) == expected).all()
    assert np.unique(effects["contrast"].apply(PICTURE, factor=0)).size == 1


def test_haze_of_great_depth_is_its_own_light():
    seen = effects["haze"].apply(PICTURE, depth=8, airlight=0.5)
    assert np.abs(seen.astype(int) - 188).max() <= 1


@pytest.mark.parametrize("fill", FILLS)
def test_half_the_size_shows_the_whole_picture_in_the_middle(fill):
    left_half = np.zeros((40, 40), np.uint8)
    left_half[:, :20] = 200
    seen = effects["scaling"].apply(left_half, factor=0.5, fill=fill)
    assert (seen[11:29, 11:19] == 200).all()
    assert (seen[11:29, 21:29] == 0).all()


def test_scaling_averages_what_it_makes_smaller():
    board = (np.indices((40, 40)).sum(axis=0) % 2 * 200).astype(np.uint8)
    seen = effects["scaling"].apply(board, factor=0.25)
    assert np.abs(seen[17:23, 17:23].astype(int) - 100).max() <= 12  # 0 or 200 if it picked pixels


def test_twice_the_size_shows_the_middle():
    ramp = np.tile(np.arange(0, 200, 5, dtype=np.uint8), (40, 1))
    seen = effects["scaling"].apply(ramp, factor=2).astype(int)
    assert seen[0, 0] == pytest.approx(ramp[0, 10], abs=3)
    assert seen[0, -1] == pytest.approx(ramp[0, 29], abs=3)


def test_a_shift_moves_right_and_down():
    light = np.zeros((20, 20), np.uint8)
    light[10, 10] = 255
    seen = effects["scaling"].apply(light, factor=1, shift_x=0.25, shift_y=-0.25, fill="black")
    assert np.argwhere(seen).tolist() == [[5, 15]]


@pytest.mark.parametrize("fill", FILLS)
def test_a_quarter_turn_is_a_quarter_turn(fill):
    square = PICTURE[:20, :20]
    seen = effects["rotation"].apply(square, angle_deg=90, fill=fill)
    assert (seen == np.rot90(square)).all()


def test_a_turn_fills_corners_as_named():
    white = np.full((20, 20), 255, np.uint8)
    assert effects["rotation"].apply(white, angle_deg=45, fill="black")[0, 0] == 0
    for fill in set(FILLS) - {"black"}:
        assert (effects["rotation"].apply(white, angle_deg=45, fill=fill) == 255).all()


def test_an_occlusion_covers_its_share_at_its_place():
    white = np.full((100, 100, 3), 255, np.uint8)
    seen = effects["occlusion"].apply(white, area=0.25, x=0, y=1, grey=9)
    assert (seen[50:, :50] == 9).all()
    assert (seen == 9).mean() == 0.25
    assert (effects["occlusion"].apply(white, area=1, grey=9) == 9).all()


def test_a_watermark_whitens_a_word_of_the_named_width_at_the_named_height():
    black = np.zeros((100, 200, 3), np.uint8)
    seen = effects["watermark"].apply(black, opacity=0.5, width=0.5, y=0.25)
    rows, columns = np.nonzero(seen[..., 0])
    assert seen.max() == 128
    assert (rows.min() + rows.max()) / 2 == pytest.approx(25, abs=3)
    assert (columns.min() + columns.max()) / 2 == pytest.approx(100, abs=3)
    assert np.ptp(columns) == pytest.approx(100, abs=8)
