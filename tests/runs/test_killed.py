"""F1: an analysis that was killed anywhere ends, after the same command, where an unbroken one ends."""

from __future__ import annotations

import random
import signal
import time

import pytest

from failatlas.store import RunStore
from failatlas.store.entries import RESULT
from failatlas.store.failpoints import POINTS

# what an analysis of one shard a stage never passes, and where it is tried instead
ELSEWHERE = {
    "before_drop_commit": "with heatmaps",
    "after_drop_commit": "with heatmaps",
    "before_unlink": "with heatmaps",
    "before_event_commit": "analyses log no events; tests/store tries it",
    "after_event_commit": "analyses log no events; tests/store tries it",
}
# at which pass a point that is passed often kills: each somewhere else in the run
LATER = {
    "after_temp_open": 3,
    "during_temp_write": 6,
    "after_temp_write": 9,
    "after_temp_fsync": 12,
    "after_rename": 15,
    "after_folder_fsync": 18,
    "after_blobs": 2,
    "before_result_commit": 3,
    "after_result_commit": 2,
    "before_fact_commit": 2,
    "after_fact_commit": 4,
}


@pytest.mark.parametrize("point", [point for point in POINTS if point not in ELSEWHERE])
def test_F1_killed_at_a_fail_point_the_same_command_finishes_the_run(nursery, world, quick, state, tmp_path, point):
    words = (*world.without_network, "--out", tmp_path / "run")
    killed = nursery.call(*words, failpoint=f"{point}:kill:{LATER.get(point, 1)}")
    assert killed.status == -signal.SIGKILL
    resumed = nursery.call(*words)
    assert resumed.status == 0, resumed.err
    assert state(tmp_path / "run") == quick


@pytest.mark.parametrize("point", ["before_drop_commit", "after_drop_commit", "before_unlink"])
def test_F1_killed_while_heatmaps_are_dropped_the_run_finishes(nursery, world, whole, state, tmp_path, point):
    words = (*world.with_network, "--out", tmp_path / "run")
    assert nursery.call(*words, failpoint=f"{point}:kill").status == -signal.SIGKILL
    assert nursery.call(*words).status == 0
    assert state(tmp_path / "run") == whole


@pytest.mark.parametrize(
    "point", ["after_shard_fsync:kill:1", "before_shard_commit:kill:2", "after_shard_fsync:kill:5"]
)
def test_F1_no_more_than_one_shard_is_done_twice(nursery, wide, wide_state, state, tmp_path, point):
    words = (*wide, "--out", tmp_path / "run")
    assert nursery.call(*words, failpoint=point).status == -signal.SIGKILL
    first = _entries(tmp_path / "run")
    # killed once more at the first shard that the second run makes: those of the first are still there, or their whole,
    # or they were heatmaps and have served: the layer is chosen
    assert nursery.call(*words, failpoint="before_shard_commit:kill:1").status == -signal.SIGKILL
    second = _entries(tmp_path / "run")
    is_chosen = "layers" in second.values()
    assert all(
        entry in second or (entry[0], RESULT) in second or (stage == "heatmaps" and is_chosen)
        for entry, stage in first.items()
    )
    assert nursery.call(*words).status == 0
    assert state(tmp_path / "run") == wide_state


@pytest.mark.parametrize("moment", [0, 1, 2, *(pytest.param(n, marks=pytest.mark.full) for n in range(3, 10))])
def test_F1_killed_at_a_random_time_the_run_finishes(nursery, world, whole, state, tmp_path, moment):
    words = (*world.with_network, "--out", tmp_path / "run")
    running = nursery.start(*words)
    time.sleep(random.Random(moment).uniform(0.02, 2.5))
    running.kill()
    assert running.wait().status in (-signal.SIGKILL, 0)
    assert nursery.call(*words).status == 0
    assert state(tmp_path / "run") == whole


def test_F1_killed_while_the_report_is_written_it_is_written_again(nursery, world, quick, state, tmp_path):
    words = (*world.without_network, "--out", tmp_path / "run")
    assert nursery.call(*words).status == 0
    page = tmp_path / "run" / "report" / "index.html"
    page.write_bytes(page.read_bytes()[:100])
    assert nursery.call("report", tmp_path / "run", failpoint="after_temp_write:kill:1").status == -signal.SIGKILL
    assert nursery.call(*words).status == 0
    assert state(tmp_path / "run") == quick


def _entries(run):
    with RunStore.open(run, create=False, read_only=True) as store:
        return {(entry.key, entry.shard): entry.stage for entry in store.entries()}
