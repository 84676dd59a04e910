"""Run store: the folder in which a run's results survive kill -9 and a full disk.

``run.sqlite`` says what is true; ``blobs/`` holds the arrays.  An entry's arrays are durable before its row is written,
and its row is durable before :meth:`RunStore.put` returns: whatever was acknowledged is there when the folder is opened
again.
"""

from __future__ import annotations

import json
import os
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import MappingProxyType, TracebackType

from failatlas.errors import DataError, FailatlasError, ResourceError, UsageError
from failatlas.store import database, disk, failpoints, files, rows
from failatlas.store.blobs import Blobs
from failatlas.store.entries import RESULT, Arrays, Entry, Event, Json, Stored, check_name, digest, to_text
from failatlas.store.facts import Facts
from failatlas.store.lock import Lock

DATABASE = "run.sqlite"
LOCK = "run.lock"
BLOBS = "blobs"

_NO_ARRAYS: Arrays = MappingProxyType({})


class RunStore:
    """Results by key, in one folder, written by one process at a time; made by :meth:`open`.

    Attributes:
        path: the run folder.
        read_only: whether writing is refused.
        blobs: the arrays.
        facts: small JSON facts of the run by name, e.g. ``"settings"``.

    >>> import tempfile, numpy as np
    >>> with RunStore.open(tempfile.mkdtemp()) as store:
    ...     _ = store.put("k1", "features", {"n": 2}, {"rows": np.ones((2, 3), np.float32)})
    ...     store.get("k1")
    <Stored 1 features k1: rows float32(2, 3)>
    """

    def __init__(self, path: Path, connection: sqlite3.Connection, lock: Lock | None) -> None:
        self.path = path
        self.read_only = lock is None
        self.blobs = Blobs(path / BLOBS)
        self._connection = connection
        self._lock = lock
        self._mutex = threading.RLock()
        self._pid = os.getpid()
        self._inode = _inode(self.database)
        self._changes = connection.total_changes
        self._open = True
        self.facts = Facts(self)

    @classmethod
    def open(cls, path: Path | str, *, create: bool = True, read_only: bool = False) -> RunStore:
        """Open a run folder; use it as a context manager.

        Args:
            path: the folder.
            create: make it when it is not there.
            read_only: read beside a running writer, or from a read-only disk; takes no lock and creates nothing.

        Raises:
            InUseError: another process writes it (exit 1).
            DataError: there is no run, or its database is damaged or newer than this failatlas.
            ResourceError: disk full, no permission, ….
        """
        path = Path(path)
        file = path / DATABASE
        if (read_only or not create) and not _is_run(path):
            raise DataError("no run folder", where=str(path), remedy="check the path", code="E_STORE_MISSING")
        if read_only:
            _refuse_lost_database(path)
            return cls(path, database.connect(file, read_only=True), None)
        with disk.guard(path):
            files.make_folder(path)
            failpoints.reach("after_make_folder")
        lock = Lock(path / LOCK)
        try:
            with disk.guard(path):
                failpoints.reach("after_lock")
            _refuse_lost_database(path)
            return cls(path, database.connect(file), lock)
        except BaseException:
            lock.release()
            raise

    def get(self, key: str) -> Stored | None:
        """The result under a key, or None.

        Raises:
            DataError: it is damaged; the message names file and stage.
        """
        return self._get(key, RESULT)

    def put(
        self, key: str, stage: str, value: Json, arrays: Arrays = _NO_ARRAYS, *, keep_shards: bool = True
    ) -> Stored:
        """Store a result, whole; durable when this returns.  The same content again changes nothing.

        Args:
            key: from :func:`failatlas.store.key`.
            stage: which stage made it, for people.
            value: JSON.
            arrays: by name; none may hold Python objects.
            keep_shards: False drops the key's shards in the same transaction, when the result replaces them.

        Raises:
            DataError: there is another result under this key, or something cannot be stored.
            ResourceError: disk full, …; the store is as before.
        """
        with self._mutex:
            entry = self._make(key, RESULT, stage, value, arrays)
            with self.transaction("before_result_commit", "after_result_commit") as connection:
                self._insert(entry, connection)
                if not keep_shards:
                    connection.execute("DELETE FROM entries WHERE key = ? AND shard != ?", (key, RESULT))
            return self._require(key, RESULT)

    def shard(self, key: str, index: int) -> Stored | None:
        """Part ``index`` of a long stage, or None when it must be computed."""
        return self._get(key, index)

    def put_shard(self, key: str, index: int, stage: str, value: Json, arrays: Arrays = _NO_ARRAYS) -> Stored:
        """Store one part of a long stage, as :meth:`put` does: a killed run redoes the part it was at, no other.

        Raises:
            DataError, ResourceError: as in :meth:`put`.
        """
        if index < 0:
            raise UsageError(f"shard number {index} is negative", remedy="count from 0")
        with self._mutex:
            entry = self._make(key, index, stage, value, arrays)
            with self.transaction("before_shard_commit", "after_shard_fsync") as connection:
                self._insert(entry, connection)
            return self._require(key, index)

    def shards(self, key: str) -> Iterator[Stored]:
        """The parts of a stage that are there, by number; opened one at a time."""
        for entry in self.entries(key):
            if entry.shard != RESULT:
                yield self._stored(entry)

    def drop(self, key: str, *, before: int | None = None) -> None:
        """Forget a result and its shards, or only the shards numbered below ``before``; ``gc`` frees their arrays."""
        with self.transaction("before_drop_commit", "after_drop_commit") as connection:
            if before is None:
                connection.execute("DELETE FROM entries WHERE key = ?", (key,))
            else:
                connection.execute("DELETE FROM entries WHERE key = ? AND shard BETWEEN 0 AND ?", (key, before - 1))

    def entries(self, key: str | None = None) -> list[Entry]:
        """Every result and shard, or those of one key, in the order of puts; no array is opened.

        Raises:
            DataError: a row was altered.
        """
        found = self.entries_unchecked(key)
        for entry, recorded in found:
            if entry.digest != recorded:
                raise self._altered(f"the row of {entry.title}")
        return [entry for entry, _ in found]

    def entries_unchecked(self, key: str | None = None, shard: int | None = None) -> list[tuple[Entry, str]]:
        """Entries, altered ones too, each with the digest that was recorded for it."""
        with self.reading() as connection:
            return rows.select(connection, key, shard)

    def log(self, what: str, value: Json = None) -> int:
        """Append an event; returns its number."""
        check_name(what, "event")
        text = to_text(value, f"event {what}")
        with self.transaction("before_event_commit", "after_event_commit") as connection:
            cursor = connection.execute(
                "INSERT INTO events (what, value, digest) VALUES (?, ?, ?)", (what, text, digest(what, text))
            )
        return int(cursor.lastrowid or 0)

    def events(self, after: int = 0) -> list[Event]:
        """Events with a number above ``after``, oldest first."""
        with self.reading() as connection:
            found = connection.execute(
                "SELECT sequence, what, value, digest FROM events WHERE sequence > ? ORDER BY sequence", (after,)
            ).fetchall()
        for number, what, text, recorded in found:
            if digest(what, text) != recorded:
                raise self._altered(f"event {number}")
        return [Event(number, what, json.loads(text)) for number, what, text, _ in found]

    def content_hash(self) -> str:
        """SHA-256 (hex) over all results and shards, whatever the order they came in: equal runs have equal hashes."""
        return digest(*sorted(entry.digest for entry in self.entries()))

    def problems(self) -> list[str]:
        """What SQLite's check of the database finds now; empty when sound."""
        with self.reading() as connection:
            return database.problems(connection)

    @contextmanager
    def transaction(self, before: str, after: str) -> Iterator[sqlite3.Connection]:
        """For the parts of this room: all or nothing, durable at the end; fail points before and after the commit."""
        with self._mutex:
            self._check_writable()
            with disk.guard_database(self.database):
                self._connection.execute("BEGIN IMMEDIATE")
                try:
                    yield self._connection
                    failpoints.reach(before)
                    self._connection.execute("COMMIT")
                except BaseException:
                    with suppress(sqlite3.Error):
                        if self._connection.in_transaction:
                            self._connection.execute("ROLLBACK")
                    raise
                self._check_present()
                failpoints.reach(after)

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """For the parts of this room: the connection, one thread at a time, its errors as ours."""
        with self._mutex:
            self._check_open()
            with disk.guard_database(self.database):
                # one view for all statements of the block: another process may commit between them
                begins = not self._connection.in_transaction
                if begins:
                    self._connection.execute("BEGIN")
                try:
                    yield self._connection
                finally:
                    if begins and self._connection.in_transaction:
                        self._connection.execute("COMMIT")

    @contextmanager
    def exclusive(self) -> Iterator[None]:
        """For the parts of this room: no other thread puts anything meanwhile."""
        with self._mutex:
            self._check_writable()
            yield

    @property
    def database(self) -> Path:
        """The database's file."""
        return self.path / DATABASE

    def close(self) -> None:
        """Give the folder back; a changed database is copied to its backup first.  Again is fine."""
        with self._mutex:
            if not self._open:
                return
            self._open = False
            if os.getpid() != self._pid:
                return  # a forked child: connection and lock are its parent's
            try:
                is_changed = self._connection.total_changes != self._changes
                # not into a deleted folder: a backup alone there would look like a run that lost its database
                if self._lock and is_changed and _inode(self.database) == self._inode:
                    # everything is durable already; where a fresh backup cannot be had, the one before it stands
                    with suppress(FailatlasError, OSError, sqlite3.Error):
                        if not database.problems(self._connection):
                            database.back_up(self._connection, self.database)
                self._connection.close()
            finally:
                if self._lock:
                    self._lock.release()

    def __enter__(self) -> RunStore:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<RunStore {self.path}{', read-only' if self.read_only else ''}>"

    def _get(self, key: str, shard: int) -> Stored | None:
        found = self.entries_unchecked(key, shard)
        if not found:
            return None
        entry, recorded = found[0]
        if entry.digest != recorded:
            raise self._altered(f"the row of {entry.title}")
        return self._stored(entry)

    def _require(self, key: str, shard: int) -> Stored:
        stored = self._get(key, shard)
        if stored is None:
            raise self._altered(f"what was just stored under {key[:12]} is gone")
        return stored

    def _stored(self, entry: Entry) -> Stored:
        try:
            arrays = {name: self.blobs.open(blob) for name, blob in entry.blobs.items()}
        except DataError as error:
            raise DataError(
                f"{error.what} ({entry.title})", where=error.where, remedy=self._repair, code=error.name
            ) from error
        return Stored(entry.sequence, entry.key, entry.stage, json.loads(entry.text), MappingProxyType(arrays))

    def _make(self, key: str, shard: int, stage: str, value: Json, arrays: Arrays) -> Entry:
        self._check_writable()
        check_name(key, "key")
        check_name(stage, "stage")
        text = to_text(value, stage)
        blobs = {check_name(name, "array name"): self.blobs.put(array) for name, array in sorted(arrays.items())}
        with disk.guard(self.path):
            failpoints.reach("after_blobs")
        return Entry(0, key, shard, stage, text, blobs)

    def _insert(self, entry: Entry, connection: sqlite3.Connection) -> None:
        present = rows.select(connection, entry.key, entry.shard)
        if not present:
            rows.insert(connection, entry)
        elif present[0][1] != entry.digest:
            raise DataError(
                f"another {entry.title} lies under this key",
                where=f"{self.path}, key {entry.key[:12]}",
                remedy="the same inputs gave two results: set a seed, or raise the stage's version",
                code="E_STORE_CONFLICT",
            )

    def _check_open(self) -> None:
        if not self._open:
            raise UsageError("the run store is closed", where=str(self.path), remedy="open it again")
        if os.getpid() != self._pid:
            raise UsageError(
                "a forked process uses its parent's run store",
                where=str(self.path),
                remedy="hand results to the parent",
            )

    def _check_writable(self) -> None:
        self._check_open()
        if self.read_only:
            raise UsageError("the run store was opened read-only", where=str(self.path), remedy="open it for writing")
        self._check_present()

    def _check_present(self) -> None:
        # SQLite goes on writing to a deleted file, and would acknowledge what nobody can ever read
        if _inode(self.database) != self._inode:
            raise ResourceError(
                "the run folder was deleted or replaced while it was in use",
                where=str(self.path),
                remedy="put it back, or run the command again to start anew",
                code="E_FOLDER_GONE",
            )

    def _altered(self, what: str) -> DataError:
        return DataError(f"damaged: {what}", where=str(self.database), remedy=self._repair, code="E_STORE_DAMAGED")

    @property
    def _repair(self) -> str:
        return f"failatlas verify {self.path} --repair, then run the same command again"


def _inode(path: Path) -> tuple[int, int] | None:
    try:
        status = os.stat(path)
    except OSError:
        return None
    return status.st_dev, status.st_ino


def _is_run(path: Path) -> bool:
    return (path / DATABASE).exists() or database.backup_path(path / DATABASE).exists() or (path / BLOBS).exists()


def _refuse_lost_database(path: Path) -> None:
    """An absent or empty database beside arrays or a backup was lost; SQLite would quietly begin a new one."""
    file = path / DATABASE
    try:
        is_empty = file.stat().st_size == 0
    except OSError:
        is_empty = True
    if is_empty and (database.backup_path(file).exists() or any(Blobs(path / BLOBS))):
        raise disk.damaged(file, "the file is missing or empty")
