"""R3: a schema that grows is migrated with a backup; a newer one, or somebody else's file, is refused."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing

import pytest

from failatlas.errors import DataError, ResourceError
from failatlas.store import RunStore, database, failpoints, restore

ADDED = "ALTER TABLE events ADD COLUMN actor TEXT NOT NULL DEFAULT ''; CREATE TABLE notes (text TEXT NOT NULL) STRICT"


@pytest.fixture
def old(tmp_path):
    with RunStore.open(tmp_path / "run") as store:
        store.put("k", "stage", "kept")
    (tmp_path / "run" / "run.sqlite.backup").unlink()
    return tmp_path / "run"


def test_R3_an_older_run_is_migrated_and_its_copy_kept(old, monkeypatch):
    monkeypatch.setattr(database, "MIGRATIONS", (*database.MIGRATIONS, ADDED))
    with pytest.raises(DataError, match="schema 1, this failatlas reads 2") as caught:
        RunStore.open(old, read_only=True)
    assert caught.value.name == "E_STORE_OLDER"
    with RunStore.open(old) as store:
        stored = store.get("k")
        assert stored is not None
        assert stored.value == "kept"
        with store.reading() as connection:
            assert database.version(connection) == 2
            assert connection.execute("SELECT * FROM notes").fetchall() == []
    with closing(sqlite3.connect(old / "run.sqlite.backup")) as backup:
        assert database.version(backup) == 1
        assert backup.execute("SELECT value FROM entries").fetchall() == [('"kept"',)]


def test_R3_a_migration_that_fails_leaves_the_old_run(old, monkeypatch, disarmed):
    released = database.MIGRATIONS
    monkeypatch.setattr(database, "MIGRATIONS", (*released, ADDED))
    failpoints.arm("before_schema_commit:enospc")
    with pytest.raises(ResourceError, match="disk full"):
        RunStore.open(old)
    failpoints.arm("")
    monkeypatch.setattr(database, "MIGRATIONS", released)
    with RunStore.open(old) as store:
        assert store.get("k") is not None


def test_R3_the_run_of_a_newer_failatlas_is_refused_untouched(old, monkeypatch):
    with monkeypatch.context() as newer:
        newer.setattr(database, "MIGRATIONS", (*database.MIGRATIONS, ADDED))
        RunStore.open(old).close()
    before = (old / "run.sqlite").read_bytes()
    for options in ({}, {"read_only": True}):
        with pytest.raises(DataError, match="newer failatlas") as caught:
            RunStore.open(old, **options)
        assert caught.value.name == "E_STORE_NEWER"
        assert "pip install -U" in caught.value.remedy
    assert (old / "run.sqlite").read_bytes() == before


def test_somebody_elses_database_is_refused_untouched(tmp_path):
    with closing(sqlite3.connect(tmp_path / "run.sqlite")) as other:
        other.execute("CREATE TABLE theirs (x)")
    with pytest.raises(DataError, match="not the database of a run") as caught:
        RunStore.open(tmp_path)
    assert "no backup was made yet" in caught.value.remedy
    with closing(sqlite3.connect(tmp_path / "run.sqlite")) as other:
        assert other.execute("SELECT name FROM sqlite_master").fetchall() == [("theirs",)]


def test_commits_are_synchronised_before_they_are_acknowledged(old):
    with RunStore.open(old) as store, store.reading() as connection:
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
        assert connection.execute("PRAGMA synchronous").fetchone() == (2,)
        assert connection.execute("PRAGMA foreign_keys").fetchone() == (1,)
        assert connection.execute("PRAGMA trusted_schema").fetchone() == (0,)


def test_a_killed_restore_can_be_done_again(old, child):
    with RunStore.open(old) as store:
        store.put("later", "stage", 1)
    os.truncate(old / "run.sqlite", 100)
    code = "import sys; from failatlas.store import restore; restore(sys.argv[1])"
    assert child(old, code=code, failpoint="during_temp_write:kill").returncode == -9
    with pytest.raises(DataError, match="missing"):
        RunStore.open(old)
    restore(old)
    with RunStore.open(old) as store:
        assert [entry.key for entry in store.entries()] == ["k", "later"]
