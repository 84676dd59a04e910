"""Fragment: a choice of pipeline as a sentence and a table of all that were tried; the report shows the same."""

from __future__ import annotations

import math

from failatlas.markup import Content, Html, element, number, percent, table, visible
from failatlas.studies.choice import Candidate, Choice
from failatlas.studies.grid import preset_of


def choice_html(choice: Choice) -> Html:
    """What was taken and why, then the candidates by falling value."""
    by_causes = choice.basis == "known causes"
    how = (
        f"Failures were injected into images that the network handles correctly: {number(len(choice.causes))} causes "
        f"({', '.join(visible(cause) for cause in choice.causes)}). A cause is covered when nine in ten images of a "
        "cluster are its own; natural failures lie among the others. The value is the mean of purity, coverage and "
        "legibility (2 clusters to read for each cause are as good as 1, 20 a tenth)."
        if by_causes
        else "Nothing could be injected, so the clusters are judged from inside, all among the rows that the preset "
        "compares. That they look clear is a hint that they are causes, no more. The value is ½ silhouette + ½ DBCV."
    )
    heads = ("Pipeline", "Value", "Purity", "Causes covered", "Clusters", "For each cause", "Noise")
    return element(
        "div",
        element("p", visible(choice.text), class_="lead"),
        element("p", how, class_="how"),
        table(
            f"Pipelines that were tried on {number(choice.n_failures)} failures.",
            heads if by_causes else (heads[0], heads[1], heads[4], heads[6]),
            [_row(choice, one) for one in choice.candidates],
        ),
        element("ul", [element("li", visible(note)) for note in choice.notes], class_="notes")
        if choice.notes
        else None,
        class_="failatlas choice",
    )


def _row(choice: Choice, one: Candidate) -> list[Content]:
    preset = preset_of(one.pipeline)
    said: list[Content] = [f"{preset}: " if preset else None, visible(one.pipeline)]
    if one.pipeline == choice.pipeline:
        said = [element("b", said), " (taken)"]
    if one.error:
        said.append(f" could not run: {visible(one.error)}")
    by_causes = choice.basis == "known causes"
    inside: list[Content] = [_shown(one.purity), _covered(choice, one)] if by_causes else []
    per_cause: list[Content] = [_shown(one.redundancy)] if by_causes else []
    n_clusters = number(one.n_clusters) if not one.error else "–"
    noise = percent(one.noise) if math.isfinite(one.noise) else "–"
    return [said, _shown(one.value), *inside, n_clusters, *per_cause, noise]


def _covered(choice: Choice, one: Candidate) -> str:
    if not math.isfinite(one.coverage):
        return "–"
    return f"{number(round(one.coverage * len(choice.causes)))} of {number(len(choice.causes))}"


def _shown(value: float) -> str:
    return f"{value:.2f}" if math.isfinite(value) else "–"
