"""Open and closed: the border in mm, and lids as rendered."""

from __future__ import annotations

from contextlib import closing
from itertools import islice

import pytest

from failatlas.cases import cases
from failatlas.cases.eyes import state
from failatlas.simulators import simulators


@pytest.mark.parametrize(("gap_mm", "name"), [(0, "Closed"), (2.99, "Closed"), (3.0, "Open"), (8.7, "Open")])
def test_closed_is_less_than_3_mm(gap_mm, name):
    assert state(gap_mm) == name


@pytest.mark.parametrize(("eye", "name"), [("left", "Open"), ("right", "Closed")])
def test_the_eye_in_the_picture_counts(eye, name):
    values = {"eye": eye, "eye_open_left": 1.0, "eye_open_right": 0.1}
    rendering = simulators.create("driver", view="eye", size_px=16).render(values)
    assert cases.create("oc").answer({**rendering.values, **rendering.labels}).label == name


def test_about_half_of_the_eyes_are_closed():
    with closing(cases.create("oc").pictures("train")) as pictures:
        labels = [picture.record.label for picture in islice(pictures, 150)]
    assert 0.35 < labels.count("Closed") / len(labels) < 0.65


def test_a_hanging_head_has_eyes_of_both_kinds():
    case = cases.create("oc")
    with closing(case.pictures("test", where=case.weaknesses[0].where)) as pictures:
        labels = [picture.record.label for picture in islice(pictures, 60)]
    assert 15 <= labels.count("Open") <= 45
