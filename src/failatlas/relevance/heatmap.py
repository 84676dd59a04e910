"""Heatmaps in one call: any module, any images, every layer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from failatlas.arrays import freeze
from failatlas.errors import ShapeError
from failatlas.relevance.checks import warnings_of
from failatlas.relevance.composites import Composite
from failatlas.relevance.engine import Engine, Target
from failatlas.relevance.plan import Fallback
from failatlas.relevance.result import Relevance


def heatmaps(
    module: nn.Module,
    images: Tensor | NDArray[np.floating[Any]],
    composite: str | Composite = "epsilon",
    layers: Sequence[str] | None = None,
    *,
    target: Target = None,
    fallback: Fallback | None = None,
    batch_size: int = 32,
) -> Relevance:
    """Layer-wise relevance of every image at the input of every layer.

    Holds images × heatmaps in memory; for many images use :class:`Engine` and its ``stream``.

    Args:
        module: any network that ``torch.export`` can follow; left as it was.
        images: (n, c, h, w) float, preprocessed, n ≥ 1; an array takes the network's precision.
        composite: a name or a Composite; see ``failatlas.relevance.composites``.
        layers: names to keep; None = all.
        target: output to explain, one for all or one an image; None = the network's answer. Its raw value is the
            relevance that is shared out.
        fallback: ``"gradient"`` passes unknown operators by gradient × input, listed in ``.fallbacks``.
        batch_size: images a pass.

    Raises:
        UnknownOperator, ModelError, ShapeError, UsageError: see :class:`Engine`.

    >>> import torch
    >>> net = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(4, 1, bias=False))
    >>> _ = net[1].weight.data.copy_(torch.tensor([[1.0, 2.0, 0.0, -1.0]]))
    >>> relevance = heatmaps(net, torch.ones(1, 1, 2, 2))
    >>> relevance["1"].round(3).tolist(), relevance.layers
    ([[1.0, 2.0, 0.0, -1.0]], ('1',))
    """
    given = _tensor(images, module)
    engine = Engine(module, given[:batch_size], composite, layers=layers, fallback=fallback)
    return join(list(engine.stream(given, target, batch_size=batch_size)))


def join(batches: Sequence[Relevance]) -> Relevance:
    """Batches of one engine as one result, in order."""
    if len(batches) == 1:
        return batches[0]
    first = batches[0]
    maps = {name: freeze(np.concatenate([batch[name] for batch in batches])) for name in first.layers}
    errors = {name: freeze(np.concatenate([batch.conservation[name] for batch in batches])) for name in first.layers}
    return Relevance(
        layers=first.layers,
        heatmaps=maps,
        conservation=errors,
        target=freeze(np.concatenate([batch.target for batch in batches])),
        score=freeze(np.concatenate([batch.score for batch in batches])),
        composite=first.composite,
        fallbacks=first.fallbacks,
        rules=first.rules,
        warnings=warnings_of(maps, errors, first.fallbacks),
    )


def _tensor(images: Tensor | NDArray[np.floating[Any]], module: nn.Module) -> Tensor:
    given = images
    if isinstance(images, np.ndarray) and np.issubdtype(images.dtype, np.floating):
        weights = (weight for weight in module.parameters() if weight.is_floating_point())
        dtype = next((weight.dtype for weight in weights), torch.get_default_dtype())
        # a copy: torch takes neither read-only nor mirrored arrays as they are
        given = torch.from_numpy(np.array(images, np.float64 if dtype == torch.float64 else np.float32, order="C"))
        given = given.to(dtype)
    if not isinstance(given, Tensor) or given.ndim != 4 or not given.is_floating_point() or not len(given):
        shape, kind = getattr(images, "shape", ()), getattr(images, "dtype", type(images).__name__)
        raise ShapeError(
            f"expected images (n, c, h, w) of floats with n ≥ 1, got {tuple(shape)} {kind}",
            where="relevance",
            remedy="pass preprocessed images as a float tensor or array",
        )
    return given
