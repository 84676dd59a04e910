"""Relevance: the heatmaps of a batch, layer by layer, with what is needed to trust them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from failatlas.arrays import Indices, Vector


@dataclass(frozen=True, slots=True)
class AppliedRule:
    """One row of the table of rules: which rule served an operator.

    Attributes:
        layer: module path or graph name.
        operator: ATen overload.
        rule: the rule with its parameters; ``"gradient fallback"`` where there was none.
    """

    layer: str
    operator: str
    rule: str


@dataclass(frozen=True, slots=True, eq=False)
class Relevance:
    """Relevance at the input of every layer, for n images.

    Attributes:
        layers: names in forward order; ``relevance[name]`` is (n, …) float32, shaped as the layer's input.
        conservation: per layer (n,) |Σ R − f(x)| / |f(x)| over the cut through the network in front of that layer (skip
            connections and other live branches included); 0 is perfect, what bias and constants absorb counts, nan
            where f(x) = 0 or relevance is not finite.
        target: (n,) int64, the explained output.
        score: (n,) float64, f(x): the relevance that was propagated.
        composite: name of the composite.
        fallbacks: ``(layer, operator)`` passed by gradient for want of a rule.
        rules: which rule served which operator, in forward order.
        warnings: what limits the reading, with numbers; empty when nothing does.
    """

    layers: tuple[str, ...]
    heatmaps: Mapping[str, NDArray[np.float32]]
    conservation: Mapping[str, Vector]
    target: Indices
    score: Vector
    composite: str
    fallbacks: tuple[tuple[str, str], ...]
    rules: tuple[AppliedRule, ...]
    warnings: tuple[str, ...]

    def __getitem__(self, layer: str) -> NDArray[np.float32]:
        return self.heatmaps[layer]

    def __iter__(self) -> Iterator[str]:
        return iter(self.layers)

    def __len__(self) -> int:
        return len(self.target)

    def __repr__(self) -> str:
        errors = [float(np.nanmax(e)) for e in self.conservation.values() if len(e) and not np.isnan(e).all()]
        worst = f", conservation error ≤ {max(errors):.2g}" if errors else ""
        notes = f", {len(self.warnings)} warnings" if self.warnings else ""
        fallbacks = f", {len(self.fallbacks)} gradient fallbacks" if self.fallbacks else ""
        return f"<Relevance {self.composite}: {len(self)} images, {len(self.layers)} layers{worst}{fallbacks}{notes}>"
