"""The driver: what hides a face hides it, landmarks sit where they belong, and both executors agree."""

from __future__ import annotations

import os
import subprocess
import sys

import numpy as np
import pytest

from failatlas.errors import UsageError
from failatlas.simulators.driver import NAMES, PARTS, Driver, subject

PLAIN = {"iso": 0, "vignetting": 0}


def spots(made):
    return np.array([(made.labels[f"landmark_{k}_x"], made.labels[f"landmark_{k}_y"]) for k in range(27)])


def visible(made):
    return np.array([made.labels[f"landmark_{k}_visible"] for k in range(27)]) == 1


def test_there_are_27_landmarks_in_the_order_of_hudd():
    assert len(NAMES) == 27
    assert sorted(k for part in PARTS.values() for k in part) == list(range(27))
    assert PARTS["left brow"] == (0, 1)
    assert PARTS["right eye"] == tuple(range(16, 23))


@pytest.mark.parametrize("yaw", [-60, -30, 0, 30, 60])
def test_landmarks_are_in_the_faces_order(face, yaw):
    x, y = spots(face.render({"head_yaw": yaw})).T
    # from brows down to the lower lip, whatever the yaw
    order = [y[[0, 1, 2, 3]].mean(), y[[15, 22]].mean(), y[7], y[25], y[26]]
    assert (np.diff(order) > 2).all()
    # the person's left is the picture's right
    assert x[9:16].mean() > x[16:23].mean()
    assert x[23] > x[24]


@pytest.mark.parametrize(("yaw", "hidden", "shown"), [(-65, "right", "left"), (65, "left", "right")])
def test_a_turned_head_hides_the_far_eye(face, yaw, hidden, shown):
    seen = visible(face.render({"head_yaw": yaw}))
    assert seen[list(PARTS[f"{shown} eye"])].mean() > 0.8
    assert seen[list(PARTS[f"{hidden} eye"])].mean() < 0.5


def test_pupils_are_drawn_where_their_landmarks_are():
    large = Driver("face", 384)
    values = PLAIN | {"head_yaw": 15, "gaze_yaw": -12, "pupil_size": 0.75}
    dark = large.render(values | {"iris_colour": "blue"})
    small = large.render(values | {"iris_colour": "blue", "pupil_size": 0.25})
    changed = np.abs(dark.pixels.astype(int) - small.pixels).sum(axis=2) > 40
    for k in (15, 22):
        x, y = spots(dark)[k]
        column, row = np.meshgrid(np.arange(384) + 0.5, np.arange(384) + 0.5)
        near = changed & (np.hypot(column - x, row - y) < 12)
        assert near.sum() > 10
        assert np.hypot(column[near].mean() - x, row[near].mean() - y) < 2


def test_shut_lids_hide_the_pupils(face):
    seen = visible(face.render({"eye_open_left": 0, "eye_open_right": 0}))
    assert not seen[[15, 22]].any()


@pytest.mark.parametrize("colour", ["blue", "white", "black"])
@pytest.mark.parametrize("yaw", [0, 45])
def test_a_mask_hides_nose_tip_and_mouth_and_leaves_the_eyes(face, colour, yaw):
    values = {"mask": colour, "head_yaw": yaw}
    bare, made = face.render({"head_yaw": yaw}), face.render(values)
    seen = visible(made)
    assert not seen[[7, 23, 24, 25, 26]].any()
    assert (seen[[15, 22]] == visible(bare)[[15, 22]]).all()
    assert made.labels["face_hidden"] > bare.labels["face_hidden"] + 0.3


@pytest.mark.parametrize("jaw", [0.0, 0.5])
def test_no_skin_comes_through_a_mask(face, jaw):
    for k in range(12):
        person = {name: value for name, value in subject(k).items() if name.startswith("shape_")}
        made = face.render(person | {"mask": "white", "jaw": jaw})
        assert not visible(made)[[7, 23, 24, 25, 26]].any(), k


@pytest.mark.parametrize("side", ["left", "right"])
@pytest.mark.parametrize(
    ("place", "parts"), [("mouth", ("mouth",)), ("eye", ("eye",)), ("forehead", ()), ("cheek", ()), ("temple", ())]
)
def test_a_hand_hides_what_it_lies_on(face, side, place, parts):
    bare = face.render({})
    for kind in ("bare", "sleeve"):
        made = face.render({"hand": kind, "hand_place": place, "hand_side": side})
        assert made.labels["face_hidden"] > bare.labels["face_hidden"] + 0.03
        for part in parts:
            rows = PARTS[f"{side} eye" if part == "eye" else part]
            # of a mouth, the corners may be seen between two fingers
            assert visible(made)[list(rows)].mean() <= 0.5


