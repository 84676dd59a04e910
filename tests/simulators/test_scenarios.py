"""Scenarios: drawn from a seed, in the camera's order, with their ground truth, and only where they make sense."""

from collections import Counter

import numpy as np
import pytest

from failatlas.errors import UsageError
from failatlas.parameters import Parameter, Space
from failatlas.simulators import simulators
from failatlas.simulators.effects import STAGES, effects
from failatlas.simulators.scenarios import GEOMETRIES, Scenario, create, parse, scenarios

PICTURE = np.random.default_rng(0).integers(0, 256, (24, 32, 3), np.uint8)
PUBLISHED = {
    "noise": "N",
    "blur": "B",
    "hand": "H",
    "hand-with-sleeve": "HS",
    "mask": "M",
    "eyeglasses": "E",
    "sunglasses": "S",
}


def cabin() -> Space:
    """The driver's space."""
    return simulators.create("driver", view="face", size_px=32).space


def rng(seed=0):
    return np.random.default_rng(seed)


def test_the_published_scenarios_have_their_letters():
    assert {name: scenarios[name].code for name in PUBLISHED} == PUBLISHED
    for name, code in PUBLISHED.items():
        assert parse(code) == scenarios[name]
        assert code in scenarios


def test_names_and_codes_are_all_different():
    every = [*scenarios, *(scenario.code for scenario in scenarios.values())]
    assert len(set(every)) == len(every) == 2 * len(scenarios)


def test_every_effect_is_a_scenario_with_its_parameters_in_the_table():
    assert set(effects) < set(scenarios)
    rows = {name: listed for name, _, listed, _ in scenarios.rows()}
    assert list(rows) == list(scenarios)
    for name, effect in effects.items():
        assert all(f"{p.name} {p.range}" in rows[name] for p in effect.space)


@pytest.mark.parametrize("name", [geometry.name for geometry in GEOMETRIES])
def test_a_geometric_scenario_sets_its_parameters_and_no_other(name):
    space = cabin()
    before = {**space.defaults, "head_yaw": 12.0}
    after = scenarios[name].values(before, rng(), space)
    assert set(after) == set(space.names)
    part = next(geometry for geometry in GEOMETRIES if geometry.name == name)
    for parameter in space.names:
        if parameter in part.space:
            part.space[parameter].checked(after[parameter])
        else:
            assert after[parameter] == before[parameter]
    assert before == {**space.defaults, "head_yaw": 12.0}
    assert (scenarios[name].pixels(PICTURE, rng()) == PICTURE).all()


def test_the_place_of_a_hand_is_drawn_evenly_and_by_its_seed():
    space, hand = cabin(), scenarios["hand"]
    drawn = [hand.values({}, rng(seed), space) for seed in range(400)]
    for name in ("hand_place", "hand_side"):
        choices = hand.space[name].choices
        count = Counter(values[name] for values in drawn)
        assert set(count) == set(choices)
        share = 1 / len(choices)
        assert max(abs(n / 400 - share) for n in count.values()) < 4 * (share * (1 - share) / 400) ** 0.5
    assert hand.values({}, rng(3), space) == drawn[3]


def test_what_is_fixed_is_not_drawn():
    hand = create("hand", hand_side="left")
    drawn = [hand.values({}, rng(seed), cabin()) for seed in range(20)]
    assert {values["hand_side"] for values in drawn} == {"left"}
    assert len({values["hand_place"] for values in drawn}) > 1


@pytest.mark.parametrize("name", [geometry.name for geometry in GEOMETRIES])
def test_a_geometric_scenario_is_seen_in_the_drivers_face(name):
    driver = simulators.create("driver", view="face", size_px=32)
    before = driver.render({}, 0).pixels.astype(int)
    after = driver.render(scenarios[name].values({}, rng(), driver.space), 0).pixels
    assert (np.abs(after - before).max(axis=2) > 16).mean() > 0.01


def test_a_photometric_scenario_is_its_effect_and_leaves_the_scene():
    scenario = parse("darkness:stops=3")
    assert (scenario.pixels(PICTURE, rng()) == effects["darkness"].apply(PICTURE, stops=3)).all()
    assert scenario.values({"head_yaw": 4.0}, rng(), cabin()) == cabin().validated({"head_yaw": 4.0})


def test_combined_effects_apply_in_the_cameras_order_however_they_are_written():
    stages = [effects[name].stage for name in ("scaling", "darkness", "blur", "jpeg")]
    assert stages == list(STAGES)
    steps = PICTURE
    for name in ("scaling", "darkness", "blur", "jpeg"):
        steps = effects[name].apply(steps)
    for text in ("scaling+darkness+blur+jpeg", "jpeg+blur+darkness+scaling", "blur+jpeg+scaling+darkness"):
        assert (parse(text).pixels(PICTURE, rng()) == steps).all()
        assert parse(text).name == "scaling+darkness+blur+jpeg"


