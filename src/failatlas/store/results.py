"""Results: a stage's dataclass into the store and out of it, in one call each."""

from __future__ import annotations

from typing import TypeVar

from failatlas.errors import DataError
from failatlas.store.codec import decode, encode
from failatlas.store.entries import Stored
from failatlas.store.runstore import RunStore

_T = TypeVar("_T")


def save(store: RunStore, key: str, stage: str, result: object, *, keep_shards: bool = True) -> Stored:
    """Store a frozen dataclass under a key; durable when this returns.

    Raises:
        DataError, ResourceError: as in :func:`failatlas.store.encode` and :meth:`RunStore.put`.
    """
    encoded = encode(result)
    return store.put(key, stage, encoded.value, encoded.arrays, keep_shards=keep_shards)


def load(store: RunStore, key: str, kind: type[_T]) -> _T | None:
    """The result under a key, its arrays as read-only memory maps; None when it must be computed.

    Raises:
        DataError: it is damaged, or is not of this type; the message names the field.

    >>> import tempfile, numpy as np
    >>> from failatlas.curves import Curve
    >>> x = np.arange(3.0)
    >>> with RunStore.open(tempfile.mkdtemp()) as store:
    ...     _ = save(store, "k1", "reduce", Curve("eps", "noise", x, x, 1.0, "knee"))
    ...     load(store, "k1", Curve)
    <Curve noise over eps: 3 values, 1 by knee>
    """
    return _decode(store.get(key), kind)


def save_shard(store: RunStore, key: str, index: int, stage: str, result: object) -> Stored:
    """Store part ``index`` of a long stage, as :func:`save` does a whole one."""
    encoded = encode(result)
    return store.put_shard(key, index, stage, encoded.value, encoded.arrays)


def load_shard(store: RunStore, key: str, index: int, kind: type[_T]) -> _T | None:
    """Part ``index`` of a long stage, or None when it must be computed."""
    return _decode(store.shard(key, index), kind)


def _decode(stored: Stored | None, kind: type[_T]) -> _T | None:
    if stored is None:
        return None
    try:
        return decode(kind, stored.value, stored.arrays)
    except DataError as error:
        where = f"{stored.stage} {stored.key[:12]}" + (f", {error.where}" if error.where else "")
        raise DataError(error.what, where=where, remedy=error.remedy, code=error.name) from error
