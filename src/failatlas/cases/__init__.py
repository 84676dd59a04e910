"""Built-in case studies, found through the registry."""

from failatlas.cases.case import Case, cases
from failatlas.cases.rendered import Answer, RenderedCase
from failatlas.cases.weakness import Weakness

__all__ = ["Answer", "Case", "RenderedCase", "Weakness", "cases"]
