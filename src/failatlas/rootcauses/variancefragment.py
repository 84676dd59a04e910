"""Variance reduction as HTML: the parameters in which one cluster is narrow, and all clusters side by side."""

from __future__ import annotations

import math
from collections.abc import Callable

from failatlas.markup import Content, Html, counted, element, join, name, number, percent, table
from failatlas.rootcauses.quantities import Location, Quantity
from failatlas.rootcauses.variance import EXPLAINS, ClusterVariance, Reduction, VarianceReduction

Address = Callable[[int], str | None]  # cluster number → where it is explained

_FEWEST_ROWS, _MOST_ROWS = 4, 10  # parameters of one cluster's table
_WORTH = 0.25  # rate from which a parameter has a row beyond the first few
_MOST_COLUMNS, _MOST_CLUSTERS = 18, 60  # of the table of all clusters
_STEPS = (0.25, 0.5, 0.75, 0.9)  # rates from which a cell is one shade darker


def variance_html(variance: VarianceReduction, *, href: Address | None = None) -> Html:
    """All clusters against the parameters in which at least one of them is narrow, as a table of shades.

    Args:
        variance: of all clusters.
        href: links clusters to their explanation.
    """
    columns = _narrow(variance)
    shown = [place for place, _ in columns[:_MOST_COLUMNS]]
    return element(
        "div",
        element("p", variance.text),
        _matrix(variance, shown, href or _nowhere) if shown else None,
        element("p", _how(variance, len(columns), len(shown)), class_="how"),
        class_="failatlas variance",
    )


def _nowhere(_: int) -> None:
    return None


def _narrow(variance: VarianceReduction) -> list[tuple[int, float]]:
    """(position, highest rate) of parameters that explain something: numbers first, then choices, strongest first."""
    found = []
    for place, quantity in enumerate(variance.quantities):
        ratios = [cluster.reductions[place].ratio for cluster in variance.clusters]
        least = min((ratio for ratio in ratios if math.isfinite(ratio)), default=math.inf)
        if least < EXPLAINS:
            found.append((quantity.is_choice, least, place))
    return [(place, 1 - least) for _, least, place in sorted(found)]


def _matrix(variance: VarianceReduction, shown: list[int], address: Address) -> Html:
    heads = [variance.quantities[place] for place in shown]
    top = [element("th", "Cluster", scope="col", class_="corner")]
    top += [element("th", element("span", _titled(head)), scope="col", class_=_kind(head)) for head in heads]
    top.append(element("th", "By chance", scope="col", class_="corner"))
    rows = []
    for cluster in variance.clusters[:_MOST_CLUSTERS]:
        link = address(cluster.cluster)
        label = f"RCC {cluster.cluster}"
        cells = [_cell(cluster.reductions[place]) for place in shown]
        cells.append(element("td", _chance(cluster.chance), class_="chance"))
        rows.append(element("tr", element("th", element("a", label, href=link) if link else label, scope="row"), cells))
    body = element(
        "table",
        element("caption", "Variance reduction."),
        element("thead", element("tr", top)),
        element("tbody", rows),
        class_="shades",
    )
    return element("div", body, class_="wide", tabindex=0, role="region", aria_label="Clusters against parameters")


def _kind(quantity: Quantity) -> str:
    return "upright choice" if quantity.is_choice else "upright"


def _titled(quantity: Quantity) -> Html:
    return join([name(quantity.name), " (choice)" if quantity.is_choice else None])


def _cell(one: Reduction) -> Html:
    if not math.isfinite(one.ratio):
        return element("td", element("span", "–", aria_label="not measured"), class_="shade-0")
    step = sum(one.rate >= least for least in _STEPS)
    return element("td", _rate(one.rate), class_=f"shade-{step}")


def _chance(chance: float) -> str:
    return f"{chance:.2g}" if math.isfinite(chance) else "–"


def _rate(rate: float) -> str:
    return f"{rate:.2f}".replace("-", "−") if rate > -10 else "≪ 0"


