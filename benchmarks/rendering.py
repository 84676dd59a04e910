"""Rendering: pictures a second, time to the first one, and what the data weighs.

Rates are of long runs: the start of processes is left out of them and stands beside them in the JSON. Every picture has
its shadows and its sensor's noise; signs and roads are those of the case studies' test sets, planted weaknesses
included, drivers a mix of poses, light, glasses, masks and hands. Labels are measured too, as always.

python -m benchmarks.rendering
"""

from __future__ import annotations

import io
import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from functools import cache
from importlib import resources
from itertools import count, islice
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from benchmarks.measuring import NONE, alternating, ratios
from benchmarks.table import Row, row, short, to_json
from failatlas.parameters import Space, Values
from failatlas.seeds import derive, generator

ROUNDS = 5
N_PICTURES, N_NUMPY = 400, 30
WARM = 200  # the calling process renders the first 64, and chunks that wait are finished before the clock starts
FIRST_S, DATA_MB = 1.0, 12.0
_PACE = "--pace"  # how this file asks itself for a rate in another process


@dataclass(frozen=True, slots=True)
class View:
    """What is rendered.

    Attributes:
        name: in the table.
        simulator, options: how it is built.
        goal: pictures a second with two processes.
        draw: number → parameters.
    """

    name: str
    simulator: str
    options: Mapping[str, object]
    goal: int
    draw: Callable[[int], Values]

    def jobs(self) -> Iterator[tuple[Values, int]]:
        """Parameters and seeds, without end."""
        return ((self.draw(number), derive(0, "benchmark", self.simulator, number)) for number in count())


@dataclass(frozen=True, slots=True)
class Pace:
    """How fast one run was.

    Attributes:
        rate: pictures a second once everything runs.
        core_ms: processor time of the calling process a picture.
        start_s: from the call until the clock started, `WARM` pictures included.
    """

    rate: float
    core_ms: float
    start_s: float


def run() -> dict[str, Any]:
    """Rates of every view with one and two processes; first pictures; bytes of data."""
    rows: list[Row] = []
    measured: dict[str, Any] = {}
    for number, view in enumerate(views()):
        paces, decoded = _paces(number, view)
        measured[view.name] = {
            "load": round(os.getloadavg()[0], 1),
            "decoded": decoded,
            **{what: [(pace.rate, pace.core_ms, pace.start_s) for pace in found] for what, found in paces.items()},
        }
        rows += _rows(view, paces, decoded)
    rows += _first_pictures()
    rows.append(_data())
    return {"rounds": ROUNDS, "views": measured, "rows": to_json(rows)}


def views() -> tuple[View, ...]:
    """Everything that has a goal."""
    return (
        View("driver, face view, 128 px", "driver", {"view": "face", "size_px": 128}, 300, driver),
        View("driver, face view, 96 px", "driver", {"view": "face", "size_px": 96}, 400, driver),
        View("signs, 96 px", "signs", {"size_px": 96}, 400, lambda number: _case("ts").values("test", number)),
        View(
            "road, 96 × 192 px",
            "road",
            {"height_px": 96, "width_px": 192},
            400,
            lambda number: _case("sap").values("test", number),
        ),
    )


def driver(number: int) -> Values:
    """An ordinary moment of the case studies; half wear glasses, a quarter a mask, a quarter a hand before the face."""
    from failatlas.cases.people import ordinary

    random = generator(0, "benchmark", "driver", number)
    space = _space("driver")

    def sometimes(name: str, share: float) -> str:
        usual, *others = space[name].choices
        return str(random.choice(others)) if random.random() < share else usual

    return {
        **ordinary(random, "test"),
        "glasses": sometimes("glasses", 0.5),
        "glasses_shape": str(random.choice(space["glasses_shape"].choices)),
        "mask": sometimes("mask", 0.25),
        "hand": sometimes("hand", 0.25),
        "hand_place": str(random.choice(space["hand_place"].choices)),
        "time": sometimes("time", 0.4),
        "sensor": sometimes("sensor", 0.25),
    }


def _paces(number: int, view: View) -> tuple[dict[str, list[Pace]], list[float]]:
    """Every round of one and two processes and of NumPy alone; rates at which the same pictures are decoded."""
    paces: dict[str, list[Pace]] = {}

    def of(what: str, measure: Callable[[], Pace]) -> Callable[[], None]:
        paces[what] = []
        return lambda: paces[what].append(measure())

    works: dict[str, Callable[[], object]] = {
        "two": of("two", lambda: pace(view, 2, N_PICTURES)),
        "one": of("one", lambda: pace(view, 1, N_PICTURES)),
        "numpy": of("numpy", lambda: _numpy_pace(number)),
    }
    files = _files(view)
    works["decoded"] = lambda: [_decoded(file) for file in files]
    seconds = alternating(works, ROUNDS)
    # alternating's first round warms up
    return {what: found[1:] for what, found in paces.items()}, [len(files) / taken for taken in seconds["decoded"]]


