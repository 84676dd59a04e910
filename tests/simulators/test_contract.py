"""The contract of every registered simulator: what it declares, refuses, repeats and measures."""

from __future__ import annotations

import math
import pickle
import re
from functools import cache

import numpy as np
import pytest

from failatlas.errors import FailatlasError, UsageError
from failatlas.parameters import Parameter, Space
from failatlas.registry import Parameter as Option
from failatlas.simulators import Rendering, render_many, simulators

# a label or parameter that is neither: shares, counts and texts have no unit
_UNIT = re.compile(r"[\w°%/·²³⁻¹ ^-]{0,20}")
_MODULES = ("driver", "road", "signs")


@cache
def simulator(name: str):
    """One object a test process: rendering keeps buffers, which must not show."""
    return simulators.create(name)


@cache
def at_defaults(name: str) -> Rendering:
    return simulator(name).render({}, 5)


def parameters() -> list[tuple[str, Parameter]]:
    return [(part.name, parameter) for part in simulators for parameter in simulator(part.name).space]


def edges() -> list:
    """(simulator, parameter, value): both ends of every range, every choice, and every value of few integers."""
    found = []
    for name, parameter in parameters():
        values = list(parameter.choices) or [parameter.low, parameter.high]
        found += [pytest.param(name, parameter.name, value, id=f"{name}-{parameter.name}={value}") for value in values]
    return found


def wrong_values(parameter: Parameter) -> list[object]:
    wrong: list[object] = [math.nan, math.inf, None, True, [1.0], "nonsense"]
    if parameter.choices:
        return [*wrong, 0.0, parameter.choices[0].upper() + "?"]
    if not parameter.circular:
        wrong += [parameter.high + 1e-3 * (parameter.high - parameter.low), parameter.low - 1, -1e300, 10**400]
    return [*wrong, (parameter.low + 0.5)] if parameter.integer else wrong


each = pytest.mark.parametrize("name", [part.name for part in simulators])


def test_the_built_in_simulators_are_there():
    assert {part.name for part in simulators} >= set(_MODULES)


@each
def test_a_part_says_what_it_is_and_how_it_is_built(name):
    part = simulators.get(name)
    assert part.source
    assert part.summary.endswith(".")
    assert all(isinstance(option, Option) and option.range and option.meaning for option in part.parameters.values())
    assert "Labels:" in (part.factory.__doc__ or "")


@each
def test_an_unknown_option_is_refused(name):
    with pytest.raises(UsageError, match="has no parameter 'sise_px'"):
        simulators.create(name, sise_px=3)


@each
def test_every_option_is_checked_when_it_is_built(name):
    for option in simulators.get(name).parameters:
        with pytest.raises(UsageError, match=option):
            simulators.create(name, **{option: -1})
        with pytest.raises(UsageError, match=option):
            simulators.create(name, **{option: "nonsense"})


@each
def test_parameters_are_declared_with_unit_and_meaning(name):
    space = simulator(name).space
    assert isinstance(space, Space)
    assert len(space) >= 5
    for parameter in space:
        assert parameter.meaning, parameter.name
        assert _UNIT.fullmatch(parameter.unit), parameter.name
        if parameter.circular:
            assert parameter.unit == "deg"
            assert parameter.high - parameter.low in (180, 360)  # a line's direction closes after half a turn
    assert Space.from_json(space.to_json()) == space


@each
def test_defaults_render(name):
    made = at_defaults(name)
    assert isinstance(made, Rendering)
    assert made.values == simulator(name).space.defaults
    assert made.pixels.std() > 5  # a picture of something
    assert not made.pixels.flags.writeable
    assert made.labels


@pytest.mark.parametrize(("name", "parameter", "value"), edges())
def test_every_end_and_every_choice_renders(name, parameter, value):
    made = simulator(name).render({parameter: value}, 5)
    before = at_defaults(name)
    expected = dict(before.values) | {parameter: simulator(name).space[parameter].checked(value)}
    assert dict(made.values) == expected
    assert made.pixels.shape == before.pixels.shape
    assert made.labels.keys() == before.labels.keys()
    for label, measured in made.labels.items():
        assert type(measured) in (float, str), label
        assert not (isinstance(measured, float) and math.isinf(measured)), label
        assert type(measured) is type(before.labels[label]), label


@each
def test_every_parameter_does_something(name):
    """Moved from its default to an end or a choice it changes pixels or labels, in some scene of a few dozen."""
    space = simulator(name).space
    idle = set(space.names)
    random = np.random.default_rng(0)
    for scene in [space.defaults] + [space.draw(random) for _ in range(60)]:
        if not idle:
            break
        before = simulator(name).render(scene, 5)
        for parameter in [space[one] for one in space.names if one in idle]:
            for value in list(parameter.choices) or [parameter.low, parameter.high, parameter.from_unit(0.3)]:
                made = simulator(name).render({**scene, parameter.name: value}, 5)
                if not np.array_equal(made.pixels, before.pixels) or dict(made.labels) != dict(before.labels):
                    idle.discard(parameter.name)
                    break
    assert not idle


