"""Choices: which of them matter: shares of variance, decision trees, tables of means, effects of every pair."""

from __future__ import annotations

import math

from failatlas.markup import Content, Html, counted, element, join, name, number, percent, table, visible
from failatlas.report.page import section
from failatlas.report.study.reading import Reading, scroller, three
from failatlas.studies.factors import LEAST_OF_LEVEL, OUTCOMES, Analysis, Cell, Effect, Factors, Influence, Level
from failatlas.studies.factortree import Node

_STEPS = (0.5, 0.7, 0.8, 0.9)  # from which a cell is one shade darker
_SIZES = ((0.474, "large"), (0.33, "medium"), (0.147, "small"))  # of |δ|: Romano et al., 2006
_SHOWN = 12  # sure effects shown; the others unfold
_NEGLIGIBLE = 0.01


def choices(reading: Reading) -> Html | None:
    """The factor analysis; None where no pipeline ran."""
    if not reading.ranking:
        return None
    factors = reading.factors
    return section(
        "choices",
        "Which choice matters",
        [element("p", answer(analysis)) for analysis in factors.analyses],
        _influences(factors),
        _cells(factors) if any(analysis.tree for analysis in factors.analyses) else None,
        _trees(factors),
        _effects(factors),
        element("ul", [element("li", visible(note)) for note in factors.notes], class_="notes")
        if factors.notes
        else None,
    )


def answer(analysis: Analysis) -> str:
    """What one outcome depends on most, in a sentence."""
    weighed = [one for one in analysis.influences if math.isfinite(one.adjusted)]
    if not weighed:
        return f"What {analysis.outcome} depends on cannot be said from {counted(analysis.n, 'pipeline')} like these."
    first = weighed[0]
    if first.adjusted < _NEGLIGIBLE:
        return f"No single choice explains {analysis.outcome}: each accounts for less than 1 % of how it varies."
    others = [one for one in weighed[1:] if one.adjusted >= _NEGLIGIBLE]
    then = f", before {_and([_weighed(one) for one in others])}" if others else ""
    # one pipeline of an option says little about the option
    levels = [level for level in first.levels if level.n >= LEAST_OF_LEVEL]
    ends = ""
    if len(levels) > 1:
        best, worst = levels[0], levels[-1]
        ends = (
            f"; {visible(best.name)} does best with {three(best.mean)} on average, {visible(worst.name)} least with "
            f"{three(worst.mean)}"
        )
    return (
        f"For {analysis.outcome} the {visible(first.factor)} matters most ({percent(first.adjusted)} of how it varies)"
        f"{then}{ends}."
    )


def _weighed(one: Influence) -> str:
    return f"{visible(one.factor)} ({percent(one.adjusted)})"


def _and(parts: list[str]) -> str:
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"


def _influences(factors: Factors) -> Html | None:
    order = list(dict.fromkeys(one.factor for analysis in factors.analyses for one in analysis.influences))
    if not order:
        return None
    by = [{one.factor: one for one in analysis.influences} for analysis in factors.analyses]
    rows: list[list[Content]] = []
    for factor in order:
        row: list[Content] = [element("th", visible(factor), scope="row")]
        for outcome in by:
            row.append(_share(outcome.get(factor)))
        row.append(_levels(by[0].get(factor) or by[1].get(factor)))
        rows.append(row)
    heads = ("Choice", *(f"Share of {outcome}" for outcome in OUTCOMES), f"Options, mean {OUTCOMES[0]}, best first")
    beyond = [
        f"{percent(one.interaction)} of {one.outcome}" for one in factors.analyses if math.isfinite(one.interaction)
    ]
    return element(
        "div",
        scroller(
            "Choices", table("How much of the variation each choice explains.", heads, rows, class_="bars influences")
        ),
        element(
            "p",
            "Shares of variance between the options (η²), less what as many options of pure chance would take (ε²). "
            "Fine-tuning is judged on extractors that come in both forms. ",
            f"The combination of reducer and clusterer explains {_and(beyond)} beyond both alone." if beyond else None,
            class_="how",
        ),
    )


