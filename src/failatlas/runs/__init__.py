"""Runs: the conductor: plans the stages, keeps their results, resumes, and keeps the bad-input budget."""

from failatlas.runs.analysis import analyze, recall
from failatlas.runs.assigning import Assignment, assign
from failatlas.runs.conductor import Conductor, Stage
from failatlas.runs.explaining import layer_maps
from failatlas.runs.inputs import Inputs, open_inputs, preprocess
from failatlas.runs.run import Run
from failatlas.runs.settings import Settings

__all__ = [
    "Assignment",
    "Conductor",
    "Inputs",
    "Run",
    "Settings",
    "Stage",
    "analyze",
    "assign",
    "layer_maps",
    "open_inputs",
    "preprocess",
    "recall",
]