def pace(view: View, processes: int, n: int, warm: int = WARM) -> Pace:
    """Render ``n`` pictures after ``warm`` unmeasured ones."""
    from failatlas.simulators.batches import render_many

    begun = time.perf_counter()
    with closing(render_many(view.simulator, view.options, view.jobs(), processes=processes)) as renderings:
        _take(renderings, warm)
        start, core = time.perf_counter(), time.process_time()
        _take(renderings, n)
        taken, core = time.perf_counter() - start, time.process_time() - core
    return Pace(n / taken, 1000 * core / n, start - begun)


def _take(renderings: Iterator[Any], n: int) -> None:
    for _ in islice(renderings, n):
        pass


def _numpy_pace(number: int) -> Pace:
    """The rate without compiled loops, in a process of its own: what is compiled is settled at import."""
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.rendering", _PACE, str(number)],
        env={**os.environ, "FAILATLAS_RENDERER": "numpy"},
        cwd=Path(__file__).parents[1],
        check=True,
        capture_output=True,
        text=True,
    )
    return Pace(*json.loads(done.stdout))


def _files(view: View) -> list[bytes]:
    from PIL import Image

    from failatlas.simulators.batches import render_many

    files = []
    with closing(render_many(view.simulator, view.options, view.jobs(), processes=1)) as renderings:
        for rendering in islice(renderings, N_PICTURES):
            file = io.BytesIO()
            Image.fromarray(rendering.pixels).save(file, "PNG")
            files.append(file.getvalue())
    return files


def _decoded(file: bytes) -> np.ndarray:
    from PIL import Image

    return np.asarray(Image.open(io.BytesIO(file)))


def _rows(view: View, paces: Mapping[str, list[Pace]], decoded: list[float]) -> list[Row]:
    rates = {what: [pace.rate for pace in found] for what, found in paces.items()}
    two, one, numpy = (median(rates[what]) for what in ("two", "one", "numpy"))
    core_ms = median(pace.core_ms for pace in paces["one"])
    limit = f"{short(median(decoded))} img/s (decoding them from PNG)"
    speed_up = ratios(rates["two"], rates["one"])
    return [
        Row(
            f"{view.name}, 2 processes",
            f"{short(two)} img/s",
            f"{short(one)} img/s (1 process)",
            speed_up.median,
            speed_up.low,
            speed_up.high,
            f"≥ {view.goal} img/s",
            two >= view.goal,
            limit,
        ),
        row(
            f"{view.name}, 1 process",
            f"{short(one)} img/s, {short(core_ms)} ms of a core",
            f"{short(numpy)} img/s (NumPy alone)",
            ratios(rates["one"], rates["numpy"]),
            limit=limit,
        ),
    ]


def _first_pictures() -> list[Row]:
    """Fresh processes whose compiled code lies on disk, from the start of Python to the pixels."""
    bare = "import numba"
    code = {
        view.simulator: "from failatlas.simulators import simulators\n"
        f"simulators.create({view.simulator!r}, **{dict(view.options)!r}).render({{}}, 0)"
        for view in reversed(views())
    }
    cores: dict[str, list[float]] = {}
    works = {name: _python(text, cores.setdefault(name, [])) for name, text in {bare: bare, **code}.items()}
    seconds = alternating(works, ROUNDS)
    rows = []
    for name in code:
        taken, ratio = median(seconds[name]), ratios(seconds[name], seconds[bare])
        rows.append(
            Row(
                f"first picture of {name}, fresh process",
                f"{taken:.2f} s, {median(cores[name][1:]):.2f} s of a core",
                f"{median(seconds[bare]):.2f} s (python -c 'import numba')",
                ratio.median,
                ratio.low,
                ratio.high,
                f"< {FIRST_S:g} s",
                taken < FIRST_S,
                "–",
            )
        )
    return rows


def _python(code: str, cores: list[float]) -> Callable[[], object]:
    """Run code in a fresh process; its processor time in seconds goes into ``cores``."""

    def call() -> None:
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run([sys.executable, "-c", code], check=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        cores.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)

    return call


def _data() -> Row:
    """What simulators and rendered case studies add to the package."""
    megabytes = (
        sum(
            file.stat().st_size
            for room in ("failatlas.simulators", "failatlas.cases")
            for file in Path(str(resources.files(room))).joinpath("data").rglob("*")
            if file.is_file() and "fashion" not in file.parts
        )
        / 1e6
    )
    step = "package data of simulators and rendered case studies"
    reached = megabytes <= DATA_MB
    nothing = NONE.median
    return Row(step, f"{megabytes:.2f} MB", "–", nothing, nothing, nothing, f"≤ {DATA_MB:g} MB", reached, "–")


@cache
def _case(name: str) -> Any:
    from failatlas.cases import cases

    return cases.create(name)


@cache
def _space(simulator: str) -> Space:
    from failatlas.simulators import simulators

    return simulators.create(simulator).space


def main(arguments: list[str]) -> None:
    """Everything as JSON; with ``--pace NUMBER`` the pace of one view in this process."""
    if arguments[:1] == [_PACE]:
        found = pace(views()[int(arguments[1])], 1, N_NUMPY, 2)
        print(json.dumps((found.rate, found.core_ms, found.start_s)))
        return
    json.dump(run(), sys.stdout, indent=2)
    print()


if __name__ == "__main__":
    main(sys.argv[1:])
