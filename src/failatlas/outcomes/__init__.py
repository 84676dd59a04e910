"""Outcomes: what a network, or a file of its predictions, made of every image of a set."""

from failatlas.outcomes.outcome import Outcomes
from failatlas.outcomes.predicted import classes_of, from_predictions
from failatlas.outcomes.running import run
from failatlas.outcomes.shards import merge

__all__ = ["Outcomes", "classes_of", "from_predictions", "merge", "run"]
