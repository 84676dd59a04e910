"""Truth: what the image set itself knows: its planted weaknesses, and the parameters its images were made with."""

from __future__ import annotations

from collections.abc import Callable

from failatlas.markup import Html
from failatlas.report.document import Document
from failatlas.report.overview import Address
from failatlas.report.page import section
from failatlas.rootcauses.knownfragment import known_html
from failatlas.rootcauses.variancefragment import variance_html


def known(document: Document, href: Address) -> Html | None:
    """Which planted weaknesses the clusters found; None where the set names none."""
    found = document.root_causes.known
    if found is None:
        return None
    return section("known-causes", "Known causes", known_html(found, href=_linked(document, href)))


def parameters(document: Document, href: Address) -> Html | None:
    """All clusters against the parameters of the images; None where no parameter or no cluster is known."""
    variance = document.root_causes.variance
    if variance is None or not variance.clusters:
        return None
    return section("parameters", "Parameters that vary least", variance_html(variance, href=_linked(document, href)))


def _linked(document: Document, href: Address) -> Callable[[int], str | None]:
    return {cause.id: href(cause) for cause in document.root_causes.causes}.get
