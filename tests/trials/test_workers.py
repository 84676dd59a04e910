"""Workers: the same bytes from one process or two, and a process that dies costs its unit."""

from __future__ import annotations

import os
import signal
import threading
import time

import numpy as np
import pytest

from failatlas.errors import FailatlasError
from failatlas.studies.grid import Embedded
from failatlas.trials.units import Clustered, Unit, do
from failatlas.trials.workers import Workers


def rows(n=60):
    draw = np.random.default_rng(0)
    return (np.repeat(draw.normal(0, 6, (3, 8)), n // 3, axis=0) + draw.normal(0, 1, (n, 8))).astype(np.float32)


def units():
    return [
        Unit("pca", "reduce", rows(), {"reducer": "pca", "seed": 1}),
        *(
            Unit(name, "cluster", rows(), {"pipeline": f"pixels+none+{name}", "seed": 1, "shape": True})
            for name in ("ward", "hdbscan")
        ),
        Unit("bad", "cluster", np.full((5, 2), np.nan, np.float32),
             {"pipeline": "pixels+none+ward", "seed": 1, "shape": True}),
    ]  # fmt: skip


@pytest.fixture(scope="module")
def done():
    with Workers(2) as workers:
        return {unit.key: result for unit, result in workers.each(units())}


def test_every_unit_comes_back_with_its_own_result_or_error(done):
    assert set(done) == {"pca", "ward", "hdbscan", "bad"}
    assert isinstance(done["pca"][0], Embedded)
    assert isinstance(done["ward"][0], Clustered)
    assert isinstance(done["bad"], FailatlasError)
    assert "finite" in done["bad"].what


def test_R4_a_process_gives_what_this_one_gives(done):
    for unit in units()[:3]:
        here, there = do(unit.kind, unit.rows, unit.settings)[0], done[unit.key][0]
        if isinstance(here, Embedded):
            assert np.allclose(here.rows, there.rows, atol=1e-4)  # one thread there, perhaps more here
        else:
            assert (here.labels, here.shape) == (there.labels, there.shape)
        assert (dict(here.parameters), here.notes) == (dict(there.parameters), there.notes)


def test_what_a_unit_takes_is_measured_in_its_own_process(done):
    for key in ("pca", "ward"):
        cost = done[key][1]
        assert 0 < cost.seconds < 60
        assert cost.peak_mb > 10
        assert "resident" in cost.how


def test_a_process_that_dies_twice_costs_its_unit_and_no_other(monkeypatch):
    # inside the worker, not here: the unit of two rows ends its process
    monkeypatch.setattr(
        "failatlas.trials.workers._START",
        "import json, os, sys; sys.path[:] = json.loads(sys.argv[1]); "
        "from failatlas.trials import workers; work = workers.do; "
        "workers.do = lambda kind, rows, said: os.kill(os.getpid(), 9) if len(rows) == 2 else work(kind, rows, said); "
        "workers.main(int(sys.argv[2]))",
    )
    said = {"pipeline": "pixels+none+ward", "seed": 0, "shape": False}
    some = [Unit(str(n), "cluster", rows()[:n], said) for n in (6, 2, 9)]
    with Workers(1) as workers:
        found = {unit.key: result for unit, result in workers.each(some)}
    assert isinstance(found["2"], FailatlasError)
    assert found["2"].name == "E_WORKER"
    assert "SIGKILL" in found["2"].what
    assert [len(found[key][0].labels) for key in ("6", "9")] == [6, 9]


def test_stopped_in_the_middle_no_process_is_left():
    said = {"pipeline": "pixels+none+hdbscan", "seed": 0, "shape": False}
    many = (Unit(str(n), "cluster", rows(), said) for n in range(1000))
    with Workers(1) as workers:
        next(workers.each(many))
        (process,) = workers._started
        assert process.pid > 0
    assert process.has_ended()
    with pytest.raises(ProcessLookupError):
        os.kill(process.pid, 0)


def test_F1_workers_end_with_the_process_that_started_them(tmp_path):
    import subprocess
    import sys

    code = (
        "import sys; import numpy as np\n"
        "from failatlas.trials.units import Unit\n"
        "from failatlas.trials.workers import Workers\n"
        "said = {'pipeline': 'pixels+none+ward', 'seed': 0, 'shape': False}\n"
        "with Workers(1) as w:\n"
        "    list(w.each([Unit('a', 'cluster', np.eye(9, dtype=np.float32), said)]))\n"
        "    print(w._started[0].pid, flush=True); sys.stdin.read()\n"
    )
    with subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as parent:
        worker = int(parent.stdout.readline())
        parent.send_signal(signal.SIGKILL)
        parent.wait()
    end = time.monotonic() + 20
    while time.monotonic() < end:
        try:
            os.kill(worker, 0)
        except ProcessLookupError:
            return
        time.sleep(0.05)
    pytest.fail("the worker outlives its parent")


def test_no_unit_starts_no_process():
    before = threading.active_count()
    with Workers(2) as workers:
        assert list(workers.each([])) == []
        assert workers._started == []
    assert threading.active_count() == before
