"""Pipelines: extractor + reducer + clusterer, presets, and what they make of error-inducing images."""

from failatlas.pipelines.group import compared, group, recluster
from failatlas.pipelines.grouping import Grouping
from failatlas.pipelines.pipeline import HUDD, LAYERED, PRESETS, SUPPLIED, Pipeline, Preset, parse

__all__ = [
    "HUDD",
    "LAYERED",
    "PRESETS",
    "SUPPLIED",
    "Grouping",
    "Pipeline",
    "Preset",
    "compared",
    "group",
    "parse",
    "recluster",
]
