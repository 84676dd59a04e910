"""Foreign: a simulator of the user's own, as ``module:callable`` or as a program (docs/how-to/own-simulator.md)."""

from __future__ import annotations

import importlib
import importlib.util
import os
import re
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from failatlas.errors import DataError, UnsafeInputError, UsageError
from failatlas.parameters import Space, Values
from failatlas.simulators.labels import Labels, failed
from failatlas.simulators.program import Program
from failatlas.simulators.simulator import Rendering, Simulator, simulators
from failatlas.simulators.worker import close, scene

WAYS = "a name of `failatlas parts`, module:callable, file.py:callable, or the path of a program"
_NAME = re.compile(r"[\w-]+")


def open_simulator(spec: str, *, trust_code: bool = False, **options: Any) -> Simulator:
    """The simulator that ``spec`` names.

    Args:
        spec: a registered name; ``"package.module:callable"`` or ``"file.py:callable"``, which is called with the
            options; or the path of a program, with a slash or a dot in it so that it is no name.
        trust_code: run the user's own code. Only what the user names runs, and never through a shell.
        options: how it is built. A program takes ``timeout_s`` (default 60) for each answer; it is sent the others.

    Raises:
        UnsafeInputError: code that is not trusted.
        UsageError: nothing of that name; an option that does not exist.
        DataError: the code gives no simulator, or the program does not keep to the form.
    """
    if is_name(spec):
        return simulators.create(spec, **options)
    if not trust_code:
        raise UnsafeInputError(f"simulator {spec!r} is code", remedy="if you trust it: trust_code=True (--trust-code)")
    place, _, name = spec.rpartition(":")
    if place and name.isidentifier():
        return OwnSimulator(_called(place, name, options), spec)
    path = Path(spec)
    if not path.is_file():
        raise UsageError(f"{spec!r} names no simulator", remedy=f"give {WAYS}")
    if not os.access(path, os.X_OK):
        raise UsageError("not a program", where=spec, remedy=f"chmod +x {path.name}, or file.py:callable")
    return Program(path, **options)


def is_name(spec: str) -> bool:
    """Whether ``spec`` can only be the name of a registered simulator."""
    return _NAME.fullmatch(spec) is not None


class OwnSimulator:
    """An object of the user's code, held to the contract.

    Args:
        inner: has ``space`` and ``render(values, seed)``.
        name: for messages.

    Raises:
        DataError: it lacks one of them.
    """

    def __init__(self, inner: object, name: str) -> None:
        space = getattr(inner, "space", None)
        render = getattr(inner, "render", None)
        if not isinstance(space, Space) or not callable(render):
            what = f"{type(inner).__name__} is no simulator"
            remedy = "give it space, a failatlas.parameters.Space, and render(values, seed)"
            raise DataError(what, where=name, remedy=remedy, code="E_SIMULATOR")
        self.space: Space = space
        self._render: Callable[[Values, int], object] = render
        self._inner = inner
        self._name = name
        self._labels = Labels(name)

    def render(self, values: Values, seed: int = 0) -> Rendering:
        """One picture.

        Raises:
            UsageError: an unknown parameter or a value outside its range.
            DataError: its code fails, or gives no rendering of these values.
        """
        full = self.space.validated(values)
        try:
            made = self._render(full, seed)
        except (Exception, SystemExit) as error:
            first = (str(error).splitlines() or [""])[0]
            raise failed(f"{self._name} failed: {type(error).__name__}: {first}", scene(full, seed)) from error
        if not isinstance(made, Rendering):
            raise failed(f"{self._name} gave a {type(made).__name__}, no Rendering", scene(full, seed))
        return Rendering(made.pixels, full, self._labels.checked(made.labels, scene(full, seed)))

    def close(self) -> None:
        """Let go of what it holds."""
        close(self._inner)

    def __repr__(self) -> str:
        return f"<OwnSimulator {self._name}: {len(self.space)} parameters>"


def _called(place: str, name: str, options: Mapping[str, Any]) -> object:
    """What the user's callable gives; a simulator that is no class is taken as it is."""
    where = f"{place}:{name}"
    with _importable(Path.cwd()):
        try:
            module = _file(Path(place)) if place.endswith(".py") else importlib.import_module(place)
            found: Any = getattr(module, name)
            return found if hasattr(found, "render") and not callable(found) else found(**options)
        except (Exception, SystemExit) as error:
            what = f"{where} cannot be built: {type(error).__name__}: {(str(error).splitlines() or [''])[0]}"
            remedy = "run from the folder it lies in, or install it; options are its keyword arguments"
            raise DataError(what, remedy=remedy, code="E_SIMULATOR") from error


@contextmanager
def _importable(folder: Path) -> Iterator[None]:
    # the console script has no current folder on its path, `python -m` has: the user expects the latter
    sys.path.insert(0, str(folder))
    writes, sys.dont_write_bytecode = sys.dont_write_bytecode, True  # sources are read-only, and so is their folder
    try:
        yield
    finally:
        sys.dont_write_bytecode = writes
        with suppress(ValueError):  # the user's code may have tidied up
            sys.path.remove(str(folder))


def _file(path: Path) -> object:
    spec = importlib.util.spec_from_file_location(f"failatlas_user_{path.stem}", path)
    if spec is None or spec.loader is None:
        raise ImportError(f"no such file: {path}")
    module = importlib.util.module_from_spec(spec)
    # registered before it runs, as dataclasses and inspect look it up by name
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module
