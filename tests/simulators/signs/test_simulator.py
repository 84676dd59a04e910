"""The simulator "signs": what each parameter does, what the labels measure, and that a seed fixes the bytes."""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from failatlas.errors import UsageError
from failatlas.parameters import Value
from failatlas.simulators import Rendering, simulators
from failatlas.simulators.signs import CLASSES, SignSimulator
from failatlas.simulators.signs.painting import Painting, painted
from failatlas.simulators.signs.simulator import scene
from failatlas.simulators.signs.space import SPACE

NEAR: dict[str, Value] = {"distance_m": 6.0, "iso": 0.0}
# what must hold for a parameter to have anything to act on
CONTEXT: dict[str, dict[str, Value]] = {
    "headlights": {"time": "night"},
    "weather_strength": {"weather": "fog"},
    "occluder": {"occluder_share": 0.5},
    "occluder_side_deg": {"occluder_share": 0.5},
    "motion_deg": {"motion_px": 8.0},
}


def render(seed: int = 0, size_px: int = 96, **values: Value) -> Rendering:
    return SignSimulator(size_px).render(values, seed)


def paint(seed: int = 0, **values: Value) -> Painting:
    return painted(scene(SPACE.validated(values), 96, seed)[0])


def number(rendering: Rendering, label: str) -> float:
    return float(rendering.labels[label])


def test_it_is_found_in_the_registry() -> None:
    simulator = simulators.create("signs", size_px=48)
    assert simulator.space is SPACE
    assert simulator.render({}).pixels.shape == (48, 48, 3)


@pytest.mark.parametrize("sign", CLASSES, ids=lambda sign: sign.key)
def test_every_class_renders_as_itself(sign) -> None:  # type: ignore[no-untyped-def]
    rendering = render(sign=sign.key)
    assert (rendering.labels["class_number"], rendering.labels["class_name"]) == (sign.number, sign.name)
    assert number(rendering, "visible_share") > 0.99
    others = [other.key for other in CLASSES if other.number != sign.number]
    nearest = min(_apart(rendering, render(sign=other)) for other in others[sign.number % 3 :: 3])
    assert nearest > 0.5  # grey levels, on average over the picture; the backdrop is the same


def test_the_same_seed_gives_the_same_bytes_whatever_was_rendered_before() -> None:
    values: dict[str, Value] = {
        "iso": 1600.0,
        "weather": "snow",
        "occluder_share": 0.3,
        "dirt": 0.4,
        "jpeg_quality": 70,
    }
    first = [render(seed, **values).pixels for seed in range(4)]
    simulator = SignSimulator(96)
    again = [simulator.render(values, seed).pixels for seed in reversed(range(4))][::-1]
    assert all(np.array_equal(a, b) for a, b in zip(first, again, strict=True))
    assert not np.array_equal(first[0], first[1])


def test_what_is_left_out_is_at_its_default_and_all_values_come_back() -> None:
    rendering = render(sign="stop")
    assert rendering.values == SPACE.validated({"sign": "stop"})
    assert np.array_equal(rendering.pixels, render(**rendering.values).pixels)


@pytest.mark.parametrize("name", SPACE.names)
def test_every_parameter_changes_the_picture_at_every_step_of_its_range(name: str) -> None:
    parameter = SPACE[name]
    context = NEAR | CONTEXT.get(name, {})
    steps = 4 if parameter.circular else 5  # the end of a circle is its start
    points: list[Value] = list(parameter.choices)[:6] or [parameter.from_unit(-1 + k / 2) for k in range(steps)]
    pictures = [SignSimulator(96).render(context | {name: point}).pixels for point in points]
    for k, picture in enumerate(pictures):
        assert not any(np.array_equal(picture, other) for other in pictures[:k]), points[k]


@given(st.lists(st.floats(-1, 1), min_size=len(SPACE), max_size=len(SPACE)), st.integers(0, 2**31))
@settings(max_examples=60, deadline=None)
def test_every_point_of_the_space_renders_with_finite_labels(vector: list[float], seed: int) -> None:
    rendering = SignSimulator(32).render(SPACE.from_vector(vector), seed)
    numbers = [value for value in rendering.labels.values() if not isinstance(value, str)]
    assert all(math.isfinite(value) for value in numbers)
    assert 0 <= number(rendering, "visible_share") <= 1
    assert 0 <= number(rendering, "brightness") <= 1
    assert 0 <= number(rendering, "contrast") <= 0.5


