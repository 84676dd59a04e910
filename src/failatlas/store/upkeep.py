"""Upkeep: find damage, drop what is damaged so that it is computed again, free what nothing refers to."""

from __future__ import annotations

import os
import sqlite3
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from failatlas.errors import DataError
from failatlas.store import database, disk, failpoints, files
from failatlas.store.blobs import Blob, Fault
from failatlas.store.entries import RESULT, Entry, digest
from failatlas.store.lock import Lock
from failatlas.store.runstore import DATABASE, LOCK, RunStore


@dataclass(frozen=True, slots=True)
class Damage:
    """One thing that is not as it was written.

    Attributes:
        file: below the run folder.
        kind: of a blob: missing, truncated or changed; ``row``: an altered row; ``database``: SQLite's check failed.
        stage: whose result or shard it belongs to, empty when it is nobody's.
        key: of that result.
        shard: its number, -1 for the whole result.
        detail: what the check said, for a database.
    """

    file: str
    kind: Literal["missing", "truncated", "changed", "row", "database"]
    stage: str = ""
    key: str = ""
    shard: int = RESULT
    detail: str = ""

    @property
    def text(self) -> str:
        """One line for a person."""
        owner = f" ({self.stage}{f' shard {self.shard}' if self.shard != RESULT else ''})" if self.stage else ""
        return f"{self.file}: {self.kind}{owner}{f': {self.detail}' if self.detail else ''}"


@dataclass(frozen=True, slots=True)
class Freed:
    """What a clean-up removed."""

    n_files: int
    n_bytes: int


@dataclass(frozen=True, slots=True)
class Usage:
    """What a run folder's store takes on the disk, in bytes.

    Attributes:
        database: the database with its log and backup.
        blobs: arrays that results refer to.
        n_blobs: how many those are.
        unreferenced: arrays and temporary files that ``gc`` would free.
    """

    database: int
    blobs: int
    n_blobs: int
    unreferenced: int


def verify(store: RunStore) -> list[Damage]:
    """Read everything and compare it with its hashes; empty when all is as it was written.  Reads every byte once.

    Raises:
        ResourceError: a file cannot be read.
    """
    found = [Damage(DATABASE, "database", detail=line) for line in store.problems()]
    faults: dict[Blob, Fault | None] = {}
    for entry, recorded in store.entries_unchecked():
        found += _entry_damage(store, entry, recorded, faults)
    with store.reading() as connection:
        names, numbers = _altered(connection)
    found += [Damage(DATABASE, "row", detail=f"fact {name!r}") for name in names]
    found += [Damage(DATABASE, "row", detail=f"event {number}") for number in numbers]
    return found


def repair(store: RunStore) -> list[Damage]:
    """Drop every result and shard that is damaged, and return what was found; the next run computes them again.

    A damaged shard takes its finished result with it: the stage then redoes that one shard.

    Raises:
        DataError: the database itself is damaged; :func:`restore` puts its backup back.
        ResourceError: the folder cannot be written.
    """
    found = verify(store)
    for damage in found:
        if damage.kind == "database":
            raise disk.damaged(store.database, damage.detail)
    bad = {(damage.key, shard) for damage in found for shard in (damage.shard, RESULT)}
    rows = [(entry.sequence,) for entry, _ in store.entries_unchecked() if (entry.key, entry.shard) in bad]
    with store.transaction("before_drop_commit", "after_drop_commit") as connection:
        names, numbers = _altered(connection)
        connection.executemany("DELETE FROM entries WHERE sequence = ?", rows)
        connection.executemany("DELETE FROM facts WHERE name = ?", [(name,) for name in names])
        connection.executemany("DELETE FROM events WHERE sequence = ?", [(number,) for number in numbers])
    for damage in found:
        # after the commit: a kill in between leaves an unreferenced file, never a result without its array
        if damage.kind in ("truncated", "changed"):
            _remove(store.path / damage.file)
    return found


def restore(path: Path | str) -> Path:
    """Put the backup of a damaged database back; returns where the damaged one was moved.

    What was stored after the backup is computed again; arrays that are still there are found and not written twice.

    Raises:
        DataError: there is no backup, or it is damaged too.
        InUseError: another process holds the folder.
        ResourceError: the folder cannot be written.
    """
    path = Path(path)
    file = path / DATABASE
    backup = database.backup_path(file)
    if not backup.is_file():
        raise DataError(
            "there is no backup",
            where=str(backup),
            remedy="choose another --out folder and run again",
            code="E_STORE_MISSING",
        )
    lock = Lock(path / LOCK)
    try:
        with disk.guard_database(backup):
            database.connect(backup, read_only=True).close()
            content = backup.read_bytes()
            database.discard(file)
        files.write_atomically(file, content)
    finally:
        lock.release()
    return file.with_name(f"{file.name}.damaged")


def gc(store: RunStore) -> Freed:
    """Remove temporary files whose writer is gone and arrays that nothing refers to.

    Raises:
        ResourceError: a file cannot be removed.
    """
    with store.exclusive():
        garbage = _garbage(store)
        n_bytes = sum(_size(path) for path in garbage)
        for path in garbage:
            _remove(path)
        for folder in sorted(store.blobs.folder.glob("??")):
            with suppress(OSError):  # not empty
                folder.rmdir()
    return Freed(len(garbage), n_bytes)


def usage(store: RunStore) -> Usage:
    """What the store takes on the disk."""
    garbage = set(_garbage(store))
    kept = [path for path in store.blobs if path not in garbage]
    return Usage(
        database=sum(_size(path) for path in sorted(store.path.glob(f"{DATABASE}*")) if path not in garbage),
        blobs=sum(_size(path) for path in kept),
        n_blobs=len(kept),
        unreferenced=sum(_size(path) for path in garbage),
    )


def _entry_damage(store: RunStore, entry: Entry, recorded: str, faults: dict[Blob, Fault | None]) -> list[Damage]:
    owner = (entry.stage, entry.key, entry.shard)
    if entry.digest != recorded:
        return [Damage(DATABASE, "row", *owner)]
    found = []
    for name, blob in entry.blobs.items():
        if blob not in faults:
            faults[blob] = store.blobs.fault(blob)
        fault = faults[blob]
        if fault is not None:
            file = store.blobs.path(blob).relative_to(store.path).as_posix()
            found.append(Damage(file, fault, *owner, detail=f"array {name}"))
    return found


def _altered(connection: sqlite3.Connection) -> tuple[list[str], list[int]]:
    """Names of facts and numbers of events whose rows are not as they were written."""
    facts = connection.execute("SELECT name, value, digest FROM facts ORDER BY name")
    names = [name for name, value, recorded in facts if digest(name, value) != recorded]
    events = connection.execute("SELECT sequence, what, value, digest FROM events ORDER BY sequence")
    return names, [number for number, what, value, recorded in events if digest(what, value) != recorded]


def _garbage(store: RunStore) -> list[Path]:
    referenced = {blob.sha256 for entry, _ in store.entries_unchecked() for blob in entry.blobs.values()}
    unreferenced = [path for path in store.blobs if path.stem not in referenced]
    return [*files.leftovers(store.path), *unreferenced]


def _remove(path: Path) -> None:
    with disk.guard(path):
        failpoints.reach("before_unlink")
        with suppress(FileNotFoundError):
            os.unlink(path)


def _size(path: Path) -> int:
    try:
        return path.lstat().st_size
    except OSError:
        return 0
