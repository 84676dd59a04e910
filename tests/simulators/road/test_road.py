"""The road as a simulator: what is drawn where, and what each parameter does to the picture."""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys

import numpy as np
import pytest

from failatlas.errors import UsageError
from failatlas.simulators import simulators
from failatlas.simulators.road import Road
from failatlas.simulators.road.alignment import Pose, course, height_at, place
from failatlas.simulators.road.space import SPACE
from failatlas.simulators.road.view import CAMERA_AHEAD_M, pixel, view

# nothing but the road's shape: no grain, no traffic, no trees worth the name
PLAIN = {
    "roughness": 0.0, "patches": 0.0, "tar_seams": 0.0, "line_wear": 0.0, "centre_line": "solid", "roadside": "bare",
    "cloud_cover": 0.0, "sun_azimuth_deg": 0.0, "sun_elevation_deg": 60.0,
}  # fmt: skip


@pytest.fixture(scope="module")
def road() -> Road:
    return Road()


def grey(pixels: np.ndarray) -> np.ndarray:
    return pixels.astype(float).mean(2)


def test_registry_makes_a_road_of_the_size_asked_for():
    made = simulators.create("road", height_px=66, width_px=200)
    assert made.render({}).pixels.shape == (66, 200, 3)


@pytest.mark.parametrize("size", [16, 5000, 96.5, True])
def test_size_outside_its_range_is_refused_by_name(size):
    with pytest.raises(UsageError, match="height_px"):
        Road(height_px=size)


@pytest.mark.parametrize(
    ("name", "value", "range_"),
    [("curvature_1pm", 0.05, "-0.03 … 0.03"), ("time", "noon", "day | dusk | night"), ("lanes", 2.5, "2 … 3")],
)
def test_bad_parameter_is_refused_by_name_value_and_range(road, name, value, range_):
    with pytest.raises(UsageError) as caught:
        road.render({name: value})
    assert all(part in str(caught.value) for part in (name, str(value), range_))


def test_same_seed_gives_the_same_bytes_whatever_was_rendered_between(road):
    busy = {"surroundings": "forest", "weather": "rain", "drops": 0.5, "oncoming": 2, "lead_vehicle": "van"}
    first = road.render(busy, seed=7)
    road.render({"time": "night"}, seed=8)
    again = Road().render(busy, seed=7)
    assert first.pixels.tobytes() == again.pixels.tobytes()
    assert first.labels.keys() == again.labels.keys()
    assert first.pixels.tobytes() != road.render(busy, seed=8).pixels.tobytes()


def test_every_parameter_changes_the_picture_or_its_labels(road):
    # each in a scene in which it can be seen
    scene = {
        "lead_distance_m": {"lead_vehicle": "car"}, "lead_colour": {"lead_vehicle": "car"},
        "oncoming_distance_m": {"oncoming": 1}, "structure_m": {"structure": "bridge"},
        "weather_strength": {"weather": "fog"}, "tree_shadow": {"cloud_cover": 0.0}, "wiper": {"drops": 1.0},
    }  # fmt: skip
    for parameter in SPACE:
        base = scene.get(parameter.name, {})
        low, high = (SPACE.validated({**base, parameter.name: parameter.from_unit(x)}) for x in (-0.8, 0.8))
        difference = grey(road.render(low).pixels) - grey(road.render(high).pixels)
        assert np.abs(difference).mean() > 0.05, parameter.name


def test_a_picture_seen_in_a_mirror_is_that_of_the_mirrored_parameters(road):
    # three lanes with the car in the middle are symmetric; grass and trees are not, so the lines are compared
    bend = {"curvature_1pm": 0.012, "offset_m": 0.7, "heading_deg": -3.0, "curvature_rate_1pm2": 1e-4}
    scene = {**PLAIN, "lanes": 3, "centre_line": "dashed"}
    one = road.render({**scene, **bend})
    other = road.render({**scene, **{name: -value for name, value in bend.items()}})
    paint, mirrored = (grey(picture.pixels)[40:] > 175 for picture in (one, other))
    assert paint.sum() > 150
    assert (paint & mirrored[:, ::-1]).sum() > 0.85 * (paint | mirrored[:, ::-1]).sum()
    assert (paint & mirrored).sum() < 0.4 * (paint | mirrored).sum()
    assert one.labels["steering_deg"] == -other.labels["steering_deg"]
    assert one.labels["goal_x_m"] == -other.labels["goal_x_m"]


