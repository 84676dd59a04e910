"""Reduction: fewer columns for the same rows, so that distances mean something and clustering is quick."""

from failatlas.reduction.layout import layout
from failatlas.reduction.reducer import Reducer, reducers

__all__ = ["Reducer", "layout", "reducers"]
