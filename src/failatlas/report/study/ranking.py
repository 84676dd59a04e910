"""Ranking: the first pipelines with all their numbers, and all of them in one table that sorts."""

from __future__ import annotations

import math
from collections.abc import Sequence

from failatlas.markup import Content, Html, element, number, percent, visible
from failatlas.report.page import section
from failatlas.report.study.rare import mean_share, rare_numbers, sparkline
from failatlas.report.study.reading import (
    Reading,
    badges,
    coverage,
    duration,
    effort,
    found,
    of_causes,
    pipeline_name,
    scroller,
    stability,
    three,
)
from failatlas.studies.score import Entry

_WORST = 1e12  # sorts what was not measured behind everything measured, where less is better


def best(reading: Reading) -> Html | None:
    """The first ten; None where no pipeline ran."""
    if not reading.top:
        return None
    heads = [("Rank", ""), ("Pipeline", ""), ("Purity", "median, lowest"), ("Causes covered", "95 % interval, %")]
    if reading.frequencies:
        heads.append(("When rare", f"at {_frequencies(reading)}"))
    heads += [("Clusters", "per cause"), ("Noise", "stability" if reading.has_stability else ""), ("ARI", "NMI")]
    heads += [("Time", "features + reducing + clustering, s"), ("Memory", "")]
    listed = element(
        "table",
        element(
            "caption",
            "Ordered by the mean of purity, coverage and legibility (2 clusters to read per cause are as good as 1, 20 "
            "a tenth). Where intervals of coverage overlap, these causes alone cannot tell two pipelines apart.",
        ),
        element("thead", element("tr", [element("th", head, _small(hint), scope="col") for head, hint in heads])),
        element("tbody", [element("tr", _full(reading, entry)) for entry in reading.top]),
        class_="ranking best",
    )
    n = len(reading.top)
    return section(
        "best", "The first pipeline" if n == 1 else f"The first {n} pipelines", scroller("The first pipelines", listed)
    )


def _frequencies(reading: Reading) -> str:
    values = [f"{100 * frequency:g}" for frequency in reading.frequencies]
    return f"{', '.join(values)} %"


def _full(reading: Reading, entry: Entry) -> list[Html]:
    agreement, rate = found(entry), coverage(entry)
    sure = f"[{100 * rate.low:.0f}, {100 * rate.high:.0f}]" if rate.n else ""
    cells = [
        _cell("Rank", number(reading.ranks[entry.pipeline])),
        element(
            "th",
            element("a", pipeline_name(entry.pipeline), href=f"#{reading.anchor(entry)}"),
            badges(entry),
            scope="row",
            data_head="Pipeline",
        ),
        _cell(
            "Purity (median, lowest)",
            _main(three(agreement.purity)),
            _small(f"{three(agreement.purity_median)}, {three(agreement.purity_min)}"),
        ),
        _cell("Covered [95 %]", _main(of_causes(len(agreement.covered), len(agreement.causes))), _small(sure)),
        _cell("Clusters (per cause)", _main(number(agreement.n_clusters)), _small(effort(agreement.redundancy))),
        _cell(
            "Noise, stability" if reading.has_stability else "Noise",
            _main(percent(agreement.noise)),
            _small(three(stability(entry))) if reading.has_stability else None,
        ),
        _cell("ARI, NMI", _main(three(agreement.ari)), _small(three(agreement.nmi))),
        _cell("Time (steps, s)", _main(duration(entry.seconds)), _small(_steps(entry))),
        _cell("Memory", _main(_megabytes(entry))),
    ]
    if reading.frequencies:
        rare = _cell(f"At {_frequencies(reading)}", sparkline(reading, entry), _small(rare_numbers(reading, entry)))
        cells.insert(4, rare)
    return cells


def _cell(head: str, *content: Content) -> Html:
    return element("td", *content, data_head=head)


def _main(text: str) -> Html:
    return element("span", text, class_="main")


def _small(text: str) -> Html | None:
    return element("span", text, class_="small") if text else None


def _steps(entry: Entry) -> str:
    """Seconds of features, reduction and clustering."""
    parts = (entry.extract_s, entry.reduce_s, entry.cluster_s)
    return " + ".join(f"{part:.1f}" for part in parts) if all(map(math.isfinite, parts)) else ""


def _megabytes(entry: Entry) -> str:
    return f"{number(round(entry.peak_mb))} MB" if math.isfinite(entry.peak_mb) else "–"


