"""Doctor: looks at a network and a few images before hours of work, and says what to change."""

from failatlas.models.doctor.examination import Examination, Finding
from failatlas.models.doctor.examining import examine

__all__ = ["Examination", "Finding", "examine"]
