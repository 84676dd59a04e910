"""Summary: the report's first words and its warnings, in plain sentences made of the document's numbers."""

from __future__ import annotations

import math
from collections.abc import Sequence

from failatlas.markup import counted, number, percent, visible
from failatlas.report.document import Document
from failatlas.rootcauses.fragment import interval_text, stability_word, title
from failatlas.rootcauses.rootcause import RootCause, RootCauses

_NAMED = 3  # clusters said by name


def lead(document: Document) -> list[str]:
    """Two to four sentences: how often it fails, how much of that is explained, what matters most."""
    n_images, n_errors = len(document.outcomes.ids), int(document.outcomes.is_error.sum())
    if not n_images:
        return ["No image could be tested, so nothing can be said about the network."]
    if not n_errors:
        return _all_correct(document, n_images)
    rate = interval_text(document.model.error_rate)
    first = f"The network mishandles {number(n_errors)} of {counted(n_images, 'image')} ({rate})."
    causes = document.root_causes.causes
    if not causes:
        return [
            first,
            "None of the error-inducing images fall into a cluster: they fail for reasons of their own, or they are "
            "too few to tell. They are shown together as noise.",
        ]
    return [first, *_explained(document, n_errors), *_heaviest(causes[0])]


def _all_correct(document: Document, n_images: int) -> list[str]:
    high = document.model.error_rate.high
    bound = f" Even so, the error rate may be as high as {percent(high)} (95 %)." if math.isfinite(high) else ""
    images = "the one image" if n_images == 1 else f"all {number(n_images)} images"
    return [
        f"The network handles {images} correctly: there is no error-inducing image to explain.{bound}",
        "Test on more images, or on harder ones, to find where it fails.",
    ]


def _explained(document: Document, n_errors: int) -> list[str]:
    causes, noise = document.root_causes.causes, document.root_causes.noise
    inside = sum(cause.size for cause in causes)
    clusters = "one root-cause cluster" if len(causes) == 1 else f"{number(len(causes))} root-cause clusters"
    share = "All" if inside == n_errors else percent(inside / n_errors)
    sentences = [f"{share} of these fall into {clusters}."]
    if noise is not None and noise.size:
        sentences[0] = sentences[0][:-1] + f"; {number(noise.size)} belong to none and are kept as noise."
    carried = risk_share(document.root_causes, _NAMED)
    if len(causes) > _NAMED and math.isfinite(carried):
        sentences.append(f"The first three carry {percent(carried)} of the risk.")
    return sentences


def risk_share(root_causes: RootCauses, first: int) -> float:
    """Share of all risk, noise included, that the first clusters carry; nan when there is no risk to share."""
    risks = [cause.risk for cause in root_causes.causes]
    total = math.fsum(risks) + (root_causes.noise.risk if root_causes.noise else 0.0)
    return math.fsum(risks[:first]) / total if total > 0 else math.nan


def _heaviest(cause: RootCause) -> list[str]:
    words = f"The heaviest, {title(cause)} “{visible(cause.name)}”, holds {counted(cause.size, 'image')}"
    if not cause.confusion:
        return [words + "."]
    expected, predicted, count = cause.confusion[0]
    return [
        f"{words}; {'all' if count == cause.size else number(count)} of them {visible(expected)} taken for "
        f"{visible(predicted)}."
        if expected != predicted
        else words + "."
    ]


def warnings(document: Document) -> list[tuple[str, str]]:
    """(what, sentence) of everything a reader must know before trusting a number; the document's own come first."""
    said = [("Note", visible(warning)) for warning in document.warnings]
    said += [("Leakage", visible(sentence)) for sentence in document.data.leakage]
    return [*said, *_set_aside(document), *_unstable(document.root_causes.causes), *_relevance(document)]


def _set_aside(document: Document) -> list[tuple[str, str]]:
    count = len(document.quarantined)
    if not count:
        return []
    were = "image was" if count == 1 else "images were"
    return [("Quarantined", f"{number(count)} {were} set aside and judged by nobody; each is listed with its reason.")]


def _unstable(causes: Sequence[RootCause]) -> list[tuple[str, str]]:
    loose = [title(cause) for cause in causes if stability_word(cause) == "dissolves"]
    if not loose:
        return []
    listed = ", ".join(loose[:8]) + (f" and {number(len(loose) - 8)} more" if len(loose) > 8 else "")
    apart = "falls apart" if len(loose) == 1 else "fall apart"
    them = "it" if len(loose) == 1 else "them"
    return [("Unstable", f"{listed} {apart} when images are sampled again (Jaccard below 0.5): do not rely on {them}.")]


def _relevance(document: Document) -> list[tuple[str, str]]:
    card = document.relevance
    if card is None:
        return []
    said = [("Fallback", visible(sentence)) for sentence in card.fallbacks]
    broken = [row for row in card.layers if not row.conservation <= card.tolerance]
    if broken:
        worst = max(broken, key=lambda row: row.conservation if math.isfinite(row.conservation) else math.inf)
        shown = percent(worst.conservation) if math.isfinite(worst.conservation) else "not measurable"
        said.append(
            (
                "Conservation",
                f"Relevance is not conserved at {number(len(broken))} of {number(len(card.layers))} layers (worst: "
                f"{visible(worst.layer)}, {shown}; tolerance {percent(card.tolerance)}): read its heatmaps with care.",
            )
        )
    return said
