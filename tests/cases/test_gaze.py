"""Gaze direction: sectors, by hand and as rendered."""

from __future__ import annotations

from contextlib import closing
from itertools import islice

import pytest

from failatlas.cases import cases
from failatlas.cases.gaze import SECTORS, sector
from failatlas.simulators import simulators


@pytest.mark.parametrize(
    ("angle_deg", "name"),
    [
        (0, "MiddleLeft"),
        (11.2, "MiddleLeft"),
        (11.3, None),
        (22.5, None),
        (33.7, None),
        (33.8, "TopLeft"),
        (56.2, "TopLeft"),
        (67.5, None),
        (90, "TopCenter"),
        (112.5, None),
        (135, "TopRight"),
        (168.8, "MiddleRight"),
        (191.2, "MiddleRight"),
        (225, "BottomRight"),
        (270, "BottomCenter"),
        (315, "BottomLeft"),
        (326.3, None),
        (337.5, None),
        (348.8, "MiddleLeft"),
        (359.99, "MiddleLeft"),
    ],
)
def test_sectors_are_those_of_hudd_without_a_quarter_of_one_at_each_border(angle_deg, name):
    assert sector(angle_deg) == name


@pytest.mark.parametrize(
    ("gaze_yaw", "gaze_pitch", "name"),
    [
        (-20, 0, "MiddleLeft"),
        (-15, 15, "TopLeft"),
        (0, 20, "TopCenter"),
        (15, 15, "TopRight"),
        (20, 0, "MiddleRight"),
        (15, -15, "BottomRight"),
        (0, -20, "BottomCenter"),
        (-15, -15, "BottomLeft"),
    ],
)
def test_a_rendered_eye_gets_the_sector_where_it_looks(gaze_yaw, gaze_pitch, name):
    simulator = simulators.create("driver", view="eye", size_px=16)
    labels = simulator.render({"gaze_yaw": gaze_yaw, "gaze_pitch": gaze_pitch}).labels
    assert cases.create("gd").answer(labels).label == name


def test_ordinary_eyes_look_into_all_sectors_and_never_into_the_camera():
    with closing(cases.create("gd").pictures("train")) as pictures:
        rows = [picture.record for picture in islice(pictures, 120)]
    assert {row.label for row in rows} == set(SECTORS)
    assert min(row.metadata["gaze_offset"] for row in rows) > 14


def test_eyes_that_look_into_the_camera_do():
    case = cases.create("gd")
    with closing(case.pictures("test", where=case.weaknesses[0].where)) as pictures:
        rows = [picture.record for picture in islice(pictures, 20)]
    assert {row.metadata["known_cause"] for row in rows} == {"looking into the camera"}
    assert max(row.metadata["gaze_offset"] for row in rows) < 5
