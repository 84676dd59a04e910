"""Compiled loops: Numba where it can be had, plain NumPy where not; one formula serves both.

A per-pixel formula is a function of plain arithmetic (``+ - * /``, ``np.sqrt``, ``np.exp``, ``np.floor``,
``np.minimum``, `select`, look-ups ``table[index]``, ``np.int64(x)``, ``np.float32(x)``). Its loop runs over `lanes`:
one index after the other when compiled, one slice of everything when not. So the same lines are a loop in machine code
and array arithmetic in NumPy. Inside a compiled function write ``&`` and ``|`` between conditions, and no ``if`` on
what differs from lane to lane.

>>> @compiled
... def dimmed(light, share, out):
...     for i in lanes(light.shape[0]):
...         out[i] = select(light[i] > 1.0, 1.0, light[i]) * share
>>> out = np.empty(3, np.float32)
>>> dimmed(np.array([0.5, 1.0, 4.0], np.float32), 0.5, out)
>>> out
array([0.25, 0.5 , 0.5 ], dtype=float32)

The environment variable ``FAILATLAS_RENDERER=numpy`` switches Numba off.
"""

from __future__ import annotations

import hashlib
import os
import stat
import tempfile
from collections.abc import Callable, Iterable
from contextlib import suppress
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any, TypeAlias, TypeVar, cast, overload

import numpy as np

from failatlas.errors import UsageError

# a number inside a compiled loop, an array of them in NumPy: the one place where a type must stay open
Lane: TypeAlias = Any

_F = TypeVar("_F", bound=Callable[..., Any])
_PACKAGE = __name__.split(".")[0]


def _load_numba() -> tuple[ModuleType | None, str]:
    """Numba and "", or None and why not."""
    wanted = os.environ.get("FAILATLAS_RENDERER", "")
    if wanted not in ("", "numba", "numpy"):
        raise UsageError(
            f"unknown renderer {wanted!r}",
            where="environment variable FAILATLAS_RENDERER",
            remedy="unset it, or say numba or numpy",
        )
    if wanted == "numpy":
        return None, "switched off by FAILATLAS_RENDERER=numpy"
    try:
        import numba
    except Exception as error:  # a Numba older than NumPy, Python or LLVM fails in many ways; the picture need not
        return None, f"{type(error).__name__}: {(str(error).splitlines() or [''])[0]}"
    return numba, ""


_numba, WHY_NOT = _load_numba()
HAS_NUMBA = _numba is not None


@overload
def compiled(function: _F) -> _F: ...
@overload
def compiled(*, exact: bool) -> Callable[[_F], _F]: ...
def compiled(function: _F | None = None, *, exact: bool = False) -> _F | Callable[[_F], _F]:
    """Decorator: a function in machine code, kept on disk; without Numba the function itself.

    Args:
        function: only numbers, tuples and arrays go in and out. Arrays of one role keep one dtype and memory order, for
            each combination of types is compiled anew (seconds). Constants are compiled in: one that is imported from
            another file and changes there is not noticed.
        exact: IEEE arithmetic in the written order: the same bits on every machine and as in NumPy, and not-a-number
            may be tested for. The default may reorder sums and assumes that everything is finite.
    """
    if function is None:
        return cast("Callable[[_F], _F]", lambda given: _compile(given, exact))
    return _compile(function, exact)


def _compile(function: _F, exact: bool) -> _F:
    if _numba is None:
        return function
    source = function.__code__.co_filename
    on_disk = os.path.exists(source)  # not what is typed into a notebook
    if on_disk:
        _find_cache(source)
    # error_model "numpy": x / 0 is inf as in NumPy, and no branch for it in the loop
    made = _numba.njit(nogil=True, cache=on_disk, fastmath=not exact, error_model="numpy")(function)
    if not on_disk:
        return cast("_F", made)
    with suppress(AttributeError):  # Numba's insides; without, its own rule holds
        # Numba looks at the function's own file alone, so after an upgrade it would go on with code of old callees
        made._cache._cache_file._source_stamp = _stamp(function)
    return cast("_F", made)


def _find_cache(source: str) -> None:
    """Numba refuses to keep code when neither the package's folder nor the user's cache can be written: lend a folder.

    It tries both itself, so nothing is changed for those who have one, nor where NUMBA_CACHE_DIR says where.
    """
    from numba import config

    if config.CACHE_DIR or _writable(str(Path(source).parent / "__pycache__")) or _writable(_user_cache()):
        return
    config.CACHE_DIR = _private_folder()


def _user_cache() -> str:
    from numba.misc.appdirs import AppDirs

    return str(AppDirs(appname="numba", appauthor=False).user_cache_dir)


@cache
def _writable(folder: str) -> bool:
    """Asked as Numba asks; os.access would say yes to root on a read-only disk."""
    try:
        os.makedirs(folder, exist_ok=True)
        tempfile.TemporaryFile(dir=folder).close()
    except OSError:
        return False
    return True


@cache
def _private_folder() -> str:
    """A folder of this user alone below the temporary one: code is loaded from it, so nobody else may write there."""
    user = os.getuid() if hasattr(os, "getuid") else 0
    folder = Path(tempfile.gettempdir()) / f"{_PACKAGE}-numba-{user}"
    with suppress(OSError):
        folder.mkdir(mode=0o700, exist_ok=True)
        status = folder.lstat()
        if stat.S_ISDIR(status.st_mode) and status.st_uid == user and not status.st_mode & 0o077:
            return str(folder)
    return tempfile.mkdtemp(prefix=f"{_PACKAGE}-numba-")


def _stamp(function: Callable[..., Any]) -> bytes:
    """What compiled code depends on: the function's file and those of our compiled functions that it may call."""
    files = {function.__code__.co_filename}
    _add_callees(function.__globals__, files)
    return hashlib.sha256(b"".join(_hash(file) for file in sorted(files))).digest()


def _add_callees(names: dict[str, Any], files: set[str]) -> None:
    for value in list(names.values()):
        callee = getattr(value, "py_func", None)
        if callee is None or not callee.__module__.startswith(f"{_PACKAGE}."):
            continue
        file = callee.__code__.co_filename
        if file not in files:
            files.add(file)
            _add_callees(callee.__globals__, files)


@cache
def _hash(file: str) -> bytes:
    return hashlib.sha256(Path(file).read_bytes()).digest()


# last, for compiling needs all of the above
if HAS_NUMBA:
    # range itself, so that Numba sees its own loop
    lanes: Callable[[int], Iterable[Any]] = range

    @compiled
    def select(condition: Lane, yes: Lane, no: Lane) -> Lane:
        """``yes`` where the condition holds, else ``no``; both are evaluated."""
        return yes if condition else no

else:

    def lanes(n: int) -> Iterable[Any]:
        """Indices 0 … n − 1: one after the other when compiled, as one slice in NumPy."""
        return (slice(0, n),)

    def select(condition: Lane, yes: Lane, no: Lane) -> Lane:
        """``yes`` where the condition holds, else ``no``; both are evaluated."""
        # np.where makes float64 of two Python numbers, and of these only
        return np.where(condition, yes, no)
