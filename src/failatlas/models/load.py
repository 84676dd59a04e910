"""Loading: whatever names a network, a path, ``module:callable``, a module or a function, into a ``Model``."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from failatlas.errors import UsageError
from failatlas.models.model import Model, Preprocess
from failatlas.models.screening import PICKLES, refuse_pickle

if TYPE_CHECKING:
    import torch

WAYS = (
    "module:callable (with --weights file.safetensors), file.py:callable, a .pt2 from torch.export.save, "
    "an .onnx file, or --predictions file.csv without a network"
)


def load_model(
    spec: str | os.PathLike[str] | torch.nn.Module | Model | Callable[..., object],
    *,
    weights: str | os.PathLike[str] | None = None,
    preprocess: Preprocess | None = None,
    classes: Sequence[str] = (),
) -> Model:
    """A network, ready to predict.

    Args:
        spec: ``"package.module:callable"`` or ``"file.py:callable"`` (runs that code), a ``.pt2`` or ``.onnx`` file, a
            torch module, a Python callable, or a ``Model``, which is returned as it is.
        weights: a safetensors file for a network built by a callable.
        preprocess: how pixels become input; None = what the file says, else values in [0, 1].
        classes: names of the outputs, in their order.

    Raises:
        UnsafeInputError: a pickle, or a file that could run code.
        ModelError: the file or the callable gives no network.
        UsageError: the spec names nothing that can be loaded; lists what can.
    """
    if not isinstance(spec, str | os.PathLike):
        return _from_object(spec, weights, preprocess, classes)
    text = os.fspath(spec)
    path = Path(text)
    suffix = path.suffix.lower()
    if path.exists() and suffix in (".pt2", ".onnx", ".safetensors", *PICKLES):
        return _from_file(path, weights, preprocess, classes)
    place, colon, name = text.rpartition(":")
    if colon and place and name.isidentifier():
        from failatlas.models.module import TorchModel, build_module

        if weights is not None:
            refuse_pickle(Path(weights))
        module = build_module(text)
        _fill(module, weights)
        return TorchModel(module, preprocess, name, classes=classes)
    return _from_file(path, weights, preprocess, classes)


def _from_object(thing: object, weights: object, preprocess: Preprocess | None, classes: Sequence[str]) -> Model:
    import torch

    if isinstance(thing, torch.nn.Module):
        from failatlas.models.module import TorchModel

        _fill(thing, weights)
        return TorchModel(thing, preprocess, classes=classes)
    if isinstance(thing, Model):
        return thing
    if weights is not None:
        raise UsageError("weights belong to a torch module", remedy="give a module, or module:callable")
    if callable(thing):
        from failatlas.models.callable import CallableModel

        return CallableModel(thing, preprocess, classes=classes)
    raise UsageError(f"{type(thing).__name__} is no network", remedy=f"give {WAYS}")


def _from_file(path: Path, weights: object, preprocess: Preprocess | None, classes: Sequence[str]) -> Model:
    suffix = path.suffix.lower()
    if suffix == ".safetensors":
        raise UsageError(
            "a safetensors file holds weights, not the network they belong to",
            where=str(path),
            remedy=f"--model module:callable --weights {path.name}",
        )
    if suffix in PICKLES or suffix in (".pt2", ".onnx"):
        refuse_pickle(path)
    if weights is not None:
        raise UsageError(f"{path.name} brings its own weights", remedy="leave --weights out")
    if suffix == ".pt2":
        from failatlas.models.exported import load_exported

        return load_exported(path, preprocess, classes=classes)
    if suffix == ".onnx":
        from failatlas.models.onnx import OnnxModel

        return OnnxModel(path, preprocess, classes=classes)
    if path.is_file():
        refuse_pickle(path)
    raise UsageError(f"{str(path)!r} names no network", remedy=f"give {WAYS}")


def _fill(module: torch.nn.Module, weights: object) -> None:
    if weights is None:
        return
    from failatlas.models.weights import load_weights

    path = Path(str(weights))
    refuse_pickle(path)
    if path.suffix.lower() != ".safetensors":
        raise UsageError(f"{path.name} is no safetensors file", remedy="convert the weights to safetensors")
    load_weights(module, path)
