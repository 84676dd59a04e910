"""Torch modules: a white box around an ``nn.Module``, and the module that a ``module:callable`` spec builds."""

from __future__ import annotations

import difflib
import importlib
import importlib.util
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from failatlas.arrays import Features, Pixels
from failatlas.errors import ModelError
from failatlas.models.digest import module_digest
from failatlas.models.model import Preprocess
from failatlas.models.preprocess import apply
from failatlas.models.rows import as_rows, explained

if TYPE_CHECKING:
    import torch


class TorchModel:
    """A torch module as a ``WhiteBox``.

    The module is put into evaluation mode, for dropout and batch statistics make its answers depend on chance and on
    neighbours; ``trained_layers`` keeps the names of the layers that were found in training mode.

    Args:
        module: the network, (n, c, h, w) float → (n, k).
        preprocess: how pixels become its input; default: values in [0, 1].
        name: for people; default: the class name.
        classes: names of its outputs; default: the module's own ``classes`` attribute, if it has one.
        batch_size: the only batch size that an exported network takes; None = any. Smaller batches are padded.

    Raises:
        ModelError: ``module`` is no ``nn.Module``.
    """

    def __init__(
        self,
        module: torch.nn.Module,
        preprocess: Preprocess | None = None,
        name: str = "",
        *,
        classes: Sequence[str] = (),
        batch_size: int | None = None,
    ) -> None:
        import torch

        if not isinstance(module, torch.nn.Module):
            raise ModelError(f"{type(module).__name__} is no torch.nn.Module", remedy="give a module or a callable")
        self.trained_layers: tuple[str, ...] = ()
        if not isinstance(module, torch.fx.GraphModule):  # an exported graph refuses eval(): its mode is baked in
            self.trained_layers = tuple(path or "(network)" for path, part in module.named_modules() if part.training)
            module.eval()
        self.module = module
        self.preprocess = preprocess or Preprocess()
        self.name = name or type(module).__name__
        self.classes = tuple(classes) or _own_classes(module)
        self.batch_size = batch_size
        self._digest = ""

    def __repr__(self) -> str:
        n = sum(parameter.numel() for parameter in self.module.parameters())
        return f"<TorchModel {self.name}: {n:,} parameters>"

    @property
    def digest(self) -> str:
        """SHA-256 (hex), computed at the first call."""
        if not self._digest:
            self._digest = module_digest(self.module, self.preprocess)
        return self._digest

    def preprocessed(self, preprocess: Preprocess) -> TorchModel:
        """The same network behind other preprocessing."""
        return TorchModel(self.module, preprocess, self.name, classes=self.classes, batch_size=self.batch_size)

    def tensor(self, pixels: Sequence[Pixels]) -> torch.Tensor:
        """Preprocessed input on the network's device, (n, c, h, w) float32."""
        import torch

        return torch.from_numpy(apply(self.preprocess, pixels)).to(_place(self.module)[0])

    def predict(self, pixels: Sequence[Pixels]) -> Features:
        """Raw outputs, (n, k) float32.

        Raises:
            ModelError: the network refuses the input; carries the first line of its own message.
            ResourceError: out of memory, code ``E_MEMORY``.
            ShapeError: the output is not one row an image.
        """

        if not pixels:
            return np.zeros((0, len(self.classes)), dtype=np.float32)
        rows = [self._forward(part)[:count] for part, count in portions(self.tensor(pixels), self.batch_size)]
        return np.concatenate(rows)

    def _forward(self, batch: torch.Tensor) -> Features:
        import torch

        try:
            with torch.inference_mode():
                output = self.module(batch.to(_place(self.module)[1]))
        except Exception as error:
            raise explained(error, where=self.name, shape=tuple(batch.shape)) from error
        return as_rows(output, len(batch), where=self.name)


