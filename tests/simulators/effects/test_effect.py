"""Effects: one contract for all of them, and a definition that is refused at once when it is wrong."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from failatlas.errors import ShapeError, UsageError
from failatlas.parameters import Parameter
from failatlas.simulators.effects import Effect, effect, effects
from failatlas.simulators.effects.effect import Effects

NEUTRAL = {
    "blur": {"radius_px": 0},
    "brightness": {"stops": 0},
    "contrast": {"factor": 1},
    "darkness": {"stops": 0},
    "defocus": {"radius_px": 0},
    "haze": {"depth": 0},
    "infrared": {"hot_spot": 0},  # of a grey picture
    "motion": {"length_px": 0},
    "noise": {"attenuate": 0},
    "occlusion": {"area": 0},
    "rotation": {"angle_deg": 0},
    "scaling": {"factor": 1},
    "sensor-noise": {"iso": 0},
    "vignetting": {"strength": 0},
    "watermark": {"opacity": 0},
}
NAMES = sorted(effects)


def shapes(channels=((), (1,), (3,))):
    return st.tuples(st.integers(1, 20), st.integers(1, 20), st.sampled_from(channels)).map(lambda s: (*s[:2], *s[2]))


def picture(shape, seed=0):
    made = np.random.default_rng(seed).integers(0, 256, shape, np.uint8)
    made.setflags(write=False)
    return made


def point(one: Effect):
    ranges = {p.name: st.floats(-1, 1).map(p.from_unit) for p in one.space}
    return st.fixed_dictionaries(ranges)


@pytest.mark.parametrize("name", NAMES)
@settings(max_examples=25, deadline=None)
@given(data=st.data())
def test_any_size_and_any_value_gives_a_new_picture_of_the_same_shape_and_the_same_bytes(name, data):
    one = effects[name]
    original = picture(data.draw(shapes()))
    values = data.draw(point(one))
    seen = one.apply(original, 3, **values)
    assert seen.shape == original.shape
    assert seen.dtype == np.uint8
    assert not np.shares_memory(seen, original)
    assert seen.flags.writeable
    assert (seen == one.apply(original, 3, **values)).all()


@pytest.mark.parametrize("name", sorted(NEUTRAL))
@given(shape=shapes(((), (1,), (3,))))
@settings(max_examples=20, deadline=None)
def test_at_its_neutral_value_an_effect_changes_nothing(name, shape):
    original = picture(shape if name != "infrared" else shape[:2])
    assert (effects[name].apply(original, **NEUTRAL[name]) == original).all()


def test_only_jpeg_has_no_neutral_value():
    assert set(effects) - set(NEUTRAL) == {"jpeg"}


@pytest.mark.parametrize("name", NAMES)
def test_the_default_clearly_changes_a_picture(name):
    original = picture((32, 32, 3))
    seen = effects[name].apply(original)
    assert np.abs(seen.astype(int) - original).mean() > 3


@pytest.mark.parametrize("name", NAMES)
def test_seeds_matter_to_what_is_random_and_to_nothing_else(name):
    original = picture((16, 16, 3))
    differ = (effects[name].apply(original, 0) != effects[name].apply(original, 1)).any()
    assert differ == effects[name].is_random


@pytest.mark.parametrize("name", NAMES)
def test_a_strided_picture_gives_what_its_copy_gives(name):
    whole = picture((18, 22, 3))
    part = whole[::2, ::-1]
    assert (effects[name].apply(part, 5) == effects[name].apply(part.copy(), 5)).all()


@pytest.mark.parametrize("name", NAMES)
def test_D10_a_bad_value_names_parameter_value_and_range(name):
    for parameter in effects[name].space:
        bad = "nowhere" if parameter.choices else parameter.high + 1e6
        if parameter.circular:
            bad = float("nan")
        with pytest.raises(UsageError) as caught:
            effects[name].apply(picture((2, 2)), **{parameter.name: bad})
        message = str(caught.value)
        assert parameter.name in message
        assert repr(bad) in message
        assert parameter.range in message


def test_an_unknown_parameter_names_the_known_ones():
    with pytest.raises(UsageError, match="radius") as caught:
        effects["blur"].apply(picture((2, 2)), radius=3)
    assert "radius_px" in str(caught.value)


def test_an_unknown_effect_offers_the_nearest():
    with pytest.raises(UsageError, match="unknown effect 'darknes'") as caught:
        effects["darknes"]
    assert "'darkness'" in str(caught.value)


@pytest.mark.parametrize(
    "bad",
    [np.zeros((2, 2), np.float32), np.zeros((2, 2, 4), np.uint8), np.zeros(3, np.uint8), np.zeros((0, 2), np.uint8)],
)
def test_what_is_no_picture_is_refused(bad):
    with pytest.raises(ShapeError):
        effects["blur"].apply(bad)


def test_a_definition_whose_arguments_differ_from_its_parameters_is_refused():
    with pytest.raises(TypeError, match="declares"):

        @effect("wrong", "WR", "light", Parameter("strength"), source="–")
        def wrong(pixels, power):
            """Nothing."""

    assert "wrong" not in effects


def test_a_definition_without_docstring_or_with_an_unknown_stage_is_refused():
    with pytest.raises(TypeError, match="docstring"):
        effect("wrong", "WR", "light", source="–")(lambda pixels: pixels)

    def fine(pixels):
        """Nothing."""

    with pytest.raises(TypeError, match="stage 'shop'"):
        effect("wrong", "WR", "shop", source="–")(fine)
    with pytest.raises(TypeError, match="drawn"):
        effect("wrong", "WR", "lens", source="–", drawn=("x",))(fine)


def test_a_name_or_code_that_is_taken_is_refused():
    table = Effects()
    table.add(effects["blur"])
    for twin in ("blur",):
        with pytest.raises(TypeError, match="exists"):
            table.add(effects[twin])
    assert list(table) == ["blur"]
