"""Report of a study: which pipelines find the known causes, at what price, and which choice matters."""

from failatlas.report.study.writer import write_study

__all__ = ["write_study"]
