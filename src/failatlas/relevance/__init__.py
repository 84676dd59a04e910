"""Relevance: LRP over the exported graph of any network; heatmaps of every layer from one backward sweep."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from failatlas.relevance.composites import Composite as Composite
    from failatlas.relevance.composites import composite_of as composite_of
    from failatlas.relevance.engine import Engine as Engine
    from failatlas.relevance.heatmap import heatmaps as heatmaps
    from failatlas.relevance.result import AppliedRule as AppliedRule
    from failatlas.relevance.result import Relevance as Relevance

# torch loads with the first name asked for, so that importing the room costs nothing
_HOME = {
    "AppliedRule": "result",
    "Composite": "composites",
    "Engine": "engine",
    "Relevance": "result",
    "composite_of": "composites",
    "heatmaps": "heatmap",
}
__all__ = ["AppliedRule", "Composite", "Engine", "Relevance", "composite_of", "heatmaps"]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOME[name]}"), name)