@pytest.mark.parametrize(
    ("values", "named"),
    [
        ({"yaw": 3.0}, "did you mean 'yaw_deg'"),
        ({"dirt": 1.5}, "'dirt' is 1.5.*0 … 1"),
        ({"sign": "banana"}, "'sign' is 'banana'"),
        ({"distance_m": math.nan}, "'distance_m' is nan.*4 … 60 m"),
        ({"time": "noon"}, "'time' is 'noon'.*day | dusk | night"),
    ],
)
def test_bad_parameters_are_refused_by_name_value_and_range(values: dict[str, Value], named: str) -> None:
    with pytest.raises(UsageError, match=named):
        SignSimulator().render(values)


@pytest.mark.parametrize("size_px", [0, 15, 513, 40.5, True])
def test_a_bad_size_is_refused(size_px: int) -> None:
    with pytest.raises(UsageError, match=r"'size_px' is .*16 … 512"):
        SignSimulator(size_px)


@pytest.mark.parametrize("name", ["dirt", "rust", "sticker_share", "graffiti", "snow_cover", "occluder_share"])
def test_more_wear_or_occlusion_hides_more(name: str) -> None:
    high = SPACE[name].high
    shares = [
        np.mean([number(render(seed, **NEAR, **{name: high * k / 3}), "visible_share") for seed in range(6)])
        for k in range(4)
    ]
    assert shares[0] > 0.99
    assert all(a > b for a, b in pairwise(shares)), shares


@pytest.mark.parametrize("occluder", ["leaves", "branch"])
@pytest.mark.parametrize("seed", range(4))
def test_the_visible_share_is_the_share_of_the_plate_that_did_not_change(occluder: str, seed: int) -> None:
    clean, hidden = (
        paint(seed, sign="no-entry", distance_m=5.0, occluder=occluder, occluder_share=share) for share in (0.0, 0.5)
    )
    same = (np.abs(clean.light - hidden.light) < 1e-6).all(-1)
    measured = float(clean.plate[same].sum() / clean.plate.sum())
    label = number(
        render(seed, sign="no-entry", distance_m=5.0, occluder=occluder, occluder_share=0.5), "visible_share"
    )
    # a pixel that is partly hidden changed, so the label is a little higher
    assert measured - 0.005 <= label <= measured + 0.12
    assert 0.05 < label < 0.97


def test_the_part_of_the_plate_outside_the_picture_is_not_visible() -> None:
    # a disc of radius r = 0.475 whose middle is 0.15 left of the border: the segment beyond is cut off
    r, d = 0.475, 0.15
    segment = r * r * math.acos(d / r) - d * math.sqrt(r * r - d * d)
    rendering = render(sign="no-entry", plate_share=0.95, offset_x=0.35, **NEAR)
    assert number(rendering, "visible_share") == pytest.approx(1 - segment / (math.pi * r * r), abs=0.015)


def test_night_is_darker_than_dusk_and_dusk_than_day() -> None:
    day, dusk, night = (
        np.mean([render(seed, time=time, headlights=0.0, **NEAR).pixels.mean() for seed in range(4)])
        for time in ("day", "dusk", "night")
    )
    assert night < 0.5 * dusk < 0.5 * day


def test_headlights_light_a_near_plate_that_faces_them_and_little_else() -> None:
    def brightness(**values: Value) -> float:
        return number(render(time="night", **{**NEAR, "sign": "no-vehicles", **values}), "brightness")

    assert brightness(headlights=1.0) > 3 * brightness(headlights=0.0)
    assert brightness(headlights=0.6, distance_m=6.0) > brightness(headlights=0.6, distance_m=40.0)
    assert brightness(headlights=0.6, yaw_deg=0.0) > 1.5 * brightness(headlights=0.6, yaw_deg=65.0)


def test_a_sun_behind_the_sign_leaves_its_face_in_the_shade() -> None:
    lit, shaded = (number(render(sun_azimuth_deg=azimuth, **NEAR), "brightness") for azimuth in (180.0, 0.0))
    assert shaded < 0.85 * lit


