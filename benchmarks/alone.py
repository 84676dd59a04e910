"""Alone: one benchmark in this process, its result and the machine as one JSON document on stdout.

python -m benchmarks.alone NAME
"""

from __future__ import annotations

import contextlib
import json
import sys
from importlib import import_module

from benchmarks.measuring import machine


def main(name: str) -> None:
    """Run ``benchmarks.<name>.run()``; whatever it prints goes to stderr."""
    before = machine()
    with contextlib.redirect_stdout(sys.stderr):
        result = import_module(f"benchmarks.{name}").run()
    json.dump({"benchmark": name, "machine": before, "result": result}, sys.stdout, indent=2)
    print()


if __name__ == "__main__":
    main(sys.argv[1])
