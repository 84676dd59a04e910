"""Clustering: a label for every row, with automatic parameters whose curves are kept."""

from failatlas.clustering.clusterer import Clusterer, clusterers
from failatlas.clustering.composition import Clustering, cluster

__all__ = ["Clusterer", "Clustering", "cluster", "clusterers"]