def _share(one: Influence | None) -> Content:
    if one is None or not math.isfinite(one.adjusted):
        return "–"
    bar = element(
        "svg",
        element("line", x1=0, x2=100, y1=6, y2=6, stroke="currentColor", stroke_opacity=0.2),
        element("rect", x=0, y=2, width=100 * one.adjusted, height=8, rx=2, fill="#0b6bb0", class_="point"),
        viewBox="0 0 100 12",
        width=100,
        height=12,
        class_="interval",
        aria_hidden="true",
    )
    return [element("span", percent(one.adjusted), class_="num"), bar]


def _levels(one: Influence | None) -> Content:
    if one is None:
        return "–"
    return [
        [", " if i else None, element("span", name(level.name), f" {three(level.mean)}", _number(level), class_="num")]
        for i, level in enumerate(one.levels)
    ]


def _number(level: Level) -> Html:
    return element("span", f" n = {level.n}", class_="small")


def _cells(factors: Factors) -> Html | None:
    if len(factors.cells) < 2:
        return None
    return element(
        "div",
        element("h3", "Reducer × clusterer"),
        element("div", [_means(factors.cells, outcome) for outcome in OUTCOMES], class_="pair"),
    )


def _means(cells: tuple[Cell, ...], outcome: str) -> Html:
    reducers, clusterers = (
        list(dict.fromkeys(getattr(cell, key) for cell in cells)) for key in ("reducer", "clusterer")
    )
    by = {(cell.reducer, cell.clusterer): cell for cell in cells}
    heads = [element("th", "Reducer", scope="col", class_="corner")]
    heads += [element("th", name(one), scope="col") for one in clusterers]
    rows = [
        element("tr", element("th", name(one), scope="row"), [_mean(by[one, other], outcome) for other in clusterers])
        for one in reducers
    ]
    return scroller(
        f"Mean {outcome} by reducer and clusterer",
        element(
            "table",
            element("caption", f"Mean {outcome}, and number of pipelines."),
            element("thead", element("tr", heads)),
            element("tbody", rows),
            class_="shades",
        ),
    )


def _mean(cell: Cell, outcome: str) -> Html:
    value = float(getattr(cell, outcome))
    if not math.isfinite(value):
        return element("td", element("span", "–", aria_label="no such pipeline"), class_="shade-0")
    step = sum(value >= least for least in _STEPS)
    return element("td", three(value), element("span", f" n = {cell.n}", class_="small"), class_=f"shade-{step}")


def _trees(factors: Factors) -> Html | None:
    grown = [analysis for analysis in factors.analyses if analysis.tree is not None and analysis.tree.factor]
    if not grown:
        return None
    return element(
        "div",
        element("h3", "What to ask first"),
        element(
            "p",
            "A decision tree over the choices. Each question is the one that tells good pipelines from bad ones best, "
            "among those that the answers above it leave.",
            class_="how",
        ),
        element("div", [_tree(analysis) for analysis in grown], class_="pair"),
    )


def _tree(analysis: Analysis) -> Html:
    assert analysis.tree is not None
    return element(
        "div",
        element("h4", analysis.outcome.capitalize()),
        element("ul", element("li", _branch(analysis.tree, "")), class_="tree"),
    )


def _branch(node: Node, answered: str) -> Html:
    step = sum(node.mean >= least for least in _STEPS)
    head = element(
        "div",
        element("span", answered, class_="answered") if answered else None,
        element("span", three(node.mean), class_=f"node-mean shade-{step}"),
        element("span", f"{number(node.n)} pipelines", class_="small"),
        element("span", f"{visible(node.question)}?", class_="question") if node.question else None,
        class_="node",
    )
    if node.yes is None or node.no is None:
        return head
    below = [element("li", _branch(node.yes, "yes")), element("li", _branch(node.no, "no"))]
    return join([head, element("ul", below)])


