"""The store keeps what it acknowledged, in the order it came, whatever clock, locale, umask or home say."""

from __future__ import annotations

import locale
import os
import stat
import threading
import time

import numpy as np
import pytest

from failatlas.errors import DataError, UsageError
from failatlas.store import RunStore, gc, verify
from failatlas.store.entries import RESULT


def test_a_result_comes_back_with_its_arrays_read_only(tmp_path):
    rows = np.arange(12, dtype=np.float32).reshape(3, 4)
    with RunStore.open(tmp_path / "run") as store:
        assert store.get("k") is None
        store.put("k", "features", {"n": [1, 2.5, None, "ü\udc80"]}, {"rows": rows, "empty": np.empty((0, 4))})
    with RunStore.open(tmp_path / "run") as store:
        stored = store.get("k")
        assert stored is not None
        assert stored.value == {"n": [1, 2.5, None, "ü\udc80"]}
        assert stored.arrays["rows"].tolist() == rows.tolist()
        assert stored.arrays["rows"].dtype == np.float32
        assert stored.arrays["empty"].shape == (0, 4)
        with pytest.raises(ValueError, match="read-only"):
            stored.arrays["rows"][0, 0] = 1
        assert "rows float32(3, 4)" in repr(stored)


def test_large_arrays_are_maps_and_small_ones_hold_no_file_open(tmp_path):
    with RunStore.open(tmp_path) as store:
        large = store.put("k", "features", None, {"rows": np.zeros((300, 300), np.float32)}).arrays["rows"]
        assert isinstance(large, np.memmap)
        before = len(os.listdir("/proc/self/fd"))
        held = [store.put_shard("s", i, "survey", None, {"a": np.full(100, i)}) for i in range(50)]
        assert len(os.listdir("/proc/self/fd")) == before
        assert [int(shard.arrays["a"][0]) for shard in held] == list(range(50))


def test_shards_come_back_by_number_and_a_result_can_replace_them(tmp_path):
    with RunStore.open(tmp_path / "run") as store:
        for index in range(3):
            store.put_shard("k", index, "features", index, {"x": np.full(2, index)})
        assert [shard.value for shard in store.shards("k")] == [0, 1, 2]
        assert store.get("k") is None
        assert store.shard("k", 3) is None
        store.put("k", "features", "whole", keep_shards=False)
        assert list(store.shards("k")) == []
        assert store.get("k") is not None
        assert gc(store).n_files == 3
        with pytest.raises(UsageError, match="negative"):
            store.put_shard("k", -1, "features", 0)


def test_the_same_content_again_changes_nothing_and_another_is_refused(tmp_path):
    with RunStore.open(tmp_path / "run") as store:
        first = store.put("k", "stage", 1, {"x": np.arange(3)})
        assert store.put("k", "stage", 1, {"x": np.arange(3)}).sequence == first.sequence
        with pytest.raises(DataError) as caught:
            store.put("k", "stage", 1, {"x": np.arange(4)})
        assert caught.value.name == "E_STORE_CONFLICT"
        stored = store.get("k")
        assert stored is not None
        assert stored.arrays["x"].tolist() == [0, 1, 2]


def test_equal_arrays_share_one_file(tmp_path):
    square = np.arange(16.0).reshape(4, 4)
    with RunStore.open(tmp_path / "run") as store:
        store.put("a", "stage", 1, {"x": square, "y": np.asfortranarray(square), "z": square[::-1][::-1]})
        assert len(list(store.blobs)) == 1


@pytest.mark.parametrize(
    "value", [{"x": float("nan")}, {1: {2}}, object(), b"bytes"], ids=["nan", "set", "object", "bytes"]
)
def test_what_json_does_not_know_is_refused_before_anything_is_written(value, tmp_path):
    with RunStore.open(tmp_path / "run") as store:
        with pytest.raises(DataError) as caught:
            store.put("k", "stage", value, {"x": np.arange(3)})
        assert caught.value.name == "E_STORE_TYPE"
        assert list(store.blobs) == []


def test_H1_an_array_of_objects_is_refused(tmp_path):
    with RunStore.open(tmp_path / "run") as store, pytest.raises(DataError) as caught:
        store.put("k", "stage", 1, {"x": np.array([{}, None], dtype=object)})
    assert caught.value.name == "E_STORE_TYPE"


@pytest.mark.parametrize("name", ["", "a\0b", "\udcff"])
def test_names_that_the_database_cannot_hold_are_refused(name, tmp_path):
    with RunStore.open(tmp_path / "run") as store:
        for put in (
            lambda: store.put(name, "stage", 1),
            lambda: store.put("k", name, 1),
            lambda: store.put("k", "stage", 1, {name: np.zeros(1)}),
            lambda: store.log(name),
            lambda: store.facts.update({name: 1}),
        ):
            with pytest.raises(DataError) as caught:
                put()
            assert caught.value.name == "E_STORE_NAME"


def test_facts_are_a_mapping_that_lasts(tmp_path):
    with RunStore.open(tmp_path / "run") as store:
        store.facts["b"] = {"x": [1, 2]}
        store.facts["a"] = None
        store.facts["b"] = 3
        with pytest.raises(KeyError):
            del store.facts["c"]
    with RunStore.open(tmp_path / "run") as store:
        assert dict(store.facts) == {"a": None, "b": 3}
        assert list(store.facts) == ["a", "b"]
        del store.facts["a"]
        assert len(store.facts) == 1
        assert "a" not in store.facts