def portions(batch: torch.Tensor, size: int | None) -> Iterator[tuple[torch.Tensor, int]]:
    """A batch as a network takes it that was exported for ``size`` images: (part, how many of its rows are wanted).

    The last image fills up the last part. None: the network takes any number, so the batch stays whole.
    """
    import torch

    if size is None:
        yield batch, len(batch)
        return
    for part in torch.split(batch, size):
        missing = size - len(part)
        yield (torch.cat([part, part[-1:].expand(missing, -1, -1, -1)]) if missing else part), len(part)


def build_module(spec: str) -> torch.nn.Module:
    """The module that ``package.module:callable`` or ``file.py:callable`` builds.

    The user names this code and thereby asks for it to run; nothing else is imported.

    Raises:
        ModelError: the code cannot be imported, has no such name, fails, or builds something else.
    """
    import torch

    place, _, name = spec.rpartition(":")
    with _importable(Path.cwd()):
        try:
            source = _import_file(Path(place)) if place.endswith(".py") else importlib.import_module(place)
        except Exception as error:
            raise ModelError(
                f"cannot import {place!r}: {type(error).__name__}: {error}",
                where=spec,
                remedy="run from the folder it lies in, or install it",
                code="E_MODEL_IMPORT",
            ) from error
        if not hasattr(source, name):
            near = difflib.get_close_matches(name, dir(source), n=1)
            raise ModelError(
                f"{place!r} has no {name!r}",
                where=spec,
                remedy=f"did you mean {near[0]!r}?" if near else "name a class or function that builds the network",
                code="E_MODEL_IMPORT",
            )
        built = getattr(source, name)
        if not isinstance(built, torch.nn.Module):
            try:
                built = built()
            except Exception as error:
                raise ModelError(
                    f"{name}() failed: {type(error).__name__}: {error}",
                    where=spec,
                    remedy="name a callable that needs no arguments and returns the network",
                    code="E_MODEL_IMPORT",
                ) from error
    if not isinstance(built, torch.nn.Module):
        raise ModelError(
            f"{name}() returns {type(built).__name__}, not a torch.nn.Module",
            where=spec,
            remedy="name a callable that returns the network",
            code="E_MODEL_IMPORT",
        )
    return built


def bad_weights(module: torch.nn.Module) -> str:
    """Name of the first parameter or buffer that holds nan or infinity, in the order of the network; empty if none."""
    import torch

    for name, tensor in (*module.named_parameters(), *module.named_buffers()):
        if tensor.is_floating_point() and not bool(torch.isfinite(tensor).all()):
            return name
    return ""


def _own_classes(module: torch.nn.Module) -> tuple[str, ...]:
    names = getattr(module, "classes", ())
    if isinstance(names, list | tuple) and all(isinstance(name, str) for name in names):
        return tuple(names)
    return ()


def _place(module: torch.nn.Module) -> tuple[torch.device, torch.dtype]:
    # device and floating type of the first parameter; half-precision networks want half-precision input
    import torch

    for tensor in (*module.parameters(), *module.buffers()):
        if tensor.is_floating_point():
            return tensor.device, tensor.dtype
    return torch.device("cpu"), torch.float32


@contextmanager
def _importable(folder: Path) -> Iterator[None]:
    # the console script has no current folder on its path, `python -m` has: the user expects the latter
    sys.path.insert(0, str(folder))
    writes, sys.dont_write_bytecode = sys.dont_write_bytecode, True  # sources are read-only, and so is their folder
    try:
        yield
    finally:
        sys.dont_write_bytecode = writes
        if str(folder) in sys.path:  # the user's code may have tidied up
            sys.path.remove(str(folder))


def _import_file(path: Path) -> object:
    spec = importlib.util.spec_from_file_location(f"failatlas_user_{path.stem}", path)
    if spec is None or spec.loader is None:
        raise ImportError(f"no such file: {path}")
    module = importlib.util.module_from_spec(spec)
    # registered before it runs, as dataclasses and inspect look it up by name
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module