def _effects(factors: Factors) -> Html | None:
    by: dict[frozenset[str], dict[str, Effect]] = {}
    for analysis in factors.analyses:
        for effect in analysis.effects:
            by.setdefault(frozenset({effect.factor, f"a\n{effect.a}", f"a\n{effect.b}"}), {})[analysis.outcome] = effect
    if not by:
        return None
    pairs = sorted(
        by.values(), key=lambda pair: (min(e.p_holm for e in pair.values()), -max(e.delta for e in pair.values()))
    )
    sure = [pair for pair in pairs if any(effect.is_significant for effect in pair.values())]
    n_tests = sum(len(analysis.effects) for analysis in factors.analyses)
    first, others = sure[:_SHOWN], [*sure[_SHOWN:], *(pair for pair in pairs if pair not in sure)]
    text = (
        f"{number(len(sure))} of {number(len(pairs))} pairs of options differ beyond chance in purity or coverage (p < "
        f"0.05 after Holm's correction for {number(n_tests)} tests)."
        if sure
        else f"None of {number(len(pairs))} pairs of options differs beyond chance (p < 0.05 after Holm's correction "
        f"for {number(n_tests)} tests): there may be too few pipelines to tell."
    )
    return element(
        "div",
        element("h3", "Option against option"),
        element("p", text),
        _pairs(first, "Pairs of options that differ, surest first.") if first else None,
        element(
            "details",
            element("summary", f"{number(len(others))} {'more ' if first else ''}pairs"),
            _pairs(others, "Further pairs of options."),
        )
        if others
        else None,
        element(
            "p",
            "Cliff's δ = P(better > worse) − P(better < worse) and A12 = (δ + 1) / 2 compare all pipelines of both "
            "options. p: Wilcoxon's signed-rank test over pipelines that differ in this choice alone, with their "
            "number, where enough of them exist; else Mann–Whitney's U. Pipelines share the same images, so p speaks "
            "of these failures, not of other networks.",
            class_="how",
        ),
    )


def _pairs(pairs: list[dict[str, Effect]], caption: str) -> Html:
    top = element(
        "tr",
        element("th", "Choice", scope="col", rowspan=2),
        element("th", "Option against option", scope="col", rowspan=2),
        [element("th", outcome.capitalize(), scope="colgroup", colspan=4, class_="group") for outcome in OUTCOMES],
    )
    heads = ("difference", "δ", "A12", "p, corrected")
    below = element("tr", [element("th", head, scope="col") for _ in OUTCOMES for head in heads])
    return scroller(
        caption,
        element(
            "table",
            element("caption", caption),
            element("thead", top, below),
            element("tbody", [_pair(pair) for pair in pairs]),
            class_="effects",
        ),
    )


def _pair(pair: dict[str, Effect]) -> Html:
    lead = pair.get(OUTCOMES[0]) or next(iter(pair.values()))
    cells = [_effect(pair.get(outcome), lead) for outcome in OUTCOMES]
    return element(
        "tr",
        element("td", visible(lead.factor)),
        element("th", name(lead.a), element("span", " over ", class_="small"), name(lead.b), scope="row"),
        cells,
    )


def _effect(effect: Effect | None, lead: Effect) -> Content:
    if effect is None:
        return [element("td", "–", colspan=4)]
    sign = 1.0 if effect.a == lead.a else -1.0
    class_ = None if effect.is_significant else "unsure"
    paired = f", {effect.n_pairs} pairs" if effect.n_pairs else f", {effect.n_a} / {effect.n_b}"
    return [
        element("td", _signed(sign * effect.difference), class_=class_),
        element(
            "td",
            _signed(sign * effect.delta),
            element("span", f" {_size(effect.delta)}", class_="small"),
            class_=class_,
        ),
        element("td", f"{0.5 + sign * (effect.a12 - 0.5):.2f}", class_=class_),
        element(
            "td", _probability(effect.p_holm), element("span", f" {effect.test}{paired}", class_="small"), class_=class_
        ),
    ]


def _signed(value: float) -> str:
    return f"{value:+.2f}".replace("-", "−")


def _size(delta: float) -> str:
    return next((word for least, word in _SIZES if abs(delta) >= least), "negligible")


def _probability(p: float) -> str:
    return "< 0.001" if p < 0.001 else f"{p:.3f}" if p < 0.1 else f"{p:.2f}"
