"""Scenario: a failure that is injected on purpose, so that its cause is known: mask, hand, noise, darkness, ….

Geometric scenarios change what a simulator renders and need one whose parameters they name; photometric scenarios
change pixels and work on any picture.  Joined by ``+`` they apply in the order in which a camera meets them, however
they are written: geometry, light, lens, sensor.

>>> scenario = parse("noise+mask")
>>> scenario
<Scenario mask+noise (M+N): noise_attenuate=5.0>
>>> parse("M+N") == scenario, parse("noise:attenuate=2").settings
(True, {'noise_attenuate': 2.0})
>>> parse("darkness").pixels(np.full((1, 2), 188, np.uint8), np.random.default_rng(0))
array([[50, 50]], dtype=uint8)
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Literal, final

import numpy as np

from failatlas.errors import UsageError
from failatlas.parameters import Parameter, Space, Value, Values
from failatlas.simulators.effects import STAGES, Effect, Picture, Points, effects


@dataclass(frozen=True, slots=True)
class Geometry:
    """A scenario's change of the scene.

    Attributes:
        name: what people call it.
        code: its letters in the published failure scenarios.
        space: parameters of a simulator, each with the values that it is drawn from, a part of the simulator's own.
        source: where its definition comes from.
        summary: one line.
    """

    name: str
    code: str
    space: Space
    source: str
    summary: str


_PUBLISHED = "rendered; the published scenario draws it over the picture"
_HAND = (
    Parameter("hand_place", choices=("mouth", "eye", "cheek", "temple", "forehead"), meaning="what the hand lies on"),
    Parameter("hand_side", choices=("left", "right"), meaning="of the person"),
)

GEOMETRIES = (
    Geometry(
        "mask",
        "M",
        Space([Parameter("mask", choices=("blue", "white", "black"), meaning="its colour")]),
        _PUBLISHED,
        "A mask covers nose and mouth.",
    ),
    Geometry(
        "eyeglasses",
        "E",
        Space([Parameter("glasses", choices=("clear",), meaning="glasses with clear lenses")]),
        _PUBLISHED,
        "Glasses with clear lenses.",
    ),
    Geometry(
        "sunglasses",
        "S",
        Space([Parameter("glasses", choices=("sun",), meaning="glasses with dark lenses")]),
        _PUBLISHED,
        "Glasses with dark lenses hide the eyes.",
    ),
    Geometry(
        "hand",
        "H",
        Space([Parameter("hand", choices=("bare",), meaning="a bare hand and wrist"), *_HAND]),
        _PUBLISHED,
        "A bare hand before the face.",
    ),
    Geometry(
        "hand-with-sleeve",
        "HS",
        Space([Parameter("hand", choices=("sleeve",), meaning="a hand that comes out of a sleeve"), *_HAND]),
        _PUBLISHED,
        "A hand with a sleeve before the face.",
    ),
)


@dataclass(frozen=True, slots=True)
class _Step:
    """One part of a scenario, and those of its parameters that are fixed."""

    part: Geometry | Effect
    fixed: tuple[tuple[str, Value], ...] = ()

    @property
    def stage(self) -> int:
        return STAGES.index(self.part.stage) + 1 if isinstance(self.part, Effect) else 0

    def draw(self, random: np.random.Generator) -> dict[str, Value]:
        """What is fixed, what is drawn, and defaults for the rest."""
        drawn = self.part.space.names if isinstance(self.part, Geometry) else self.part.drawn
        fixed = dict(self.fixed)
        fresh = {name: self.part.space[name].from_unit(random.uniform(-1, 1)) for name in drawn}
        return self.part.space.validated({**fresh, **fixed})

    @property
    def settings(self) -> dict[str, Value]:
        """What is the same in every picture."""
        fixed = dict(self.fixed)
        if isinstance(self.part, Geometry):
            return fixed
        constant = {k: v for k, v in self.part.space.validated(fixed).items() if k in fixed or k not in self.part.drawn}
        return {self.column(name): value for name, value in constant.items()}

    def column(self, name: str) -> str:
        return name if isinstance(self.part, Geometry) else f"{self.part.name.replace('-', '_')}_{name}"


@dataclass(frozen=True, slots=True)
class Injection:
    """The pixel part of a scenario as it was drawn for one picture.

    Attributes:
        truth: for the manifest: ``known_cause`` and ``scenario`` (its name), ``scenario_code`` and, named
            ``<effect>_<parameter>``, every value of its pixel effects.  What geometric parts set is among the
            simulator's own values.
    """

    truth: Mapping[str, Value]
    _effects: tuple[tuple[Effect, Mapping[str, Value], int], ...]

    def pixels(self, picture: Picture) -> Picture:
        """The changed picture, a new array."""
        changed = picture.copy()
        for effect, values, seed in self._effects:
            changed = effect.apply(changed, seed, **values)
        return changed

    def points(self, points: Points, size: tuple[int, int]) -> Points:
        """Where points of the picture are in the changed picture; see `Effect.points`."""
        for effect, values, _ in self._effects:
            points = effect.points(points, size, **values)
        return points


@final
@dataclass(frozen=True, slots=True, repr=False)
class Scenario:
    """One scenario or several joined; made by `create` and `parse`.

    Raises:
        UsageError: no part, the same part twice, or two that set the same parameter of a simulator.
    """

    _steps: tuple[_Step, ...]

    def __post_init__(self) -> None:
        ordered = tuple(sorted(self._steps, key=lambda step: step.stage))  # stable: as written within a stage
        object.__setattr__(self, "_steps", ordered)
        if not ordered:
            raise UsageError("a scenario of no part", remedy=f"choose one of: {', '.join(scenarios)}")
        setters: dict[str, str] = {}
        for step in ordered:
            for name in map(step.column, step.part.space.names or ("",)):
                if name in setters:
                    both = f"{setters[name]!r} and {step.part.name!r} both set {name!r}"
                    raise UsageError(both, where="scenario", remedy="leave one of them out")
                setters[name] = step.part.name

    @property
    def name(self) -> str:
        """Names of the parts in the order of their application, joined by ``+``."""
        return "+".join(step.part.name for step in self._steps)

    @property
    def code(self) -> str:
        """Codes of the parts, joined by ``+``."""
        return "+".join(step.part.code for step in self._steps)

    @property
    def kind(self) -> Literal["geometric", "photometric", "both"]:
        """Whether it changes the scene, the pixels or both."""
        kinds = {isinstance(step.part, Geometry) for step in self._steps}
        return "both" if len(kinds) == 2 else "geometric" if kinds == {True} else "photometric"

    @property
    def space(self) -> Space:
        """All parameters: of geometric parts by the simulator's names, of effects as ``<effect>_<parameter>``."""
        return Space([replace(p, name=step.column(p.name)) for step in self._steps for p in step.part.space])

    @property
    def settings(self) -> dict[str, Value]:
        """Parameters that are the same in every picture; the others are drawn for each."""
        return {name: value for step in self._steps for name, value in step.settings.items()}

    def applies_to(self, space: Space | None) -> bool:
        """Whether it can be done to renderings of a simulator with this space; None: to pictures of a camera."""
        return not self._misfit(space)

    def check(self, space: Space | None) -> None:
        """Pass, or say why the scenario cannot be done.

        Args:
            space: parameters of the simulator; None for pictures that are there already.

        Raises:
            UsageError: a geometric part and no simulator, or one that lacks a parameter or its values.
        """
        misfit = self._misfit(space)
        if misfit:
            usable = [s.name for s in scenarios.values() if s.applies_to(space)]
            raise UsageError(misfit, remedy=f"choose among {', '.join(usable)}, or render a case study of drivers")

    def values(self, values: Values, random: np.random.Generator, space: Space) -> dict[str, Value]:
        """All parameters for the simulator, with those of the geometric parts set.

        Args:
            values: of the simulator; what is left out is at its default.
            random: draws, evenly, what the scenario leaves open, e.g. the place of a hand.
            space: the simulator's.

        Raises:
            UsageError: the scenario does not fit the space; see `check`.
        """
        self.check(space)
        changed = dict(values)
        for step in self._steps:
            if isinstance(step.part, Geometry):
                changed |= step.draw(random)
        return space.validated(changed)

    def draw(self, random: np.random.Generator) -> Injection:
        """The pixel part for one picture: what is left open is drawn from ``random``."""
        truth: dict[str, Value] = {"scenario": self.name, "scenario_code": self.code, "known_cause": self.name}
        todo = []
        for step in self._steps:
            if isinstance(step.part, Effect):
                values = step.draw(random)
                truth |= {step.column(name): value for name, value in values.items()}
                todo.append((step.part, values, int(random.integers(2**31))))
        return Injection(truth, tuple(todo))

    def pixels(self, picture: Picture, random: np.random.Generator) -> Picture:
        """The picture with the pixel part done to it, a new array; `draw` gives the ground truth as well."""
        return self.draw(random).pixels(picture)

    def __add__(self, other: Scenario) -> Scenario:
        """Both at once."""
        return Scenario(self._steps + other._steps)

    def __repr__(self) -> str:
        settings = ", ".join(f"{name}={value}" for name, value in self.settings.items())
        return f"<Scenario {self.name} ({self.code})" + (f": {settings}>" if settings else ">")

    def _misfit(self, space: Space | None) -> str:
        for step in self._steps:
            if isinstance(step.part, Geometry):
                if space is None:
                    return f"scenario {step.part.name!r} changes the scene, which a finished picture no longer has"
                for parameter in step.part.space:
                    misfit = _misfit(parameter, space, dict(step.fixed))
                    if misfit:
                        return f"scenario {step.part.name!r} does not fit this simulator: {misfit}"
        return ""


