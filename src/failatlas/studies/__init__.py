"""Studies: pipelines scored on failures whose causes are known; which is best, and which choice matters."""

from failatlas.studies.grid import pipelines_of, published
from failatlas.studies.pareto import pareto_front
from failatlas.studies.score import Entry, Rarity, Score
from failatlas.studies.study import Study

__all__ = ["Entry", "Rarity", "Score", "Study", "pareto_front", "pipelines_of", "published"]
