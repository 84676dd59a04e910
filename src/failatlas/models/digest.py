"""Digest: the identity of a network: weights, structure, the user's own source, preprocessing."""

from __future__ import annotations

import hashlib
import inspect
from collections.abc import Iterator
from typing import TYPE_CHECKING

from failatlas.models.model import Preprocess

if TYPE_CHECKING:
    import torch


def module_digest(module: torch.nn.Module, preprocess: Preprocess) -> str:
    """SHA-256 (hex) over the sorted state (names, dtypes, shapes, bytes), the structure and the preprocessing.

    Source code of module classes outside torch is part of it, so that an edited ``forward`` is another network.
    Non-persistent buffers are part of it too: they decide the output although no file keeps them.
    """
    digest = hashlib.sha256()
    state = {**dict(module.named_buffers()), **module.state_dict()}
    for name, tensor in sorted(state.items()):
        digest.update(f"{name}\0{_type(tensor)}\0".encode())
        digest.update(_bytes(tensor))
    for text in _structure(module):
        digest.update(f"\0{text}".encode())
    digest.update(f"\0{preprocess!r}".encode())
    return digest.hexdigest()


def bytes_digest(data: bytes, preprocess: Preprocess) -> str:
    """SHA-256 (hex) over a model file and the preprocessing."""
    digest = hashlib.sha256(data)
    digest.update(f"\0{preprocess!r}".encode())
    return digest.hexdigest()


def source_of(thing: object) -> str:
    """Source text of a class or function, empty when Python cannot find it."""
    try:
        return inspect.getsource(thing)  # type: ignore[arg-type]
    except (OSError, TypeError):
        return ""


def _structure(module: torch.nn.Module) -> Iterator[str]:
    yield type(module).__qualname__
    yield str(module)
    code = getattr(module, "code", "")  # a graph module's text names its sub-modules only; its code has the graph
    if isinstance(code, str):
        yield code
    kinds = {type(part) for part in module.modules() if not type(part).__module__.startswith("torch.")}
    for kind in sorted(kinds, key=lambda kind: (kind.__module__, kind.__qualname__)):
        yield source_of(kind)


def _type(tensor: object) -> str:
    return f"{getattr(tensor, 'dtype', type(tensor).__name__)}{tuple(getattr(tensor, 'shape', ()))}"


def _bytes(tensor: object) -> bytes:
    import torch

    if not isinstance(tensor, torch.Tensor):  # extra state may be anything; its repr is the best there is
        return repr(tensor).encode()
    # a view as bytes: NumPy knows no bfloat16
    flat = tensor.detach().cpu().contiguous().reshape(-1)
    return bytes(flat.view(torch.uint8).numpy().data) if flat.numel() else b""
