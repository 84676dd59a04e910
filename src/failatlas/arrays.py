"""Named arrays: one alias a role, with its shape, and what makes an array safe to share."""

from __future__ import annotations

import hashlib
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

Features = NDArray[np.float32]  # (n, d): rows that get clustered
Embedding = NDArray[np.float32]  # (n, k): features after reduction
Distances = NDArray[np.float32]  # (n, n): symmetric, zero diagonal
Labels = NDArray[np.int64]  # (n,): cluster of each row, -1 = noise
Vector = NDArray[np.float64]  # (n,)
Mask = NDArray[np.bool_]  # (n,)
Indices = NDArray[np.int64]  # (m,): positions in another array
Pixels = NDArray[np.uint8]  # (h, w, 3): one decoded image, RGB

NOISE = -1

_Array = TypeVar("_Array", bound=NDArray[np.generic])


def freeze(array: _Array) -> _Array:
    """Make an array read-only, in place, and return it: results are shared, so nobody may write to them.

    >>> freeze(np.zeros(2))[0] = 1.0
    Traceback (most recent call last):
    ValueError: assignment destination is read-only
    """
    array.setflags(write=False)
    return array


def array_hash(array: NDArray[np.generic]) -> str:
    """SHA-256 (hex) of an array's dtype, shape and bytes; equal arrays have equal hashes, whatever their strides.

    >>> array_hash(np.arange(4)) == array_hash(np.arange(8)[:4])
    True
    >>> array_hash(np.arange(4)) == array_hash(np.arange(4).reshape(2, 2))
    False
    """
    digest = hashlib.sha256(f"{array.dtype.str}{array.shape}".encode())
    # a plain bytes view: hashlib cannot read every dtype, and `tobytes` would copy
    digest.update(np.ascontiguousarray(array).reshape(-1).view(np.uint8).data)
    return digest.hexdigest()
