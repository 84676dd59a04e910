"""F7: damage is named, dropped and computed again; nothing altered is ever handed out in silence."""

from __future__ import annotations

import os
import random
import shutil
from pathlib import Path

import numpy as np
import pytest

from failatlas.errors import DataError, FailatlasError, UsageError
from failatlas.store import RunStore, gc, repair, restore, usage, verify
from failatlas.store.entries import RESULT


@pytest.fixture
def run(scenario, tmp_path) -> Path:
    scenario.work(tmp_path / "run")
    return tmp_path / "run"


def flip(path: Path, position: int, bit: int = 0) -> None:
    data = bytearray(path.read_bytes())
    data[position] ^= 1 << bit
    path.write_bytes(data)


def damage_blob(kind: str, path: Path) -> None:
    if kind == "changed":
        flip(path, path.stat().st_size - 1)
    elif kind == "truncated":
        os.truncate(path, path.stat().st_size - 1)
    else:
        path.unlink()


@pytest.mark.parametrize("kind", ["changed", "truncated", "missing"])
def test_F7_a_damaged_shard_is_named_and_only_it_is_computed_again(kind, run, scenario, contents, unbroken):
    with RunStore.open(run) as store:
        path = store.blobs.path(store.entries(scenario.FEATURES)[2].blobs["rows"])
        damage_blob(kind, path)
        (damage,) = verify(store)
        assert (damage.kind, damage.stage, damage.shard, damage.key) == (kind, "features", 2, scenario.FEATURES)
        assert damage.file == path.relative_to(run).as_posix()
        assert damage.text == f"{damage.file}: {kind} (features shard 2): array rows"
        assert repair(store) == [damage]
        assert verify(store) == []
        assert not path.exists()
    redone: list[str] = []
    with RunStore.open(run) as store:
        store.drop(scenario.REDUCED)
    scenario.work(run, say=redone.append)
    assert [line for line in redone if line.startswith("work")] == ["work shard 2"]
    with RunStore.open(run) as store:
        assert verify(store) == []
        assert store.content_hash() == scenario.work(run.with_name("again"))


def test_F7_a_truncated_array_is_refused_when_read_never_a_bus_error(run, scenario):
    with RunStore.open(run) as store:
        blob = store.entries(scenario.REDUCED)[0].blobs["means"]
        for length in (blob.n_bytes - 1, 64, 0):
            os.truncate(store.blobs.path(blob), length)
            with pytest.raises(DataError, match="truncated") as caught:
                store.get(scenario.REDUCED)
            assert caught.value.name == "E_STORE_DAMAGED"
            assert "(reduce)" in caught.value.what
            assert "--repair" in caught.value.remedy


def test_F7_putting_a_result_again_heals_its_damaged_array(tmp_path):
    rows = np.arange(1000.0)
    with RunStore.open(tmp_path / "run") as store:
        store.put("a", "stage", 1, {"x": rows})
        path = store.blobs.path(store.entries()[0].blobs["x"])
        flip(path, 500)
        assert [damage.kind for damage in verify(store)] == ["changed"]
        stored = store.put("a", "stage", 1, {"x": rows})
        assert verify(store) == []
        assert stored.arrays["x"].tolist() == rows.tolist()


def test_F7_a_damaged_shard_takes_its_finished_result_along(tmp_path):
    with RunStore.open(tmp_path / "run") as store:
        store.put_shard("k", 0, "features", 0, {"x": np.zeros(5)})
        store.put_shard("k", 1, "features", 1, {"x": np.ones(5)})
        store.put("k", "features", "two shards")
        store.put("other", "outcomes", 1)
        store.blobs.path(store.entries("k")[1].blobs["x"]).unlink()
        repair(store)
        assert [(entry.key, entry.shard) for entry in store.entries()] == [("k", 0), ("other", RESULT)]


def test_F7_an_altered_row_is_named_never_returned_and_dropped_by_repair(run, scenario):
    with RunStore.open(run) as store:
        with store.transaction("before_fact_commit", "after_fact_commit") as connection:
            connection.execute("UPDATE entries SET value = replace(value, 'four', 'five') WHERE stage = 'reduce'")
            connection.execute("UPDATE facts SET value = 'false' WHERE name = 'clean'")
            connection.execute("UPDATE events SET value = '{}'")
        for read in (lambda: store.get(scenario.REDUCED), lambda: store.facts["clean"], store.events, store.entries):
            with pytest.raises(DataError) as caught:
                read()
            assert caught.value.name == "E_STORE_DAMAGED"
        assert [damage.text for damage in verify(store)] == [
            "run.sqlite: row (reduce)",
            "run.sqlite: row: fact 'clean'",
            "run.sqlite: row: event 1",
        ]
        repair(store)
        assert verify(store) == []
        assert store.get(scenario.REDUCED) is None
        assert store.events() == []


