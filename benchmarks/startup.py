"""Startup: how long `import failatlas` and `failatlas --help` take beside an empty Python, and what they import.

python -m benchmarks.startup
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.measuring import alternating, ratios
from benchmarks.table import Row, to_json

ROUNDS = 10
GOAL_S = 0.3
HEAVY = ("torch", "numpy", "scipy", "sklearn", "umap", "numba", "onnx", "onnxruntime", "PIL", "pandas", "rich")
_IMPORT = "import failatlas"
# what the console script does, in a process that can tell afterwards what it has imported
_HELP = "import sys; from failatlas.cli import main\ntry: main(['--help'])\nexcept SystemExit: pass"
_COUNT = "\nimport sys, json; print(json.dumps(sorted(sys.modules)), file=sys.stderr)"


def run() -> dict[str, Any]:
    """Seconds, modules and heavy modules of each; rows for the table."""
    script = Path(sys.executable).with_name("failatlas")
    seconds = alternating(
        {
            "python -c pass": _process(sys.executable, "-c", "pass"),
            _IMPORT: _process(sys.executable, "-c", _IMPORT),
            "failatlas --help": _process(str(script), "--help"),
        },
        ROUNDS,
    )
    bare = seconds["python -c pass"]
    modules = {"python -c pass": _modules("pass"), _IMPORT: _modules(_IMPORT), "failatlas --help": _modules(_HELP)}
    rows = []
    for name in (_IMPORT, "failatlas --help"):
        taken, ratio = median(seconds[name]), ratios(seconds[name], bare)
        heavy = [part for part in HEAVY if part in modules[name]]
        more = len(modules[name]) - len(modules["python -c pass"])
        imported = ", ".join(heavy) or "nothing heavy"
        rows.append(
            Row(
                f"{name} ({more} modules more, {imported})",
                f"{taken:.3f} s",
                f"{median(bare):.3f} s (python -c pass)",
                ratio.median,
                ratio.low,
                ratio.high,
                f"< {GOAL_S} s, nothing heavy",
                taken < GOAL_S and not set(heavy) - {"rich"},
                "1 (an empty Python)",
            )
        )
    return {
        "seconds": seconds,
        "modules": {name: len(names) for name, names in modules.items()},
        "heavy": {name: [part for part in HEAVY if part in names] for name, names in modules.items()},
        "rows": to_json(rows),
    }


def _process(*command: str) -> Callable[[], object]:
    return lambda: subprocess.run(command, check=True, capture_output=True)


def _modules(code: str) -> list[str]:
    done = subprocess.run([sys.executable, "-c", code + _COUNT], check=True, capture_output=True, text=True)
    found: list[str] = json.loads(done.stderr.splitlines()[-1])
    return found


if __name__ == "__main__":
    json.dump(run(), sys.stdout, indent=2)
    print()