def _misfit(parameter: Parameter, space: Space, fixed: Values) -> str:
    if parameter.name not in space:
        return f"it has no parameter {parameter.name!r}"
    own = space[parameter.name]
    ends: tuple[Value, ...] = parameter.choices or (parameter.low, parameter.high)
    for value in (fixed[parameter.name],) if parameter.name in fixed else ends:
        try:
            own.checked(value)
        except UsageError:
            return f"its {parameter.name!r} takes {own.range}, not {value!r}"
    return ""


class Scenarios(Mapping[str, Scenario]):
    """Every scenario with its defaults, by name: those of the published study first, then every other effect."""

    def __getitem__(self, name: str) -> Scenario:
        """The scenario called ``name``, or with this code.

        Raises:
            UsageError: there is none; the message offers the nearest name.
        """
        return create(name)

    def __contains__(self, name: object) -> bool:
        return any(name in (part.name, part.code) for part in _parts())

    def __iter__(self) -> Iterator[str]:
        return (part.name for part in _parts())

    def __len__(self) -> int:
        return len(_parts())

    def rows(self) -> Iterator[tuple[str, str, str, str]]:
        """Name, summary, parameters and source of each, for tables."""
        for part in _parts():
            listed = "; ".join(f"{p.name} {p.range}" + _default(part, p) for p in part.space)
            yield part.name, f"{part.code}: {part.summary}", listed, part.source


