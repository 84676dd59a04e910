"""Known causes as HTML: which planted weaknesses the clusters found, and what each cluster is made of."""

from __future__ import annotations

import math
from collections.abc import Callable

from failatlas.markup import Content, Html, counted, element, join, name, number, percent, table, visible
from failatlas.rootcauses.fragment import interval_bar, interval_text
from failatlas.rootcauses.knowncauses import FOUND, ClusterPurity, KnownCause, KnownCauses

Address = Callable[[int], str | None]  # cluster number → where it is explained

_WORDS = {"found": "stable", "missed": "dissolves", "not enough failures": "few"}
_HEADS = (
    "Cause",
    "Verdict",
    "Images",
    "Failures",
    "Failure rate [95 %]",
    "Closest cluster",
    "Its purity",
    "Of the failures it holds",
    "In no cluster",
)
_PURITY_HEADS = ("Cluster", "Mostly", "Images", "Purity")


def known_html(known: KnownCauses, *, href: Address | None = None) -> Html:
    """The verdict in a sentence, a row a planted weakness, and a row a cluster.

    Args:
        known: the verdicts.
        href: links clusters to their explanation.
    """
    address = href or _nowhere
    return element(
        "div",
        element("p", element("b", known.text)),
        _causes(known, address) if known.causes else None,
        element("p", _how(known), class_="how") if known.causes else None,
        _clusters(known, address) if known.clusters else None,
        class_="failatlas known",
    )


def _nowhere(_: int) -> None:
    return None


def made_of(known: KnownCauses, cluster: int) -> Html | None:
    """What one cluster is made of, in a sentence; None for noise."""
    one = known.of(cluster)
    if one is None:
        return None
    is_one = one.n == 1
    what: list[Content] = [" has " if is_one else " have ", _cause(one.cause)]
    if not one.cause:
        what = [" is a natural failure" if is_one else " are natural failures"]
    count = f"Known cause: {number(one.n)} of its {counted(one.size, 'image')}"
    return element("p", count, what, f" (purity {percent(one.purity)}).", class_="known-line")


def _causes(known: KnownCauses, address: Address) -> Html:
    rows = [_row(cause, address) for cause in known.causes]
    found = table("Planted weaknesses of this image set and what became of them.", _HEADS, rows, class_="known-causes")
    return _region(found, "Planted weaknesses")


def _row(cause: KnownCause, address: Address) -> list[Content]:
    inside = cause.purity
    return [
        element("th", name(cause.name), scope="row"),
        element("span", cause.verdict, class_=f"word {_WORDS[cause.verdict]}"),
        number(cause.n_images),
        number(cause.n_failures),
        [element("span", interval_text(cause.rate), class_="num"), interval_bar(cause.rate)],
        _cluster(cause.cluster, address) if cause.cluster >= 0 else "none",
        element("span", percent(inside.value) if cause.cluster >= 0 else "–", class_="num"),
        element("span", percent(cause.recall.value) if cause.recall.n else "–", class_="num"),
        number(cause.n_noise),
    ]


def _how(known: KnownCauses) -> str:
    split = [visible(cause.name) for cause in known.causes if cause.n_clusters > 1]
    more = f" Split over several clusters: {', '.join(split)}." if split else ""
    return (
        "Which image has which weakness is ground truth of the set; no cluster, name or rule was made from it. Found: "
        f"at least {FOUND:.0%} of some cluster's images have it. Weaknesses with fewer than {known.fewest} failures "
        f"are not judged.{more}"
    ).replace("90%", "90 %")


def _clusters(known: KnownCauses, address: Address) -> Html:
    mean, median, least = known.purities
    figures = f"Purity of the clusters: mean {percent(mean)}, median {percent(median)}, least {percent(least)}."
    rows = [
        [
            element("th", _cluster(one.cluster, address), scope="row"),
            _cause(one.cause),
            f"{number(one.n)} of {number(one.size)}",
            [element("span", percent(one.purity), class_="num"), _bar(one)],
        ]
        for one in known.clusters
    ]
    made = "What each cluster is made of"
    shown = table(f"{made}; natural failures count as one cause.", _PURITY_HEADS, rows, class_="bars")
    # the figures stand outside: print leaves summaries out
    return join([element("p", figures), element("details", element("summary", made), shown)])


def _cluster(cluster: int, address: Address) -> Html:
    place = address(cluster)
    label = f"RCC {cluster}"
    return element("a", label, href=place) if place else join(label)


def _cause(cause: str) -> Html:
    return name(cause) if cause else element("i", "natural failures")


def _bar(one: ClusterPurity) -> Html | None:
    if not math.isfinite(one.purity):
        return None
    rect = element("rect", x=0, y=2, width=100 * one.purity, height=8, rx=2, fill="#0b6bb0", class_="point")
    return element("svg", rect, viewBox="0 0 100 12", width=100, height=12, class_="interval", aria_hidden="true")


def _region(content: Html, label: str) -> Html:
    """A place that scrolls sideways on small screens, reachable by keyboard."""
    return element("div", content, class_="wide", tabindex=0, role="region", aria_label=label)
