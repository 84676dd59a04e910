"""Root causes: clusters of error-inducing images, each explained so that an engineer can name its cause."""

from failatlas.rootcauses.columns import KNOWN_CAUSE, metadata_columns
from failatlas.rootcauses.describers import Context, Describer, describers
from failatlas.rootcauses.explanation import Reference, explain
from failatlas.rootcauses.knowncauses import KnownCause, KnownCauses, known_causes
from failatlas.rootcauses.rootcause import Description, RootCause, RootCauses, Rule
from failatlas.rootcauses.variance import VarianceReduction, variance_reduction

__all__ = [
    "KNOWN_CAUSE",
    "Context",
    "Describer",
    "Description",
    "KnownCause",
    "KnownCauses",
    "Reference",
    "RootCause",
    "RootCauses",
    "Rule",
    "VarianceReduction",
    "describers",
    "explain",
    "known_causes",
    "metadata_columns",
    "variance_reduction",
]
