"""Batches: order, bytes and memory do not depend on processes; what dies costs one job; nothing is left behind."""

from __future__ import annotations

import itertools
import os
import signal
import subprocess
import sys
import textwrap
import time
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from failatlas.errors import DataError, FailatlasError, ResourceError, UnsafeInputError, UsageError
from failatlas.simulators import batches
from failatlas.simulators.batches import Failure, process_count, render_each, render_many

STRIPES = '''
"""Stripes: where they stand is their phase; some values do harm."""
import os, signal, time
from pathlib import Path
import numpy as np
from failatlas.errors import DataError
from failatlas.parameters import Parameter, Space
from failatlas.simulators.simulator import Rendering

BUILT_IN = os.getpid()


class Stripes:
    """Stripes."""

    def __init__(self, harm="", marks="", width=6):
        self.space = Space([Parameter("phase", low=0, high=1000)])
        self.harm, self.marks, self.width = harm, Path(marks), width
        if harm == "build" and os.environ.get("OMP_NUM_THREADS") == "1" and os.getpid() != int(marks):
            os._exit(3)
        if marks and not harm:
            (self.marks / f"built-{os.getpid()}").write_text("")

    def render(self, values, seed=0):
        full = self.space.validated(values)
        if full["phase"] == 100 and self.harm:
            self.do_harm()
        random = np.random.default_rng(seed)
        pixels = random.integers(0, 255, (4, self.width, 3), np.uint8) + np.uint8(full["phase"] % 100)
        print("a simulator that talks")
        return Rendering(pixels, full, {"mean": float(pixels.mean()), "process": "x"})

    def do_harm(self):
        if self.harm == "killed":
            os.kill(os.getpid(), signal.SIGKILL)
        if self.harm == "killed-once" and not (self.marks / "once").exists():
            (self.marks / "once").write_text("")
            os.kill(os.getpid(), signal.SIGSEGV)
        if self.harm == "raises":
            raise ZeroDivisionError("no phase\\nsecond line")
        if self.harm == "refuses":
            raise DataError("too dark", code="E_SIMULATOR", remedy="more light")
        if self.harm == "strange":
            return Rendering(np.zeros((1, 1, 3), np.uint8), {}, {"mean": np.float32(1)})
        if self.harm == "sleeps":
            (self.marks / f"sleeping-{os.getpid()}").write_text("")
            time.sleep(600)

    def close(self):
        if self.marks != Path("") and self.harm != "build":
            (self.marks / f"closed-{os.getpid()}").write_text("")
'''


@pytest.fixture
def stripes(tmp_path, monkeypatch):
    """A module that other processes can import."""
    (tmp_path / "own_stripes.py").write_text(STRIPES)
    monkeypatch.syspath_prepend(str(tmp_path))
    import own_stripes

    yield own_stripes.Stripes
    sys.modules.pop("own_stripes")


def jobs(n: int):
    return [({"phase": float(i)}, i) for i in range(n)]


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return b"\nState:\tZ" not in Path(f"/proc/{pid}/status").read_bytes()


def children() -> set[int]:
    return {int(pid) for pid in Path(f"/proc/{os.getpid()}/task/{os.getpid()}/children").read_text().split()}


def same(left, right) -> bool:
    return (
        np.array_equal(left.pixels, right.pixels)
        and dict(left.values) == dict(right.values)
        and dict(left.labels) == dict(right.labels)
    )


def test_R4_order_and_bytes_do_not_depend_on_the_number_of_processes(stripes):
    one = list(render_many(stripes, {}, jobs(150), processes=1))
    three = list(render_many(stripes, {}, jobs(150), processes=3))
    assert [made.values["phase"] for made in three] == list(range(150))
    assert all(map(same, one, three))


def test_few_pictures_start_no_process(stripes, tmp_path):
    made = list(render_many(stripes, {"marks": str(tmp_path)}, jobs(batches.ALONE), processes=4))
    assert len(made) == batches.ALONE
    assert [path.name for path in tmp_path.glob("built-*")] == [f"built-{os.getpid()}"]


def test_each_process_builds_its_simulator_once(stripes, tmp_path):
    assert len(list(render_many(stripes, {"marks": str(tmp_path)}, jobs(300), processes=2))) == 300
    built = {int(path.name.split("-")[1]) for path in tmp_path.glob("built-*")}
    assert 2 <= len(built) <= 3
    assert os.getpid() in built
    assert {int(path.name.split("-")[1]) for path in tmp_path.glob("closed-*")} == built


def test_no_jobs_no_renderings(stripes):
    assert list(render_many(stripes, {}, [], processes=2)) == []