scenarios = Scenarios()


def create(name: str, **settings: Value) -> Scenario:
    """A single scenario.

    Args:
        name: or code, e.g. ``"hand-with-sleeve"`` or ``"HS"``.
        **settings: parameters to fix; the others are at their defaults, or drawn where the scenario says so.

    Raises:
        UsageError: unknown name or parameter, or a value outside its range.
    """
    part = _part(name)
    checked = {key: part.space[key].checked(value) for key, value in settings.items()}
    return Scenario((_Step(part, tuple(sorted(checked.items()))),))


def parse(text: str) -> Scenario:
    """Scenarios joined by ``+``, each a name or code, with settings after a colon.

    >>> parse("sunglasses + motion:length_px=12,angle_deg=90 + jpeg")
    <Scenario sunglasses+motion+jpeg (S+MO+JP): motion_length_px=12.0, motion_angle_deg=90.0, jpeg_quality=8.0>

    Raises:
        UsageError: unknown name or parameter, a value outside its range, or parts that exclude each other.
    """
    steps: tuple[_Step, ...] = ()
    for word in text.split("+"):
        name, colon, listed = word.partition(":")
        settings = {}
        for pair in listed.split(",") if colon else ():
            key, equals, value = pair.partition("=")
            if not equals:
                raise UsageError(f"scenario setting {pair.strip()!r}", where=repr(text), remedy="write parameter=value")
            parameter = _part(name.strip()).space[key.strip()]
            settings[key.strip()] = value.strip() if parameter.choices else _number(value.strip())
        steps += create(name.strip(), **settings)._steps
    return Scenario(steps)


def _number(text: str) -> Value:
    try:
        return float(text)
    except ValueError:
        return text  # the parameter refuses it, with its own range


def _part(name: str) -> Geometry | Effect:
    for part in _parts():
        if name in (part.name, part.code):
            return part
    names = [part.name for part in _parts()]
    near = difflib.get_close_matches(name.lower(), names, n=1)
    hint = f"did you mean {near[0]!r}? " if near else ""
    raise UsageError(f"unknown scenario {name!r}", remedy=f"{hint}choose one of: {', '.join(names)}")


_FIRST = ("noise", "blur", "brightness", "darkness", "scaling")  # of the published study; the rest follows by name


def _parts() -> list[Geometry | Effect]:
    rest = sorted(set(effects) - set(_FIRST))
    return [*GEOMETRIES, *(effects[name] for name in (*_FIRST, *rest))]


def _default(part: Geometry | Effect, parameter: Parameter) -> str:
    drawn = isinstance(part, Geometry) or parameter.name in part.drawn
    return " (drawn)" if drawn else f" ({parameter.default:g})" if not parameter.choices else f" ({parameter.default})"
