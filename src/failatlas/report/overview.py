"""Overview: the first screen and the map: what a reader in a hurry takes away."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from failatlas.arrays import NOISE
from failatlas.markup import Content, Html, data_block, element, name, number, percent, visible
from failatlas.pipelines.fragment import key, places, scatter
from failatlas.report.album import Album, picture
from failatlas.report.document import Document
from failatlas.report.page import section
from failatlas.report.summary import lead, risk_share, warnings
from failatlas.rootcauses.fragment import interval_text, ranking, title
from failatlas.rootcauses.rootcause import RootCause

Address = Callable[[RootCause], str]

MOST_ROWS = 50  # more clusters than this go on a page of their own
_MOST_LEGEND = 30


def summary(document: Document, album: Album, href: Address) -> Html:
    """Plain words, key figures, warnings, and the ranked table."""
    causes = document.root_causes.causes
    rest = len(causes) - MOST_ROWS
    return section(
        "summary",
        "Summary",
        element("p", " ".join(lead(document)), class_="lead"),
        _key_figures(document),
        _warnings(document),
        _table(document, album, href) if causes else None,
        element("p", element("a", f"All {number(len(causes))} clusters in one table", href="clusters/all.html"))
        if rest > 0
        else None,
    )


def _table(document: Document, album: Album, href: Address) -> Html:
    shown = document.root_causes.causes[:MOST_ROWS]
    return element(
        "div",
        ranking(shown, picture=thumb(album), href=href),
        class_="wide",
        tabindex=0,
        role="region",
        aria_label="Root-cause clusters",
    )


def thumb(album: Album, up: str = "") -> Callable[[str], Html]:
    """Shows an image bare, its answer as alternative text."""
    return lambda image: picture(album.thumbnail(image), album.answer(image), up=up)


def _key_figures(document: Document) -> Html:
    outcomes, root_causes = document.outcomes, document.root_causes
    n_errors = int(outcomes.is_error.sum())
    noise = root_causes.noise.size if root_causes.noise else 0
    figures: list[tuple[str, str, str]] = [
        ("Images tested", number(len(outcomes.ids)), visible(document.data.name)),
        ("Error-inducing", number(n_errors), f"{interval_text(document.model.error_rate)} of images"),
        (
            "Root-cause clusters",
            number(len(root_causes.causes)),
            visible(document.grouping.pipeline.replace("+", " + ")),
        ),
        ("Noise", number(noise), f"{percent(noise / n_errors)} of errors" if n_errors else "no errors"),
    ]
    if len(root_causes.causes) > 3:
        figures.append(("Risk in the first 3", percent(risk_share(root_causes, 3)), "severity × frequency"))
    known = root_causes.known
    if known is not None and known.n_judged:
        figures.append(("Planted weaknesses", f"{number(known.n_found)} of {number(known.n_judged)}", "found"))
    return element(
        "dl",
        [
            element("div", element("dt", head), element("dd", value, class_="value"), element("dd", note, class_="how"))
            for head, value, note in figures
        ],
        class_="figures",
    )


def _warnings(document: Document) -> Html | None:
    said = warnings(document)
    if not said:
        return None
    items = [element("li", element("b", f"{head}. "), sentence) for head, sentence in said]
    return element(
        "aside",
        element("h3", "Before you rely on this", id_="h-warnings"),
        element("ul", items),
        class_="warnings",
        aria_labelledby="h-warnings",
    )


def atlas(document: Document, href: Address) -> Html | None:
    """The map of the error-inducing images, its legend, and the data for looking at single points."""
    grouping = document.grouping
    if not len(grouping.ids):
        return None
    return section(
        "map",
        "Map of the error-inducing images",
        element(
            "p",
            "Each point is an error-inducing image; near means alike in the features. Numbers mark clusters, grey "
            "points are noise. Distances between far clusters mean little.",
            class_="how",
        ),
        element(
            "div",
            element("div", scatter(grouping), id_="map-box", class_="map-box"),
            element(
                "div",
                element(
                    "p",
                    "Point at an image, or focus the map and press the arrow keys; Enter opens its cluster.",
                    class_="how",
                ),
                element("div", id_="map-shown", aria_live="polite"),
                id_="map-panel",
                class_="map-panel",
                hidden=True,
            ),
            class_="map-frame",
        ),
        _legend(document, href),
        element("ul", [element("li", visible(note)) for note in grouping.notes], class_="notes")
        if grouping.notes
        else None,
        data_block(_points(document, href), id_="map-data"),
    )


def _legend(document: Document, href: Address) -> Html:
    causes = document.root_causes.causes
    items: list[Content] = [
        element("li", element("a", key(cause.id), f" {title(cause)} ", name(cause.name), href=href(cause)))
        for cause in causes[:_MOST_LEGEND]
    ]
    noise = document.root_causes.noise
    if noise is not None:
        items.append(element("li", element("a", key(NOISE), " Noise", href=href(noise))))
    return element("ul", items, class_="legend", aria_label="Signs on the map")


def _points(document: Document, href: Address) -> dict[str, object]:
    grouping, outcomes = document.grouping, document.outcomes
    at = np.nan_to_num(places(grouping).at, nan=-1e4).round(1)  # far outside: never under the pointer
    answer = dict(zip(outcomes.ids, zip(outcomes.expected, outcomes.predicted, strict=True), strict=True))
    said = [" → ".join(visible(part) for part in answer.get(image, ("?", "?"))) for image in grouping.ids]
    pairs = sorted(set(said))
    place = {pair: position for position, pair in enumerate(pairs)}
    noise = document.root_causes.noise
    groups = (*document.root_causes.causes, *((noise,) if noise else ()))
    return {
        "x": at[:, 0].tolist(),
        "y": at[:, 1].tolist(),
        "cluster": grouping.labels.tolist(),
        "id": [visible(image) for image in grouping.ids],
        "pair": [place[pair] for pair in said],
        "pairs": pairs,
        "groups": {str(cause.id): [f"{title(cause)}: {visible(cause.name)}", href(cause)] for cause in groups},
    }
