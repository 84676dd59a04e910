"""Worker: the process that `batches` starts; builds one simulator and renders the jobs that arrive on its input.

A message is two lengths, a JSON document and the bytes of a picture, which may be empty. Nothing in it becomes code.
"""

from __future__ import annotations

import json
import os
import signal
import struct
import sys
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from importlib import import_module
from typing import IO, Any

import numpy as np

from failatlas import errors
from failatlas.errors import DataError, FailatlasError
from failatlas.parameters import Values
from failatlas.simulators.simulator import Rendering, Simulator

_HEAD = struct.Struct("<II")
_WATCH_S = 1.0


def main(parent: int) -> None:
    """Read from standard input until it ends; the first message says which simulator.

    Args:
        parent: the process that started this one, which does not outlive it.
    """
    threading.Thread(target=_end_with, args=(parent,), daemon=True).start()
    # a terminal's Ctrl-C is for the parent, which then ends us
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    # what a simulator prints must not fall into the answers
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    requests = sys.stdin.buffer
    simulator: Simulator | None = None
    try:
        with suppress(EOFError, BrokenPipeError):  # the parent is gone
            recipe, _ = receive(requests)
            try:
                simulator = build(recipe)
            except (Exception, SystemExit) as error:
                send(answers, {"error": as_row(error, "")})
                return
            send(answers, {})
            while True:
                message, _ = receive(requests)
                for values, seed in message["jobs"]:
                    _answer(answers, rendered(simulator, values, seed))
    finally:
        close(simulator)
        with suppress(BrokenPipeError):
            answers.close()


def build(recipe: Mapping[str, Any]) -> Simulator:
    """The simulator that ``{"module", "name", "options"}`` describes."""
    factory: Any = import_module(recipe["module"])
    for part in recipe["name"].split("."):
        factory = getattr(factory, part)
    simulator: Simulator = factory(**recipe["options"])
    return simulator


def close(simulator: object) -> None:
    """Let go of what a simulator holds, if it holds anything."""
    closing: Callable[[], None] | None = getattr(simulator, "close", None)
    if closing is not None:
        closing()


def rendered(simulator: Simulator, values: Values, seed: int) -> Rendering | FailatlasError:
    """The picture, or why there is none; the same error in every process."""
    try:
        made = simulator.render(values, seed)
        for name, value in made.labels.items():
            if not isinstance(value, float | int | str):  # NumPy's own numbers pass through no pipe
                raise TypeError(f"label {name!r} is a {type(value).__name__}, neither number nor text")
    except (Exception, SystemExit) as error:
        return as_error(as_row(error, scene(values, seed)))
    return made


def scene(values: Values, seed: int) -> str:
    """One job for messages: ``"yaw=30, time=night, seed 4"``; long ones are cut."""
    text = ", ".join(
        f"{name}={value if isinstance(value, str) else format(value, 'g')}" for name, value in values.items()
    )
    return f"{text[:400]}{'…' if len(text) > 400 else ''}, seed {seed}".removeprefix(", ")


def as_row(error: BaseException, where: str) -> dict[str, str]:
    """An error as fields that pass through a pipe."""
    if not isinstance(error, FailatlasError):
        first = (str(error).splitlines() or [""])[0]
        what = f"rendering failed: {type(error).__name__}: {first}"
        error = DataError(what, where=where, remedy="mend the simulator", code="E_SIMULATOR")
    return {"kind": type(error).__name__, **error.to_json()}


def as_error(row: Mapping[str, str]) -> FailatlasError:
    """The error of a row; a class that is not of ``errors`` becomes a `DataError`."""
    kind = getattr(errors, row["kind"], DataError)
    made: FailatlasError = kind(row["what"], where=row["where"], remedy=row["remedy"], code=row["code"])
    return made


def send(pipe: IO[bytes], document: Mapping[str, object], picture: bytes = b"") -> None:
    """Write one message.

    Raises:
        BrokenPipeError: nobody reads.
    """
    text = json.dumps(document).encode()
    pipe.write(_HEAD.pack(len(text), len(picture)) + text + picture)
    pipe.flush()


def receive(pipe: IO[bytes]) -> tuple[dict[str, Any], bytes]:
    """Read one message.

    Raises:
        EOFError: the other side has ended.
    """
    n_text, n_picture = _HEAD.unpack(_exactly(pipe, _HEAD.size))
    document: dict[str, Any] = json.loads(_exactly(pipe, n_text))
    return document, _exactly(pipe, n_picture)


def received(pipe: IO[bytes]) -> Rendering | FailatlasError:
    """Read the answer to one job.

    Raises:
        EOFError: the worker has ended.
    """
    row, picture = receive(pipe)
    if "error" in row:
        return as_error(row["error"])
    pixels = np.frombuffer(picture, np.uint8).reshape(row["shape"])
    return Rendering(pixels, row["values"], row["labels"])


def _end_with(parent: int) -> None:
    # one killed while we render closes our input, which we see only after the picture, and pictures may take long
    while os.getppid() == parent:
        time.sleep(_WATCH_S)
    os._exit(1)


def _answer(pipe: IO[bytes], made: Rendering | FailatlasError) -> None:
    if isinstance(made, FailatlasError):
        send(pipe, {"error": as_row(made, "")})
        return
    row = {"shape": made.pixels.shape, "values": dict(made.values), "labels": dict(made.labels)}
    send(pipe, row, made.pixels.tobytes())


def _exactly(pipe: IO[bytes], n: int) -> bytes:
    data = pipe.read(n)
    if len(data) < n:
        raise EOFError
    return data
