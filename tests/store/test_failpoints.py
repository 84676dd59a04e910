"""F1: killed at every fail point, a run resumes to the same content."""

from __future__ import annotations

import os
import random
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

import failatlas.store
from failatlas.errors import UsageError
from failatlas.store import RunStore, failpoints, gc, verify

SOURCES = sorted(Path(failatlas.store.__file__).parent.glob("*.py"))

# 40 rows of 64 float32 fit one write; these later passes stop inside the second, third … shard
LATER = ("after_shard_fsync:kill:3", "after_rename:kill:4", "during_temp_write:kill:5", "before_shard_commit:kill:2")


def test_every_fail_point_of_the_table_is_in_the_code_and_the_other_way_round():
    names = set()
    for source in SOURCES:
        text = source.read_text(encoding="utf-8")
        names |= set(re.findall(r'reach\("(\w+)"\)', text))
        for pair in re.findall(r'transaction\("(\w+)", "(\w+)"\)', text):
            names |= set(pair)
    assert names == set(failpoints.POINTS)


@pytest.mark.parametrize("specification", [*(f"{name}:kill" for name in failpoints.POINTS), *LATER])
def test_F1_kill_at_fail_point_loses_nothing_and_resumes_to_the_same_content(
    specification, child, scenario, contents, unbroken, tmp_path
):
    folder = tmp_path / "run"
    killed = child(folder, failpoint=specification)
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    _assert_acknowledged(killed.stdout, folder, scenario)

    redone: list[str] = []
    scenario.work(folder, say=redone.append)
    with RunStore.open(folder) as store:
        gc(store)
        assert verify(store) == []
    assert contents(folder) == unbroken
    assert not [name for _, _, names in os.walk(folder) for name in names if name.endswith(".tmp")]
    shards = [line for line in [*killed.stdout.splitlines(), *redone] if line.startswith("work shard")]
    assert len(shards) <= scenario.N_SHARDS + 1


def test_F1_kill_at_random_times_loses_nothing(scenario, contents, tmp_path):
    folder, reference = tmp_path / "run", tmp_path / "reference"
    n_rows = 12_000  # 3 MB a shard: long enough to be hit inside
    scenario.work(reference, n_rows)
    delays = random.Random(7)
    for _ in range(8):
        process = subprocess.Popen(
            [sys.executable, scenario.__file__, folder, str(n_rows)], stdout=subprocess.PIPE, text=True
        )
        time.sleep(delays.uniform(0.1, 0.5))
        process.kill()
        said, _ = process.communicate()
        if folder.exists():
            _assert_acknowledged(said, folder, scenario)
    scenario.work(folder, n_rows)
    with RunStore.open(folder) as store:
        gc(store)
    assert contents(folder) == contents(reference)


def test_a_large_array_killed_in_its_middle_leaves_a_part_that_gc_removes(child, tmp_path):
    killed = child(tmp_path / "run", 20_000, failpoint="during_temp_write:kill:3")
    assert killed.returncode == -signal.SIGKILL
    (part,) = (tmp_path / "run").rglob("*.tmp")
    written = part.stat().st_size
    assert (1 << 20) < written < (3 << 20)
    with RunStore.open(tmp_path / "run") as store:
        assert gc(store).n_bytes == written
    assert not part.exists()


@pytest.mark.parametrize(
    "specification", ["nowhere:kill", "after_rename:explode", "after_rename:kill:0", "after_rename"]
)
def test_a_misspelt_fail_point_is_an_error_not_a_run_without_faults(specification, disarmed):
    with pytest.raises(UsageError):
        failpoints.arm(specification)


def test_a_fail_point_counts_its_passes(disarmed):
    failpoints.arm("after_rename:eio:3")
    failpoints.reach("after_rename")
    failpoints.reach("after_lock")
    failpoints.reach("after_rename")
    with pytest.raises(OSError, match="Input/output"):
        failpoints.reach("after_rename")
    failpoints.reach("after_rename")


def _assert_acknowledged(said: str, folder: Path, scenario) -> None:
    acknowledged = [line.split() for line in said.splitlines() if line.startswith("ack")]
    if not acknowledged:
        return
    with RunStore.open(folder) as store:
        assert verify(store) == []
        for _, kind, name in acknowledged:
            match kind:
                case "shard":
                    assert store.shard(scenario.FEATURES, int(name)) is not None
                case "result":
                    assert store.get(name) is not None
                case "fact":
                    assert name in store.facts
                case "event":
                    assert name in [event.what for event in store.events()]
                case _:
                    raise AssertionError(kind)
