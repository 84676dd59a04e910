"""Root causes: clusters of error-inducing images, each explained so that an engineer can name its cause."""

from failatlas.rootcauses.columns import metadata_columns
from failatlas.rootcauses.describers import Context, Describer, describers
from failatlas.rootcauses.explanation import Reference, explain
from failatlas.rootcauses.rootcause import Description, RootCause, RootCauses, Rule

__all__ = [
    "Context",
    "Describer",
    "Description",
    "Reference",
    "RootCause",
    "RootCauses",
    "Rule",
    "describers",
    "explain",
    "metadata_columns",
]