def test_F7_a_bit_flipped_anywhere_in_the_database_is_refused_named_or_without_effect(run, contents, tmp_path):
    whole, positions = contents(run), random.Random(11)
    size = (run / "run.sqlite").stat().st_size
    found = 0
    for _ in range(80):
        copy = tmp_path / "copy"
        shutil.rmtree(copy, ignore_errors=True)
        shutil.copytree(run, copy)
        flip(copy / "run.sqlite", positions.randrange(size), positions.randrange(8))
        try:
            with RunStore.open(copy) as store:
                damages = verify(store)
            if not damages:
                assert contents(copy) == whole
            found += bool(damages)
        except FailatlasError as error:
            assert error.name in {"E_STORE_DATABASE", "E_STORE_DAMAGED", "E_STORE_NEWER"}  # noqa: PT017
            assert error.exit_status == 3  # noqa: PT017
            found += 1
    assert found > 8


@pytest.mark.parametrize("how", ["overwritten", "truncated", "emptied", "removed", "other tables", "text"])
def test_F7_a_damaged_database_is_refused_and_its_backup_put_back(how, run, scenario, contents, unbroken):
    file = run / "run.sqlite"
    match how:
        case "overwritten":
            file.write_bytes(file.read_bytes()[:4096] + b"\xff" * (file.stat().st_size - 4096))
        case "truncated":
            os.truncate(file, 5000)
        case "emptied":
            os.truncate(file, 0)
        case "removed":
            file.unlink()
        case "other tables":
            with RunStore.open(run) as store, store.reading() as connection:
                connection.execute("CREATE TRIGGER bad AFTER INSERT ON events BEGIN DELETE FROM entries; END")
        case "text":
            file.write_text("no database, but a text that is longer than the header of one " * 100)
    for options in ({}, {"read_only": True}, {"create": False}):
        with pytest.raises(DataError) as caught:
            RunStore.open(run, **options)
        assert caught.value.name == "E_STORE_DATABASE"
        assert f"verify {run} --restore" in caught.value.remedy
        assert "run.sqlite.backup" in caught.value.remedy
    moved = restore(run)
    assert moved.exists() == (how != "removed")
    assert contents(run) == unbroken
    assert scenario.work(run) == scenario.work(run.with_name("again"))


def test_F7_an_older_backup_costs_what_came_after_it_and_no_array_is_written_twice(run, scenario, contents, unbroken):
    with RunStore.open(run) as store:
        store.drop(scenario.REDUCED)
    old = (run / "run.sqlite.backup").read_bytes()
    scenario.work(run)
    (run / "run.sqlite.backup").write_bytes(old)
    (run / "run.sqlite").write_bytes(b"")
    before = {path: path.stat().st_mtime_ns for path in (run / "blobs").rglob("*.npy")}
    restore(run)
    redone: list[str] = []
    scenario.work(run, say=redone.append)
    assert redone == [f"ack result {scenario.REDUCED}"]
    assert {path: path.stat().st_mtime_ns for path in (run / "blobs").rglob("*.npy")} == before
    assert contents(run)["entries"] == unbroken["entries"]


def test_F7_restore_without_a_backup_or_with_a_damaged_one_says_so(run):
    backup = run / "run.sqlite.backup"
    os.truncate(backup, 3000)
    with pytest.raises(DataError, match="damaged"):
        restore(run)
    backup.unlink()
    with pytest.raises(DataError, match="no backup"):
        restore(run)
    RunStore.open(run).close()


def test_gc_frees_what_nothing_refers_to_and_leaves_strangers_files_alone(run, scenario):
    (run / "clusters.csv").write_text("image_id\n")
    (run / "blobs" / "readme.txt").write_text("mine")
    (run / "blobs" / "ab").mkdir(exist_ok=True)
    (run / "blobs" / "ab" / ("ab" + "0" * 62 + ".npy")).write_bytes(b"orphan")
    (run / ".failatlas-1999999999-0011223344556677.tmp").write_bytes(b"left")
    with RunStore.open(run) as store:
        assert usage(store).unreferenced == 10
        store.drop(scenario.FEATURES)
        freed = gc(store)
        assert freed.n_files == 2 + scenario.N_SHARDS
        assert usage(store).unreferenced == 0
        assert usage(store).n_blobs == len(list(store.blobs)) == 1
        assert usage(store).blobs == sum(path.stat().st_size for path in store.blobs)
        assert verify(store) == []
    assert (run / "clusters.csv").exists()
    assert (run / "blobs" / "readme.txt").exists()


def test_gc_keeps_the_temporary_file_of_a_living_process(run):
    (run / f".failatlas-{os.getppid()}-00.tmp").write_bytes(b"")
    (run / f".failatlas-{os.getpid()}-00.tmp").write_bytes(b"")  # ours, but not in flight: a reused number
    with RunStore.open(run) as store:
        assert gc(store).n_files == 1
    assert (run / f".failatlas-{os.getppid()}-00.tmp").exists()


def test_a_read_only_store_is_verified_but_not_cleaned(run):
    with RunStore.open(run, read_only=True) as store:
        assert verify(store) == []
        with pytest.raises(UsageError):
            gc(store)
        with pytest.raises(UsageError):
            repair(store)
