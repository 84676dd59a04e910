"""The baked drawings: 43, all different, honest about where they end."""

from __future__ import annotations

from importlib.resources import files

import numpy as np
import pytest

from failatlas.simulators.effects import to_light
from failatlas.simulators.signs import CLASSES
from failatlas.simulators.signs.drawings import LEVELS, SIDE_PX, drawings, drawn, level, silhouette, texture


def test_there_is_one_drawing_a_class_and_the_file_is_small() -> None:
    assert drawings().shape == (len(CLASSES), 128, 128, 4)
    assert not drawings().flags.writeable
    data = files("failatlas.simulators") / "data"
    assert len((data / "signs.npz").read_bytes()) <= 600_000
    assert "mapillary_sprite_source" in (data / "NOTICE").read_text()


def test_classes_are_numbered_in_the_order_of_the_benchmark() -> None:
    assert [sign.number for sign in CLASSES] == list(range(43))
    assert len({sign.key for sign in CLASSES}) == len({sign.name for sign in CLASSES}) == 43
    assert (CLASSES[14].name, CLASSES[13].name, CLASSES[40].key) == ("Stop", "Yield", "roundabout")


def test_no_drawing_equals_another_even_when_small_and_grey() -> None:
    alpha = drawings()[..., 3:] / 255
    grey = (drawings()[..., :3] * alpha + 128 * (1 - alpha)).mean(-1).reshape(43, 16, 8, 16, 8).mean((2, 4))
    apart = np.abs(grey[:, None] - grey[None]).max((2, 3))[~np.eye(43, dtype=bool)]
    assert apart.min() > 20  # of 255, in at least one of 16 × 16 squares


def test_every_drawing_touches_the_square_on_two_opposite_sides_and_none_fills_its_corners() -> None:
    solid = drawings()[..., 3] > 127
    wide, high = solid.any(1), solid.any(2)
    fills_width = wide[:, :2].any(1) & wide[:, -2:].any(1)
    fills_height = high[:, :2].any(1) & high[:, -2:].any(1)
    assert (fills_width | fills_height).all()
    assert not (solid[:, 0, 0] | solid[:, -1, -1]).any()


@pytest.mark.parametrize("pair", [(19, 20), (33, 34), (36, 37), (38, 39)])
def test_left_and_right_look_more_alike_mirrored_than_as_they_are(pair: tuple[int, int]) -> None:
    left, right = (drawings()[number, ..., :3].astype(float).mean(-1) for number in pair)
    assert np.abs(left[:, ::-1] - right).mean() < np.abs(left - right).mean()


def test_smaller_versions_keep_the_light_and_the_area_of_the_first() -> None:
    rows, start = texture(14), 0
    for k in range(LEVELS):
        side = SIDE_PX >> k
        mean = rows[start : start + side * side].mean(0, np.float64)
        np.testing.assert_allclose(mean, rows[: SIDE_PX**2].mean(0, np.float64), rtol=1e-5)
        start += side * side
    assert start == len(rows)


def test_a_place_of_the_plate_is_read_from_the_pixel_that_shows_it() -> None:
    column, row = 37, 80
    u, v = (column + 0.5) / 64 - 1, 1 - (row + 0.5) / 64
    red, green, blue, alpha = drawn(texture(17), level(1.0), u, v)
    pixel = drawings()[17, row, column]
    assert alpha == pytest.approx(pixel[3] / 255, abs=1e-6)
    np.testing.assert_allclose((red, green, blue), to_light(pixel[None, None, :3])[0, 0] * alpha, atol=1e-6)
    assert drawn(texture(17), level(1.0), 1.3, 0.0)[3] == 0


def test_a_silhouette_is_the_area_of_its_shape() -> None:
    assert silhouette(17).mean() == pytest.approx(np.pi / 4, abs=0.01)  # no entry: a disc
    assert silhouette(12).mean() == pytest.approx(1 / 2, abs=0.04)  # priority road: a square on its corner, rounded
