"""Activations: what the network under test itself made of an image, just before it decided."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np

from failatlas.arrays import Features, Indices
from failatlas.errors import ModelError
from failatlas.features.extractor import extractors
from failatlas.images.records import Batch
from failatlas.models.model import Model, WhiteBox
from failatlas.models.module import portions
from failatlas.models.rows import explained
from failatlas.registry import Parameter

if TYPE_CHECKING:
    import torch

_VERSION = 2
_LAYER = Parameter("auto", "a module's path", "auto = input of the last layer that has weights")


@extractors.register("activations", parameters={"layer": _LAYER}, source="penultimate layer of the network under test")
class Activations:
    """Input of the network's last weighted layer; maps are average-pooled over height and width.

    Args:
        model: a white box.
        layer: path of another layer with weights whose input to take.

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
        self._layer = layer
        self._source = _source(model, layer)

    @property
    def digest(self) -> str:
        """SHA-256 over the network, the layer and version."""
        return hashlib.sha256(f"activations {_VERSION} {self._model.digest} {self._layer}".encode()).hexdigest()

    def extract(self, batch: Batch, score: Indices) -> Features:  # noqa: ARG002 - the shared signature
        """(b, d) float32, d = inputs (or channels) of the layer.

        Raises:
            ModelError: the network refuses the images, or never calls the layer.
        """
        import torch

        rows = []
        pixels = self._model.tensor(batch.pixels).to(_precision(self._model.module))
        for images, count in portions(pixels, getattr(self._model, "batch_size", None)):
            try:
                with torch.inference_mode():
                    found = self._source.run(images)
            except Exception as error:
                raise explained(error, where=self._model.name, shape=tuple(images.shape)) from error
            if found is None:
                raise ModelError(
                    f"the network never calls layer {self._layer!r}",
                    where=self._model.name,
                    remedy="choose another layer, or --pipeline best",
                )
            pooled = found[:count].mean((2, 3)) if found.ndim == 4 else found[:count]
            rows.append(pooled.reshape(count, -1).float().cpu().numpy())
        return np.ascontiguousarray(np.concatenate(rows))


class _Hooked:
    """What a module's weighted layers are given; the one that is called last wins."""

    def __init__(self, module: torch.nn.Module, layers: list[torch.nn.Module]) -> None:
        self._module = module
        self._layers = layers

    def run(self, images: torch.Tensor) -> torch.Tensor | None:
        taken: list[torch.Tensor] = []
        with _hooks(self._layers, taken):
            self._module(images)
        return taken[-1] if taken else None


class _Traced:
    """What a weighted operator of an exported graph is given: such a graph calls operators, not modules."""

    def __init__(self, module: torch.fx.GraphModule, node: torch.fx.Node) -> None:
        self._module = module
        self._node = node

    def run(self, images: torch.Tensor) -> torch.Tensor | None:
        import torch

        wanted = self._node
        taken: list[torch.Tensor] = []

        class Listening(torch.fx.Interpreter):
            def run_node(self, n: torch.fx.Node) -> Any:
                value = super().run_node(n)
                if n is wanted:
                    taken.append(value)
                return value

        Listening(self._module).run(images)
        return taken[-1]


def _precision(module: torch.nn.Module) -> torch.dtype:
    import torch

    return next((value.dtype for value in module.parameters() if value.is_floating_point()), torch.float32)


def _source(model: WhiteBox, layer: str) -> _Hooked | _Traced:
    import torch

    module = model.module
    if isinstance(module, torch.fx.GraphModule):
        nodes = _weighted_nodes(module.graph)
        if nodes:
            return _Traced(module, nodes[_chosen(layer, list(nodes), model)])
    parts = dict(module.named_modules())
    weighted = [name for name, part in parts.items() if any(value.ndim >= 2 for value in part.parameters(False))]
    if layer != "auto":
        return _Hooked(module, [parts[_chosen(layer, [name for name in parts if name], model)]])
    _chosen(layer, weighted, model)
    return _Hooked(module, [parts[name] for name in weighted])


def _chosen(layer: str, known: list[str], model: WhiteBox) -> str:
    if not known:
        raise ModelError("the network has no layer with weights", where=model.name, remedy="choose --pipeline best")
    if layer == "auto":
        return known[-1]
    if layer not in known:
        raise ModelError(f"no layer {layer!r}", where=model.name, remedy=f"choose one of: {', '.join(known)}")
    return layer


def _weighted_nodes(graph: torch.fx.Graph) -> dict[str, torch.fx.Node]:
    """Layer → the node whose value its weights meet, in forward order."""
    from failatlas.relevance.rules.rule import find

    found: dict[str, torch.fx.Node] = {}
    for node in graph.nodes:
        rule = find(str(node.target)) if node.op == "call_function" else None
        if rule is None or not rule.weighted:
            continue
        weights = [value for value in node.all_input_nodes if value.op == "get_attr"]
        others = [value for value in node.all_input_nodes if value.op != "get_attr"]
        if weights and others:
            found[str(weights[0].target).rpartition(".")[0] or node.name] = others[0]
    return found


@contextmanager
def _hooks(layers: list[torch.nn.Module], taken: list[torch.Tensor]) -> Iterator[None]:
    import torch

    def take(_: torch.nn.Module, inputs: tuple[Any, ...], named: dict[str, Any]) -> None:
        taken.extend([value.detach() for value in (*inputs, *named.values()) if isinstance(value, torch.Tensor)][:1])

    handles = [layer.register_forward_pre_hook(take, with_kwargs=True) for layer in layers]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()
