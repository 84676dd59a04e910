"""Rows: entries in and out of the database's two tables, as plain statements inside somebody's transaction."""

from __future__ import annotations

import sqlite3

from failatlas.store.blobs import Blob
from failatlas.store.entries import Entry


def select(connection: sqlite3.Connection, key: str | None, shard: int | None) -> list[tuple[Entry, str]]:
    """Entries by sequence number, each with the digest that was recorded for it; None = of any key, any shard."""
    given = {"key": key, "shard": shard}
    wanted = {column: value for column, value in given.items() if value is not None}
    where = " AND ".join(["TRUE", *(f"{column} = :{column}" for column in wanted)])
    blobs: dict[int, dict[str, Blob]] = {}
    for number, name, sha256, n_bytes in connection.execute(
        "SELECT sequence, name, sha256, n_bytes FROM arrays JOIN entries USING (sequence) WHERE "  # noqa: S608 - column names are ours
        f"{where} ORDER BY sequence, name",
        wanted,
    ):
        blobs.setdefault(number, {})[name] = Blob(sha256, n_bytes)
    found = connection.execute(
        f"SELECT sequence, key, shard, stage, value, digest FROM entries WHERE {where} ORDER BY sequence",  # noqa: S608 - column names are ours
        wanted,
    )
    return [
        (Entry(number, of, part, stage, text, blobs.get(number, {})), recorded)
        for number, of, part, stage, text, recorded in found
    ]


def insert(connection: sqlite3.Connection, entry: Entry) -> None:
    """Add an entry under the next sequence number; its own is not looked at."""
    cursor = connection.execute(
        "INSERT INTO entries (key, shard, stage, value, digest) VALUES (?, ?, ?, ?, ?)",
        (entry.key, entry.shard, entry.stage, entry.text, entry.digest),
    )
    connection.executemany(
        "INSERT INTO arrays (sequence, name, sha256, n_bytes) VALUES (?, ?, ?, ?)",
        [(cursor.lastrowid, name, blob.sha256, blob.n_bytes) for name, blob in entry.blobs.items()],
    )
