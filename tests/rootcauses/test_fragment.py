"""Fragment: what a notebook shows of root causes, read back as XML: the numbers are there, and only as text."""

from __future__ import annotations

import dataclasses
import math
import re
import xml.etree.ElementTree as ET

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from failatlas.rootcauses.fragment import explanation, interval_bar, interval_text, ranking, title
from failatlas.rootcauses.rootcause import Description, RootCause, RootCauses, Rule
from failatlas.statistics import Interval, wilson

NAN = math.nan
HOLLOW = Interval(NAN, 0.0, 1.0, 0, "not measured")


def cause(**changes) -> RootCause:
    made = RootCause(
        id=3,
        name="Shirt taken for Coat, dark",
        members=("a.png", "b.png", "c.png"),
        share=wilson(3, 10),
        severity=1.5,
        risk=0.045,
        rank=1,
        medoids=("b.png",),
        counterexamples=("z.png",),
        confusion=(("Shirt", "Coat", 2), ("Shirt", "Dress", 1)),
        rules=(Rule(("brightness ≤ 0.21", "yaw > 30"), wilson(8, 10), wilson(4, 5)),),
        properties={"brightness": (0.2, 0.5, -0.9), "blur": (1.0, 1.0, 0.1)},
        compactness=0.4,
        stability=Interval(0.92, 0.88, 0.95, 50, "spread"),
        error_rate=wilson(3, 4),
        null_p=0.01,
        heatmap=np.zeros((0, 0), np.float32),
        descriptions=(Description("contrasts", "Its images are darker."),),
    )
    return dataclasses.replace(made, **changes)


def causes(*some: RootCause, noise: RootCause | None = None) -> RootCauses:
    return RootCauses(some, noise, np.array([c.id for c in some], np.int64), ())


def read(markup: str) -> ET.Element:
    return ET.fromstring(f"<r>{markup}</r>")


def text(markup: str) -> str:
    return "".join(read(markup).itertext())


def test_a_notebook_shows_every_number_of_a_cause_with_its_interval():
    shown = text(cause()._repr_html_())
    for part in (
        "RCC 3: Shirt taken for Coat, dark",
        "30.0 % [10.8, 60.3]",
        "0.045",
        "0.92 [0.88, 0.95]",
        "75.0 % [30.1, 95.4]",
        "2 (66.7 %)",
        "80.0 % [49.0, 94.3]",
        "10 / 5",
        "brightness ≤ 0.21",
        "−0.90",
        "Its images are darker.",
        "b.png",
        "z.png",
    ):
        assert part in shown, part


def test_properties_stand_by_falling_difference():
    shown = text(explanation(cause()))
    assert shown.index("−0.90") < shown.index("+0.10")


def test_the_ranking_keeps_the_order_it_is_given_and_carries_values_to_sort_by():
    some = [cause(id=i, risk=r, rank=k) for k, (i, r) in enumerate([(4, 0.9), (0, 0.5), (7, 0.1)], start=1)]
    rows = read(ranking(some)).findall("table/tbody/tr")
    assert [row.find("th").text for row in rows] == ["RCC 4", "RCC 0", "RCC 7"]
    risks = [next(c for c in row.findall("td") if c.get("data-head") == "Risk").get("data-value") for row in rows]
    assert [float(value) for value in risks] == [0.9, 0.5, 0.1]


def test_bars_of_risk_are_as_long_as_the_risk():
    some = [cause(risk=0.8), cause(risk=0.2)]
    rects = list(read(ranking(some)).iter("rect"))
    lengths = [float(rect.get("width")) for rect in rects]
    assert lengths[1] / lengths[0] == pytest.approx(0.25, abs=0.001)


@given(st.floats(0, 1), st.floats(0, 1), st.floats(0, 1))
def test_an_interval_is_drawn_in_its_order_and_inside_its_track(a, b, c):
    low, value, high = sorted((a, b, c))
    drawn = read(interval_bar(Interval(value, low, high, 9, "x"))).find("svg")
    band = drawn.findall("line")[1]
    places = [float(band.get("x1")), float(drawn.find("circle").get("cx")), float(band.get("x2"))]
    assert places == sorted(places)
    assert 2 <= places[0] <= places[2] <= 98


def test_an_interval_without_bounds_shows_the_value_and_without_value_says_so():
    assert interval_text(Interval(0.5, -math.inf, math.inf, 1, "x")) == "50.0 %"
    assert interval_text(HOLLOW) == "not enough data"
    assert interval_bar(HOLLOW) == ""


@pytest.mark.parametrize(
    ("value", "word"), [(0.76, "stable"), (0.75, "loose"), (0.5, "loose"), (0.49, "dissolves"), (NAN, "not measured")]
)
def test_stability_is_also_a_word(value, word):
    assert word in text(ranking([cause(stability=Interval(value, 0.0, 1.0, 9, "x"))]))


def test_the_noise_group_has_no_tightness_and_no_rules():
    shown = text(explanation(cause(id=-1, rank=0)))
    assert title(cause(id=-1)) == "Noise"
    assert "Compactness" not in shown
    assert "Rules" not in shown


def test_no_error_is_a_result_that_says_what_to_do():
    assert "No error-inducing images" in text(causes()._repr_html_())
    assert "all images are noise" in text(causes(noise=cause(id=-1, rank=0))._repr_html_())


def test_D10_nothing_measured_shows_no_nan():
    bare = cause(
        name="",
        members=("a",),
        share=HOLLOW,
        severity=NAN,
        risk=NAN,
        medoids=(),
        counterexamples=(),
        confusion=(),
        rules=(Rule(("x > 1",), HOLLOW, HOLLOW),),
        properties={"blur": (NAN, NAN, NAN), "hue": (NAN, NAN, 1.0)},
        compactness=NAN,
        stability=HOLLOW,
        error_rate=HOLLOW,
        null_p=NAN,
        descriptions=(),
    )
    for markup in (bare._repr_html_(), causes(bare, noise=bare)._repr_html_()):
        assert not re.search(r"\b(nan|inf)\b", ET.tostring(read(markup), encoding="unicode"), re.IGNORECASE)


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=30))
def test_H7_names_ids_classes_and_rules_are_text(said):
    hostile = cause(
        name=said,
        members=(said,),
        medoids=(said,),
        counterexamples=(said,),
        confusion=((said, said, 1),),
        rules=(Rule((said,), wilson(1, 2), wilson(1, 2)),),
        properties={said: (0.0, 0.0, 0.5)},
        descriptions=(Description("x", said),),
    )
    plain = dataclasses.replace(hostile, name="x", descriptions=(Description("x", "x"),))

    def tags(markup):
        return [node.tag for node in read(markup).iter()]

    assert tags(hostile._repr_html_()) == tags(plain._repr_html_())
    assert tags(causes(hostile)._repr_html_()) == tags(causes(plain)._repr_html_())


def test_an_error_rate_from_a_sample_is_not_shown_as_errors_among_n():
    whole = text(explanation(cause()))
    assert "its 3 and 1 correctly handled image." in whole
    sampled = text(explanation(cause(error_rate=Interval(0.3, 0.1, 0.6, 10, "wilson, correct images weighted 3"))))
    assert "its 3 and 7 correctly handled images of a sample, scaled up to all of them." in sampled
