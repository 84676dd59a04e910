"""Built-in case studies, found through the registry."""

from failatlas.cases.case import Case, cases

__all__ = ["Case", "cases"]
