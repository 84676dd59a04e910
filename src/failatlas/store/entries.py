"""Entries: what a run folder holds under a key: JSON, named arrays, and a digest that shows when either was altered."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from failatlas.errors import DataError
from failatlas.store.blobs import Blob

Json: TypeAlias = "bool | int | float | str | Sequence[Json] | Mapping[str, Json] | None"
Arrays: TypeAlias = Mapping[str, NDArray[np.generic]]

RESULT = -1  # the "shard" of a whole result


@dataclass(frozen=True, slots=True)
class Entry:
    """One row of the store, its arrays not opened.

    Attributes:
        sequence: rises with every put; the order of things, for a clock may jump.
        key: of the result.
        shard: its number, or -1 for the whole result.
        stage: which stage made it.
        text: the value as JSON.
        blobs: array name → blob, by name.
    """

    sequence: int
    key: str
    shard: int
    stage: str
    text: str
    blobs: Mapping[str, Blob]

    @property
    def digest(self) -> str:
        """SHA-256 (hex) over all but the sequence number; equal content has equal digests."""
        blobs: Json = [[name, blob.sha256, blob.n_bytes] for name, blob in sorted(self.blobs.items())]
        return digest(self.key, self.shard, self.stage, self.text, blobs)

    @property
    def title(self) -> str:
        """For people: ``features shard 3``."""
        return self.stage if self.shard == RESULT else f"{self.stage} shard {self.shard}"


@dataclass(frozen=True, slots=True, eq=False)
class Stored:
    """A result or a shard as it lies in the store.

    Attributes:
        sequence: its place in the order of puts.
        key: of the result.
        stage: which stage made it.
        value: parsed JSON.
        arrays: read-only memory maps by name.
    """

    sequence: int
    key: str
    stage: str
    value: Json
    arrays: Arrays

    def __repr__(self) -> str:
        shapes = ", ".join(f"{name} {array.dtype}{array.shape}" for name, array in self.arrays.items())
        return f"<Stored {self.sequence} {self.stage} {self.key[:12]}: {shapes or 'no arrays'}>"


@dataclass(frozen=True, slots=True)
class Event:
    """One line of the run's history: its number, what happened, and details."""

    sequence: int
    what: str
    value: Json


def to_text(value: Json, where: str) -> str:
    """JSON in one canonical spelling, all ASCII: lone surrogates of odd file names survive as escapes.

    Raises:
        DataError: the value is not JSON, or holds nan or infinity (``codec`` writes those).
    """
    try:
        return json.dumps(value, ensure_ascii=True, allow_nan=False, separators=(",", ":"))
    except (TypeError, ValueError, RecursionError) as error:
        raise DataError(
            f"a value cannot be stored: {error}", where=where, remedy="store what JSON knows", code="E_STORE_TYPE"
        ) from error


def digest(*parts: Json) -> str:
    """SHA-256 (hex) over JSON values.

    >>> digest("a", 1) == digest("a", 1), digest("a", 1) == digest("a1")
    (True, False)
    """
    # `default`: a damaged row may hold bytes where text was; its digest must differ, not fail
    text = json.dumps(parts, ensure_ascii=True, separators=(",", ":"), default=repr)
    return hashlib.sha256(text.encode()).hexdigest()


def check_name(text: str, role: str) -> str:
    """A key, stage, fact or array name as the database can hold it.

    Raises:
        DataError: it is empty or no Unicode text.
    """
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise DataError(f"no Unicode text: {text!r}", where=role, code="E_STORE_NAME") from error
    if not text or "\0" in text:
        raise DataError(f"empty, or holds a NUL: {text!r}", where=role, code="E_STORE_NAME")
    return text
