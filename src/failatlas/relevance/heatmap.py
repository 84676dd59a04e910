"""Heatmaps in one call: any module, any images, every layer."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from torch import Tensor, nn

from failatlas.arrays import freeze
from failatlas.relevance.checks import warnings_of
from failatlas.relevance.composites import Composite
from failatlas.relevance.engine import Engine, Target
from failatlas.relevance.plan import Fallback
from failatlas.relevance.result import Relevance


def heatmaps(
    module: nn.Module,
    images: Tensor,
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
        images: (n, c, h, w) float, preprocessed, n ≥ 1.
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
    engine = Engine(module, images[:batch_size], composite, layers=layers, fallback=fallback)
    return join(list(engine.stream(images, target, batch_size=batch_size)))


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
