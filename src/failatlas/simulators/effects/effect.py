"""Effect: a named change of a picture's pixels, with physical parameters; one small function and one decorator.

>>> from failatlas.simulators.effects import effects
>>> effects["darkness"]
<Effect darkness (DA): stops 0 … 8 stop>
>>> effects["darkness"].apply(np.full((1, 1), 188, np.uint8), stops=1)
array([[137]], dtype=uint8)
"""

from __future__ import annotations

import difflib
import inspect
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias, TypeVar, get_args

import numpy as np
from numpy.typing import NDArray

from failatlas.errors import ShapeError, UsageError
from failatlas.parameters import Parameter, Space, Value, Values
from failatlas.simulators.effects.light import Picture, to_light, to_pixels

Stage: TypeAlias = Literal["geometry", "light", "lens", "sensor"]
STAGES: tuple[Stage, ...] = get_args(Stage)
"""The order in which a camera meets them, and in which combined effects apply."""

Points: TypeAlias = NDArray[np.float64]
"""(m, 2): x to the right and y down in pixels, from the upper left corner of the picture; nan = not to be seen."""

Moves: TypeAlias = Callable[[Points, tuple[int, int], Values], Points]

_Function = TypeVar("_Function", bound=Callable[..., object])


@dataclass(frozen=True, slots=True, repr=False)
class Effect:
    """One effect.

    Attributes:
        name: what people call it.
        code: its letters in file names and tables.
        stage: where on its way from scene to file the picture is changed.
        space: its parameters; their defaults make the picture clearly worse.
        drawn: names of the parameters that a scenario draws when nobody fixes them.
        source: where its definition comes from.
        summary: one line.
        is_random: it takes a seed.
        in_light: its function takes linear light, not 8-bit pixels.
        function: picture or light, parameters by name, and the seed if it is random → the same kind, changed.
        moves: see `effect`; None = everything stays in its place, and in sight.
    """

    name: str
    code: str
    stage: Stage
    space: Space
    drawn: tuple[str, ...]
    source: str
    summary: str
    is_random: bool
    in_light: bool
    function: Callable[..., object]
    moves: Moves | None = None

    def apply(self, picture: Picture, seed: int = 0, **values: Value) -> Picture:
        """The changed picture, a new array of the same shape.

        Args:
            picture: uint8 (h, w), (h, w, 1) or (h, w, 3), any size from 1 × 1.
            seed: of what is random; same seed, same bytes.
            **values: parameters; the rest is at its default.

        Raises:
            UsageError: an unknown parameter or a value outside its range.
            ShapeError: no such picture.
        """
        if picture.dtype != np.uint8 or picture.ndim not in (2, 3) or picture.shape[2:] not in ((), (1,), (3,)):
            raise ShapeError(f"{self.name} of {picture.dtype} {picture.shape}", remedy="give uint8 (h, w) or (h, w, 3)")
        if picture.size == 0:
            raise ShapeError(f"{self.name} of an empty picture, {picture.shape}", remedy="give at least one pixel")
        settings: dict[str, object] = {**self.space.validated(values)}
        if self.is_random:
            settings["seed"] = seed
        if self.in_light:
            light = self.function(to_light(picture), **settings)
            return to_pixels(np.asarray(light, np.float32))
        return np.asarray(self.function(picture, **settings), np.uint8)

    def points(self, points: Points, size: tuple[int, int], **values: Value) -> Points:
        """Where points of the picture are in the changed picture; nan where something covers them.

        Args:
            points: (m, 2), see `Points`.
            size: height and width of the picture.
            **values: parameters; the rest is at its default.

        Raises:
            UsageError: an unknown parameter or a value outside its range.
        """
        return points if self.moves is None else self.moves(points, size, self.space.validated(values))

    def __repr__(self) -> str:
        listed = ", ".join(f"{parameter.name} {parameter.range}" for parameter in self.space)
        return f"<Effect {self.name} ({self.code}): {listed or 'no parameters'}>"


class Effects(Mapping[str, Effect]):
    """All effects by name, in the order of their definition."""

    def __init__(self) -> None:
        self._effects: dict[str, Effect] = {}

    def __getitem__(self, name: str) -> Effect:
        """The effect called ``name``.

        Raises:
            UsageError: there is none; the message offers the nearest name.
        """
        if name not in self._effects:
            near = difflib.get_close_matches(name, self._effects, n=1)
            hint = f"did you mean {near[0]!r}? " if near else ""
            raise UsageError(f"unknown effect {name!r}", remedy=f"{hint}choose one of: {', '.join(self._effects)}")
        return self._effects[name]

    def __contains__(self, name: object) -> bool:
        return name in self._effects

    def __iter__(self) -> Iterator[str]:
        return iter(self._effects)

    def __len__(self) -> int:
        return len(self._effects)

    def add(self, effect: Effect) -> None:
        """Add one.

        Raises:
            TypeError: its name or code is taken.
        """
        for other in self._effects.values():
            if effect.name == other.name or effect.code == other.code:
                raise TypeError(f"effect {effect.name!r} ({effect.code}): {other.name!r} ({other.code}) exists")
        self._effects[effect.name] = effect


effects = Effects()


def effect(
    name: str,
    code: str,
    stage: Stage,
    *parameters: Parameter,
    source: str,
    in_light: bool = False,
    drawn: tuple[str, ...] = (),
    moves: Moves | None = None,
) -> Callable[[_Function], _Function]:
    """Register a function as an effect; the function itself stays as it is.

    Its first argument is the picture, or linear light with ``in_light``; then one argument a parameter, by name; then
    ``seed``, if it is random.

    Where it moves or covers things, ``moves`` takes points, the size of the picture and the parameters, and says where
    the points are afterwards; see `Effect.points`.

    Raises:
        TypeError: arguments and parameters differ, there is no docstring, or name or code is taken.
    """

    def add(function: _Function) -> _Function:
        arguments = list(inspect.signature(function).parameters)[1:]
        is_random = arguments[-1:] == ["seed"]
        space = Space(parameters)
        if arguments[: len(arguments) - is_random] != list(space.names):
            raise TypeError(f"effect {name!r} takes {arguments}, but declares {list(space.names)}")
        if not function.__doc__:
            raise TypeError(f"effect {name!r} has no docstring")
        if stage not in STAGES or not set(drawn) <= set(space.names):
            raise TypeError(f"effect {name!r}: stage {stage!r} or drawn {drawn} is unknown")
        summary = function.__doc__.strip().splitlines()[0]
        effects.add(Effect(name, code, stage, space, drawn, source, summary, is_random, in_light, function, moves))
        return function

    return add
