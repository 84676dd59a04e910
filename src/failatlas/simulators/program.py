"""Program: a simulator in any language, as an executable that answers requests in JSON lines.

| request, one line on standard input | answer, one line on standard output |
|---|---|
| `{"request": "describe", "schema": 1, "options": {…}}` | `{"schema": 1, "parameters": [{"name": …}, …]}` |
| `{"request": "render", "values": {…}, "seed": 0, "out": "…/0.png"}` | `{"pixels": …, "labels": {…}}` |
| either | `{"error": "what is wrong, in one line"}` |

`parameters` is the table of `parameters.json`. `pixels` is the path of a picture in the folder of `out`, or
`{"width": w, "height": h, "base64": rows of RGB bytes}`. Every parameter is in `values`, within its range. The program
ends when its input ends. What it writes to standard error is kept for messages. The same values and seed must give the
same picture.
"""

from __future__ import annotations

import base64
import binascii
import json
import os
import selectors
import shutil
import tempfile
import time
import weakref
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np

from failatlas.arrays import Pixels
from failatlas.errors import DataError, UsageError
from failatlas.images import BadImage, Decoding
from failatlas.images.decoding import decode
from failatlas.images.opening import read_file
from failatlas.parameters import SCHEMA, Space, Value, Values
from failatlas.simulators.labels import Labels, failed
from failatlas.simulators.process import Process
from failatlas.simulators.simulator import Rendering
from failatlas.simulators.worker import scene

_TAIL = 4096  # bytes of standard error that are kept
_LONGEST_WORDS = 1000
_GRACE_S = 1.0


