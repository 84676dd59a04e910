"""Fragments: root causes as HTML; a notebook shows them bare, the report adds pictures and style."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from failatlas.markup import Content, Html, counted, element, join, name, number, percent, table, visible
from failatlas.rootcauses.rootcause import RootCause, RootCauses, Rule
from failatlas.statistics import Interval

Picture = Callable[[str], Html]  # image id → markup that shows it

_STABLE, _DISSOLVES = 0.75, 0.5  # Hennig, Comput. Stat. Data Anal. 52(1), 2007: Jaccard above / below
_MOST_PAIRS, _MOST_RULES, _MOST_PROPERTIES, _MOST_FINDINGS = 8, 5, 8, 8


def title(cause: RootCause) -> str:
    """What a cluster is called: ``RCC 3``, or ``Noise``."""
    return "Noise" if cause.id < 0 else f"RCC {cause.id}"


def interval_text(interval: Interval, *, share: bool = True) -> str:
    """A number with its 95 % interval: ``31.0 % [24.0, 39.0]``; "not enough data" where it has no value.

    >>> interval_text(Interval(0.31, 0.24, 0.39, 130, "Wilson"))
    '31.0 % [24.0, 39.0]'
    >>> interval_text(Interval(float("nan"), float("nan"), float("nan"), 0, "Wilson"))
    'not enough data'
    """
    if not math.isfinite(interval.value):
        return "not enough data"
    if share:
        value, low, high = (
            percent(interval.value),
            percent(interval.low, sign=False),
            percent(interval.high, sign=False),
        )
    else:
        value, low, high = (f"{x:.2f}" for x in (interval.value, interval.low, interval.high))
    known = math.isfinite(interval.low) and math.isfinite(interval.high)
    return f"{value} [{low}, {high}]" if known else value


def interval_bar(interval: Interval, most: float = 1.0) -> Html:
    """A share in [0, most] as a dot with its interval on a track; for the eye only, the text stands beside it."""
    if not math.isfinite(interval.value):
        return Html("")
    x = 2 + 96 * min(max(interval.value / most, 0.0), 1.0)
    known = math.isfinite(interval.low) and math.isfinite(interval.high)
    low, high = (
        2 + 96 * min(max(end / most, 0.0), 1.0) for end in ((interval.low, interval.high) if known else (0, 0))
    )
    return element(
        "svg",
        element("line", x1=2, x2=98, y1=6, y2=6, stroke="currentColor", stroke_opacity=0.2, stroke_width=2),
        element("line", x1=low, x2=high, y1=6, y2=6, stroke="#0b6bb0", stroke_width=4, class_="band")
        if known
        else None,
        element("circle", cx=x, cy=6, r=4, fill="#0b6bb0", class_="point"),
        viewBox="0 0 100 12",
        width=100,
        height=12,
        class_="interval",
        aria_hidden="true",
    )


def stability_word(cause: RootCause) -> str:
    """``stable``, ``loose`` or ``dissolves``; ``not measured`` where there is no number."""
    value = cause.stability.value
    if not math.isfinite(value):
        return "not measured"
    return "stable" if value > _STABLE else "loose" if value >= _DISSOLVES else "dissolves"


def ranking(
    causes: Iterable[RootCause], *, picture: Picture | None = None, href: Callable[[RootCause], str] | None = None
) -> Html:
    """Root causes as a table, a row each: id, name, medoid, size, share, risk, stability and first rule."""
    heads = ["Rank", "Cluster", "Name", "Images", "Share of errors [95 %]", "Risk", "Stability", "First rule"]
    if picture:
        heads.insert(2, "Medoid")
    listed = list(causes)
    scale = _Scale(
        risk=max((cause.risk for cause in listed if math.isfinite(cause.risk)), default=0.0),
        share=max((cause.share.high for cause in listed if 0 < cause.share.high <= 1), default=1.0),
    )
    rows = [_row(cause, scale, picture, href) for cause in listed]
    return table("Root-cause clusters, highest risk first.", heads, rows, class_="ranking")


@dataclass(frozen=True, slots=True)
class _Scale:
    """What the full length of a bar means, for bars that are read against each other."""

    risk: float
    share: float


def _row(
    cause: RootCause, scale: _Scale, picture: Picture | None, href: Callable[[RootCause], str] | None
) -> list[Html]:
    address = href(cause) if href else None
    label = title(cause)
    cells = [
        _cell("Rank", number(cause.rank) if cause.rank else "–", sort=cause.rank or 10**9),
        element("th", element("a", label, href=address) if address else label, scope="row", data_value=cause.id),
    ]
    if picture:
        cells.append(_cell("Medoid", picture(cause.medoids[0]) if cause.medoids else "–"))
    cells += [
        _cell("Name", name(cause.name), sort=cause.name.casefold()),
        _cell("Images", number(cause.size), sort=cause.size),
        _cell(
            "Share of errors",
            element("span", interval_text(cause.share), class_="num"),
            interval_bar(cause.share, scale.share),
            sort=_sortable(cause.share.value),
        ),
        _cell("Risk", number(cause.risk), _risk_bar(cause.risk, scale.risk), sort=_sortable(cause.risk)),
        _cell("Stability", _stability(cause), sort=_sortable(cause.stability.value)),
        _cell("First rule", name(cause.rules[0].text) if cause.rules else element("i", "nothing separates it")),
    ]
    return cells


def _cell(head: str, *content: Content, sort: str | float | None = None) -> Html:
    return element("td", *content, data_head=head, data_value=None if sort is None else visible(sort))


def _sortable(value: float) -> float:
    return value if math.isfinite(value) else -1.0


def _risk_bar(risk: float, most: float) -> Html | None:
    if not (math.isfinite(risk) and most > 0):
        return None
    bar = element("rect", x=0, y=2, width=100 * max(risk, 0.0) / most, height=8, rx=2, fill="#c2410c", class_="risk")
    return element("svg", bar, viewBox="0 0 100 12", width=100, height=12, class_="interval", aria_hidden="true")


def _stability(cause: RootCause) -> Html:
    word = stability_word(cause)
    value = "" if word == "not measured" else f" {cause.stability.value:.2f}"
    return element("span", word + value, class_=f"word {word.replace(' ', '-')}")


def explanation(
    cause: RootCause,
    *,
    picture: Picture | None = None,
    mean: Html | None = None,
    level: int = 4,
    measured: Html | None = None,
) -> Html:
    """Everything that explains one cluster, each number with a line on how to read it.

    Args:
        cause: the cluster, or the noise group.
        picture: shows an image; ids stand as text without it.
        mean: the mean heatmap as a picture with its legend, when there is one.
        level: of the headings, 2 to 6.
        measured: what is known of it beyond itself, e.g. the parameters in which it is narrow; before the rules.
    """
    show = picture or (lambda image: element("code", visible(image)))
    return join(
        [
            _facts(cause),
            _findings(cause, level),
            _likeness(cause, show, mean, level),
            element(
                "div",
                _confusion(cause, level),
                _properties(cause, level),
                class_="pair",
            ),
            measured,
            _rules(cause.rules, level) if cause.id >= 0 else None,
        ]
    )


def _facts(cause: RootCause) -> Html:
    rate = cause.error_rate
    facts = [
        ("Images", number(cause.size), f"{interval_text(cause.share)} of all error-inducing images."),
        ("Risk", number(cause.risk), "Severity an average tested image meets through this cluster; higher is worse."),
        ("Severity", number(cause.severity), "How wrong its images are on average; 1 is an ordinary error."),
        (
            "Error rate here",
            interval_text(rate),
            _region(cause),
        ),
    ]
    if cause.id >= 0:
        facts += _tightness(cause)
    return element(
        "dl",
        [
            element("div", element("dt", head), element("dd", value, class_="value"), element("dd", how, class_="how"))
            for head, value, how in facts
        ],
        class_="facts",
    )


def _region(cause: RootCause) -> str:
    """What the error rate was estimated from; n mixes all errors with a sample of the rest, so it divides nothing."""
    rate = cause.error_rate
    if not rate.n:
        return "Errors among the images of the set in this region."
    others = counted(rate.n - cause.size, "correctly handled image")
    here = f"Errors among the images of the set in this region: its {number(cause.size)} and {others}"
    sampled = "weighted" in rate.method
    return f"{here} of a sample, scaled up to all of them." if sampled else f"{here}."


def _tightness(cause: RootCause) -> list[tuple[str, str, str]]:
    jaccard = "Mean Jaccard over re-clustered samples [middle 95 % of them]: above 0.75 holds, below 0.5 dissolves."
    chance = "Chance that as many correctly handled images, drawn at random, lie as close together; small is good."
    return [
        (
            "Stability",
            interval_text(cause.stability, share=False),
            f"{_STABILITY_READING[stability_word(cause)]}. {jaccard}",
        ),
        (
            "Compactness",
            number(cause.compactness),
            "Distance to the medoid against that of all errors; below 1 is tight.",
        ),
        ("Null p", number(cause.null_p, 2) if math.isfinite(cause.null_p) else "not enough data", chance),
    ]


_STABILITY_READING = {
    "stable": "It comes back when the images are sampled again",
    "loose": "It comes back in part when the images are sampled again",
    "dissolves": "It falls apart when the images are sampled again: read it with care",
    "not measured": "It was not sampled again",
}


def _findings(cause: RootCause, level: int) -> Html | None:
    if not cause.descriptions:
        return None
    sentences = [element("li", visible(found.text)) for found in cause.descriptions[:_MOST_FINDINGS]]
    return element("div", element(f"h{level}", "In words"), element("ul", sentences), class_="findings")


def _likeness(cause: RootCause, show: Picture, mean: Html | None, level: int) -> Html | None:
    if not (cause.medoids or cause.counterexamples or mean):
        return None
    return element(
        "div",
        _strip("Most typical", "Medoids: the members nearest to all others.", cause.medoids, show, level),
        _strip(
            "Alike, but handled correctly",
            "The nearest images that the network gets right: what differs is a hint at the cause.",
            cause.counterexamples,
            show,
            level,
        ),
        element("div", element(f"h{level}", "Where the network looked"), mean, class_="strip mean") if mean else None,
        class_="likeness",
    )


def _strip(head: str, how: str, ids: tuple[str, ...], show: Picture, level: int) -> Html | None:
    if not ids:
        return None
    return element(
        "div",
        element(f"h{level}", head),
        element("p", how, class_="how"),
        element("ul", [element("li", show(image)) for image in ids], class_="pictures"),
        class_="strip",
    )


def _confusion(cause: RootCause, level: int) -> Html | None:
    if not cause.confusion:
        return None
    total = sum(count for _, _, count in cause.confusion) or 1
    most = max(count for _, _, count in cause.confusion) or 1
    rows = [
        [
            name(expected),
            name(predicted),
            [element("span", f"{number(count)} ({percent(count / total)})", class_="num"), _bar(count / most)],
        ]
        for expected, predicted, count in cause.confusion[:_MOST_PAIRS]
    ]
    rest = len(cause.confusion) - _MOST_PAIRS
    return element(
        "div",
        element(f"h{level}", "What was taken for what"),
        table("Confusions, most frequent first.", ("Expected", "Predicted", "Images"), rows, class_="bars"),
        element("p", f"Left out: {counted(rest, 'rarer confusion')}.", class_="how") if rest > 0 else None,
    )


def _bar(share: float) -> Html:
    rect = element("rect", x=0, y=2, width=100 * share, height=8, rx=2, fill="#0b6bb0", class_="point")
    return element("svg", rect, viewBox="0 0 100 12", width=100, height=12, class_="interval", aria_hidden="true")


def _properties(cause: RootCause, level: int) -> Html | None:
    known = [(key, *values) for key, values in cause.properties.items() if math.isfinite(values[2])]
    if not known:
        return None
    known.sort(key=lambda row: (-abs(row[3]), row[0]))
    rows = [
        [
            name(key),
            number(here),
            number(everywhere),
            [element("span", f"{delta:+.2f}".replace("-", "−"), class_="num"), _diverging(delta)],
        ]
        for key, here, everywhere, delta in known[:_MOST_PROPERTIES]
    ]
    return element(
        "div",
        element(f"h{level}", "What sets its images apart"),
        table(
            "Measured properties, largest difference first.",
            ("Property", "Mean here", "Mean of all", "Cliff's delta"),
            rows,
            class_="bars",
        ),
        element("p", "Delta: +1 all higher here, −1 all lower, 0 no difference; beyond ±0.47 is large.", class_="how"),
    )


def _diverging(delta: float) -> Html:
    end = 50 + 48 * min(max(delta, -1.0), 1.0)
    fill, sign = ("#c2410c", "up") if delta > 0 else ("#0b6bb0", "down")
    return element(
        "svg",
        element("line", x1=2, x2=98, y1=6, y2=6, stroke="currentColor", stroke_opacity=0.2),
        element("rect", x=min(50.0, end), y=2, width=abs(end - 50), height=8, fill=fill, class_=sign),
        element("line", x1=50, x2=50, y1=0, y2=12, stroke="currentColor"),
        viewBox="0 0 100 12",
        width=100,
        height=12,
        class_="interval",
        aria_hidden="true",
    )


def _rules(rules: tuple[Rule, ...], level: int) -> Html:
    head = element(f"h{level}", "Rules that describe it")
    if not rules:
        nothing = "No rule over the known properties separates it from the other images."
        return element("div", head, element("p", nothing, class_="how"))
    rows = [
        [
            element("ul", [element("li", name(condition)) for condition in rule.conditions], class_="conditions"),
            _ruled(rule.precision),
            _ruled(rule.recall),
            f"{number(rule.precision.n)} / {number(rule.recall.n)}",
        ]
        for rule in rules[:_MOST_RULES]
    ]
    return element(
        "div",
        head,
        table(
            "Rules, best first, judged on images that did not shape them.",
            ("All of these hold", "Precision [95 %]", "Recall [95 %]", "Held-out n"),
            rows,
            class_="rules",
        ),
        element(
            "p",
            "Precision: of the held-out images that satisfy the rule, how many belong here. Recall: of those that "
            "belong here, how many satisfy it. n: images behind either number; small n, wide interval.",
            class_="how",
        ),
    )


def _ruled(interval: Interval) -> Content:
    return [element("span", interval_text(interval), class_="num"), interval_bar(interval)]


def cause_html(cause: RootCause) -> Html:
    """One root cause for a notebook."""
    line = f"{counted(cause.size, 'error-inducing image')}, {interval_text(cause.share)} of errors"
    return element(
        "section",
        element("h3", f"{title(cause)}: ", name(cause.name)),
        element("p", line + (f", risk rank {cause.rank}" if cause.rank else "")),
        explanation(cause),
        class_="failatlas",
    )


def causes_html(causes: RootCauses) -> Html:
    """All root causes for a notebook: the ranking, the noise group in a line, and what limits the reading."""
    if not causes.causes and causes.noise is None:
        return element(
            "p", "No error-inducing images: nothing to explain. Test on more or on harder images.", class_="failatlas"
        )
    noise = causes.noise
    return element(
        "div",
        ranking(causes.causes)
        if causes.causes
        else element("p", "No root-cause cluster was found: all images are noise."),
        element("p", f"Noise: {counted(noise.size, 'image')} in no cluster, {interval_text(noise.share)} of errors.")
        if noise
        else None,
        element("ul", [element("li", visible(note)) for note in causes.notes]) if causes.notes else None,
        class_="failatlas",
    )