def _how(variance: VarianceReduction, n_narrow: int, n_shown: int) -> str:
    rest = len(variance.quantities) - n_narrow
    said = [
        "1 = all images of the cluster have the same value, 0 = they vary as all error-inducing images do, below 0 = "
        "more. By chance: probability that some parameter of a random group of the cluster's size does as well as its "
        "best; above 0.05 read no cause into it."
    ]
    if n_narrow > n_shown:
        said.append(f"{counted(n_narrow - n_shown, 'more parameter')} with a rate above 0.5 are left out here.")
    if rest:
        said.append(f"{counted(rest, 'parameter')} vary in every cluster by more than half of what they vary overall.")
    if len(variance.clusters) > _MOST_CLUSTERS:
        said.append(f"Shown are the first {_MOST_CLUSTERS} of {number(len(variance.clusters))} clusters.")
    if not variance.is_declared:
        said.append("The set does not declare its parameters: all its columns of numbers were compared.")
    if any(quantity.is_choice for quantity in variance.quantities):
        said.append("Choices are compared by the Gini index, our analogue of variance, and counted apart.")
    return " ".join(said)


def cluster_variance(variance: VarianceReduction, cluster: int, *, level: int = 4) -> Html | None:
    """The parameters in which one cluster is narrowest, each against all error-inducing images; None for noise.

    Args:
        variance: of all clusters.
        cluster: its number.
        level: of the heading, 2 to 6.
    """
    one = variance.of(cluster)
    if one is None:
        return None
    pairs = sorted(_measured(variance, one), key=lambda pair: (pair[1].ratio, pair[0].name))
    head = element(f"h{level}", "Parameters that vary least here")
    if not pairs:
        nothing = "No spread could be measured: fewer than two of its images have a known value."
        return element("div", head, element("p", nothing, class_="how"))
    shown = [pair for i, pair in enumerate(pairs) if i < _FEWEST_ROWS or pair[1].rate >= _WORTH][:_MOST_ROWS]
    heads = (
        "Parameter",
        "Unit",
        "Mean here",
        "Mean of all failures",
        "Range here",
        "Range of all failures",
        "Reduction",
    )
    caption = "Parameters of the images, strongest variance reduction first."
    found = table(caption, heads, [_row(*pair) for pair in shown], class_="bars reductions")
    return element(
        "div",
        head,
        element("div", found, class_="wide", tabindex=0, role="region", aria_label="Parameters that vary least here"),
        element("p", _meaning(one, len(pairs) - len(shown)), class_="how"),
        class_="varying",
    )


def _measured(variance: VarianceReduction, one: ClusterVariance) -> list[tuple[Quantity, Reduction]]:
    pairs = zip(variance.quantities, one.reductions, strict=True)
    return [(quantity, reduction) for quantity, reduction in pairs if math.isfinite(reduction.ratio)]


def _row(quantity: Quantity, one: Reduction) -> list[Content]:
    return [
        element("th", _titled(quantity), scope="row"),
        quantity.unit or "–",
        _typical(one.here),
        _typical(quantity.overall),
        _spread(one.here),
        _spread(quantity.overall),
        [element("span", _rate(one.rate), class_="num"), _bar(one.rate)],
    ]


def _typical(location: Location) -> Content:
    return name(location.typical) if location.typical else number(location.mean)


def _spread(location: Location) -> str:
    if location.typical:
        return percent(location.share)
    return f"{number(location.low)} … {number(location.high)}".replace("-", "−")


def _bar(rate: float) -> Html:
    """A bar of the rate with a mark at 0.5; empty for no reduction."""
    return element(
        "svg",
        element("line", x1=0, x2=100, y1=6, y2=6, stroke="currentColor", stroke_opacity=0.2),
        element("rect", x=0, y=2, width=100 * min(max(rate, 0.0), 1.0), height=8, rx=2, fill="#0b6bb0", class_="point"),
        element("line", x1=50, x2=50, y1=0, y2=12, stroke="currentColor", stroke_opacity=0.6),
        viewBox="0 0 100 12",
        width=100,
        height=12,
        class_="interval",
        aria_hidden="true",
    )


def _meaning(one: ClusterVariance, n_rest: int) -> str:
    said = [
        "Reduction: 1 − variance here / variance of all error-inducing images; 1 = all the same, 0 = as spread as "
        "everywhere, and above 0.5 (the mark) the parameter explains the cluster. A choice shows its most frequent "
        "value and the share of it."
    ]
    if math.isfinite(one.chance):
        likely = f"In a random group of this size some parameter does as well with probability {_chance(one.chance)}"
        said.append(f"{likely}{': too likely to be read as a cause' if one.chance > 0.05 else ''}.")
    if n_rest:
        said.append(f"{counted(n_rest, 'parameter')} with less reduction left out.")
    return " ".join(said)
