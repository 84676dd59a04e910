"""F4, F6, F7, F10: a full disk, a second process, a flipped bit, Ctrl-C: one line each, and nothing is lost."""

from __future__ import annotations

import json
import os
import signal
import time

import pytest

from failatlas.store import RunStore


@pytest.mark.parametrize("nth", [1, 2, 5, 9, 14])
def test_F4_a_full_disk_is_one_line_and_the_run_resumes(nursery, world, quick, state, tmp_path, nth):
    words = (*world.without_network, "--out", tmp_path / "run")
    full = nursery.call(*words, "--quiet", failpoint=f"during_temp_write:enospc:{nth}")
    assert full.status == 5
    assert full.out == ""
    assert full.err.startswith("E_DISK_FULL: disk full: need ")
    assert full.err.count("\n") == 1
    assert nursery.call(*words).status == 0
    assert state(tmp_path / "run") == quick


@pytest.mark.parametrize("size", ["120k", "260k", "330k"])
def test_F4_a_really_full_disk_is_one_line_and_the_run_resumes(nursery, world, quick, state, disk, size):
    words = (*world.without_network, "--out", disk(f"size={size}") / "run")
    full = nursery.call(*words, "--json")
    assert full.status == 5, full.err
    assert full.json["error"]["code"] == "E_DISK_FULL"
    place = disk("size=20m")
    assert nursery.call(*words).status == 0
    assert state(place / "run") == quick


def test_F6_a_second_process_on_one_run_is_told_who_holds_it(nursery, world, quick, state, tmp_path):
    words = (*world.without_network, "--out", tmp_path / "run")
    first = nursery.start(*words)
    first.until("surveying")
    first.kill(signal.SIGSTOP)
    try:
        second = nursery.call(*words, "--json")
    finally:
        first.kill(signal.SIGCONT)
    assert second.status == 1
    assert second.json["error"]["what"] == f"in use by pid {first.pid}"
    assert first.wait().status == 0
    assert state(tmp_path / "run") == quick


def test_F6_the_lock_of_a_killed_process_is_taken_over(nursery, world, quick, state, tmp_path):
    words = (*world.without_network, "--out", tmp_path / "run")
    first = nursery.start(*words)
    first.until("surveying")
    first.kill()
    assert first.wait().status == -signal.SIGKILL
    assert nursery.call(*words).status == 0
    assert state(tmp_path / "run") == quick


def test_F7_verify_names_a_flipped_byte_and_a_repaired_run_heals(nursery, world, quick, state, tmp_path):
    run = tmp_path / "run"
    words = (*world.without_network, "--out", run)
    assert nursery.call(*words).status == 0
    assert nursery.call("verify", run).status == 0
    blob = max(run.glob("blobs/*/*.npy"), key=lambda path: path.stat().st_size)
    data = bytearray(blob.read_bytes())
    data[-1] ^= 1
    blob.write_bytes(data)
    found = nursery.call("verify", run, "--json")
    assert found.status == 1
    assert {damage["file"] for damage in found.json["damages"]} == {str(blob.relative_to(run))}
    told = nursery.call("verify", run)
    assert told.status == 1
    assert f"failatlas verify {run} --repair" in told.out
    repaired = nursery.call("verify", run, "--repair", "--json")
    assert (repaired.status, repaired.json["repaired"]) == (0, True)
    assert nursery.call(*words).status == 0
    assert nursery.call("verify", run).status == 0
    assert state(run) == quick


def test_F7_a_damaged_database_is_refused_and_its_backup_restored(nursery, world, quick, state, tmp_path):
    run = tmp_path / "run"
    words = (*world.without_network, "--out", run)
    assert nursery.call(*words).status == 0
    database = run / "run.sqlite"
    database.write_bytes(b"\0" * 4096 + database.read_bytes()[4096:])
    for again in (words, ("report", run), ("verify", run)):
        refused = nursery.call(*again, "--json")
        assert refused.status == 3, refused.err
        assert f"failatlas verify {run} --restore" in refused.json["error"]["remedy"]
    assert nursery.call("verify", run, "--restore").status == 0
    assert nursery.call(*words).status == 0
    assert state(run) == quick


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("step", ["hashing images", "surveying images", "running the network", "computing heatmaps"])
def test_F10_a_signal_stops_cleanly_and_the_run_resumes(nursery, world, whole, state, tmp_path, number, step):
    words = (*world.with_network, "--out", tmp_path / "run")
    running = nursery.start(*words)
    running.until(step)
    running.kill(number)
    begin = time.monotonic()
    stopped = running.wait()
    assert time.monotonic() - begin < 10  # the promise itself, with a wide margin over the measured 0.1 s
    assert stopped.status == 130
    assert stopped.err.splitlines()[-1].startswith(
        "E_INTERRUPTED: stopped; what is finished is kept. Next: run the same"
    )
    assert nursery.call(*words).status == 0
    assert state(tmp_path / "run") == whole


STUCK = """
import sys, time
from torch import nn

class Stuck(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(1, 3)

    def forward(self, x):
        for word in ("asleep", "awoken"):
            print(word, file=sys.stderr, flush=True)
            try:
                time.sleep(60)
            except BaseException:
                continue
        return x
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_F10_the_second_signal_ends_even_what_holds_on_to_the_first(nursery, world, tmp_path, number):
    (tmp_path / "stuck.py").write_text(STUCK)
    running = nursery.start("analyze", "--images", world.images, "--model", f"{tmp_path}/stuck.py:Stuck",
                            "--out", tmp_path / "run")  # fmt: skip
    running.until("asleep")
    running.kill(number)
    running.until("awoken")
    running.kill(number)
    assert running.wait().status == 130
    with RunStore.open(tmp_path / "run", create=False) as store:  # the lock went with the process
        assert any(entry.stage == "survey" for entry in store.entries())


def test_F10_json_says_that_it_was_interrupted(nursery, world, tmp_path):
    running = nursery.start(*world.with_network, "--out", tmp_path / "run", "--json")
    running.until("surveying")
    running.kill(signal.SIGINT)
    assert json.loads(running.wait().out)["error"]["code"] == "E_INTERRUPTED"


def test_F5_a_folder_that_may_not_be_written_is_one_line(nursery, world, tmp_path):
    (tmp_path / "file").write_text("not a folder")
    done = nursery.call(*world.without_network, "--out", tmp_path / "file" / "run", "--quiet")
    assert done.status == 5
    assert done.err.count("\n") == 1
    assert os.fspath(tmp_path / "file") in done.err


def test_F5_a_run_folder_deleted_midway_is_one_line(nursery, world, quick, state, tmp_path):
    import shutil

    words = (*world.without_network, "--out", tmp_path / "run")
    running = nursery.start(*words)
    running.until("surveying")
    running.kill(signal.SIGSTOP)
    shutil.rmtree(tmp_path / "run")
    running.kill(signal.SIGCONT)
    done = running.wait()
    assert done.status == 5, done.err
    assert "E_FOLDER_GONE" in done.err.splitlines()[-1]
    assert nursery.call(*words).status == 0
    assert state(tmp_path / "run") == quick