@pytest.mark.parametrize("curvature", [-0.03, -0.01, 0.0, 0.02])
@pytest.mark.parametrize("profile", [0.0, 0.0006])
def test_edge_lines_lie_where_the_geometry_puts_them(road, curvature, profile):
    values = SPACE.validated(
        {**PLAIN, "curvature_1pm": curvature, "profile_1pm": profile, "offset_m": 0.3, "heading_deg": 1.5}
    )
    pixels = grey(road.render(values).pixels)
    camera = view(values, 96, 192)
    s = np.arange(7.0, 20.0, 0.5)
    x, z, _ = place(course(curvature, 0.0), s, np.full(len(s), 0.5 * float(values["lane_width_m"])))
    right, ahead = Pose(0.3, math.radians(1.5)).to_car(x, z)
    ahead = ahead - CAMERA_AHEAD_M
    column, row, _ = pixel(camera, right, height_at(profile, ahead) - 1.4, ahead)
    seen = (column > 4) & (column < 188) & (row < 95)
    assert seen.sum() >= 4
    for c, r in zip(column[seen], row[seen], strict=True):
        # the brightest of the pixels around is the line's, within a pixel across the nearer of both axes
        around = pixels[int(r) - 3 : int(r) + 4, int(c) - 4 : int(c) + 5]
        asphalt = np.percentile(around, 20)
        assert pixels[int(r), int(c)] - asphalt > 0.45 * (around.max() - asphalt)


def test_crest_hides_the_road_behind_it(road):
    # in fog the sky is even, so that the road's edge is the first row that is darker
    scene = {**PLAIN, "weather": "fog", "weather_strength": 0.0, "snow_cover": 0.0, "asphalt_brightness": 0.0}
    crest, flat = road.render({**scene, "profile_1pm": -0.0012}), road.render(scene)
    # tangent to a parabola from 1.4 m: the horizon sinks by sqrt(2·0.0012·1.4) in slope
    camera = view(SPACE.validated({}), 96, 192)
    sunk = camera.focal * math.sqrt(2 * 0.0012 * 1.4)
    level = 0.5 * camera.height - camera.focal * math.tan(math.radians(5.0))
    column = grey(crest.pixels)[:, 96]
    assert np.argmax(np.diff(column) < -3) == pytest.approx(level + sunk, abs=2)
    # without the crest the same rows show road
    assert grey(flat.pixels)[int(level + sunk) - 3, 96] < column[int(level + sunk) - 3] - 3


def test_night_is_darker_than_dusk_and_dusk_than_day(road):
    day, dusk, night = (road.render({"time": time}).pixels.mean() for time in ("day", "dusk", "night"))
    assert day > 1.3 * dusk > 1.3 * 1.3 * night


def test_fog_takes_contrast_with_distance(road):
    def contrast(distance, fog):
        scene = {**PLAIN, "lead_vehicle": "car", "lead_colour": "black", "lead_distance_m": distance}
        scene |= {"weather": "fog", "weather_strength": fog} if fog is not None else {"weather": "clear"}
        with_car = grey(road.render(scene).pixels)
        without = grey(road.render({**scene, "lead_vehicle": "none"}).pixels)
        return np.abs(with_car - without).max()

    lost = [contrast(distance, 0.3) / contrast(distance, None) for distance in (6.0, 20.0, 45.0)]
    assert lost[0] > lost[1] > lost[2]
    assert contrast(20.0, 0.8) < contrast(20.0, 0.2)