def test_jobs_are_drawn_when_there_is_room(stripes):
    drawn = itertools.count()

    def endless():
        for i in drawn:
            yield {"phase": float(i % 1000)}, i

    before = children()
    with closing(render_many(stripes, {}, endless(), processes=2)) as renderings:
        taken = list(itertools.islice(renderings, 200))
    assert len(taken) == 200
    assert next(drawn) <= 200 + 2 * batches._CHUNK * batches._AHEAD
    assert children() <= before


def test_large_pictures_travel_in_smaller_chunks(stripes, monkeypatch):
    monkeypatch.setattr(batches, "_CHUNK_BYTES", 3 * 4 * 6 * 3)
    sizes = []
    render = batches._Crew.render
    monkeypatch.setattr(batches._Crew, "render", lambda crew, it, chunk: sizes.append(chunk) or render(crew, it, chunk))
    assert len(list(render_many(stripes, {}, jobs(70), processes=2))) == 70
    assert sizes == [3]


@pytest.mark.parametrize("processes", [1, 2])
@pytest.mark.parametrize(
    ("harm", "message"),
    [
        ("raises", "E_SIMULATOR: rendering failed: ZeroDivisionError: no phase at phase=100, seed 100. Next: mend th"),
        ("refuses", "E_SIMULATOR: too dark. Next: more light"),
    ],
)
def test_F1_a_job_that_fails_costs_that_job(stripes, processes, harm, message):
    made = list(render_each(stripes, {"harm": harm}, jobs(120), processes=processes))
    assert [isinstance(one, Failure) for one in made] == [i == 100 for i in range(120)]
    assert str(made[100].error).startswith(message)
    assert (made[100].code, made[100].values, made[100].seed) == ("E_SIMULATOR", {"phase": 100.0}, 100)


@pytest.mark.parametrize("processes", [1, 2])
def test_a_bad_value_is_refused_in_the_same_words_in_every_process(stripes, processes):
    wrong = [*jobs(100), ({"phase": -1.0}, 0)]
    with pytest.raises(UsageError) as refused:
        list(render_many(stripes, {}, wrong, processes=processes))
    assert str(refused.value) == "E_PARAMETER: parameter 'phase' is -1.0. Next: give 0 … 1000"


def test_F1_a_process_that_is_killed_costs_the_job_that_killed_it(stripes):
    made = list(render_each(stripes, {"harm": "killed"}, jobs(150), processes=2))
    assert [i for i, one in enumerate(made) if isinstance(one, Failure)] == [100]
    assert made[100].reason == "rendering it ended two processes (SIGKILL)"
    assert repr(made[100]) == "<Failure E_SIMULATOR: rendering it ended two processes (SIGKILL) at phase=100, seed 100>"
    assert [one.values["phase"] for one in made[101:]] == list(range(101, 150))


def test_F1_a_job_that_crashed_once_is_tried_again(stripes, tmp_path):
    made = list(render_each(stripes, {"harm": "killed-once", "marks": str(tmp_path)}, jobs(150), processes=2))
    assert (tmp_path / "once").exists()
    assert not [one for one in made if isinstance(one, Failure)]


def test_processes_that_die_at_once_end_it(stripes):
    options = {"harm": "build", "marks": str(os.getpid())}
    with pytest.raises(ResourceError, match=r"ended before it began \(exit status 3\)"):
        list(render_many(stripes, options, jobs(100), processes=2))


def test_a_simulator_that_cannot_be_built_is_an_error_of_its_own(stripes):
    with pytest.raises(TypeError, match="unexpected keyword"):
        list(render_many(stripes, {"size": 3}, jobs(1)))


def test_closing_ends_processes_in_the_middle_of_a_picture(stripes, tmp_path):
    before = children()
    renderings = render_each(stripes, {"harm": "sleeps", "marks": str(tmp_path)}, jobs(150), processes=2)
    taken = list(itertools.islice(renderings, 70))
    until = time.monotonic() + 20
    while not list(tmp_path.glob("sleeping-*")) and time.monotonic() < until:
        time.sleep(0.02)
    (sleeper,) = [int(path.name.split("-")[1]) for path in tmp_path.glob("sleeping-*")]
    renderings.close()
    assert len(taken) == 70
    assert not alive(sleeper) if Path(f"/proc/{sleeper}").exists() else True
    assert children() <= before


def test_an_error_of_the_jobs_passes_and_ends_processes(stripes):
    def broken():
        yield from jobs(100)
        raise KeyError("the caller's own")

    before = children()
    with pytest.raises(KeyError, match="the caller's own"):
        list(render_many(stripes, {}, broken(), processes=2))
    assert children() <= before


