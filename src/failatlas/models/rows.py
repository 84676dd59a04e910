"""Rows: whatever a network returns, as (n, k) float32; and what its exceptions mean."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from failatlas.arrays import Features
from failatlas.errors import FailatlasError, ModelError, ResourceError, ShapeError

OUT_OF_MEMORY = "E_MEMORY"
_MEMORY_WORDS = ("out of memory", "can't allocate memory", "failed to allocate", "bad_alloc")


def as_rows(output: object, n: int, *, where: str) -> Features:
    """One row of numbers an image.

    Args:
        output: an array or tensor (n, k), (n,) or (n, k, 1, 1); or a tuple or mapping whose first array counts, as with
            auxiliary heads; or a list of n rows.
        n: images that went in.
        where: the network, for messages.

    Raises:
        ShapeError: there are not n rows, or a row is no vector.
        ModelError: there is no array of numbers.
    """
    array = _array(output, n, where)
    if array.ndim == 1 and len(array) == n:
        array = array[:, None]
    if array.ndim > 2 and array.shape[2:] == (1,) * (array.ndim - 2):
        array = array.reshape(array.shape[:2])
    if array.ndim != 2 or len(array) != n:
        raise ShapeError(
            f"the network gives an output of shape {array.shape} for {n} images",
            where=where,
            remedy="let it return one row of numbers (n, k) for each image",
        )
    return np.ascontiguousarray(array, dtype=np.float32)


def explained(error: Exception, *, where: str, shape: tuple[int, ...] | None = None) -> FailatlasError:
    """What a network's exception means: memory, or a network that does not take this input.

    Returns:
        ResourceError with code ``E_MEMORY``, or ModelError with the first line of the network's own message.
    """
    if isinstance(error, FailatlasError):
        return error
    text = str(error)
    if isinstance(error, MemoryError) or any(word in text.lower() for word in _MEMORY_WORDS):
        return ResourceError(
            "not enough memory for a batch", where=where, remedy="choose a smaller --batch-size", code=OUT_OF_MEMORY
        )
    line = next((line.strip() for line in text.splitlines() if line.strip()), "")
    fed = f" an input of shape {shape}" if shape else " its input"
    return ModelError(
        f"the network refuses{fed}: {type(error).__name__}: {line[:300]}",
        where=where,
        remedy="run `failatlas doctor` on it",
        code="E_MODEL_FORWARD",
    )


def _array(output: object, n: int, where: str) -> NDArray[np.generic]:
    for name in ("logits", "out"):  # networks of some libraries return an object or mapping with a named field
        inner = output.get(name) if isinstance(output, Mapping) else getattr(output, name, None)
        if inner is not None and not callable(inner):
            return _array(inner, n, where)
    if isinstance(output, Mapping):
        output = tuple(output.values())
    if hasattr(output, "detach"):
        return np.asarray(output.detach().float().cpu().numpy())
    if isinstance(output, np.ndarray) and output.dtype.kind in "fiub":
        return output
    if isinstance(output, tuple | list) and output:
        first = output[0]
        if len(output) == n and all(getattr(row, "ndim", 0) == 1 for row in output):
            return np.stack([_array(row, n, where) for row in output])  # one row an image, not a network with n heads
        if hasattr(first, "detach") or isinstance(first, np.ndarray):
            return _array(first, n, where)
        try:
            array = np.asarray(output, dtype=np.float32)
        except (TypeError, ValueError):
            array = np.empty(0, dtype=np.float32)
        if array.size:
            return array
    raise ModelError(
        f"the network returns {type(output).__name__}, not numbers", where=where, remedy="return an (n, k) array"
    )