class Program:
    """A program that answers requests; started once, and again after it ended or did not answer.

    Args:
        path: of the program.
        timeout_s: for each answer.
        decoding: limits of its pictures.
        options: are sent with ``describe``.

    Raises:
        DataError: it cannot be started, or describes no parameters.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        timeout_s: float = 60.0,
        decoding: Decoding | None = None,
        **options: Value,
    ) -> None:
        if isinstance(timeout_s, str | bool) or not timeout_s > 0:
            raise UsageError(f"timeout_s is {timeout_s!r}", remedy="give seconds above 0")
        self._path = Path(path).absolute()  # without a slash, the search path would decide what runs
        self._timeout_s = float(timeout_s)
        self._decoding = decoding or Decoding()
        self._options = options
        self._labels = Labels(self._path.name)
        self._conversation: _Conversation | None = None
        self._folder = tempfile.mkdtemp(prefix="failatlas-simulator-")
        self._forgotten = weakref.finalize(self, shutil.rmtree, self._folder, ignore_errors=True)
        self._n_requests = 0
        self.space = self._described()

    def render(self, values: Values, seed: int = 0) -> Rendering:
        """One picture.

        Raises:
            UsageError: an unknown parameter or a value outside its range; it never reaches the program.
            DataError: it does not answer in time, ends, says that it cannot, or answers nonsense; names the parameters.
        """
        full = self.space.validated(values)
        where = scene(full, seed)
        self._n_requests += 1
        out = Path(self._folder, f"{self._n_requests}.png")
        request = {"request": "render", "values": full, "seed": seed, "out": str(out)}
        answer = self._asked(request, where)
        try:
            pixels = self._pixels(answer.get("pixels"), where)
        finally:
            out.unlink(missing_ok=True)
        return Rendering(pixels, full, self._labels.checked(answer.get("labels", {}), where))

    def close(self) -> None:
        """End the program and what it started."""
        if self._conversation is not None:
            self._conversation.close()
            self._conversation = None
        self._forgotten()

    def __repr__(self) -> str:
        return f"<Program {self._path.name}: {len(self.space)} parameters>"

    def _described(self) -> Space:
        answer = self._asked({"request": "describe", "schema": SCHEMA, "options": self._options}, self._path.name)
        try:
            return Space.from_json(answer, where=f"{self._path.name}, answer to describe")
        except DataError:
            self.close()
            raise

    def _asked(self, request: Mapping[str, object], where: str) -> dict[str, Any]:
        """The answer to one request, from a program that has described itself."""
        fresh = self._conversation is None
        if self._conversation is None:
            self._conversation = _Conversation(self._path, self._decoding)
        try:
            if fresh and request["request"] != "describe":
                described = {"request": "describe", "schema": SCHEMA, "options": self._options}
                again = Space.from_json(self._conversation.asked(described, self._timeout_s), where=self._path.name)
                if again != self.space:
                    raise _BrokenOffError("started again, it describes other parameters")
            answer = self._conversation.asked(request, self._timeout_s)
        except _BrokenOffError as error:
            complaint = self._conversation.close(grace_s=0)  # it may hang
            self._conversation = None
            raise failed(f"{self._path.name} {error}{complaint}", where) from None
        except BaseException:  # Ctrl-C between request and answer: the next answer would be to the wrong request
            self._conversation.close(grace_s=0)
            self._conversation = None
            raise
        if "error" in answer:
            raise failed(f"{self._path.name} says: {str(answer['error'])[:_LONGEST_WORDS]}", where)
        return answer

    def _pixels(self, said: object, where: str) -> Pixels:
        try:
            if isinstance(said, str):
                return self._picture(said)
            if isinstance(said, dict):
                return self._raw(said)
        except BadImage as error:
            what = f"{self._path.name} gave an unusable picture: {error.what}"
            raise DataError(what, where=where, remedy="mend the simulator", code=error.name) from error
        raise failed(f"{self._path.name} gave no pixels, neither a path nor width, height and base64", where)

    def _picture(self, path: str) -> Pixels:
        folder = os.path.realpath(self._folder)
        try:
            inside = os.path.relpath(os.path.realpath(os.path.join(folder, path)), folder)
        except ValueError:
            raise BadImage("its path is no file name") from None
        if inside.startswith(os.pardir):
            raise BadImage("it does not lie in the folder of `out`", code="E_IMG_LINK")
        return decode(read_file(Path(folder), inside, max_bytes=self._decoding.max_bytes), self._decoding).pixels

    def _raw(self, said: Mapping[str, object]) -> Pixels:
        width, height, text = said.get("width"), said.get("height"), said.get("base64")
        if type(width) is not int or type(height) is not int or not isinstance(text, str) or min(width, height) < 1:
            raise BadImage("width and height are whole numbers from 1, base64 is a text")
        limits = self._decoding
        if width * height > limits.max_megapixels * 1e6 or max(width, height) > limits.max_side_px:
            raise BadImage(f"{width} × {height} pixels", code="E_IMG_TOO_LARGE")
        try:
            data = base64.b64decode(text, validate=True)
        except (binascii.Error, ValueError):
            raise BadImage("not base64") from None
        if len(data) != width * height * 3:
            raise BadImage(f"{len(data)} bytes for {width} × {height} × 3", code="E_IMG_TRUNCATED")
        return np.frombuffer(data, np.uint8).reshape(height, width, 3)


class _BrokenOffError(Exception):
    """The program has to be ended; the text says what it did."""


class _Conversation:
    """One life of a program: requests and answers, with a limit of time and size, and the tail of its complaints."""

    def __init__(self, path: Path, decoding: Decoding) -> None:
        try:
            self._process = Process([str(path)], keep_errors=True)
        except OSError as error:
            reason = error.strerror or str(error)
            remedy = "a script's first line names its interpreter, e.g. #!/usr/bin/env python3"
            what = f"{path.name} cannot be started: {reason}"
            raise DataError(what, where=str(path), remedy=remedy, code="E_SIMULATOR") from error
        # whatever happens to this object, the program does not outlive it
        self._ended = weakref.finalize(self, self._process.end, _GRACE_S)
        # 4 signs of base64 for 3 bytes, and room for labels
        self._longest = int(4 * decoding.max_megapixels * 1e6) + (1 << 20)
        self._answers = bytearray()
        self._complaints = bytearray()
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._process.stdout, selectors.EVENT_READ, self._answers)
        self._selector.register(self._process.stderr, selectors.EVENT_READ, self._complaints)

    def asked(self, request: Mapping[str, object], timeout_s: float) -> dict[str, Any]:
        """The answer to one request.

        Raises:
            _BrokenOffError: there is none.
        """
        try:
            self._process.stdin.write(json.dumps(request).encode() + b"\n")
            self._process.stdin.flush()
        except OSError:
            raise self._over() from None
        line = self._line(timeout_s)
        try:
            answer = json.loads(line)
        except (ValueError, RecursionError):
            answer = None
        if not isinstance(answer, dict):
            shown = line[:80].decode(errors="replace")
            raise _BrokenOffError(f"answered {shown!r}, no JSON object on one line (other output: standard error)")
        return answer

    def close(self, grace_s: float = _GRACE_S) -> str:
        """End the program; returns the last line of its complaints, for a message."""
        self._drain()
        self._selector.close()
        self._process.end(grace_s)
        self._ended.detach()
        lines = self._complaints.decode(errors="replace").split("\n")
        last = next((line.strip() for line in reversed(lines) if line.strip()), "")
        return f"; its last words: {last[:300]}" if last else ""

    def _line(self, timeout_s: float) -> bytes:
        until = time.monotonic() + timeout_s
        searched = 0
        while (end := self._answers.find(b"\n", searched)) < 0:
            searched = len(self._answers)
            if searched > self._longest:
                raise _BrokenOffError(f"answered more than {self._longest} bytes")
            left = until - time.monotonic()
            if left <= 0:
                raise _BrokenOffError(f"did not answer within {timeout_s:g} s")
            if not self._read(left):
                raise self._over()
        line = bytes(self._answers[:end])
        del self._answers[: end + 1]
        return line

    def _read(self, timeout_s: float) -> bool:
        """Take in what there is; False when its answers have ended."""
        for key, _ in self._selector.select(timeout_s):
            data = os.read(key.fd, 1 << 16)
            key.data.extend(data)
            if key.data is self._complaints:
                del self._complaints[:-_TAIL]
            if not data:
                self._selector.unregister(key.fileobj)
                if key.data is self._answers:
                    return False
        return True

    def _drain(self) -> None:
        """What it said last before it ended, which the pipes still hold."""
        with suppress(OSError):
            while self._selector.get_map() and self._selector.select(0):
                self._read(0)

    def _over(self) -> _BrokenOffError:
        self._drain()
        return _BrokenOffError(f"ended ({self._process.end(_GRACE_S)})")
