"""Where the plate lies in the picture, against rules that need no matrix and against what is painted."""

from __future__ import annotations

import math

import numpy as np
import pytest
from numpy.typing import NDArray

from failatlas.parameters import Value, Values
from failatlas.simulators.signs import SignSimulator
from failatlas.simulators.signs.geometry import CAMERA_HEIGHT_M, FOCAL_PX, PLATE_M, axes, painted_px
from failatlas.simulators.signs.painting import painted
from failatlas.simulators.signs.simulator import scene
from failatlas.simulators.signs.space import SPACE

LEVEL = {"sign_height_m": CAMERA_HEIGHT_M, "distance_m": 5.0}  # the line of sight is level, and a metre is many pixels
POSES: list[dict[str, Value]] = [
    {},
    {"yaw_deg": 50.0, "distance_m": 4.0},
    {"yaw_deg": -35.0, "tilt_deg": 20.0, "roll_deg": 30.0, "distance_m": 4.0},
    {"sign_height_m": 5.0, "distance_m": 6.0, "offset_x": 0.1, "offset_y": -0.12, "plate_share": 0.5},
]


def corners(labels: Values) -> NDArray[np.float64]:
    return np.array([[float(labels[f"corner{k}_{axis}"]) for axis in "xy"] for k in (1, 2, 3, 4)])


def rendered(**values: Value) -> Values:
    return SignSimulator(96).render(values).labels


def test_a_plate_that_faces_the_camera_is_a_square_of_its_share_in_the_middle() -> None:
    labels = rendered(**LEVEL, plate_share=0.5)
    np.testing.assert_allclose(corners(labels), [[24, 24], [72, 24], [72, 72], [24, 72]], atol=1e-6)
    assert labels["plate_width_px"] == pytest.approx(48, abs=2)


@pytest.mark.parametrize(("turn", "size"), [("yaw_deg", "plate_width_px"), ("tilt_deg", "plate_height_px")])
def test_turning_by_an_angle_shortens_the_plate_by_its_cosine(turn: str, size: str) -> None:
    far = LEVEL | {"distance_m": 60.0, "sign": "no-entry"}
    straight, turned = rendered(**far), rendered(**far | {turn: 30.0})
    assert float(turned[size]) / float(straight[size]) == pytest.approx(math.cos(math.pi / 6), abs=0.01)


def test_roll_turns_the_corners_counter_clockwise() -> None:
    upright, rolled = corners(rendered(**LEVEL)) - 48, corners(rendered(**LEVEL, roll_deg=20.0)) - 48
    angles = np.degrees(np.arctan2(-rolled[:, 1], rolled[:, 0]) - np.arctan2(-upright[:, 1], upright[:, 0]))
    np.testing.assert_allclose((angles + 180) % 360 - 180, 20, atol=1e-6)


def test_the_nearer_side_of_a_turned_plate_is_the_larger_one() -> None:
    # turned to the picture's right, its right edge goes back
    (_, left_top), (_, right_top), (_, right_low), (_, left_low) = corners(rendered(**LEVEL, yaw_deg=40.0))
    half = PLATE_M / 2 * math.sin(math.radians(40))
    assert (left_low - left_top) / (right_low - right_top) == pytest.approx((5 + half) / (5 - half))


def test_a_sign_above_the_camera_is_seen_from_below() -> None:
    _, up, normal = axes(SPACE.validated({"sign_height_m": 5.0, "distance_m": 6.0}))
    rise = math.atan2(5.0 - CAMERA_HEIGHT_M, 6.0)
    np.testing.assert_allclose(up, [0, math.cos(rise), math.sin(rise)])
    assert normal @ np.array([0, 0, -1.0]) == pytest.approx(math.cos(rise))


@pytest.mark.parametrize("pose", POSES)
def test_what_is_painted_ends_where_the_corners_say(pose: dict[str, Value]) -> None:
    # the priority sign stands on a corner: it touches the square in the middle of each side. Where those middles lie in
    # the picture follows from the four corners alone, by the homography that they fix
    values = SPACE.validated({"sign": "priority-road", "plate_share": 0.6, **pose})
    size = 200
    plate = painted(scene(values, size, 0)[0]).plate
    labels = SignSimulator(96).render(values).labels
    seen = corners(labels) * size / 96
    middles = _homography(seen)(np.array([[-1, 0], [1, 0], [0, 1], [0, -1]]))
    rows, columns = np.nonzero(plate > 0.3)
    found = (columns.min(), columns.max() + 1, rows.min(), rows.max() + 1)
    expected = (middles[:, 0].min(), middles[:, 0].max(), middles[:, 1].min(), middles[:, 1].max())
    # its corners are rounded by 2 % of its width
    np.testing.assert_allclose(found, expected, atol=0.02 * 0.6 * size + 1)


def test_a_far_plate_is_a_small_crop_of_the_sensor() -> None:
    values = SPACE.validated({"distance_m": 50.0, "plate_share": 0.5})
    assert painted_px(values, 96) == math.ceil(FOCAL_PX * PLATE_M / 50 / 0.5)
    assert painted_px(SPACE.validated({"distance_m": 4.0}), 96) == 96


@pytest.mark.parametrize("yaw", [90.0, -90.0, 89.999, 180.0])
def test_a_plate_seen_from_its_edge_or_from_behind_has_no_visible_face(yaw: float) -> None:
    labels = rendered(**LEVEL, yaw_deg=yaw)
    assert all(math.isfinite(value) for value in labels.values() if not isinstance(value, str))
    assert float(labels["visible_share"]) == 0 or yaw == 89.999
    assert float(labels["plate_width_px"]) < 2 or yaw == 180.0


def _homography(places: NDArray[np.float64]):  # type: ignore[no-untyped-def]
    """The map of the square's corners to four places: eight equations for eight unknowns."""
    rows, right = [], []
    for (u, v), (x, y) in zip([(-1, 1), (1, 1), (1, -1), (-1, -1)], places, strict=True):
        rows += [[u, v, 1, 0, 0, 0, -u * x, -v * x], [0, 0, 0, u, v, 1, -u * y, -v * y]]
        right += [x, y]
    h = np.append(np.linalg.solve(np.array(rows), np.array(right)), 1).reshape(3, 3)

    def mapped(points: NDArray[np.float64]) -> NDArray[np.float64]:
        p = np.column_stack([points, np.ones(len(points))]) @ h.T
        return p[:, :2] / p[:, 2:]

    return mapped
