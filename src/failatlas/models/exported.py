"""Exported programs: a ``.pt2`` from ``torch.export.save``, screened, as a white box."""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from failatlas.errors import ModelError
from failatlas.models.archive import screened_archive
from failatlas.models.model import Preprocess
from failatlas.models.module import TorchModel

if TYPE_CHECKING:
    import torch
    from torch.export import ExportedProgram


def load_exported(path: Path, preprocess: Preprocess | None = None, *, classes: Sequence[str] = ()) -> TorchModel:
    """The network of a ``.pt2`` archive.

    Without ``preprocess``, size and channels are taken from the shape it was exported with, and values from [0, 1].
    An archive exported with a fixed batch size is run in batches of that size, the last one padded.

    Raises:
        UnsafeInputError: see ``screened_archive``.
        ModelError: torch cannot read it, it takes more than one input, or it was exported in training mode.
    """
    import torch

    copy = screened_archive(path)
    try:
        with _quiet():
            program = torch.export.load(copy)
            module = program.module()
    except Exception as error:
        line = (str(error).splitlines() or [""])[0]
        raise ModelError(
            f"torch cannot read the exported network: {type(error).__name__}: {line[:200]}",
            where=str(path),
            remedy=f"export it again with the torch installed here ({torch.__version__})",
            code="E_PT2",
        ) from error
    shape = _input_shape(program, path)
    _refuse_training(program, path)
    return TorchModel(
        module,
        _sized(preprocess, shape),
        path.stem,
        classes=classes,
        batch_size=shape[0],
    )


def _input_shape(program: ExportedProgram, path: Path) -> tuple[int | None, ...]:
    names = program.graph_signature.user_inputs
    shapes = [
        tuple(node.meta["val"].shape) for node in program.graph.nodes if node.name in names and "val" in node.meta
    ]
    if len(names) != 1 or len(shapes) != 1 or len(shapes[0]) != 4:
        raise ModelError(
            f"the exported network takes inputs of shape {shapes}",
            where=str(path),
            remedy="export a network that takes one batch of images (n, c, h, w)",
            code="E_PT2",
        )
    return tuple(side if isinstance(side, int) else None for side in shapes[0])


def _sized(preprocess: Preprocess | None, shape: tuple[int | None, ...]) -> Preprocess:
    _, channels, height, width = shape
    size = (height, width) if height is not None and width is not None else None
    if preprocess is None:
        return Preprocess(size=size, channels=channels if channels in (1, 3) else 3)
    return dataclasses.replace(preprocess, size=size) if preprocess.size is None else preprocess


def _refuse_training(program: ExportedProgram, path: Path) -> None:
    # the flag is an argument of the operator: nothing can switch it off afterwards
    for node in program.graph.nodes:
        target = str(node.target)
        position = {"aten.dropout.default": 2, "aten.batch_norm.default": 5}.get(target)
        if position is not None and len(node.args) > position and node.args[position] is True:
            raise ModelError(
                f"exported in training mode ({target} at {node.name})",
                where=str(path),
                remedy="call .eval() on the network before torch.export.export",
                code="E_MODEL_TRAINING",
            )


@contextmanager
def _quiet() -> Iterator[None]:
    # torch logs a traceback before it raises; our one line says it
    logger = logging.getLogger("torch.export")
    level = logger.level
    logger.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        logger.setLevel(level)


def exports(module: torch.nn.Module, example: torch.Tensor) -> str:
    """Why ``torch.export`` cannot take the module, in one line; empty when it can."""
    import torch

    try:
        with _quiet():
            torch.export.export(module, (example,), strict=False)
    except Exception as error:
        return (str(error).splitlines() or [type(error).__name__])[0][:200]
    return ""