def test_mask_and_noise_changes_scene_and_pixels():
    scenario = parse("noise + mask")
    assert (scenario.name, scenario.code, scenario.kind) == ("mask+noise", "M+N", "both")
    assert scenario == scenarios["mask"] + scenarios["noise"]
    assert scenario.values({}, rng(), cabin())["mask"] != "none"
    assert (scenario.pixels(PICTURE, rng()) != PICTURE).mean() > 0.9


def test_the_ground_truth_repeats_the_very_pixels():
    scenario = parse("occlusion+motion+noise")
    injection = scenario.draw(rng(5))
    seen = injection.pixels(PICTURE)
    assert (seen == scenario.pixels(PICTURE, rng(5))).all()
    truth = injection.truth
    assert truth["scenario"] == "occlusion+motion+noise"
    assert truth["scenario_code"] == "OC+MO+N"
    assert set(truth) == {"known_cause", "scenario", "scenario_code", *scenario.space.names}
    covered = effects["occlusion"].apply(
        PICTURE, **{name: truth[f"occlusion_{name}"] for name in ("area", "x", "y", "grey")}
    )
    fixed = ",".join(f"{name}={truth[f'occlusion_{name}']!r}" for name in ("area", "x", "y", "grey"))
    assert (parse(f"occlusion:{fixed}").pixels(PICTURE, rng(77)) == covered).all()
    assert truth["motion_angle_deg"] != scenario.draw(rng(6)).truth["motion_angle_deg"]


def test_seeds_draw_different_pixels_and_one_seed_the_same():
    noise = scenarios["noise"]
    assert (noise.pixels(PICTURE, rng(1)) == noise.pixels(PICTURE, rng(1))).all()
    assert (noise.pixels(PICTURE, rng(1)) != noise.pixels(PICTURE, rng(2))).any()


@pytest.mark.parametrize("name", list(scenarios))
def test_pictures_stay_untouched_and_results_are_their_own(name):
    original = PICTURE.copy()
    original.setflags(write=False)
    seen = scenarios[name].pixels(original, rng())
    assert (original == PICTURE).all()
    assert not np.shares_memory(seen, original)


@pytest.mark.parametrize("name", list(scenarios))
def test_on_finished_pictures_only_photometric_scenarios_apply(name):
    scenario = scenarios[name]
    assert scenario.applies_to(None) == (name in effects) == (scenario.kind == "photometric")
    assert scenario.applies_to(cabin())
    if scenario.kind == "photometric":
        scenario.check(None)
    else:
        with pytest.raises(UsageError) as caught:
            scenario.check(None)
        assert "changes the scene" in str(caught.value)
        assert "noise, blur" in str(caught.value)


def test_a_simulator_without_the_parameter_or_the_value_is_told_so():
    with pytest.raises(UsageError, match="it has no parameter 'mask'"):
        scenarios["mask"].values({}, rng(), Space([Parameter("head_yaw", -90, 90)]))
    plain = Space([Parameter("glasses", choices=("none", "clear"))])
    assert scenarios["eyeglasses"].applies_to(plain)
    with pytest.raises(UsageError, match=r"'glasses' takes none \| clear, not 'sun'"):
        parse("sunglasses+noise").values({}, rng(), plain)


def test_a_fixed_value_needs_only_itself_to_be_known():
    narrow = Space([Parameter("mask", choices=("none", "blue"))])
    assert not scenarios["mask"].applies_to(narrow)
    assert create("mask", mask="blue").applies_to(narrow)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("nois", "did you mean 'noise'"),
        ("", "unknown scenario ''"),
        ("noise+", "unknown scenario ''"),
        ("noise:attenuate", "write parameter=value"),
        ("noise:strength=3", "no parameter 'strength'"),
        ("noise:attenuate=99", "0 … 20"),
        ("noise:attenuate=lots", "'lots'"),
        ("scaling:fill=pink", "blurred | edge | mirror | black"),
        ("sunglasses+eyeglasses", "'sunglasses' and 'eyeglasses' both set 'glasses'"),
        ("hand+HS", "both set 'hand'"),
        ("noise+N", "'noise' and 'noise' both set"),
    ],
)
def test_D10_what_cannot_be_read_says_why(text, says):
    with pytest.raises(UsageError) as caught:
        parse(text)
    assert says in str(caught.value)


def test_repr_tells_scenarios_apart():
    texts = [
        "noise",
        "noise:attenuate=3",
        "mask",
        "hand",
        "hand:hand_side=left",
        "motion",
        "motion:angle_deg=0",
        "mask+noise",
    ]
    assert len({repr(parse(text)) for text in texts}) == len(texts)


def test_nothing_at_all_is_no_scenario():
    with pytest.raises(UsageError, match="no part"):
        Scenario(())
