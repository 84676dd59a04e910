"""Registry: a kind of part (extractor, reducer, clusterer, …) is a table of names; a new part is one file and one line.

A malformed part is refused where it is defined, not hours later where it is used.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from importlib import import_module, metadata
from typing import Generic, TypeVar

from failatlas.errors import UsageError

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Parameter:
    """A parameter as data: one table serves validation, command-line help and docs.

    Attributes:
        default: the value used when nobody says otherwise; ``"auto"`` = chosen from the data.
        range: the values it may take, in words, e.g. ``"2 … 500"``.
        meaning: what a higher value does.
    """

    default: float | int | str
    range: str
    meaning: str


@dataclass(frozen=True, slots=True)
class Part(Generic[_T]):
    """One registered part: its name, its factory, its parameters and where it comes from."""

    name: str
    factory: Callable[..., _T]
    parameters: Mapping[str, Parameter]
    source: str
    summary: str


class Registry(Generic[_T]):
    """Parts of one kind.

    Args:
        kind: singular noun for messages, e.g. ``"clusterer"``.
        methods: what every part must offer; checked when a part is registered.
        modules: our own modules that register parts, imported at the first look-up and not before; given by the name
            of their part, a look-up of that name imports its module alone.
        group: entry-point group through which other packages add parts.
    """

    def __init__(
        self,
        kind: str,
        *,
        methods: tuple[str, ...],
        modules: tuple[str, ...] | Mapping[str, str] = (),
        group: str = "",
    ) -> None:
        self.kind = kind
        self._methods = methods
        self._module_of = dict(modules) if isinstance(modules, Mapping) else {}
        self._modules = tuple(self._module_of.values()) if isinstance(modules, Mapping) else modules
        self._group = group
        self._parts: dict[str, Part[_T]] = {}
        self._loaded = False

    def register(
        self, name: str, *, parameters: Mapping[str, Parameter] | None = None, source: str
    ) -> Callable[[type], type]:
        """Class decorator that adds a part.

        Raises:
            TypeError: the class lacks a method of the contract or a docstring, or the name is taken.
        """

        def add(part: type) -> type:
            missing = [method for method in self._methods if not callable(getattr(part, method, None))]
            if missing:
                raise TypeError(f"{self.kind} {name!r} ({part.__name__}) lacks {', '.join(missing)}()")
            if not part.__doc__:
                raise TypeError(f"{self.kind} {name!r} ({part.__name__}) has no docstring")
            taken = self._parts.get(name)
            if taken is not None and taken.factory is not part:
                raise TypeError(f"{self.kind} {name!r} is registered twice")
            summary = part.__doc__.strip().splitlines()[0]
            self._parts[name] = Part(name, part, dict(parameters or {}), source, summary)
            return part

        return add

    def offer(self, name: str, part: _T, *, source: str, summary: str) -> _T:
        """Add a part that is one object and takes no parameters; returns it.

        Raises:
            TypeError: it lacks a method of the contract, or the name is taken.
        """
        missing = [method for method in self._methods if not callable(getattr(part, method, None))]
        if missing:
            raise TypeError(f"{self.kind} {name!r} lacks {', '.join(missing)}()")
        if name in self._parts:
            raise TypeError(f"{self.kind} {name!r} is registered twice")
        self._parts[name] = Part(name, lambda: part, {}, source, summary)
        return part

    def get(self, name: str) -> Part[_T]:
        """The part called ``name``.

        Raises:
            UsageError: there is none; the message offers the nearest name.
        """
        if name in self._module_of:
            import_module(self._module_of[name])
        else:
            self._load()
        if name not in self._parts:
            near = difflib.get_close_matches(name, self._parts, n=1)
            hint = f"did you mean {near[0]!r}? " if near else ""
            raise UsageError(
                f"unknown {self.kind} {name!r}",
                remedy=f"{hint}choose one of: {', '.join(sorted(self._parts))}",
            )
        return self._parts[name]

    def create(self, name: str, **parameters: object) -> _T:
        """Build the part called ``name``; unknown parameters are an error that names the known ones."""
        part = self.get(name)
        for parameter in parameters:
            if parameter not in part.parameters:
                known = ", ".join(sorted(part.parameters)) or "none"
                raise UsageError(f"{self.kind} {name!r} has no parameter {parameter!r}", remedy=f"known: {known}")
        return part.factory(**parameters)

    def __iter__(self) -> Iterator[Part[_T]]:
        self._load()
        return iter(sorted(self._parts.values(), key=lambda part: part.name))

    def __contains__(self, name: object) -> bool:
        self._load()
        return name in self._parts

    def _load(self) -> None:
        if self._loaded:
            return
        for module in self._modules:
            import_module(module)
        for entry in metadata.entry_points(group=self._group) if self._group else ():
            _load_entry(entry, self.kind)
        self._loaded = True


def _load_entry(entry: metadata.EntryPoint, kind: str) -> None:
    try:
        entry.load()
    except Exception as error:  # another package's import can fail in any way; ours is not at fault, and says whose is
        package = entry.dist.name if entry.dist is not None else entry.module
        reason = (str(error).splitlines() or [""])[0]
        raise UsageError(
            f"{kind} {entry.name!r} cannot be loaded: {type(error).__name__}: {reason}",
            where=f"package {package}",
            remedy=f"mend or uninstall {package}",
            code="E_PART",
        ) from error
