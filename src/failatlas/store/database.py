"""Database: ``run.sqlite``, which says what is true of a run: its schema, its migrations, its backup."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing, suppress
from pathlib import Path
from urllib.parse import quote

from failatlas.errors import DataError
from failatlas.store import disk, failpoints, files

APPLICATION = 0x6661746C  # "fatl", in the file's header: tells a run from anybody's database

# the script at position v takes version v to v + 1; a script that was released is never edited.
# STRICT: SQLite's own check then finds a text that became a blob by one flipped bit
MIGRATIONS: tuple[str, ...] = (
    """
    CREATE TABLE entries (
        sequence INTEGER PRIMARY KEY AUTOINCREMENT,
        key TEXT NOT NULL,
        shard INTEGER NOT NULL,
        stage TEXT NOT NULL,
        value TEXT NOT NULL,
        digest TEXT NOT NULL,
        UNIQUE (key, shard)
    ) STRICT;
    CREATE TABLE arrays (
        sequence INTEGER NOT NULL REFERENCES entries (sequence) ON DELETE CASCADE,
        name TEXT NOT NULL,
        sha256 TEXT NOT NULL,
        n_bytes INTEGER NOT NULL,
        PRIMARY KEY (sequence, name)
    ) STRICT;
    CREATE INDEX arrays_sha256 ON arrays (sha256);
    CREATE TABLE facts (
        name TEXT PRIMARY KEY,
        value TEXT NOT NULL,
        digest TEXT NOT NULL
    ) STRICT;
    CREATE TABLE events (
        sequence INTEGER PRIMARY KEY AUTOINCREMENT,
        what TEXT NOT NULL,
        value TEXT NOT NULL,
        digest TEXT NOT NULL
    ) STRICT;
    """,
)


def connect(path: Path, *, read_only: bool = False) -> sqlite3.Connection:
    """Open, check and if need be migrate the database of a run.

    Raises:
        DataError: it is damaged, is not ours, or was written by a newer failatlas.
        ResourceError: it cannot be opened or written.
    """
    with disk.guard_database(path):
        connection = _open_read_only(path) if read_only else _open(path)
        try:
            _check(connection, path)
            if read_only:
                _require_current(connection, path)
            else:
                _migrate(connection, path)
            _check_schema(connection, path)
        except BaseException:
            connection.close()
            raise
    return connection


def version(connection: sqlite3.Connection) -> int:
    """Schema version, 0 for an empty database."""
    return int(connection.execute("PRAGMA user_version").fetchone()[0])


def problems(connection: sqlite3.Connection) -> list[str]:
    """What SQLite's own check of pages, indices and references finds; empty when sound."""
    found = [str(row[0]) for row in connection.execute("PRAGMA integrity_check(10)")]
    broken = [f"{row[0]} row {row[1]} refers to nothing" for row in connection.execute("PRAGMA foreign_key_check")]
    return [] if found == ["ok"] and not broken else [line for line in found if line != "ok"] + broken


def back_up(connection: sqlite3.Connection, path: Path) -> None:
    """Copy a sound database to ``<path>.backup``, whole or not at all.

    Raises:
        OSError, sqlite3.Error: it could not be written; the backup before it stands.
    """
    copy = sqlite3.connect(":memory:")
    with closing(copy):
        connection.backup(copy)
        content = copy.serialize()
    files.write_atomically(backup_path(path), content)
    failpoints.reach("after_backup")


def backup_path(path: Path) -> Path:
    """Where the copy of a database is kept."""
    return path.with_name(path.name + ".backup")


def discard(path: Path) -> None:
    """Move a damaged database and its log out of the way, to ``<name>.damaged``; an earlier one is replaced."""
    for suffix in ("-wal", "-shm", ""):
        with suppress(FileNotFoundError):
            os.replace(path.with_name(path.name + suffix), path.with_name(f"{path.name}.damaged{suffix}"))


