"""Parameters: validation, and vectors for search."""

import json
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from failatlas.errors import DataError, UsageError
from failatlas.parameters import Parameter, Space

YAW = Parameter("yaw", low=-90, high=90, unit="deg")
SUN = Parameter("sun", low=0, high=360, unit="deg", circular=True)
CARS = Parameter("cars", low=0, high=4, integer=True, default=1)
TIME = Parameter("time", choices=("day", "dusk", "night"))
SPACE = Space([YAW, SUN, CARS, TIME])


def test_defaults_are_the_middle_the_first_choice_or_what_is_said():
    assert SPACE.defaults == {"yaw": 0.0, "sun": 180.0, "cars": 1.0, "time": "day"}


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"yaw": 91}, "E_PARAMETER: parameter 'yaw' is 91. Next: give -90 … 90 deg"),
        ({"yaw": math.nan}, "E_PARAMETER: parameter 'yaw' is nan. Next: give -90 … 90 deg"),
        ({"yaw": "left"}, "E_PARAMETER: parameter 'yaw' is 'left'. Next: give -90 … 90 deg"),
        ({"yaw": True}, "E_PARAMETER: parameter 'yaw' is True. Next: give -90 … 90 deg"),
        ({"yaw": None}, "E_PARAMETER: parameter 'yaw' is None. Next: give -90 … 90 deg"),
        ({"cars": 1.5}, "E_PARAMETER: parameter 'cars' is 1.5. Next: give 0 … 4"),
        ({"time": "noon"}, "E_PARAMETER: parameter 'time' is 'noon'. Next: give day | dusk | night"),
        ({"time": 1}, "E_PARAMETER: parameter 'time' is 1. Next: give day | dusk | night"),
        ({"sun": math.inf}, "E_PARAMETER: parameter 'sun' is inf. Next: give 0 … 360 deg (circular)"),
    ],
)
def test_bad_value_is_refused_with_parameter_value_and_range(values, message):
    with pytest.raises(UsageError) as error:
        SPACE.validated(values)
    assert str(error.value) == message


def test_unknown_parameter_is_refused_with_the_nearest_name():
    with pytest.raises(UsageError, match="no parameter 'yav'") as error:
        SPACE.validated({"yav": 1})
    assert error.value.remedy.startswith("did you mean 'yaw'?")


def test_circular_values_wrap():
    assert SPACE.validated({"sun": 370})["sun"] == 10
    assert SPACE.validated({"sun": -10})["sun"] == 350


@given(st.lists(st.floats(-1, 1), min_size=4, max_size=4))
def test_a_point_survives_the_way_to_a_vector_and_back(vector):
    point = SPACE.from_vector(vector)
    assert SPACE.validated(point) == pytest.approx(point)
    back = SPACE.from_vector(SPACE.to_vector(point))
    assert back["time"] == point["time"]
    assert back["cars"] == point["cars"]
    assert back["yaw"] == pytest.approx(point["yaw"], abs=1e-9)
    assert math.cos(math.radians(back["sun"] - point["sun"])) == pytest.approx(1)


@given(st.lists(st.floats(-1e6, 1e6), min_size=4, max_size=4))
def test_every_finite_vector_is_a_point_of_the_space(vector):
    point = SPACE.from_vector(vector)
    assert -90 <= point["yaw"] <= 90
    assert 0 <= point["sun"] <= 360
    assert point["cars"] in range(5)
    assert point["time"] in TIME.choices


@pytest.mark.parametrize("vector", [[0, 0, 0], [0, 0, 0, math.nan], [[0, 0, 0, 0]], []])
def test_a_vector_of_another_shape_or_with_nan_is_refused(vector):
    with pytest.raises(UsageError, match="a vector of shape"):
        SPACE.from_vector(vector)


def test_choices_share_the_interval_equally():
    drawn = [SPACE.draw(np.random.default_rng(seed))["time"] for seed in range(600)]
    assert {name: drawn.count(name) for name in TIME.choices} == pytest.approx(dict.fromkeys(TIME.choices, 200), abs=45)


def test_what_is_fixed_is_not_drawn():
    assert SPACE.draw(np.random.default_rng(0), yaw=12)["yaw"] == 12


def test_json_round_trip():
    assert Space.from_json(json.loads(SPACE.to_text())) == SPACE


@pytest.mark.parametrize(
    "document",
    [
        None,
        [],
        {},
        {"schema": 2, "parameters": []},
        {"schema": 1, "parameters": [{}]},
        {"schema": 1, "parameters": [{"name": "a b"}]},
        {"schema": 1, "parameters": [{"name": "a"}, {"name": "a"}]},
        {"schema": 1, "parameters": [{"name": "a", "low": 2, "high": 1}]},
        {"schema": 1, "parameters": [{"name": "a", "low": "0"}]},
        {"schema": 1, "parameters": [{"name": "a", "default": 7}]},
        {"schema": 1, "parameters": [{"name": "a", "kind": "choice"}]},
        {"schema": 1, "parameters": [{"name": "a", "choices": [1, 2]}]},
        {"schema": 1, "parameters": [{"name": "a", "hihg": 1}]},
        {"schema": 1, "parameters": [{"name": "a", "unit": 3}]},
    ],
)
def test_a_malformed_table_is_the_files_fault(document):
    with pytest.raises(DataError) as error:
        Space.from_json(document, where="parameters.json")
    assert error.value.where == "parameters.json"


@pytest.mark.parametrize(
    "bad",
    [
        {"name": "Yaw"},
        {"name": "yaw", "low": 1, "high": 1},
        {"name": "yaw", "high": math.inf},
        {"name": "time", "choices": ("a", "a")},
        {"name": "time", "choices": ("a", "b"), "circular": True},
        {"name": "yaw", "default": 2},
    ],
)
def test_a_malformed_parameter_is_refused_when_it_is_declared(bad):
    with pytest.raises(UsageError):
        Parameter(**bad)


def test_a_subset_keeps_the_order_asked_for():
    assert SPACE.subset(["time", "yaw"]).names == ("time", "yaw")
