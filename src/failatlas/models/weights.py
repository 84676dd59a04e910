"""Weights: a safetensors file, its header checked by us before the library sees it, into a module, strictly."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeGuard

from failatlas.errors import FailatlasError, ModelError, UnsafeInputError
from failatlas.models.screening import head

if TYPE_CHECKING:
    import torch

MAX_HEADER = 100_000_000  # bytes; the limit of the format's own reader
_ITEM_SIZE = {
    "BOOL": 1, "U8": 1, "I8": 1, "F8_E4M3": 1, "F8_E5M2": 1, "F8_E8M0": 1, "U16": 2, "I16": 2, "F16": 2, "BF16": 2,
    "U32": 4, "I32": 4, "F32": 4, "U64": 8, "I64": 8, "F64": 8, "C64": 8,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class TensorEntry:
    """One tensor of a file: its type, shape, and byte range behind the header."""

    dtype: str
    shape: tuple[int, ...]
    start: int
    end: int


def screen_safetensors(path: Path) -> dict[str, TensorEntry]:
    """Check a file's header against the file itself.

    Returns:
        the tensors by name, in the order of the header.

    Raises:
        UnsafeInputError: the header is larger than the file or 100 MB, names a tensor twice, or byte ranges overlap.
        ModelError: the file is truncated or its header is malformed.
    """
    where = str(path)
    start = head(path, 8)
    size = path.stat().st_size
    if len(start) < 8:
        raise _broken(f"the file is truncated: {size} bytes", where)
    length = int.from_bytes(start, "little")
    if length > MAX_HEADER:
        raise _unsafe(f"the header claims {length} bytes, more than {MAX_HEADER}", where)
    if length > size - 8:
        raise _broken(f"the file is truncated: header of {length} bytes, {size - 8} there", where)
    entries = _entries(_header(head(path, 8 + length)[8:], where), where)
    _check_ranges(entries, size - 8 - length, where)
    return entries


def load_weights(module: torch.nn.Module, path: Path) -> None:
    """Put the file's tensors into the module; every tensor of the one must be in the other, with one shape.

    A missing name is accepted when the module shares that tensor with a name that is there (tied weights), for the
    format keeps a shared tensor once.

    Raises:
        ModelError: names are missing, too many, or shapes differ; the message has the first ones.
        UnsafeInputError: see ``screen_safetensors``.
    """
    entries = screen_safetensors(path)
    state = module.state_dict()
    where = str(path)
    shared: dict[int, list[str]] = {}
    for name, tensor in state.items():
        shared.setdefault(tensor.data_ptr() if tensor.numel() else id(tensor), []).append(name)
    tied = {name for names in shared.values() if any(other in entries for other in names) for name in names}
    changed = [
        f"{name} {entries[name].shape} in the file, {tuple(tensor.shape)} in the network"
        for name, tensor in state.items()
        if name in entries and entries[name].shape != tuple(tensor.shape)
    ]
    for what, names in (
        ("weights are missing from the file", [name for name in state if name not in entries and name not in tied]),
        ("the file has weights that the network has not", [name for name in entries if name not in state]),
        ("weights have another shape", changed),
    ):
        if names:
            raise ModelError(
                f"{len(names)} {what}: {_some(names)}" if len(names) > 1 else f"{what}: {names[0]}",
                where=where,
                remedy="name the callable that builds the network these weights belong to",
                code="E_WEIGHTS_MISMATCH",
            )
    from safetensors.torch import load_file

    try:
        module.load_state_dict(load_file(where), strict=not (set(state) - set(entries)))
    except FailatlasError:
        raise
    except Exception as error:  # the library's own error class is private to its binary
        raise _broken(f"the file cannot be read: {error}", where) from None


def _header(data: bytes, where: str) -> Mapping[str, object]:
    def unique(pairs: Iterable[tuple[str, object]]) -> dict[str, object]:
        found: dict[str, object] = {}
        for name, value in pairs:
            if name in found:
                raise _unsafe(f"the header names {name!r} twice", where)
            found[name] = value
        return found

    try:
        header = json.loads(data.decode("utf-8"), object_pairs_hook=unique)
    except (ValueError, RecursionError):
        raise _broken("the header is not JSON", where) from None
    if not isinstance(header, Mapping):
        raise _broken("the header is not a table", where)
    return header


def _entries(header: Mapping[str, object], where: str) -> dict[str, TensorEntry]:
    entries = {}
    for name, value in header.items():
        if name == "__metadata__":
            continue
        entry = value if isinstance(value, Mapping) else {}
        dtype, shape, offsets = entry.get("dtype"), entry.get("shape"), entry.get("data_offsets")
        if not (isinstance(dtype, str) and dtype in _ITEM_SIZE and _naturals(shape) and _naturals(offsets)):
            raise _broken(f"tensor {name!r} is described wrongly", where)
        if len(offsets) != 2 or offsets[1] - offsets[0] != math.prod(shape) * _ITEM_SIZE[dtype]:
            raise _unsafe(f"tensor {name!r}: shape {tuple(shape)} of {dtype} does not fill bytes {offsets}", where)
        entries[name] = TensorEntry(dtype, tuple(shape), offsets[0], offsets[1])
    return entries


def _check_ranges(entries: Mapping[str, TensorEntry], available: int, where: str) -> None:
    place = 0
    for name, entry in sorted(entries.items(), key=lambda item: (item[1].start, item[1].end)):
        if entry.start != place:
            kind = "overlaps another" if entry.start < place else "leaves a gap before it"
            raise _unsafe(f"tensor {name!r} {kind}", where)
        place = entry.end
    if place > available:
        raise _broken(f"the file is truncated: {place} bytes of weights described, {available} there", where)
    if place < available:
        raise _unsafe(f"{available - place} bytes belong to no tensor", where)


def _naturals(value: object) -> TypeGuard[list[int]]:
    return isinstance(value, list) and all(type(number) is int and number >= 0 for number in value)


def _some(names: list[str]) -> str:
    return ", ".join(names[:3]) + (", …" if len(names) > 3 else "")


def _broken(what: str, where: str) -> ModelError:
    return ModelError(what, where=where, remedy="copy or download the weights again", code="E_WEIGHTS_BROKEN")


def _unsafe(what: str, where: str) -> UnsafeInputError:
    return UnsafeInputError(what, where=where, remedy="ask where this file comes from", code="E_WEIGHTS_UNSAFE")
