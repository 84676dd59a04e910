"""Camera: each effect against what it says, the order of all, and errors that name what is wrong."""

import dataclasses
import io

import numpy as np
import pytest
from PIL import Image

from failatlas.errors import UsageError
from failatlas.simulators.effects import (
    CAMERA,
    Camera,
    exposure,
    infrared,
    jpeg,
    sensor_noise,
    to_light,
    to_pixels,
    vignetting,
)

LIGHT = np.random.default_rng(0).random((24, 32, 3), dtype=np.float32)


def test_a_stop_doubles_the_light():
    assert (exposure(LIGHT, 1) == 2 * LIGHT).all()
    assert (exposure(exposure(LIGHT, 3), -3) == LIGHT).all()


def test_vignetting_takes_its_share_in_the_corners_and_nothing_in_the_middle():
    seen = vignetting(np.ones((21, 41, 3), np.float32), 0.6)
    assert seen[0, 0] == pytest.approx([0.4] * 3)
    assert seen[-1, -1] == pytest.approx([0.4] * 3)
    assert seen[10, 20] == pytest.approx([1] * 3)
    assert seen[10, 30, 0] == pytest.approx(1 - 0.6 * 100 / 500)


def test_infrared_is_grey_with_its_weights_and_its_lamp_in_the_middle():
    colour = np.broadcast_to(np.float32([0.8, 0.4, 0.2]), (21, 41, 3))
    seen = infrared(colour, 0)
    assert seen == pytest.approx(np.full((21, 41, 3), 0.75 * 0.8 + 0.2 * 0.4 + 0.05 * 0.2))
    lit = infrared(colour, 0.5)
    assert lit[10, 20, 0] == pytest.approx(1.5 * seen[0, 0, 0])
    assert lit[10, 20, 0] > lit[10, 30, 0] > lit[10, 40, 0]


def test_infrared_leaves_grey_as_it_is():
    assert (infrared(LIGHT[..., 0], 0) == LIGHT[..., 0]).all()


def test_jpeg_is_pillows():
    pixels = to_pixels(LIGHT)
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "jpeg", quality=30)
    assert (jpeg(pixels, 30) == np.asarray(Image.open(file))).all()


def test_a_camera_at_its_defaults_only_develops():
    assert (Camera().take(LIGHT, 0) == to_pixels(LIGHT)).all()
    assert (Camera(curve="filmic").take(LIGHT, 0) == to_pixels(LIGHT, "filmic")).all()


def test_a_camera_applies_everything_in_its_order():
    camera = Camera(exposure_stops=-1, vignetting=0.5, iso=800, jpeg_quality=50)
    noisy = sensor_noise(exposure(vignetting(LIGHT, 0.5), -1), 800, 7)
    assert (camera.take(LIGHT, 7) == jpeg(to_pixels(noisy), 50)).all()
    assert (camera.take(LIGHT, 7) != camera.take(LIGHT, 8)).any()


def test_an_infrared_camera_stays_grey_when_it_is_noisy():
    seen = Camera(infrared="yes", iso=6400).take(LIGHT, 1)
    assert (seen == seen[..., :1]).all()
    assert (seen != Camera(infrared="yes").take(LIGHT, 1)).any()


def test_a_camera_does_not_touch_the_light():
    light = LIGHT.copy()
    light.setflags(write=False)
    every = Camera(1, 3, 20, 1, 0.3, 400, "yes", 0.3, 60, "filmic")
    assert every.take(light, 0).shape == light.shape
    assert (light == LIGHT).all()


def test_parameters_and_fields_are_one():
    fields = {field.name: field.default for field in dataclasses.fields(Camera) if field.name != "curve"}
    assert fields == {parameter.name: parameter.default for parameter in CAMERA}


def test_a_camera_is_made_of_a_simulators_values():
    assert Camera.of({"iso": 800.0, "head_yaw": 3.0}, "filmic") == Camera(iso=800, curve="filmic")


@pytest.mark.parametrize(
    ("name", "value", "range_"),
    [
        ("iso", -1, "0 … 102400"),
        ("vignetting", 2, "0 … 1"),
        ("infrared", "maybe", "no | yes"),
        ("jpeg_quality", 3.5, "0 … 95"),
    ],
)
def test_D10_a_bad_value_is_named_with_its_range(name, value, range_):
    with pytest.raises(UsageError) as caught:
        Camera(**{name: value})
    assert name in str(caught.value)
    assert repr(value) in str(caught.value)
    assert range_ in str(caught.value)


def test_to_light_and_camera_are_inverse_for_photographs():
    pixels = to_pixels(LIGHT)
    assert (Camera().take(to_light(pixels), 0) == pixels).all()
