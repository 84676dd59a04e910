"""Curves: the picture shows the values and the choice, whatever the values are."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from failatlas.curves import Curve, ticks


def curve(x, y, chosen=0.0, rule="knee", parameter="k", criterion="WICD"):
    return Curve(parameter, criterion, np.asarray(x, np.float64), np.asarray(y, np.float64), chosen, rule)


def svg(markup: str) -> ET.Element:
    figure = ET.fromstring(markup)  # well-formed XML, or this raises
    found = figure.find("svg")
    assert found is not None
    return found


def points(root: ET.Element) -> np.ndarray:
    line = next(path for path in root.findall("path") if path.get("fill") == "none")
    return np.array([[float(v) for v in pair.split()] for pair in re.split("[ML]", line.get("d"))[1:]])


def test_the_line_is_an_affine_image_of_the_values_with_y_upwards():
    x, y = [1.0, 2.0, 4.0, 8.0], [10.0, 5.0, 2.0, 1.0]
    at = points(svg(curve(x, y, 4.0)._repr_html_()))
    assert np.corrcoef(at[:, 0], x)[0, 1] == pytest.approx(1, abs=1e-6)
    assert np.corrcoef(at[:, 1], y)[0, 1] == pytest.approx(-1, abs=1e-6)


def test_the_chosen_point_lies_on_the_line_and_is_named():
    drawn = curve([1, 2, 4, 8], [10, 5, 2, 1], 4.0)._repr_html_()
    circle = svg(drawn).find("g/circle")
    at = points(svg(drawn))
    assert [float(circle.get("cx")), float(circle.get("cy"))] == pytest.approx(at[2].tolist(), abs=0.01)
    assert "chosen: 4" in drawn
    assert "k = 4" in drawn


def test_the_picture_has_a_text_alternative_with_the_choice():
    label = svg(curve([1, 2], [2, 1], 2.0, rule="maximum")._repr_html_()).get("aria-label")
    assert label == "WICD over k; chosen 2 by maximum"


@pytest.mark.parametrize(
    ("x", "y"),
    [
        ([], []),
        ([1], [1]),
        ([1, 2], [0, 0]),
        ([1, 1], [3, 3]),
        ([1, 2, 3], [np.nan, 2, 1]),
        ([1, 2], [np.nan, np.nan]),
        ([1, 2, 3], [1, np.inf, 2]),
        ([0, 1e-300], [1e300, 1e-300]),
    ],
)
def test_D10_degenerate_curves_are_drawn_without_nan(x, y):
    for chosen in (1.0, np.nan, 99.0):
        drawn = curve(x, y, chosen)._repr_html_()
        assert ET.fromstring(drawn).tag == "figure"
        assert not re.search(r"\bnan\b|\binf\b", drawn, re.IGNORECASE)


def test_a_curve_of_many_values_keeps_its_ends_and_few_points():
    x = np.arange(10_000.0)
    at = points(svg(curve(x, np.sqrt(x), 5.0)._repr_html_()))
    assert len(at) <= 400
    assert at[0, 0] == at[:, 0].min()
    assert at[-1, 0] == at[:, 0].max()


def test_H7_names_of_parameters_are_text():
    drawn = curve(
        [1, 2], [1, 2], 1.0, rule="<b>x</b>", parameter="</svg><script>", criterion='"onload="x'
    )._repr_html_()
    assert {node.tag for node in ET.fromstring(drawn).iter()} <= {
        "figure",
        "svg",
        "line",
        "text",
        "path",
        "g",
        "circle",
        "figcaption",
        "b",
    }


@given(st.floats(-1e6, 1e6), st.floats(1e-3, 1e6))
def test_ticks_are_few_round_and_inside(low, width):
    high = low + width
    values = ticks(low, high)
    assert 1 <= len(values) <= 7
    assert all(low - 1e-6 * width <= value <= high + 1e-6 * width for value in values)
    steps = np.diff(values)
    if len(steps):
        mantissa = float(f"{steps[0]:e}".split("e")[0])
        assert min(abs(mantissa - round_) for round_ in (1, 2, 5, 10)) < 1e-3 * max(1, abs(low) / width)


def test_ticks_of_no_extent():
    assert ticks(3.0, 3.0) == [3.0]
