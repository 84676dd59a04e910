"""R4, P4: same seed, same bytes, wherever and whenever; and sources are as they were."""

from __future__ import annotations

import os
import shutil


def test_R4_two_runs_are_equal_to_the_byte(nursery, world, whole, state, tmp_path):
    assert nursery.call(*world.with_network, "--out", tmp_path / "run").status == 0
    assert state(tmp_path / "run") == whole


def test_R4_umask_zone_and_home_change_nothing(nursery, world, whole, state, tmp_path):
    env = {"TZ": "Pacific/Kiritimati", "HOME": "/nonexistent", "LC_ALL": "C"}
    assert nursery.call(*world.with_network, "--out", tmp_path / "run", env=env, umask=0o077).status == 0
    assert state(tmp_path / "run") == whole


def test_R4_locale_hash_seed_and_a_fresh_process_change_nothing(command, world, whole, state, tmp_path):
    home = tmp_path / "home"
    home.mkdir(mode=0o555)
    env = {"LC_ALL": "tr_TR.UTF-8", "LANG": "tr_TR.UTF-8", "TZ": "Asia/Kathmandu", "PYTHONHASHSEED": "4242",
           "HOME": str(home), "COLUMNS": "40", "NO_COLOR": "1"}  # fmt: skip
    done = command(*world.with_network, "--out", tmp_path / "run", env=env, umask=0o027)
    assert done.status == 0, done.err
    assert state(tmp_path / "run") == whole


def test_R4_another_seed_is_another_run_and_the_first_comes_back(nursery, world, state, tmp_path):
    words = (*world.without_network, "--out", tmp_path / "run")
    assert nursery.call(*words).status == 0
    first = state(tmp_path / "run")
    assert nursery.call(*words, "--seed", "5").status == 0
    assert state(tmp_path / "run").content != first.content
    assert nursery.call(*words).status == 0
    again = state(tmp_path / "run")
    assert (again.clusters, again.report) == (first.clusters, first.report)


def test_P4_the_images_and_the_network_are_as_they_were(nursery, world, tree, tmp_path):
    sources = tmp_path / "sources"
    shutil.copytree(world.root, sources, ignore=shutil.ignore_patterns("__pycache__"))
    words = [word.replace(str(world.root), str(sources)) for word in world.with_network]

    def seen():
        times = {file: os.stat(file).st_mtime_ns for file in sorted(sources.rglob("*"))}
        return tree(sources), times

    before = seen()
    assert nursery.call(*words, "--out", tmp_path / "run").status == 0
    assert nursery.call("explain", tmp_path / "run", "--image", "images/image-000.png").status == 0
    assert nursery.call("assign", tmp_path / "run", "--images", sources / "images").status == 0
    assert seen() == before


def test_R4_progress_and_clock_leave_no_trace_in_results(nursery, world, quick, state, tmp_path):
    assert nursery.call(*world.without_network, "--out", tmp_path / "run", "--quiet").status == 0
    assert state(tmp_path / "run") == quick
