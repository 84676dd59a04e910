"""Progress: stages say how far they are; whoever listens (command line, studio, notebook) decides how to show it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Protocol, TypeVar

_Item = TypeVar("_Item")


class Listener(Protocol):
    """Hears of work: a step with its total, the advance, its end."""

    def start(self, what: str, total: int) -> None:
        """A step of ``total`` items begins (0: length unknown)."""

    def advance(self, amount: int) -> None:
        """``amount`` items more are done."""

    def end(self) -> None:
        """The step is over, finished or not."""


class _Silent:
    def start(self, what: str, total: int) -> None: ...

    def advance(self, amount: int) -> None: ...

    def end(self) -> None: ...


_listener: ContextVar[Listener] = ContextVar("failatlas_progress", default=_Silent())  # noqa: B039 - stateless


@contextmanager
def listening(listener: Listener) -> Iterator[None]:
    """Send progress to ``listener`` inside the block."""
    token = _listener.set(listener)
    try:
        yield
    finally:
        _listener.reset(token)


@contextmanager
def step(what: str, total: int = 0) -> Iterator[Listener]:
    """Announce a step; call ``advance`` on what the block receives."""
    listener = _listener.get()
    listener.start(what, total)
    try:
        yield listener
    finally:
        listener.end()


def track(items: Iterable[_Item], what: str, total: int) -> Iterator[_Item]:
    """Yield ``items`` and report each as one unit of ``what``.

    >>> list(track([1, 2], "squares", 2))
    [1, 2]
    """
    with step(what, total) as listener:
        for item in items:
            yield item
            listener.advance(1)