def test_line_share_counts_what_can_be_seen(road):
    def share(**values):
        return road.render({**PLAIN, **values}).labels["line_share"]

    whole = share()
    assert 0.85 < whole <= 1.0
    assert share(edge_line="missing") == pytest.approx(whole / 2, abs=0.06)
    assert share(centre_line="missing", edge_line="missing") == 0.0
    # of the left line a third is painted: 3 m of every 9 m
    assert share(centre_line="dashed") == pytest.approx(whole / 2 * (1 + 1 / 3), abs=0.08)
    assert share(snow_cover=1.0) < 0.05
    assert share(line_wear=1.0) < 0.5 * whole
    # the lorry hides what lies behind it
    assert share(lead_vehicle="lorry", lead_distance_m=5.0, curvature_1pm=0.02) < share(curvature_1pm=0.02) - 0.05


def test_lead_gap_is_the_distance_to_the_rear(road):
    assert math.isnan(road.render({}).labels["lead_gap_m"])
    assert road.render({"lead_vehicle": "car", "lead_distance_m": 17.0}).labels["lead_gap_m"] == 17.0


def test_vehicle_ahead_shrinks_with_its_distance_as_a_pinhole_says(road):
    camera = view(SPACE.validated({}), 96, 192)
    for distance in (8.0, 16.0, 32.0):
        scene = {**PLAIN, "lead_vehicle": "car", "lead_colour": "red", "lead_distance_m": distance}
        pixels = road.render(scene).pixels.astype(int)
        red = (pixels[:, :, 0] - pixels[:, :, 1] > 60) & (pixels[:, :, 2] < 110)
        width = np.ptp(np.flatnonzero(red.any(0))) + 1
        assert width == pytest.approx(1.8 * camera.focal / distance, rel=0.2, abs=2)


PROBE = """
import json, sys
from failatlas.simulators.road import Road
from failatlas.simulators.compiled import HAS_NUMBA
road = Road(48, 96)
out = []
for number, values in enumerate(json.loads(sys.argv[1])):
    made = road.render(values, number)
    out.append({"pixels": made.pixels.tolist(), "labels": {k: repr(v) for k, v in made.labels.items()}})
print(json.dumps({"numba": HAS_NUMBA, "pictures": out}))
"""


def test_R4_fallback_without_numba_gives_the_same_picture_within_tolerance():
    scenes = [
        {},
        {"surroundings": "forest", "roadside": "rail", "curvature_1pm": 0.02, "lead_vehicle": "car", "oncoming": 2},
        {"surroundings": "town", "time": "night", "wetness": 0.8, "oncoming": 1, "structure": "bridge"},
        {"snow_cover": 0.5, "weather": "snow", "season": "winter", "profile_1pm": -0.001, "lead_vehicle": "lorry"},
        {
            "dirt": 0.7,
            "drops": 0.5,
            "tree_shadow": 0.6,
            "sun_azimuth_deg": 5.0,
            "sun_elevation_deg": 6.0,
            "patches": 1.0,
        },
    ]
    answers = []
    for renderer in ("numba", "numpy"):
        environment = {**os.environ, "FAILATLAS_RENDERER": renderer}
        done = subprocess.run(
            [sys.executable, "-c", PROBE, json.dumps(scenes)],
            env=environment,
            capture_output=True,
            text=True,
            check=True,
        )  # fmt: skip
        answers.append(json.loads(done.stdout))
    assert (answers[0]["numba"], answers[1]["numba"]) == (True, False)
    for one, other in zip(answers[0]["pictures"], answers[1]["pictures"], strict=True):
        difference = np.abs(np.array(one["pixels"]) - np.array(other["pixels"]))
        # a ray that grazes an edge may fall on its other side; nothing else may differ by more than rounding
        assert (difference > 2).mean() < 0.004
        assert one["labels"].keys() == other["labels"].keys()
        for name, value in one["labels"].items():
            assert float(value) == pytest.approx(float(other["labels"][name]), abs=0.02, nan_ok=True), name
