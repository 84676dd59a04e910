"""Answers: one JSON document or readable lines on stdout; progress and errors on stderr."""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from failatlas import progress
from failatlas.errors import FailatlasError

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID


_WIDE = 1000  # signs a line


def document(value: object) -> None:
    """Print one JSON document; nan becomes null, for JSON has none."""
    print(json.dumps(_finite(value), ensure_ascii=True, allow_nan=False))


def line(text: str = "") -> None:
    """Print one line for a person."""
    print(text)


def table(title: str, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print a table for a person."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    shown = Table(title=title, title_justify="left", box=None, pad_edge=False, header_style="bold")
    for column in columns:
        shown.add_column(column)
    for row in rows:
        # Text, not str: a file name in brackets is not rich's markup
        shown.add_row(*(Text(_printable(cell)) for cell in row))
    # a file or a pipe is as wide as it must be: a name that is cut cannot be searched for
    console = Console(width=None if sys.stdout.isatty() else _WIDE)
    with console.capture() as capture:  # rich itself would end the process when the reader of a pipe leaves
        console.print(shown)
    print("\n".join(text.rstrip() for text in capture.get().splitlines()))


def failure(error: FailatlasError, *, as_json: bool) -> None:
    """Say what went wrong: one line on stderr and, with ``--json``, one document on stdout."""
    print(str(error), file=sys.stderr)
    if as_json:
        document({"error": error.to_json()})


@contextmanager
def progress_shown(quiet: bool) -> Iterator[None]:
    """Show progress with an estimate of the time left on stderr: a live bar on a terminal, a line a step elsewhere."""
    if quiet:
        yield
        return
    listener = _Bars() if sys.stderr.isatty() else _Lines()
    with listener, progress.listening(listener):
        yield


class _Bars:
    """Live bars by rich."""

    def __init__(self) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
        from rich.progress import TimeRemainingColumn as Remaining

        self._progress: Progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            Remaining(),
            console=Console(stderr=True),
        )
        self._tasks: list[TaskID] = []

    def __enter__(self) -> _Bars:
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    def start(self, what: str, total: int) -> None:
        self._tasks.append(self._progress.add_task(what, total=total or None))

    def advance(self, amount: int) -> None:
        self._progress.advance(self._tasks[-1], amount)

    def end(self) -> None:
        task = self._tasks.pop()
        current = next(t for t in self._progress.tasks if t.id == task)
        if not current.total:
            self._progress.update(task, total=1, completed=1)
        # one that was interrupted stays where it was
        self._progress.stop_task(task)


class _Lines:
    """A line when a step begins and one every ten seconds, for logs."""

    def __init__(self) -> None:
        import time

        self._clock = time.monotonic
        self._steps: list[_Step] = []

    def __enter__(self) -> _Lines:
        return self

    def __exit__(self, *_: object) -> None: ...

    def start(self, what: str, total: int) -> None:
        now = self._clock()
        self._steps.append(_Step(what, total, started=now, said=now))
        print(f"{what}{f' ({total})' if total else ''} …", file=sys.stderr, flush=True)

    def advance(self, amount: int) -> None:
        step = self._steps[-1]
        step.done += amount
        now = self._clock()
        if now - step.said >= 10 and step.done < step.total:
            step.said = now
            # a step may be told that it is alive before its first unit is done
            left = (now - step.started) / step.done * (step.total - step.done) if step.done else None
            told = f", about {left:.0f} s left" if left is not None else ""
            print(f"{step.what}: {step.done}/{step.total}{told}", file=sys.stderr, flush=True)

    def end(self) -> None:
        self._steps.pop()


@dataclass(slots=True)
class _Step:
    what: str
    total: int
    started: float
    said: float
    done: int = 0


def _finite(value: object) -> object:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {str(key): _finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    return value


def _printable(text: str) -> str:
    return "".join(c if c.isprintable() else c.encode("unicode_escape", "surrogatepass").decode() for c in text)
