"""Head pose: borders by hand, heads as rendered, planted weaknesses, and the shipped network."""

from __future__ import annotations

from collections import Counter
from contextlib import closing
from importlib import resources
from itertools import islice

import pytest
from scipy.stats import binomtest

from failatlas.cases import cases, people
from failatlas.cases.headpose import CLASSES, head_class
from failatlas.seeds import generator
from failatlas.simulators import simulators


@pytest.fixture(scope="module")
def hpd():
    return cases.create("hpd")


@pytest.mark.parametrize(
    ("yaw_deg", "pitch_deg", "name"),
    [
        (0, 0, "MiddleCenter"),
        (7.5, -7.5, "MiddleCenter"),
        (7.6, 0, None),
        (10, 0, None),
        (12.4, 0, None),
        (12.5, 0, "MiddleRight"),
        (-12.5, 0, "MiddleLeft"),
        (0, 12.5, "TopCenter"),
        (0, -12.5, "BottomCenter"),
        (0, 11, None),
        (45, 32, "TopRight"),
        (-45, -32, "BottomLeft"),
        (-75, 50, "TopLeft"),
        (30, -20, "BottomRight"),
    ],
)
def test_borders_lie_at_10_deg_and_nobody_is_asked_within_2_5_deg_of_them(yaw_deg, pitch_deg, name):
    assert head_class(yaw_deg, pitch_deg) == name


@pytest.mark.parametrize(
    ("pose", "name"),
    [
        ({"head_yaw": 30, "head_pitch": 2}, "MiddleRight"),
        ({"head_yaw": -30, "head_pitch": 25}, "TopLeft"),
        ({"head_pitch": -25}, "BottomCenter"),
        # as the camera sees it: 21° aside, so that a straight head looks past it to the left
        ({"camera_x": 25}, "MiddleLeft"),
        ({"head_yaw": 30, "head_pitch": 2, "head_roll": 30}, "MiddleRight"),
    ],
)
def test_classes_are_directions_in_the_picture_as_the_camera_sees_the_head(hpd, pose, name):
    labels = simulators.create("driver", view="face", size_px=16).render(pose).labels
    assert hpd.answer(labels).label == name


def test_the_nine_classes_are_balanced_and_hardly_a_picture_is_left_out(hpd):
    with closing(hpd.pictures("train")) as pictures:
        drawn = list(islice(pictures, 180))
    counts = Counter(picture.record.label for picture in drawn)
    assert set(counts) == set(CLASSES)
    assert min(counts.values()) >= 8
    assert drawn[-1].number < 200


def test_nobody_is_in_two_splits(hpd):
    drivers = {s: {hpd.values(s, i)["skin_gloss"] for i in range(400)} for s in ("train", "test", "improvement")}
    assert all(len(drivers[split]) > people.POOLS[split] * 0.9 for split in drivers)
    assert not drivers["train"] & drivers["test"] | drivers["train"] & drivers["improvement"]


def test_an_ordinary_picture_has_no_weakness(hpd):
    drawn = [hpd.space.validated(hpd.draw(generator(i, "test"), "train")) for i in range(400)]
    assert {hpd.known_cause(values) for values in drawn} == {""}


def test_every_weakness_is_planted(hpd):
    causes = Counter(hpd.known_cause(hpd.values("test", i)) for i in range(hpd.sizes["test"]))
    for weakness in hpd.weaknesses:
        assert causes[weakness.name] == pytest.approx(weakness.share * hpd.sizes["test"], rel=0.3)


def test_the_network_errs_as_its_card_says(hpd):
    card = hpd.card()
    with closing(hpd.pictures("test")) as pictures:
        drawn = list(islice(pictures, 300))
    outputs = hpd.model().predict([picture.pixels for picture in drawn])
    errors = int(hpd.task().judge(outputs, [picture.record for picture in drawn]).is_error.sum())
    assert binomtest(errors, len(drawn), card["test"]["rate"]).pvalue > 0.001


def test_the_network_fails_mostly_where_a_weakness_is_planted(hpd):
    card = hpd.card()
    assert 0.05 <= card["test"]["rate"] <= 0.3
    assert card["ordinary"]["rate"] <= 0.05
    assert all(card["weaknesses"][weakness.name]["errors"] >= 40 for weakness in hpd.weaknesses)


def test_the_network_is_small():
    assert len((resources.files("failatlas.cases") / "data/hpd/network.safetensors").read_bytes()) <= 2e6
