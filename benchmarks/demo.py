"""Demo: where the time of `failatlas demo` goes after installation, and how much of it is the backbone's forward pass.

The demo's own analysis (10,000 photographs, about 1,000 failures) in a fresh process, stage by stage, report included;
once with `best`, the default, and once with `safe`. One run each, on one thread: what counts is shares of it, by
processor time, which a busy machine distorts less than the clock and waiting threads would inflate.

python -m benchmarks.demo
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.measuring import Spread
from benchmarks.table import Row, row, to_json

PIPELINES = ("best", "safe")
GOAL = 0.6
_FORWARD = "backbone forward"


@dataclass
class Clock:
    """A progress listener that credits time to the innermost step under way.

    Attributes:
        wall, cpu: seconds by step.
    """

    wall: dict[str, float] = field(default_factory=dict)
    cpu: dict[str, float] = field(default_factory=dict)
    _steps: list[str] = field(default_factory=list)
    _last: tuple[float, float] = field(default_factory=lambda: (time.perf_counter(), time.process_time()))

    def start(self, what: str, total: int = 0) -> None:  # noqa: ARG002 - the listener's signature
        self._credit()
        self._steps.append(what)

    def advance(self, amount: int) -> None: ...

    def end(self) -> None:
        self._credit()
        self._steps.pop()

    def move(self, to: str, wall: float, cpu: float) -> None:
        """Credit part of the step under way to another name."""
        self._credit()
        for table, seconds in ((self.wall, wall), (self.cpu, cpu)):
            table[to] = table.get(to, 0.0) + seconds
            table[self._steps[-1]] -= seconds

    def _credit(self) -> None:
        now = time.perf_counter(), time.process_time()
        if self._steps:
            step = self._steps[-1]
            self.wall[step] = self.wall.get(step, 0.0) + now[0] - self._last[0]
            self.cpu[step] = self.cpu.get(step, 0.0) + now[1] - self._last[1]
        self._last = now


class _Session:
    """An ONNX Runtime session whose forward passes are timed."""

    def __init__(self, inner: Any, clock: Clock) -> None:
        self._inner = inner
        self._clock = clock

    def run(self, *arguments: Any) -> Any:
        wall, cpu = time.perf_counter(), time.process_time()
        found = self._inner.run(*arguments)
        self._clock.move(_FORWARD, time.perf_counter() - wall, time.process_time() - cpu)
        return found


def run() -> dict[str, Any]:
    """Seconds by stage of both pipelines; rows for the table."""
    found = {pipeline: _child(pipeline) for pipeline in PIPELINES}
    return {"stages": found, "rows": to_json([_row(name, stages) for name, stages in found.items()])}


def _row(pipeline: str, stages: dict[str, Any]) -> Row:
    wall, cpu = sum(stages["wall"].values()), sum(stages["cpu"].values())
    share = stages["cpu"][_FORWARD] / cpu
    others = sorted(((s, n) for n, s in stages["cpu"].items() if n != _FORWARD), reverse=True)[:4]
    costly = ", ".join(f"{name} {seconds / cpu:.0%}" for seconds, name in others)
    return row(
        f"backbone forward's share, {pipeline}, {stages['errors']} failures of {stages['images']:,}, with report",
        f"{stages['cpu'][_FORWARD]:.1f} s",
        f"{cpu:.1f} s processor, {wall:.1f} s in all",
        Spread(share, share, share),
        at_least=GOAL,
        limit=f"the backbone; else: {costly}",
    )


def measure(pipeline: str) -> dict[str, Any]:
    """Analyse and report in this process."""
    clock = Clock()
    clock.start("imports and opening")
    from failatlas import progress, settings
    from failatlas.api import Atlas
    from failatlas.cases import cases
    from failatlas.features.backbone import Backbone
    from failatlas.runs import Conductor, open_inputs
    from failatlas.runs.analysis import Analysis
    from failatlas.runs.settings import Settings
    from failatlas.store import RunStore

    resolved = settings.resolve(Settings, {"case": "fashion", "pipeline": pipeline})
    case = cases.create("fashion")
    inputs = open_inputs(resolved, images=case.images("test"), model=case.model(), task=case.task())
    clock.end()
    with tempfile.TemporaryDirectory() as name, progress.listening(clock):
        with RunStore.open(name) as store:
            analysis = Analysis(inputs, resolved, Conductor(store))
            stages = ("digests", "survey", "outcomes", "extractor", "features", "reference", "grouping", "maps")
            for stage in (*stages, "root_causes"):
                clock.start(stage.replace("_", " "))
                found = getattr(analysis, stage)
                if isinstance(found, Backbone):
                    _timed_forward(found, clock)
                clock.end()
            clock.start("storing the run")
            run_found = analysis.run()
            clock.end()
        clock.start("report")
        Atlas(Path(name), run_found, resolved, lambda: inputs).report()
        clock.end()
    return {
        "images": len(run_found.outcomes.ids),
        "errors": int(run_found.outcomes.is_error.sum()),
        "wall": clock.wall,
        "cpu": clock.cpu,
    }


def _timed_forward(backbone: Any, clock: Clock) -> None:
    """Open the backbone's session now and time what passes through it."""
    import numpy as np

    from failatlas.images.records import Batch

    backbone.extract(Batch((0,), (np.zeros((28, 28, 3), np.uint8),)), np.zeros(1, np.int64))
    backbone._rows._session = _Session(backbone._rows._session, clock)


def _child(pipeline: str) -> dict[str, Any]:
    command = [sys.executable, "-m", "benchmarks.demo", "--child", pipeline]
    done = subprocess.run(
        command,
        check=True,
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parent.parent,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
    )
    found: dict[str, Any] = json.loads(done.stdout)
    return found


if __name__ == "__main__":
    json.dump(measure(sys.argv[2]) if "--child" in sys.argv else run(), sys.stdout, indent=2)
    print()