def test_hands_touch_and_do_not_enter_the_face():
    from scipy.spatial import cKDTree

    from failatlas.simulators.driver import hand
    from failatlas.simulators.driver.head import head_data, identity

    data = head_data()
    for k in range(6):
        person = identity(tuple(float(subject(k)[f"shape_{i}"]) for i in range(12)))
        for place in hand.PLACES.values():
            held = hand.hand(place, "left", person)
            gap = cKDTree(person.rest[data.inside < 0.5]).query(held.points[data.palm])[0]
            assert 0.1 < gap.min() < 1.2


def test_sunglasses_hide_the_eyes_and_clear_ones_do_not(face):
    bare = face.render(PLAIN)
    x, y = (spots(bare)[15] + 0.5).astype(int)

    def eye(kind):
        return face.render(PLAIN | {"glasses": kind}).pixels[y - 3 : y + 3, x - 4 : x + 4].astype(int)

    plain = bare.pixels[y - 3 : y + 3, x - 4 : x + 4].astype(int)
    assert eye("sun").std() < 0.5 * plain.std()
    assert eye("sun").mean() < 0.7 * plain.mean()
    assert np.abs(eye("clear") - plain).mean() < 25


def test_infra_red_is_grey_whatever_the_hour(face):
    for time in ("day", "night"):
        pixels = face.render({"sensor": "ir", "time": time}).pixels
        assert (pixels == pixels[..., :1]).all()
        assert pixels[40:90, 45:85].mean() > 60


def test_night_is_darker_than_dusk_and_dusk_than_day(face):
    means = [face.render({"time": time}).pixels.mean() for time in ("day", "dusk", "night")]
    assert means[0] > 1.3 * means[1] > 1.5 * means[2]


def test_light_from_the_right_brightens_the_right_of_the_face(face):
    left, right = (
        face.render(PLAIN | {"sun_azimuth": azimuth, "sun_elevation": 10}).pixels.astype(int)[45:95, 35:93].mean(axis=2)
        for azimuth in (-80, 80)
    )
    assert right[:, 35:].mean() > left[:, 35:].mean() + 10
    assert right[:, :23].mean() < left[:, :23].mean() - 10


def test_subjects_are_repeatable_people_that_fit_together(face):
    people = [subject(k) for k in range(300)]
    assert subject(7) == people[7]
    assert len({tuple(person.values()) for person in people}) == 300
    for person in people:
        face.space.validated(person)
        if person["hair_colour"] != "white":
            assert person["brow_colour"] != "white"
    assert {person["hair_style"] for person in people} == set(face.space["hair_style"].choices)
    assert np.mean([person["hair_colour"] == "white" != person["brow_colour"] for person in people]) > 0.02


def test_D10_wrong_sizes_and_views_are_refused():
    for options in ({"size_px": 8}, {"size_px": 1025}, {"size_px": 12.5}, {"view": "foot"}):
        with pytest.raises(UsageError, match="E_PARAMETER"):
            Driver(**options)


def test_a_picture_without_anything_drawn_before_is_the_same():
    values = {"head_yaw": 20, "hair_style": "long", "glasses": "sun", "hand": "sleeve", "mask": "blue"}
    first = Driver("face", 64).render(values, 3).pixels
    other = Driver("face", 64)
    for k in range(20):  # more people than the caches keep
        other.render(subject(k), k)
    assert np.array_equal(other.render(values, 3).pixels, first)


_ALONE = """
import sys, numpy as np
from failatlas.simulators.compiled import HAS_NUMBA
from failatlas.simulators.driver import Driver
assert not HAS_NUMBA
scenes = eval(sys.stdin.read())
np.savez(sys.argv[1], *[Driver(view, size).render(values, 4).pixels for view, size, values in scenes])
"""


def test_R4_numpy_alone_gives_the_same_picture_within_tolerance(tmp_path):
    scenes = [
        ("face", 64, {"head_yaw": 25, "hair_style": "bob", "glasses": "clear", "time": "night", "beard": "stubble"}),
        ("face", 64, {"mask": "blue", "hand": "sleeve", "hand_place": "forehead", "clothing_pattern": "check"}),
        ("face", 64, {"glasses": "sun", "sensor": "ir", "jaw": 0.6, "freckles": 1.0, "skin_tone": 0.1}),
        ("eye", 64, {"gaze_yaw": 20, "iris_colour": "green"}),
    ]
    file = tmp_path / "numpy.npz"
    environment = os.environ | {"FAILATLAS_RENDERER": "numpy"}
    subprocess.run([sys.executable, "-c", _ALONE, file], input=repr(scenes), text=True, check=True, env=environment)
    with np.load(file) as alone:
        for name, (view, size, values) in zip(alone.files, scenes, strict=True):
            apart = np.abs(alone[name].astype(int) - Driver(view, size).render(values, 4).pixels)
            assert apart.mean() < 1.5
            assert (apart > 24).mean() < 0.005
