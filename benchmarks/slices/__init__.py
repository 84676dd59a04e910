"""Slices: failatlas against slice discovery methods on a small offline version of dcbench's setting."""

from benchmarks.slices.comparison import run

__all__ = ["run"]
