"""Lids and gaze: what the labels say is what the picture shows."""

from __future__ import annotations

import numpy as np
import pytest

from failatlas.simulators.driver import subject

PEOPLE = [{name: value for name, value in subject(k).items() if name.startswith("shape_")} for k in range(20)]


@pytest.mark.parametrize("number", range(len(PEOPLE)))
def test_a_shut_eye_shows_nothing_of_the_ball(eye, number):
    from failatlas.simulators.driver import material

    made = eye.render(PEOPLE[number] | {"eye_open_left": 0, "eye_open_right": 0})
    assert made.labels["lid_gap_left_mm"] == made.labels["lid_gap_right_mm"] == 0
    assert not (eye._frame.material_map() == material.EYE).any()


@pytest.mark.parametrize("pitch", [-20, 0, 20])
def test_the_gap_grows_with_the_opening(eye, pitch):
    for person in PEOPLE[:3]:
        gaps = [
            eye.render(person | {"eye_open_left": share, "gaze_pitch": pitch}).labels["lid_gap_left_mm"]
            for share in np.linspace(0, 1, 9)
        ]
        assert (np.diff(gaps) >= 0).all()
        assert 5 < gaps[-1] < 13


def test_each_eye_has_its_own_lid(eye):
    made = eye.render({"eye_open_left": 1, "eye_open_right": 0})
    assert made.labels["lid_gap_right_mm"] == 0 < made.labels["lid_gap_left_mm"]
    assert made.labels["pupil_share_right"] == 0
    assert made.labels["pupil_share_left"] == 1


def test_lids_hide_a_growing_share_of_the_pupil(eye):
    shares = [eye.render({"eye_open_left": share}).labels["pupil_share_left"] for share in (0, 0.3, 0.6, 1)]
    assert shares == sorted(shares)
    assert shares[0] == 0
    assert shares[-1] == 1


def iris_middle(eye, values):
    """(x, y) centroid of what differs from the same eye without its iris colour: the iris as it is drawn."""
    plain = {"iso": 0, "vignetting": 0, "pupil_size": 0.25} | values
    green = eye.render(plain | {"iris_colour": "green"}).pixels.astype(int)
    blue = eye.render(plain | {"iris_colour": "blue"}).pixels.astype(int)
    y, x = np.nonzero(np.abs(green - blue).sum(axis=2) > 12)
    return x.mean(), y.mean()


@pytest.mark.parametrize("side", ["left", "right"])
def test_gaze_yaw_moves_the_drawn_iris_to_the_right(eye, side):
    places = [iris_middle(eye, {"eye": side, "gaze_yaw": yaw})[0] for yaw in (-20, -10, 0, 10, 20)]
    assert (np.diff(places) > 2).all()


def test_gaze_pitch_moves_the_drawn_iris_up(eye):
    places = [iris_middle(eye, {"gaze_pitch": pitch})[1] for pitch in (-12, -6, 0, 6, 12)]
    assert (np.diff(places) < 0).all()


@pytest.mark.parametrize(
    ("yaw", "pitch", "angle"),
    [
        (-20, 0, 0),
        (-15, 15, 45),
        (0, 20, 90),
        (15, 15, 135),
        (20, 0, 180),
        (15, -15, 225),
        (0, -20, 270),
        (-15, -15, 315),
    ],
)
def test_the_gaze_angle_counts_from_the_pictures_left_over_the_top(eye, yaw, pitch, angle):
    labels = eye.render({"gaze_yaw": yaw, "gaze_pitch": pitch, "camera_x": 0, "camera_y": 0}).labels
    assert abs((labels["gaze_angle"] - angle + 180) % 360 - 180) < 3
    assert labels["gaze_yaw_view"] == pytest.approx(yaw, abs=0.1)
    assert labels["gaze_pitch_view"] == pytest.approx(pitch, abs=0.1)


def test_looking_into_the_camera_is_no_offset(face):
    # the camera stands at (20, 0, 66) and aims at the middle of the face
    labels = face.render({"head_yaw": np.degrees(np.arctan2(20, 69)), "camera_x": 20, "camera_y": -2.4}).labels
    assert labels["gaze_offset"] < 0.1
    assert face.render({"gaze_yaw": 30, "camera_y": -2.4}).labels["gaze_offset"] == pytest.approx(30, abs=0.1)


def test_head_and_gaze_add_up_in_the_view(face):
    labels = face.render({"head_yaw": 30, "gaze_yaw": -30, "camera_y": -2.4}).labels
    assert labels["gaze_yaw_view"] == pytest.approx(0, abs=0.1)
    assert labels["head_yaw_view"] == pytest.approx(30, abs=0.1)


@pytest.mark.parametrize(("name", "value"), [("head_yaw", 40), ("head_pitch", -30), ("head_roll", 25)])
def test_an_axial_camera_sees_the_heads_own_angles(face, name, value):
    labels = face.render({name: value, "camera_y": -2.4}).labels
    for one in ("head_yaw", "head_pitch", "head_roll"):
        assert labels[f"{one}_view"] == pytest.approx(value if one == name else 0, abs=0.1)


def test_the_white_of_an_eye_does_not_glow_in_the_dark(eye):
    from failatlas.simulators.driver import material

    dark = {"light_intensity": 0, "ambient": 0.15, "iso": 0, "skin_tone": 0.3}
    for time in ("day", "night"):
        made = eye.render(dark | {"time": time, "headlights": 0})
        seen = eye._frame.material_map().reshape(96, 2, 96, 2)[:, 0, :, 0]
        white, skin = made.pixels[seen == material.EYE], made.pixels[seen == material.SKIN]
        assert np.percentile(white.mean(axis=1), 95) < 1.6 * skin.mean() + 4