SCRIPT = """
import sys
from failatlas.simulators.batches import render_many
print("script", flush=True)
from own_stripes import Stripes
jobs = [({"phase": float(i)}, i) for i in range(200)]
n = 0
for made in render_many(Stripes, {"harm": sys.argv[1], "marks": sys.argv[2]}, jobs, processes=2):
    n += 1
print(n)
"""


def script(tmp_path: Path, harm: str) -> list[str]:
    (tmp_path / "script.py").write_text(textwrap.dedent(SCRIPT))
    return [sys.executable, str(tmp_path / "script.py"), harm, str(tmp_path)]


def test_a_script_needs_no_main_guard(stripes, tmp_path):
    done = subprocess.run(script(tmp_path, "none"), capture_output=True, text=True, check=True, timeout=100)
    lines = [line for line in done.stdout.splitlines() if line != "a simulator that talks"]
    assert lines == ["script", "200"]


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGKILL])
def test_F1_ctrl_c_and_kill_leave_no_process_behind(stripes, tmp_path, how):
    running = subprocess.Popen(script(tmp_path, "sleeps"), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    until = time.monotonic() + 60
    while not list(tmp_path.glob("sleeping-*")) and time.monotonic() < until:
        time.sleep(0.02)
    (sleeper,) = [int(path.name.split("-")[1]) for path in tmp_path.glob("sleeping-*")]
    others = Path(f"/proc/{running.pid}/task/{running.pid}/children").read_text().split()
    threads = [path.read_text().split() for path in Path(f"/proc/{running.pid}/task").glob("*/children")]
    workers = {sleeper, *map(int, others), *(int(pid) for pids in threads for pid in pids)}
    assert len(workers) == 2
    running.send_signal(how)
    try:
        _, errors = running.communicate(timeout=100)  # a machine may be busy; what hangs sleeps for longer
    finally:
        running.kill()
    assert ("KeyboardInterrupt" in errors) == (how == signal.SIGINT)
    until = time.monotonic() + 20
    while any(map(alive, workers)) and time.monotonic() < until:
        time.sleep(0.02)
    assert not any(map(alive, workers))


def test_what_cannot_be_imported_works_in_this_process(stripes, tmp_path):
    marks = {"marks": str(tmp_path)}
    assert len(list(render_many(lambda **options: stripes(**options), marks, jobs(100), processes=2))) == 100
    assert [path.name for path in tmp_path.glob("built-*")] == [f"built-{os.getpid()}"]


def test_a_spec_of_the_users_own_runs_when_trusted(stripes):
    with pytest.raises(UnsafeInputError):
        list(render_many("own_stripes:Stripes", {}, jobs(2), processes=2))
    made = list(render_many("own_stripes:Stripes", {"width": 9}, jobs(100), processes=2, trust_code=True))
    assert {one.pixels.shape for one in made} == {(4, 9, 3)}
    assert all(map(same, made, render_many(stripes, {"width": 9}, jobs(100), processes=1)))


def test_numpy_labels_are_refused_in_every_process(stripes):
    class Odd(stripes):
        def render(self, values, seed=0):
            return self.do_harm()

    (made,) = render_each(Odd, {"harm": "strange"}, jobs(1))
    assert made.reason == "rendering failed: TypeError: label 'mean' is a float32, neither number nor text"


def test_processes_default_to_the_cores_there_are(monkeypatch):
    monkeypatch.delenv("FAILATLAS_PROCESSES", raising=False)
    assert process_count() == len(os.sched_getaffinity(0))
    monkeypatch.setenv("FAILATLAS_PROCESSES", "7")
    assert process_count() == 7
    assert process_count(3) == 3


@pytest.mark.parametrize("wrong", ["0", "two", "-1", "1.5"])
def test_impossible_numbers_of_processes_are_refused(monkeypatch, wrong):
    monkeypatch.setenv("FAILATLAS_PROCESSES", wrong)
    with pytest.raises(UsageError, match="processes") as refused:
        process_count()
    assert refused.value.where == "environment variable FAILATLAS_PROCESSES"


def test_zero_and_true_are_no_numbers_of_processes():
    for wrong in (0, True, -2):
        with pytest.raises(UsageError):
            process_count(wrong)


def test_errors_keep_their_class_on_the_way(stripes):
    from failatlas.simulators.worker import as_error, as_row

    error = UsageError("what", where="where", remedy="remedy", code="E_PARAMETER")
    assert as_error(as_row(error, "")).to_json() == error.to_json()
    assert type(as_error(as_row(error, ""))) is UsageError
    stranger = type("Stranger", (DataError,), {"code": "E_SHAPE"})("odd")
    assert type(as_error(as_row(stranger, ""))) is DataError
    assert isinstance(as_error(as_row(ValueError(), "scene 1")), FailatlasError)