def test_fog_takes_contrast_with_its_strength_and_with_distance() -> None:
    def contrast(**values: Value) -> float:
        return number(render(sign="no-passing", weather="fog", iso=0.0, **values), "contrast")

    by_strength = [contrast(distance_m=20.0, weather_strength=s) for s in (0.0, 0.3, 0.6, 0.9)]
    by_distance = [contrast(distance_m=d, weather_strength=0.3) for d in (5.0, 15.0, 40.0)]
    for values in (by_strength, by_distance):
        assert all(a > b for a, b in pairwise(values)), values


def test_a_far_sign_has_few_pixels_and_no_fine_detail() -> None:
    near, far = (render(sign="priority-road", distance_m=d, iso=0.0) for d in (6.0, 50.0))
    assert (number(near, "crop_px"), number(far, "crop_px")) == (96, 23)
    assert near.pixels.shape == far.pixels.shape
    assert _roughness(far.pixels) < 0.6 * _roughness(near.pixels)


def test_the_back_of_a_plate_is_grey_and_shows_no_class() -> None:
    stop, entry = (paint(yaw_deg=180.0, sign=sign, distance_m=5.0) for sign in ("stop", "no-entry"))
    assert stop.visible.sum() == 0
    both = (stop.plate > 0.999) & (entry.plate > 0.999)
    # beyond a rim that follows the outline, nothing tells the two apart
    assert np.median(np.abs(stop.light - entry.light).max(-1)[both]) < 1e-3
    red, _, blue = stop.light[both].mean(0)
    assert 0.7 < red / blue < 1.3


def test_a_second_plate_and_a_neighbour_leave_the_face_as_it_is() -> None:
    plain, more = (
        paint(distance_m=5.0, sign="no-entry", second_plate=second, neighbour=neighbour)
        for second, neighbour in (("no", "none"), ("yes", "sign"))
    )
    solid = plain.plate > 0.999
    assert np.abs(plain.light - more.light)[solid].max() < 1e-6
    assert np.abs(plain.light - more.light)[plain.plate == 0].max() > 0.05


_SCENES: list[dict[str, Value]] = [
    {"sign": "stop", "backdrop": "town", "dirt": 0.5, "second_plate": "yes", "neighbour": "sign", "distance_m": 5.0},
    {"sign": "yield", "backdrop": "trees", "weather": "rain", "occluder_share": 0.4, "yaw_deg": 55.0, "rust": 0.6},
    {"sign": "children", "backdrop": "road", "weather": "snow", "snow_cover": 0.4, "sign_height_m": 1.2, "fading": 0.5},
    {"sign": "ahead", "backdrop": "sky", "sticker_share": 0.3, "graffiti": 0.7, "shadow": 0.8, "roll_deg": 20.0},
    {"sign": "keep-left", "time": "night", "occluder": "branch", "occluder_share": 0.5, "neighbour": "pole"},
    {"sign": "speed-60", "time": "dusk", "yaw_deg": 150.0, "weather": "fog", "distance_m": 8.0},
]


def test_R4_numpy_alone_paints_the_same_pictures_within_a_level(tmp_path: Path) -> None:
    script = (
        "import sys, json, numpy as np\n"
        "from failatlas.simulators.compiled import HAS_NUMBA\n"
        "from failatlas.simulators.signs import SignSimulator\n"
        "assert not HAS_NUMBA\n"
        "scenes = json.loads(sys.argv[1])\n"
        "np.save(sys.argv[2], [SignSimulator(64).render(s, k).pixels for k, s in enumerate(scenes)])\n"
    )
    file = tmp_path / "numpy.npy"
    subprocess.run(
        [sys.executable, "-c", script, json.dumps(_SCENES), str(file)],
        env=os.environ | {"FAILATLAS_RENDERER": "numpy"},
        check=True,
    )
    for k, (values, other) in enumerate(zip(_SCENES, np.load(file), strict=True)):
        apart = np.abs(SignSimulator(64).render(values, k).pixels.astype(int) - other)
        # a place exactly on the border of a cell may fall to either side
        assert (apart > 1).mean() < 0.002, values
        assert apart.mean() < 0.02, values


def _apart(a: Rendering, b: Rendering) -> float:
    return float(np.abs(a.pixels.astype(float) - b.pixels).mean())


def _roughness(pixels: NDArray[np.uint8]) -> float:
    middle = pixels[20:76, 20:76].astype(float)
    return float(np.abs(np.diff(middle, 2, axis=1)).mean())