def _open(path: Path) -> sqlite3.Connection:
    connection = _connection(path, "mode=rwc")
    try:
        # WAL before the first transaction; FULL: a commit is on the disk before anyone hears of it
        connection.execute("PRAGMA journal_mode=WAL").fetchone()
        connection.execute("PRAGMA synchronous=FULL")
    except BaseException:
        connection.close()
        raise
    return connection


def _open_read_only(path: Path) -> sqlite3.Connection:
    connection = _connection(path, "mode=ro")
    try:
        connection.execute("PRAGMA user_version").fetchone()
    except sqlite3.OperationalError as error:
        connection.close()
        log = path.with_name(path.name + "-wal")
        if error.sqlite_errorcode & 0xFF not in (sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY):
            raise
        if log.exists() and log.stat().st_size:
            raise DataError(
                "the run was interrupted and lies on a read-only disk, so its log cannot be read",
                where=str(path),
                remedy="copy the folder to a writable disk",
                code="E_STORE_READ_ONLY",
            ) from error
        # nobody can write there, so nobody can change it under us
        return _connection(path, "mode=ro&immutable=1")
    return connection


def _connection(path: Path, query: str) -> sqlite3.Connection:
    # a URI of percent-escaped bytes: names that are no Unicode, or hold ? and #, arrive unharmed
    uri = f"file:{quote(os.fsencode(path.absolute()))}?{query}"
    connection = sqlite3.connect(uri, uri=True, isolation_level=None, check_same_thread=False, timeout=30)
    # altered text is still read: its digest then tells which row it was
    connection.text_factory = lambda data: data.decode("utf-8", "replace")
    # no triggers, views or functions of a stranger's file; sorting never spills into a temporary folder
    for pragma in ("trusted_schema=OFF", "cell_size_check=ON", "foreign_keys=ON", "temp_store=MEMORY", "mmap_size=0"):
        connection.execute(f"PRAGMA {pragma}")
    return connection


def _check(connection: sqlite3.Connection, path: Path) -> None:
    owner = int(connection.execute("PRAGMA application_id").fetchone()[0])
    tables = int(connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0])
    found = version(connection)
    if found > len(MIGRATIONS) and owner == APPLICATION:
        raise DataError(
            f"the run was written by a newer failatlas (schema {found}, this one knows {len(MIGRATIONS)})",
            where=str(path),
            remedy="upgrade failatlas: pip install -U failatlas",
            code="E_STORE_NEWER",
        )
    if found == 0 and tables == 0:
        return
    if owner != APPLICATION or found < 1:
        raise disk.damaged(path, "it is not the database of a run")
    broken = problems(connection)
    if broken:
        raise disk.damaged(path, broken[0])


def _require_current(connection: sqlite3.Connection, path: Path) -> None:
    found = version(connection)
    if found < len(MIGRATIONS):
        raise DataError(
            f"the run has schema {found}, this failatlas reads {len(MIGRATIONS)}" if found else "the run is empty",
            where=str(path),
            remedy="run its command again: that brings it up to date",
            code="E_STORE_OLDER",
        )


def _migrate(connection: sqlite3.Connection, path: Path) -> None:
    found = version(connection)
    if found == len(MIGRATIONS):
        return
    if found:
        back_up(connection, path)
    connection.execute("BEGIN IMMEDIATE")
    try:
        for script in MIGRATIONS[found:]:
            for statement in script.split(";"):
                connection.execute(statement)
        connection.execute(f"PRAGMA user_version={len(MIGRATIONS)}")
        connection.execute(f"PRAGMA application_id={APPLICATION}")
        failpoints.reach("before_schema_commit")
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise
    files.sync_folder(path.parent)
    failpoints.reach("after_schema_commit")


def _check_schema(connection: sqlite3.Connection, path: Path) -> None:
    with closing(sqlite3.connect(":memory:")) as fresh:
        for script in MIGRATIONS[: version(connection)]:
            fresh.executescript(script)
        if _schema(connection) != _schema(fresh):
            raise disk.damaged(path, "its tables are not those of a run")


def _schema(connection: sqlite3.Connection) -> list[tuple[str, ...]]:
    return connection.execute("SELECT type, name, tbl_name, sql FROM sqlite_master ORDER BY type, name").fetchall()