@each
def test_R4_same_seed_same_bytes_whatever_was_rendered_before(name):
    space = simulator(name).space
    random = np.random.default_rng(1)
    scenes = [(space.draw(random), seed) for seed in (0, 1, 2**31 - 1, 7)]
    first = [simulator(name).render(*scene) for scene in scenes]
    kept = [made.pixels.copy() for made in first]
    again = [simulators.create(name).render(*scene) for scene in reversed(scenes)][::-1]
    for made, other, pixels in zip(first, again, kept, strict=True):
        assert np.array_equal(made.pixels, pixels)  # a later picture does not write into an earlier one
        assert np.array_equal(made.pixels, other.pixels)
        np.testing.assert_equal(dict(made.labels), dict(other.labels))
        assert dict(made.values) == dict(other.values)


@each
def test_R4_other_processes_give_the_same_bytes(name, monkeypatch):
    from failatlas.simulators import batches

    monkeypatch.setattr(batches, "ALONE", 1)
    random = np.random.default_rng(2)
    scenes = [(simulator(name).space.draw(random), seed) for seed in range(6)]
    for made, scene in zip(render_many(name, {}, scenes, processes=2), scenes, strict=True):
        here = simulator(name).render(*scene)
        assert np.array_equal(made.pixels, here.pixels)
        np.testing.assert_equal(dict(made.labels), dict(here.labels))


@each
def test_any_seed_renders(name):
    for seed in (0, 1, 2**31 - 1):
        assert simulator(name).render({}, seed).pixels.shape == at_defaults(name).pixels.shape


@each
def test_the_seed_matters_and_is_no_parameter(name):
    space = simulator(name).space
    assert not {"seed", "random"} & set(space.names)
    random = np.random.default_rng(3)
    scenes = [space.draw(random) for _ in range(5)]
    pairs = [(simulator(name).render(scene, 0), simulator(name).render(scene, 1)) for scene in scenes]
    assert any(not np.array_equal(left.pixels, right.pixels) for left, right in pairs)


@pytest.mark.parametrize(
    ("name", "parameter"),
    [pytest.param(name, parameter, id=f"{name}-{parameter.name}") for name, parameter in parameters()],
)
def test_D10_bad_values_are_refused_with_parameter_value_and_range(name, parameter):
    for value in wrong_values(parameter):
        with pytest.raises(UsageError) as refused:
            simulator(name).render({parameter.name: value})
        error = refused.value
        assert error.name == "E_PARAMETER"
        assert repr(parameter.name) in error.what
        assert repr(value)[:60] in error.what
        assert parameter.range in error.remedy


@each
def test_an_unknown_parameter_is_refused_with_the_nearest(name):
    known = simulator(name).space.names[0]
    with pytest.raises(UsageError) as refused:
        simulator(name).render({known + "x": 1})
    assert refused.value.name == "E_PARAMETER"
    assert f"did you mean {known!r}?" in refused.value.remedy


@each
def test_a_refused_scene_spoils_nothing(name):
    with pytest.raises(FailatlasError):
        simulator(name).render({"nonsense": 1})
    assert np.array_equal(simulator(name).render({}, 5).pixels, at_defaults(name).pixels)


@each
def test_labels_are_no_parameters_and_the_same_for_every_scene(name):
    space = simulator(name).space
    random = np.random.default_rng(4)
    names = set(at_defaults(name).labels)
    assert not names & set(space.names)
    assert all(re.fullmatch(r"[a-z][a-z0-9_]*", label) for label in names)
    for seed in range(25):
        assert set(simulator(name).render(space.draw(random), seed).labels) == names


@each
def test_a_point_survives_the_way_to_a_vector_and_back(name):
    space = simulator(name).space
    random = np.random.default_rng(5)
    for _ in range(20):
        point = space.draw(random)
        back = space.from_vector(space.to_vector(point))
        assert back == pytest.approx(point)
    for corner in (-1.0, 1.0):
        scene = space.from_vector(np.full(len(space), corner))
        assert simulator(name).render(scene, 5).pixels.shape == at_defaults(name).pixels.shape


@each
def test_a_rendering_survives_pickling(name):
    made = at_defaults(name)
    again = pickle.loads(pickle.dumps(made))
    assert np.array_equal(made.pixels, again.pixels)
    assert dict(made.values) == dict(again.values)
    np.testing.assert_equal(dict(made.labels), dict(again.labels))


@each
def test_values_may_be_given_by_numpy(name):
    space = simulator(name).space
    given = {one.name: np.float64(one.default) for one in space if not one.choices}
    made = simulator(name).render(given, 5)
    assert np.array_equal(made.pixels, at_defaults(name).pixels)
    assert all(type(value) in (float, str) for value in made.values.values())


@each
def test_it_is_in_the_reference(name):
    from pathlib import Path

    page = (Path(__file__).parents[2] / "docs" / "reference" / "simulators.md").read_text(encoding="utf-8")
    section = page.partition(f"### {name}\n")[2].partition("\n### ")[0]
    assert not [one for one in simulator(name).space.names if f"| `{one}` |" not in section]
