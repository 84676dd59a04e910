"""Landmarks: what is marked, by hand and as rendered, planted weaknesses, and the shipped network."""

from __future__ import annotations

from collections import Counter
from contextlib import closing
from importlib import resources
from itertools import islice

import numpy as np
import pytest
from scipy.stats import binomtest

from failatlas.cases import cases
from failatlas.cases.landmarks import N_LANDMARKS, SIZE_PX, marks
from failatlas.seeds import generator
from failatlas.simulators import simulators
from failatlas.simulators.driver.landmarks import NAMES, PARTS


@pytest.fixture(scope="module")
def fld():
    return cases.create("fld")


@pytest.fixture(scope="module")
def simulator():
    return simulators.create("driver", view="face", size_px=SIZE_PX)


def known(**changes):
    """Landmark k lies at (k + 1, 2k + 1) and is seen, unless a change says otherwise."""
    places = {f"landmark_{k}_{axis}": float((k if axis == "x" else 2 * k) + 1) for k in range(27) for axis in "xy"}
    return {**places, **{f"landmark_{k}_visible": 1.0 for k in range(27)}, **changes}


def marked(rendering):
    """Numbers of the landmarks that are marked."""
    points = np.array(marks(rendering.labels)).reshape(-1, 2)
    return {int(k) for k in np.flatnonzero(points.all(axis=1))}


def test_coordinates_are_x_y_x_y():
    assert marks(known())[:6] == (1, 1, 2, 3, 3, 5)
    assert len(marks(known())) == 54


@pytest.mark.parametrize(
    "change",
    [
        {"landmark_1_visible": 0.0},
        {"landmark_1_x": -0.5},
        {"landmark_1_x": 0.0},
        {"landmark_1_x": float(SIZE_PX)},
        {"landmark_1_y": SIZE_PX + 3.0},
    ],
)
def test_what_is_hidden_or_outside_is_not_marked(change):
    assert marks(known(**change))[:6] == (1, 1, 0, 0, 3, 5)


def test_what_is_not_marked_does_not_count(fld):
    with closing(fld.pictures("test")) as pictures:
        record = next(p.record for p in islice(pictures, 300) if 0 in p.record.target)
    target = np.array(record.target, np.float32)
    wild = np.where(target == 0, 500, target + 1)[None]
    assert not fld.task().judge(wild.astype(np.float32), [record]).is_error[0]


def test_a_face_from_the_front_is_marked_wholly(simulator):
    assert marked(simulator.render({})) == set(range(N_LANDMARKS))


def test_mouth_and_nose_are_not_marked_under_a_mask(simulator):
    assert marked(simulator.render({"mask": "black"})).isdisjoint(PARTS["mouth"])


def test_the_far_eye_is_not_marked_in_a_profile(simulator):
    seen = marked(simulator.render({"head_yaw": 65}))
    # the head points to the picture's right, which is the person's left, so that its right side is seen
    assert NAMES.index("left eye outer corner") not in seen
    assert NAMES.index("right eye outer corner") in seen


def test_landmarks_are_targets_and_no_columns(fld):
    with closing(fld.pictures("test")) as pictures:
        record = next(pictures).record
    assert len(record.target) == 2 * N_LANDMARKS
    assert not [name for name in record.metadata if "landmark" in name]


def test_an_ordinary_picture_has_no_weakness(fld):
    drawn = [fld.space.validated(fld.draw(generator(i, "test"), "train")) for i in range(400)]
    assert {fld.known_cause(values) for values in drawn} == {""}


def test_every_weakness_is_planted(fld):
    causes = Counter(fld.known_cause(fld.values("test", i)) for i in range(fld.sizes["test"]))
    for weakness in fld.weaknesses:
        assert causes[weakness.name] == pytest.approx(weakness.share * fld.sizes["test"], rel=0.3)


def test_the_network_errs_as_its_card_says(fld):
    card = fld.card()
    with closing(fld.pictures("test")) as pictures:
        drawn = list(islice(pictures, 300))
    outputs = fld.model().predict([picture.pixels for picture in drawn])
    errors = int(fld.task().judge(outputs, [picture.record for picture in drawn]).is_error.sum())
    assert binomtest(errors, len(drawn), card["test"]["rate"]).pvalue > 0.001


def test_the_network_fails_mostly_where_a_weakness_is_planted(fld):
    card = fld.card()
    assert 0.05 <= card["test"]["rate"] <= 0.3
    assert card["ordinary"]["rate"] <= 0.05
    assert all(card["weaknesses"][weakness.name]["errors"] >= 40 for weakness in fld.weaknesses)


def test_the_network_is_small():
    assert len((resources.files("failatlas.cases") / "data/fld/network.safetensors").read_bytes()) <= 2e6
