"""Left, Center, Right: borders by hand, and faces as rendered."""

from __future__ import annotations

from contextlib import closing
from itertools import islice

import pytest

from failatlas.cases import cases
from failatlas.cases.gaze3 import CLASSES, direction
from failatlas.simulators import simulators


@pytest.mark.parametrize(
    ("yaw_deg", "name"),
    [
        (-40, "Left"),
        (-16, "Left"),
        (-15.9, None),
        (-8.1, None),
        (-8, "Center"),
        (0, "Center"),
        (8, "Center"),
        (8.1, None),
        (15.9, None),
        (16, "Right"),
        (40, "Right"),
    ],
)
def test_center_ends_at_12_deg_and_nobody_is_asked_within_4_deg_of_that(yaw_deg, name):
    assert direction(yaw_deg) == name


@pytest.mark.parametrize(
    ("head_yaw", "gaze_yaw", "name"),
    [(0, 0, "Center"), (25, 0, "Right"), (-25, 0, "Left"), (0, 20, "Right"), (25, -25, "Center"), (30, -12, "Right")],
)
def test_eyes_and_head_count_together(head_yaw, gaze_yaw, name):
    labels = simulators.create("driver", view="face", size_px=16).render({"head_yaw": head_yaw, "gaze_yaw": gaze_yaw})
    assert cases.create("gd3").answer(labels.labels).label == name


def test_the_classes_are_balanced():
    with closing(cases.create("gd3").pictures("train")) as pictures:
        labels = [picture.record.label for picture in islice(pictures, 150)]
    assert set(labels) == set(CLASSES)
    assert min(labels.count(name) for name in CLASSES) >= 30
