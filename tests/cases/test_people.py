"""People of the driver case studies, and what all cases over them promise."""

from __future__ import annotations

from contextlib import closing
from importlib import resources
from itertools import islice

import pytest
from scipy.stats import binom

from failatlas.cases import cases
from failatlas.cases.people import POOLS, looking, ordinary, person
from failatlas.seeds import generator
from failatlas.simulators import simulators

OVER_PEOPLE = ("gd", "gd3", "oc")
SEVERAL = 300


@pytest.fixture(params=OVER_PEOPLE)
def case(request):
    return cases.create(request.param)


def identity(values):
    return tuple(values[f"shape_{k}"] for k in range(12)), values["skin_tone"], values["iris_colour"]


def test_nobody_is_in_two_splits_and_nobody_twice_in_one():
    everybody = [identity(person(split, number)) for split, size in POOLS.items() for number in range(size)]
    assert len(set(everybody)) == len(everybody) == sum(POOLS.values())


def test_a_moment_is_one_of_the_splits_people_and_changes_nothing_about_them():
    pool = [dict(person("test", number)) for number in range(POOLS["test"])]
    for i in range(50):
        moment = ordinary(generator(0, "moment", i), "test")
        assert {name: moment[name] for name in pool[0]} in pool


def test_an_ordinary_moment_is_by_day_or_dusk_in_colour_and_nothing_covers_the_face():
    space = simulators.create("driver", view="face", size_px=32).space
    moments = [space.validated(ordinary(generator(1, "moment", i), "train")) for i in range(200)]
    assert {moment["time"] for moment in moments} == {"day", "dusk"}
    for name, usual in (("glasses", "none"), ("mask", "none"), ("hand", "none"), ("sensor", "colour")):
        assert {moment[name] for moment in moments} == {usual}


def test_hair_and_iris_follow_the_skin():
    everybody = [person("train", number) for number in range(POOLS["train"])]
    dark = [one for one in everybody if one["skin_tone"] > 0.6]
    assert dark
    assert not {one["iris_colour"] for one in dark} & {"blue", "green", "grey"}
    assert not {one["hair_colour"] for one in dark} & {"blond", "auburn"}


@pytest.mark.parametrize("number", range(12))
def test_eyes_look_where_they_are_told_whatever_the_head_and_camera(number):
    random = generator(2, "looking", number)
    moment = {**ordinary(random, "test"), "head_roll": random.uniform(-30, 30)}
    yaw, pitch = random.uniform(-20, 20), random.uniform(-14, 14)
    labels = simulators.create("driver", view="eye", size_px=16).render(looking(moment, yaw, pitch)).labels
    assert (labels["gaze_yaw_view"], labels["gaze_pitch_view"]) == pytest.approx((yaw, pitch), abs=0.2)


def test_eyes_turn_no_farther_than_they_can():
    values = looking({**ordinary(generator(0), "test"), "head_yaw": 60.0}, -60, 0)
    assert values["gaze_yaw"] == -40


def test_training_has_no_weakness_and_only_its_people(case):
    pool = {identity(person("train", number)) for number in range(POOLS["train"])}
    drawn = [case.values("train", i) for i in range(SEVERAL)]
    assert {case.known_cause(values) for values in drawn} == {""}
    assert {identity(values) for values in drawn} <= pool


@pytest.mark.parametrize("split", ["test", "improvement"])
def test_every_weakness_occurs_by_its_share_in_people_of_the_split(case, split):
    pool = {identity(person(split, number)) for number in range(POOLS[split])}
    drawn = [case.values(split, i) for i in range(3000)]
    assert {identity(values) for values in drawn} <= pool
    causes = [case.known_cause(values) for values in drawn]
    for weakness in case.weaknesses:
        low, high = binom.interval(0.9999, len(causes), weakness.share)
        assert low <= causes.count(weakness.name) <= high, weakness.name
    assert causes.count("") / len(causes) > 0.6


def test_planting_a_weakness_makes_that_one_the_known_cause(case):
    for i in range(60):
        ordinary_values = case.values("train", i)
        for weakness in case.weaknesses:
            values = weakness.planted(generator(0, "plant", i), ordinary_values, case.space)
            assert case.known_cause(values) == weakness.name


def test_the_shipped_network_errs_as_its_card_says(case):
    card, model = case.card(), case.model()
    with closing(case.pictures("test")) as pictures:
        shown = list(islice(pictures, SEVERAL))
    outputs = model.predict([picture.pixels for picture in shown])
    errors = int(case.task().judge(outputs, [picture.record for picture in shown]).is_error.sum())
    low, high = binom.interval(0.999, SEVERAL, card["test"]["rate"])
    assert low <= errors <= high


def test_the_card_fulfils_what_a_reference_network_promises(case):
    card = case.card()
    assert 0.05 <= card["test"]["rate"] <= 0.30
    assert card["ordinary"]["rate"] <= 0.045
    assert min(group["errors"] for group in card["weaknesses"].values()) >= 40
    planted = sum(group["errors"] for group in card["weaknesses"].values())
    assert planted > 0.7 * card["test"]["errors"]


def test_the_shipped_weights_are_small(case):
    with resources.as_file(resources.files("failatlas.cases") / "data" / case.name / "network.safetensors") as path:
        assert path.stat().st_size <= 2_000_000