def test_F9_order_is_by_number_when_the_clock_jumps_back(tmp_path, monkeypatch):
    with RunStore.open(tmp_path / "run") as store:
        for index, now in enumerate([2e9, 1e9, 0.0, -5.0]):
            monkeypatch.setattr(time, "time", lambda now=now: now)
            store.put(f"k{9 - index}", "stage", index, {"x": np.arange(index)})
            store.log(f"e{9 - index}")
        assert [entry.key for entry in store.entries()] == ["k9", "k8", "k7", "k6"]
        assert [event.what for event in store.events()] == ["e9", "e8", "e7", "e6"]
        assert [event.what for event in store.events(after=2)] == ["e7", "e6"]


def test_F9_files_dated_1970_are_as_good_as_others(tmp_path):
    with RunStore.open(tmp_path / "run") as store:
        store.put("k", "stage", 1, {"x": np.arange(5)})
    for path in [*(tmp_path / "run").rglob("*"), tmp_path / "run"]:
        os.utime(path, (0, 0))
    with RunStore.open(tmp_path / "run") as store:
        assert gc(store).n_files == 0
        assert verify(store) == []
        assert store.get("k") is not None


@pytest.mark.parametrize(
    "env",
    [
        {"PYTHONHASHSEED": "0", "TZ": "Pacific/Chatham", "LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
        {"PYTHONHASHSEED": "4711", "TZ": "UTC", "LC_ALL": "tr_TR.UTF-8", "LANG": "tr_TR.UTF-8"},
        {"HOME": "/nonexistent", "TMPDIR": "/nonexistent", "XDG_CACHE_HOME": "/nonexistent"},
    ],
    ids=["C", "tr_TR", "no home"],
)
def test_R4_the_same_hash_in_every_environment(env, child, scenario, tmp_path):
    # a folder name that is no Unicode, and holds what a URI would take for its query
    folder = os.fsencode(tmp_path) + b"/r\xfcn ?mode=ro#%41"
    expected = scenario.work(tmp_path / "reference")
    done = child(os.fsdecode(folder), env=env)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == expected
    assert os.path.isfile(folder + b"/run.sqlite")


def test_R4_a_locale_without_english_numbers_changes_nothing(scenario, tmp_path):
    before = locale.setlocale(locale.LC_ALL)
    expected = scenario.work(tmp_path / "reference")
    for name in ("de_DE.UTF-8", "tr_TR.UTF-8", "C"):
        try:
            locale.setlocale(locale.LC_ALL, name)
        except locale.Error:
            continue
        try:
            assert scenario.work(tmp_path / name) == expected
        finally:
            locale.setlocale(locale.LC_ALL, before)


@pytest.mark.parametrize(("umask", "mode"), [(0o077, 0o600), (0o022, 0o644), (0o000, 0o666)])
def test_R4_files_have_the_rights_that_the_umask_leaves(umask, mode, child, scenario, tmp_path):
    done = child(tmp_path / "run", umask=umask)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == scenario.work(tmp_path / "reference")
    # SQLite asks for 0644 itself, so its own file never has more
    for path in (tmp_path / "run").rglob("*"):
        wanted = 0o777 & ~umask if path.is_dir() else mode & (0o644 if path.name == "run.sqlite" else 0o666)
        assert stat.S_IMODE(path.stat().st_mode) == wanted, path


def test_threads_may_put_at_the_same_time(tmp_path):
    with RunStore.open(tmp_path / "run") as store:

        def put(worker: int) -> None:
            for index in range(10):
                store.put_shard(f"k{worker}", index, "stage", index, {"x": np.arange(index)})

        threads = [threading.Thread(target=put, args=(worker,)) for worker in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(store.entries()) == 40
        assert verify(store) == []


def test_a_closed_store_says_so_and_closing_again_is_fine(tmp_path):
    store = RunStore.open(tmp_path / "run")
    store.close()
    store.close()
    with pytest.raises(UsageError, match="closed"):
        store.get("k")


@pytest.mark.parametrize("options", [{"create": False}, {"read_only": True}])
def test_a_folder_without_a_run_is_not_made_one(options, tmp_path):
    with pytest.raises(DataError) as caught:
        RunStore.open(tmp_path / "none", **options)
    assert caught.value.name == "E_STORE_MISSING"
    assert not (tmp_path / "none").exists()


def test_a_failing_put_leaves_the_store_usable(tmp_path):
    with RunStore.open(tmp_path / "run") as store:
        with pytest.raises(DataError):
            store.put("k", "stage", 1, {"a": np.zeros(2), "b": np.array([None])})
        store.put("k", "stage", 1, {"a": np.zeros(2)})
        assert len(store.entries()) == 1


def test_opening_the_store_needs_no_heavy_library(child):
    heavy = "torch sklearn scipy umap onnxruntime PIL pandas"
    code = f"import sys, failatlas.store; print([m for m in {heavy.split()!r} if m in sys.modules])"
    assert child(code=code).stdout == "[]\n"


def test_dropping_leaves_what_is_numbered_later_and_the_result(tmp_path):
    with RunStore.open(tmp_path / "run") as store:
        for key in ("k", "other"):
            for number in range(3):
                store.put_shard(key, number, "stage", number)
        store.put("k", "stage", "whole")
        store.drop("k", before=2)
        assert [entry.shard for entry in store.entries("k")] == [2, RESULT]
        assert len(store.entries("other")) == 3
        store.drop("k")
        assert store.entries("k") == []