def everything(reading: Reading) -> Html:
    """Every pipeline on one line, best first; those that could not run stand at the end with their reason."""
    n_front = len(reading.front)
    first = (
        f"● marks the {n_front} on the Pareto front: no other is at least as good in purity, coverage, clusters to "
        "read per cause and seconds, and better in one. "
        if n_front
        else ""
    )
    return section(
        "all",
        f"All {number(len(reading.study.entries))} pipelines",
        element(
            "p",
            first,
            "Per cause: clusters to read for each cause covered. Seconds are those of the pipeline alone, from images "
            "to clusters; memory is the peak of its hungriest step.",
            class_="how",
        ),
        scroller("All pipelines", _table(reading)),
    )


def _table(reading: Reading) -> Html:
    columns = _columns(reading)
    heads = [
        element("th", head, scope="col", title=why or None, data_first="highest" if is_high else None)
        for head, why, is_high in columns
    ]
    bodies = [element("tbody", [_line(reading, entry) for entry in reading.ranking])] if reading.ranking else []
    if reading.failed:
        bodies.append(element("tbody", [_failure(entry, len(columns)) for entry in reading.failed], class_="failed"))
    caption = f"All pipelines, best first{'; those that could not run come last' if reading.failed else ''}."
    return element(
        "table",
        element("caption", caption),
        element("thead", element("tr", heads)),
        *bodies,
        class_="sortable all",
    )


def _columns(reading: Reading) -> Sequence[tuple[str, str, bool]]:
    """Head, what it means, and whether a reader wants the highest first."""
    columns = [
        ("#", "place in the ranking", False),
        ("Pipeline", "", False),
        ("Front", "on the Pareto front", False),
        ("Purity", "mean over clusters", True),
        ("Median", "of purity over clusters", True),
        ("Lowest", "purity of a cluster", True),
        ("Covered", "causes that make up at least 90 % of a cluster", True),
        ("Clusters", "", False),
        ("Per cause", "clusters to read for each cause covered", False),
        ("Noise", "share of failures in no cluster", False),
        ("ARI", "adjusted Rand index", True),
        ("NMI", "normalised mutual information", True),
        ("Seconds", "", False),
        ("MB", "peak memory", False),
    ]
    if reading.frequencies:
        columns.insert(7, (f"At {_frequencies(reading)}", "causes covered when they are so rare", True))
    return columns


def _line(reading: Reading, entry: Entry) -> Html:
    agreement = found(entry)
    place, is_front = reading.ranks[entry.pipeline], entry.pipeline in reading.front
    covered = of_causes(len(agreement.covered), len(agreement.causes))
    cells = [
        _value(number(place), place),
        element("th", pipeline_name(entry.pipeline), badges(entry), scope="row", data_value=visible(entry.pipeline)),
        _value(element("span", "●", aria_label="on the front") if is_front else "", 0 if is_front else 1),
        _value(three(agreement.purity), agreement.purity),
        _value(three(agreement.purity_median), agreement.purity_median),
        _value(three(agreement.purity_min), agreement.purity_min),
        _value(covered, agreement.coverage),
        _value(number(agreement.n_clusters), agreement.n_clusters),
        _value(effort(agreement.redundancy), agreement.redundancy, _WORST),
        _value(percent(agreement.noise), agreement.noise),
        _value(three(agreement.ari), agreement.ari, -2.0),
        _value(three(agreement.nmi), agreement.nmi),
        _value(_seconds(entry.seconds), entry.seconds, _WORST),
        _value(number(round(entry.peak_mb)) if math.isfinite(entry.peak_mb) else "–", entry.peak_mb, _WORST),
    ]
    if reading.frequencies:
        cells.insert(7, _value(rare_numbers(reading, entry), mean_share(reading, entry)))
    return element("tr", cells, id_=reading.anchor(entry))


def _value(content: Content, value: float, missing: float = -1.0) -> Html:
    return element("td", content, data_value=f"{value if math.isfinite(value) else missing:.9g}")


def _seconds(seconds: float) -> str:
    return (f"{seconds:.1f}" if seconds < 100 else number(round(seconds))) if math.isfinite(seconds) else "–"


def _failure(entry: Entry, n_columns: int) -> Html:
    return element(
        "tr",
        element("td", "–"),
        element("th", pipeline_name(entry.pipeline), scope="row"),
        element("td", element("b", "Could not run. "), visible(entry.error), colspan=n_columns - 2),
    )
