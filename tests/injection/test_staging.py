"""Staging: a driver's scene rendered again with something before the face, and its answer measured anew."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace
from itertools import islice

import numpy as np
import pytest

from failatlas.cases.case import cases
from failatlas.errors import DataError, UsageError
from failatlas.injection import default_scenarios
from failatlas.injection.staging import GEOMETRIC, PHOTOMETRIC, done_to
from failatlas.simulators.scenarios import create, parse


def pictures(case, n):
    with closing(case.pictures("test")) as drawn:
        return [p for p in islice(drawn, 3 * n) if not p.record.metadata["known_cause"]][:n]


@pytest.fixture(scope="module")
def hpd():
    return cases.create("hpd")


@pytest.fixture(scope="module")
def drawn(hpd):
    return pictures(hpd, 3)


def rng():
    return np.random.default_rng(0)


def test_a_scenario_of_no_strength_gives_the_very_picture(hpd, drawn):
    for picture in drawn:
        pixels, record = hpd.restage(picture.record, create("darkness", stops=0.0), rng())
        assert np.array_equal(pixels, picture.pixels)
        assert record.label == picture.record.label


def test_a_mask_covers_the_mouth_and_nothing_else_moves(hpd, drawn):
    picture = drawn[0]
    pixels, record = hpd.restage(picture.record, create("mask", mask="white"), rng())
    changed = (pixels != picture.pixels).any(axis=2)
    assert changed[:16].mean() < 0.2 < changed[32:].mean()
    assert record.metadata["mask"] == "white"
    assert record.metadata["known_cause"] == record.metadata["scenario"] == "mask"
    same = set(hpd.space.names) - {"mask"}
    assert {name: record.metadata[name] for name in same} == {name: picture.record.metadata[name] for name in same}
    assert (record.id, record.label, record.split) == (picture.record.id, picture.record.label, "test")


def test_what_a_scene_measures_is_measured_anew(hpd, drawn):
    picture = drawn[0]
    _, record = hpd.restage(picture.record, create("hand", hand_place="mouth"), rng())
    assert record.metadata["face_hidden"] > picture.record.metadata["face_hidden"]


def test_the_right_answer_follows_the_scene():
    gld = cases.create("gld")
    bare = next(p for p in pictures(gld, 3) if p.record.label == "bare")
    assert gld.restage(bare.record, create("sunglasses"), rng())[1].label == "glasses"
    assert gld.restage(bare.record, create("noise"), rng())[1].label == "bare"


def test_landmarks_behind_a_mask_are_no_longer_marked():
    fld = cases.create("fld")
    picture = pictures(fld, 1)[0]
    _, record = fld.restage(picture.record, create("mask", mask="white"), rng())
    hidden = [sum(x == 0 for x in target) for target in (picture.record.target, record.target)]
    assert hidden[1] > hidden[0]


def test_geometry_and_pixels_are_done_in_the_order_of_a_camera(hpd, drawn):
    masked, _ = hpd.restage(drawn[0].record, parse("mask:mask=white"), rng())
    both, record = hpd.restage(drawn[0].record, parse("contrast:factor=0 + mask:mask=white"), rng())
    assert np.ptp(masked) > 100
    assert np.ptp(both) == 0  # the mask was there before the contrast went
    assert record.metadata["contrast_factor"] == 0
    assert record.metadata["scenario"] == "mask+contrast"


def test_a_planted_weakness_keeps_its_name(hpd, drawn):
    fld = cases.create("fld")
    picture = pictures(fld, 1)[0]
    assert fld.restage(picture.record, create("mask", mask="black"), rng())[1].metadata["known_cause"] == "black mask"
    assert fld.restage(picture.record, create("mask", mask="white"), rng())[1].metadata["known_cause"] == "mask"


def test_the_seed_draws_what_the_scenario_leaves_open(hpd, drawn):
    def drawn_with(seed):
        return hpd.restage(drawn[0].record, create("hand"), np.random.default_rng(seed))[1].metadata

    places = {(drawn_with(seed)["hand_place"], drawn_with(seed)["hand_side"]) for seed in range(6)}
    assert len(places) > 2
    assert drawn_with(3) == drawn_with(3)


def test_a_record_without_its_scene_is_refused(hpd, drawn):
    record = replace(drawn[0].record, metadata={"known_cause": ""})
    with pytest.raises(DataError, match="no column"):
        hpd.restage(record, create("mask"), rng())


def test_a_scenario_that_does_not_fit_the_simulator_is_refused():
    signs = cases.create("ts")
    with closing(signs.pictures("test")) as drawn:
        picture = next(drawn)
    with pytest.raises(UsageError, match="does not fit"):
        signs.restage(picture.record, create("mask"), rng())


def test_default_scenarios_are_those_of_the_study_that_fit():
    def names(case):
        return tuple(s.name for s in default_scenarios(None if case is None else cases.create(case)))

    assert names(None) == names("ts") == names("sap") == PHOTOMETRIC
    assert names("hpd") == names("gd3") == PHOTOMETRIC + GEOMETRIC
    # black masks are planted in it under another name: one cause would count as two
    assert names("fld") == (*PHOTOMETRIC, "eyeglasses", "sunglasses", "hand")


def test_a_grey_picture_stays_grey_and_a_colour_picture_does_not():
    grey = np.full((8, 8, 3), 90, np.uint8)
    noisy = done_to(grey, create("noise").draw(rng()))
    assert (noisy == noisy[..., :1]).all()
    assert np.ptp(noisy) > 0
    colour = grey.copy()
    colour[0, 0, 0] += 1
    assert not (done_to(colour, create("noise").draw(rng())) == noisy).all()
    assert noisy.shape == colour.shape
