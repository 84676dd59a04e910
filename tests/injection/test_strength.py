"""The harder setting that a tally offers: it exists, and it is harder."""

import numpy as np
import pytest

from failatlas.injection.staging import PHOTOMETRIC
from failatlas.injection.strength import stronger
from failatlas.simulators.scenarios import create, parse

PICTURE = np.random.default_rng(0).integers(40, 200, (24, 24, 3), np.uint8)


def difference(scenario):
    changed = scenario.pixels(PICTURE, np.random.default_rng(1)).astype(float)
    return np.abs(changed - PICTURE).mean()


@pytest.mark.parametrize("name", PHOTOMETRIC)
def test_what_is_offered_is_a_scenario_of_the_same_name_and_another_setting(name):
    offered = parse(stronger(create(name)))
    assert offered.name == name
    assert offered.settings != create(name).settings


@pytest.mark.parametrize("name", [name for name in PHOTOMETRIC if name not in ("scaling", "rotation")])
def test_what_is_offered_changes_a_picture_more(name):
    # a random picture is as different from itself turned by 30° as by 48°
    assert difference(parse(stronger(create(name)))) > difference(create(name))


@pytest.mark.parametrize(
    ("text", "offered"),
    [
        ("noise:attenuate=5", "noise:attenuate=8"),
        ("scaling:factor=2", "scaling:factor=3.2"),
        ("rotation:angle_deg=-30", "rotation:angle_deg=-48"),
        ("jpeg:quality=8", "jpeg:quality=5"),
        ("sensor-noise", "sensor-noise:iso=20000"),
        ("noise:attenuate=19", "noise:attenuate=20"),
        ("noise:attenuate=20", ""),
        ("mask", ""),
        ("mask+noise", "noise:attenuate=8"),
    ],
)
def test_a_setting_is_raised_by_sixty_per_cent_up_to_its_bound(text, offered):
    assert stronger(parse(text)) == offered
    if offered:
        assert parse(offered).settings
