"""Activations: what the network under test itself made of an image, just before it decided."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import numpy as np

from failatlas.arrays import Features, Indices
from failatlas.errors import ModelError
from failatlas.features.extractor import extractors
from failatlas.images.records import Batch
from failatlas.models.model import Model, WhiteBox
from failatlas.registry import Parameter

if TYPE_CHECKING:
    import torch

_VERSION = 1
_LAYER = Parameter("auto", "a module's path", "auto = input of the last layer that has weights")


@extractors.register("activations", parameters={"layer": _LAYER}, source="penultimate layer of the network under test")
class Activations:
    """Input of the network's last weighted layer; maps are average-pooled over height and width.

    Args:
        model: a white box.
        layer: path of another module whose input to take.

    Raises:
        ModelError: the network is a black box, or has no such layer.
    """

    def __init__(self, model: Model | None = None, *, layer: str = "auto") -> None:
        if not isinstance(model, WhiteBox):
            raise ModelError(
                "activations need a white box",
                where=model.name if model else "no model",
                remedy="give module:callable or .pt2, or choose --pipeline best",
            )
        self._model = model
        self.layer = _last_weighted(model.module) if layer == "auto" else layer
        if self.layer not in dict(model.module.named_modules()):
            raise ModelError(f"no layer {self.layer!r}", where=model.name, remedy="list them with failatlas doctor")

    @property
    def digest(self) -> str:
        """SHA-256 over the network, the layer and version."""
        return hashlib.sha256(f"activations {_VERSION} {self._model.digest} {self.layer}".encode()).hexdigest()

    def extract(self, batch: Batch, score: Indices) -> Features:  # noqa: ARG002 - the shared signature
        """(b, d) float32, d = inputs (or channels) of the layer."""
        import torch

        caught: list[torch.Tensor] = []
        module = self._model.module.get_submodule(self.layer)
        hook = module.register_forward_pre_hook(lambda _, inputs: caught.append(inputs[0].detach()))
        try:
            with torch.inference_mode():
                self._model.module(self._model.tensor(batch.pixels))
        finally:
            hook.remove()
        rows = caught[-1]
        if rows.ndim == 4:
            rows = rows.mean((2, 3))
        return np.ascontiguousarray(rows.reshape(len(batch.pixels), -1).float().numpy())


def _last_weighted(module: torch.nn.Module) -> str:
    """Path of the last module, in definition order, that holds a weight matrix or kernel itself."""
    names: list[str] = [
        name
        for name, part in module.named_modules()
        if any(value.ndim >= 2 for value in part.parameters(recurse=False))
    ]
    if not names:
        raise ModelError("the network has no layer with weights", remedy="choose --pipeline best")
    return names[-1]
