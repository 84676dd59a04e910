"""Glasses: what counts as wearing some, as rendered, planted weaknesses, and the shipped network."""

from __future__ import annotations

from collections import Counter
from contextlib import closing
from importlib import resources
from itertools import islice

import numpy as np
import pytest
from scipy.stats import binomtest

from failatlas.cases import cases
from failatlas.seeds import generator
from failatlas.simulators import simulators


@pytest.fixture(scope="module")
def gld():
    return cases.create("gld")


@pytest.mark.parametrize(("worn", "name"), [("none", "bare"), ("clear", "glasses"), ("sun", "glasses")])
def test_dark_glasses_are_glasses(gld, worn, name):
    rendering = simulators.create("driver", view="face", size_px=16).render({"glasses": worn})
    assert gld.answer({**rendering.values, **rendering.labels}).label == name


def test_glasses_behind_a_hand_are_glasses(gld):
    rendering = simulators.create("driver", view="face", size_px=16).render({"glasses": "clear", "hand": "bare"})
    assert gld.answer({**rendering.values, **rendering.labels}).label == "glasses"


def test_as_many_wear_glasses_as_not_and_some_are_dark(gld):
    worn = Counter(gld.values("train", i)["glasses"] for i in range(1000))
    assert worn["none"] == pytest.approx(500, abs=60)
    assert worn["sun"] == pytest.approx(167, abs=50)


def test_a_weakness_says_nothing_about_glasses(gld):
    drawn = [gld.values("test", i) for i in range(gld.sizes["test"])]
    for weakness in gld.weaknesses:
        worn = [values["glasses"] != "none" for values in drawn if gld.known_cause(values) == weakness.name]
        assert 0.35 < np.mean(worn) < 0.65


def test_an_ordinary_picture_has_no_weakness(gld):
    drawn = [gld.space.validated(gld.draw(generator(i, "test"), "train")) for i in range(400)]
    assert {gld.known_cause(values) for values in drawn} == {""}


def test_every_weakness_is_planted(gld):
    causes = Counter(gld.known_cause(gld.values("test", i)) for i in range(gld.sizes["test"]))
    for weakness in gld.weaknesses:
        assert causes[weakness.name] == pytest.approx(weakness.share * gld.sizes["test"], rel=0.3)


def test_the_network_errs_as_its_card_says(gld):
    card = gld.card()
    with closing(gld.pictures("test")) as pictures:
        drawn = list(islice(pictures, 300))
    outputs = gld.model().predict([picture.pixels for picture in drawn])
    errors = int(gld.task().judge(outputs, [picture.record for picture in drawn]).is_error.sum())
    assert binomtest(errors, len(drawn), card["test"]["rate"]).pvalue > 0.001


def test_the_network_fails_mostly_where_a_weakness_is_planted(gld):
    card = gld.card()
    assert 0.05 <= card["test"]["rate"] <= 0.3
    assert card["ordinary"]["rate"] <= 0.05
    assert all(card["weaknesses"][weakness.name]["errors"] >= 40 for weakness in gld.weaknesses)


def test_the_network_is_small():
    assert len((resources.files("failatlas.cases") / "data/gld/network.safetensors").read_bytes()) <= 2e6
