"""Describers: what can be said of a cluster in one sentence; one file each."""

from failatlas.rootcauses.describers.describer import Context, Describer, describers

__all__ = ["Context", "Describer", "describers"]
