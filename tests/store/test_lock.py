"""F6: one writer at a time; a dead one is in nobody's way."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import numpy as np
import pytest

from failatlas.errors import InUseError, UsageError
from failatlas.store import RunStore

OPEN = "import sys, time; from failatlas.store import RunStore; s = RunStore.open(sys.argv[1]); "
TRY = (
    "import sys; from failatlas.store import RunStore; from failatlas.errors import FailatlasError\n"
    "try: RunStore.open(sys.argv[1])\n"
    "except FailatlasError as error: print(error); sys.exit(error.exit_status)"
)


def test_F6_a_second_process_is_told_who_holds_the_folder(child, tmp_path):
    with RunStore.open(tmp_path / "run"):
        second = child(tmp_path / "run", code=TRY)
        assert second.returncode == 1
        assert second.stdout.startswith(f"E_IN_USE: in use by pid {os.getpid()} at {tmp_path / 'run'}. Next: ")
    assert child(tmp_path / "run", code=TRY).returncode == 0


def test_F6_the_same_process_cannot_open_it_twice(tmp_path):
    with RunStore.open(tmp_path / "run"), pytest.raises(InUseError, match=f"pid {os.getpid()}"):
        RunStore.open(tmp_path / "run")
    RunStore.open(tmp_path / "run").close()


def test_F6_the_lock_of_a_killed_process_is_taken_over(tmp_path):
    holder = _hold(tmp_path)
    with pytest.raises(InUseError, match=f"pid {holder.pid}"):
        RunStore.open(tmp_path / "run")
    holder.kill()
    holder.communicate()
    assert (tmp_path / "run" / "run.lock").read_text() == f"{holder.pid}\n"
    with RunStore.open(tmp_path / "run"):
        assert (tmp_path / "run" / "run.lock").read_text() == f"{os.getpid()}\n"


def test_F6_a_forked_worker_that_outlives_its_killed_parent_holds_nothing(tmp_path):
    code = OPEN + (
        "import os\npid = os.fork()\nif pid == 0:\n    print(os.getpid(), flush=True)\n    time.sleep(60)\nos.wait()"
    )
    parent = subprocess.Popen([sys.executable, "-c", code, tmp_path / "run"], stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    worker = int(parent.stdout.readline())
    try:
        parent.kill()
        parent.wait()
        os.kill(worker, 0)  # it lives
        with RunStore.open(tmp_path / "run") as store:
            store.put("a", "stage", 1)
    finally:
        os.kill(worker, signal.SIGKILL)
        parent.stdout.close()


def test_F6_a_forked_worker_cannot_write_through_its_parents_store(tmp_path):
    with RunStore.open(tmp_path / "run") as store:
        read, write = os.pipe()
        pid = os.fork()
        if pid == 0:
            try:
                store.put("a", "stage", 1)
            except UsageError:
                os.write(write, b"refused")
            store.close()
            os._exit(0)
        os.waitpid(pid, 0)
        assert os.read(read, 20) == b"refused"
        os.close(read)
        os.close(write)
        store.put("b", "stage", 2)


def test_F6_a_reader_sees_what_a_running_writer_has_acknowledged(tmp_path):
    with RunStore.open(tmp_path / "run") as writer, RunStore.open(tmp_path / "run", read_only=True) as reader:
        assert reader.get("a") is None
        writer.put("a", "stage", 1, {"x": np.arange(3)})
        stored = reader.get("a")
        assert stored is not None
        assert stored.arrays["x"].tolist() == [0, 1, 2]
        with pytest.raises(UsageError, match="read-only"):
            reader.put("b", "stage", 1)
        writer.put("b", "stage", 2)


def test_F6_an_unreadable_number_in_the_lock_file_does_not_matter(tmp_path):
    RunStore.open(tmp_path / "run").close()
    for text in ("", "99999999999999999999\n", "\x00\x00 no number"):
        (tmp_path / "run" / "run.lock").write_text(text)
        RunStore.open(tmp_path / "run").close()


def _hold(tmp_path) -> subprocess.Popen[str]:
    code = OPEN + "print('open', flush=True); time.sleep(60)"
    holder = subprocess.Popen([sys.executable, "-c", code, tmp_path / "run"], stdout=subprocess.PIPE, text=True)
    assert holder.stdout is not None
    assert holder.stdout.readline() == "open\n"
    return holder


def test_F6_a_reader_never_sees_half_of_what_a_writer_commits(tmp_path):
    code = OPEN + (
        "import numpy\nprint('open', flush=True)\n"
        "for n in range(300): s.put_shard('k', n, 'stage', n, {name: numpy.full(3, n) for name in 'abc'})\n"
    )
    RunStore.open(tmp_path / "run").close()
    writer = subprocess.Popen([sys.executable, "-c", code, tmp_path / "run"], stdout=subprocess.PIPE, text=True)
    assert writer.stdout is not None
    assert writer.stdout.readline() == "open\n"
    seen = [0]
    with RunStore.open(tmp_path / "run", read_only=True) as reader:
        while writer.poll() is None:
            # raises when a row and its arrays do not belong together
            seen.append(len(reader.entries()))
    writer.stdout.close()
    assert writer.returncode == 0
    assert seen == sorted(seen)
    assert len(set(seen)) > 3
