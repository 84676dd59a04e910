"""Trials: pipelines tried on failures whose causes are known, every step once, kept and resumed; the choice of one."""

from failatlas.trials.settings import StudySettings

__all__ = ["StudySettings"]
