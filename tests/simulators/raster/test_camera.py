"""Camera: directions as a person would say them."""

import numpy as np
import pytest

from failatlas.errors import UsageError
from failatlas.simulators.raster import Camera


def test_left_of_the_subject_is_right_in_the_picture_and_up_is_up():
    x, y, nearness = Camera((0, 0, 60), (0, 0, 0), 2.0, 96, 96).project([[3, 0, 0], [0, 3, 0]]).T
    assert x[0] == pytest.approx(48 + 2.0 * 96 * 3 / 60)
    assert y[1] == pytest.approx(48 - 2.0 * 96 * 3 / 60)
    assert nearness == pytest.approx(1 / 60)


def test_roll_turns_what_is_seen_anticlockwise():
    x, y, _ = Camera((0, 0, 60), (0, 0, 0), 2.0, 96, 96, roll_deg=90).project([[3, 0, 0]])[0]
    assert (x, y) == pytest.approx((48, 48 - 9.6))


def test_the_ray_of_a_pixel_meets_what_is_projected_there():
    camera = Camera((10, 5, 60), (1, 2, 3), 1.3, 20, 14, roll_deg=33)
    places = np.array(camera.eye) + 47 * camera.rays().reshape(-1, 3).astype(float)
    x, y, _ = camera.project(places).T
    assert x.reshape(14, 20) == pytest.approx(np.broadcast_to(np.arange(20) + 0.5, (14, 20)), abs=1e-3)
    assert y.reshape(14, 20) == pytest.approx(np.broadcast_to(np.arange(14)[:, None] + 0.5, (14, 20)), abs=1e-3)


def test_what_lies_behind_has_no_place_in_the_picture():
    assert np.isnan(Camera((0, 0, 60), (0, 0, 0), 2.0, 96, 96).project([[0, 0, 70], [np.nan, 0, 0]])).all()


@pytest.mark.parametrize("height", [50, -50])
def test_straight_down_and_up_is_a_view_too(height):
    x, y, nearness = Camera((0, height, 0), (0, 0, 0), 2.0, 10, 10).project([[0, 0, 0]])[0]
    assert (x, y, nearness) == pytest.approx((5, 5, 1 / 50))


@pytest.mark.parametrize(
    "wrong",
    [
        {"width_px": 0},
        {"focal": 0.0},
        {"focal": float("nan")},
        {"near_cm": -1.0},
        {"eye": (0, 0, 0)},
        {"target": (float("inf"), 0, 0)},
        {"roll_deg": float("nan")},
    ],
    ids=str,
)
def test_a_camera_that_cannot_see_is_refused(wrong):
    right = {"eye": (0, 0, 60), "target": (0, 0, 0), "focal": 2.0, "width_px": 8, "height_px": 8}
    with pytest.raises(UsageError):
        Camera(**right | wrong)
