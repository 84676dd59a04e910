"""Nursery: imports everything once, then forks the real command for every request; importing torch takes seconds.

Each line on stdin is a JSON request. ``{"start": […], …}`` forks a child that runs ``failatlas.cli.main`` with its own
files, environment and folder, and answers its process number; ``{"wait": pid}`` answers its wait status.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import sys
import tempfile
import time
import traceback
from typing import Any


def warm(analyses: list[list[str]]) -> None:
    """Load every module that an analysis loads, by doing some."""
    from failatlas.cli import main

    with tempfile.TemporaryDirectory() as folder:
        for number, words in enumerate(analyses):
            with contextlib.redirect_stdout(io.StringIO()) as out, contextlib.suppress(SystemExit):
                main([*words, "--out", f"{folder}/{number}", "--quiet", "--json"])
            assert '"clusters"' in out.getvalue(), out.getvalue()


def run(request: dict[str, Any]) -> None:
    """In the child: become the command, never return."""
    status = 1
    try:
        for number, name in ((0, os.devnull), (1, request["out"]), (2, request["err"])):
            flags = os.O_RDONLY if number == 0 else os.O_WRONLY | os.O_CREAT | os.O_TRUNC
            os.dup2(os.open(name, flags, 0o600), number)
        sys.stdout = open(1, "w", encoding="utf-8", closefd=False)  # noqa: SIM115
        sys.stderr = open(2, "w", encoding="utf-8", closefd=False, buffering=1)  # noqa: SIM115
        os.environ.update(request["env"])
        os.umask(request["umask"])
        os.chdir(request["cwd"])
        if "TZ" in request["env"]:
            time.tzset()
        from failatlas.cli import main
        from failatlas.store import failpoints

        failpoints.arm(request["env"].get(failpoints.VARIABLE, ""))
        main(request["start"])
    except SystemExit as leaving:
        status = leaving.code if isinstance(leaving.code, int) else 1
    except BaseException:
        traceback.print_exc()
    finally:
        with contextlib.suppress(OSError):
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(status)


def serve() -> None:
    """Answer requests until stdin ends."""
    answer = os.fdopen(os.dup(1), "w", buffering=1)
    print(json.dumps({"ready": os.getpid()}), file=answer)
    for line in sys.stdin:
        request = json.loads(line)
        if "wait" in request:
            _, status = os.waitpid(request["wait"], 0)
            print(json.dumps({"status": os.waitstatus_to_exitcode(status)}), file=answer)
            continue
        child = os.fork()
        if child == 0:
            answer.close()
            run(request)
        print(json.dumps({"pid": child}), file=answer)


if __name__ == "__main__":
    sys.path.insert(0, os.path.dirname(__file__))
    from offline import Offline

    Offline().install()
    warm(json.loads(sys.argv[1]))
    serve()
