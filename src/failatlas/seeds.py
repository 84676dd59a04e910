"""Seeds: every random choice draws from a stream named after its purpose, so that adding one changes no other."""

from __future__ import annotations

import hashlib

import numpy as np


def derive(seed: int, *purpose: str | int) -> int:
    """A 31-bit seed for one purpose; the same on every machine, whatever PYTHONHASHSEED says.

    >>> derive(0, "umap") == derive(0, "umap"), derive(0, "umap") == derive(0, "kmeans")
    (True, False)
    """
    text = "\0".join(str(part) for part in (seed, *purpose))
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:4], "big") >> 1


def generator(seed: int, *purpose: str | int) -> np.random.Generator:
    """A NumPy generator for one purpose."""
    return np.random.default_rng(derive(seed, *purpose))
