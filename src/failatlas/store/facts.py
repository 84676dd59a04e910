"""Facts: small JSON things that are true of a whole run, by name: resolved settings, versions, input digests."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, MutableMapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Protocol

from failatlas.errors import DataError
from failatlas.store.entries import Json, check_name, digest, to_text


class _Database(Protocol):
    """What facts need of a store."""

    @property
    def database(self) -> Path: ...

    def transaction(self, before: str, after: str) -> AbstractContextManager[sqlite3.Connection]: ...

    def reading(self) -> AbstractContextManager[sqlite3.Connection]: ...


class Facts(MutableMapping[str, Json]):
    """The facts of one store, as a mapping; setting one is a transaction and durable when it returns.

    >>> import tempfile
    >>> from failatlas.store import RunStore
    >>> with RunStore.open(tempfile.mkdtemp()) as store:
    ...     store.facts["settings"] = {"seed": 7}
    ...     store.facts["settings"], store.facts.get("model")
    ({'seed': 7}, None)
    """

    def __init__(self, store: _Database) -> None:
        self._store = store

    def __getitem__(self, name: str) -> Json:
        with self._store.reading() as connection:
            row = connection.execute("SELECT value, digest FROM facts WHERE name = ?", (name,)).fetchone()
        if row is None:
            raise KeyError(name)
        if digest(name, row[0]) != row[1]:
            raise DataError(f"damaged: the fact {name!r}", where=str(self._store.database), code="E_STORE_DAMAGED")
        value: Json = json.loads(row[0])
        return value

    def __setitem__(self, name: str, value: Json) -> None:
        check_name(name, "fact")
        text = to_text(value, f"fact {name}")
        with self._store.transaction("before_fact_commit", "after_fact_commit") as connection:
            connection.execute("REPLACE INTO facts VALUES (?, ?, ?)", (name, text, digest(name, text)))

    def __delitem__(self, name: str) -> None:
        with self._store.transaction("before_fact_commit", "after_fact_commit") as connection:
            if connection.execute("DELETE FROM facts WHERE name = ?", (name,)).rowcount == 0:
                raise KeyError(name)

    def __iter__(self) -> Iterator[str]:
        with self._store.reading() as connection:
            names = [str(row[0]) for row in connection.execute("SELECT name FROM facts ORDER BY name")]
        return iter(names)

    def __len__(self) -> int:
        with self._store.reading() as connection:
            return int(connection.execute("SELECT count(*) FROM facts").fetchone()[0])

    def __repr__(self) -> str:
        return f"<Facts {', '.join(self) or 'none'}>"
