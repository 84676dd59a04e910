"""The run folder: results by key that survive kill -9 and a full disk; stdlib SQLite and content-addressed arrays."""

from failatlas.store.codec import Encoded, decode, encode
from failatlas.store.entries import Arrays, Entry, Event, Json, Stored
from failatlas.store.files import write_atomically
from failatlas.store.keys import key
from failatlas.store.results import load, load_shard, save, save_shard
from failatlas.store.runstore import RunStore
from failatlas.store.upkeep import Damage, Freed, Usage, gc, repair, restore, usage, verify

__all__ = [
    "Arrays",
    "Damage",
    "Encoded",
    "Entry",
    "Event",
    "Freed",
    "Json",
    "RunStore",
    "Stored",
    "Usage",
    "decode",
    "encode",
    "gc",
    "key",
    "load",
    "load_shard",
    "repair",
    "restore",
    "save",
    "save_shard",
    "usage",
    "verify",
    "write_atomically",
]
