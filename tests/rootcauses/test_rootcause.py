import dataclasses
import json
import math

import numpy as np
import pytest

from failatlas.errors import DataError
from failatlas.rootcauses.intervals import not_measured
from failatlas.rootcauses.rootcause import Description, RootCause, RootCauses, Rule
from failatlas.statistics import Interval

CAUSE = RootCause(
    id=1,
    name="dark, head turned left",
    members=tuple(f"i{k}" for k in range(41)),
    share=Interval(0.312, 0.24, 0.391, 131, "wilson"),
    severity=1.5,
    risk=0.0615,
    rank=1,
    medoids=("i3", "i0"),
    counterexamples=("c1",),
    confusion=(("left", "right", 30), ("left", "front", 11)),
    rules=(
        Rule(("brightness ≤ 0.21", "yaw > 30"), Interval(0.9, 0.7, 0.99, 20, "x"), Interval(0.8, 0.6, 0.9, 20, "x")),
    ),
    properties={"brightness": (0.1, 0.5, -0.9)},
    compactness=0.4,
    stability=Interval(0.917, 0.8, 1.0, 10, "middle"),
    error_rate=not_measured(),
    null_p=math.nan,
    heatmap=np.array([[0.1, -2.5]], np.float32),
    n_causes=7,
    descriptions=(Description("contrasts", "Dark.", ("dark",)),),
)
CAUSES = RootCauses((CAUSE,), None, np.array([1]), ("stability from 10 subsamples of 80 %",))


def test_a_cause_shows_itself_in_one_line():
    assert repr(CAUSE) == (
        '<RootCause 1 "dark, head turned left": 41 images, 31 % of errors [24, 39], stability 0.92, risk 1st of 7>'
    )


def test_what_was_not_measured_is_said_in_words():
    one = dataclasses.replace(CAUSE, stability=not_measured(), members=("a",))
    assert "1 image," in repr(one)
    assert "stability not measured" in repr(one)
    noise = dataclasses.replace(CAUSE, id=-1, name="in no cluster", rank=0, stability=not_measured())
    assert repr(noise) == '<RootCause -1 "in no cluster": 41 images, 31 % of errors [24, 39]>'


def test_all_causes_show_themselves_in_one_line():
    assert repr(CAUSES) == (
        '<RootCauses 1 of 41 error-inducing images, 0 in none, highest risk "dark, head turned left">'
    )
    assert repr(RootCauses((), None, np.array([]), ())) == "<RootCauses none: no error-inducing images>"


def test_json_is_strict_versioned_and_round_trips():
    text = json.dumps(dataclasses.replace(CAUSES, noise=CAUSE).to_json(), allow_nan=False)
    data = json.loads(text)
    assert data["version"] == 1
    assert data["causes"][0]["null_p"] is None
    again = RootCauses.from_json(data)
    assert json.dumps(again.to_json(), allow_nan=False) == text
    assert again.order.tolist() == [1]
    assert again.causes[0].heatmap.tobytes() == CAUSE.heatmap.tobytes()
    assert again.causes[0].rules == CAUSE.rules
    assert math.isnan(again.causes[0].null_p)


def test_another_version_is_refused():
    with pytest.raises(DataError, match="version 2"):
        RootCauses.from_json({"version": 2})


def test_the_table_has_the_columns_of_the_command_line():
    (row,) = CAUSES.table()
    assert list(row) == ["id", "size", "share", "risk", "medoid", "stability", "rules"]
    assert row["medoid"] == "i3"
    assert row["rules"] == [{"rule": "brightness ≤ 0.21 and yaw > 30", "precision": 0.9, "recall": 0.8}]
