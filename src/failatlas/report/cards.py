"""Cards: the data, the network, the relevance, the choices, the method and how to run it again."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping

from failatlas.markup import Content, Html, element, join, name, number, percent, table, visible
from failatlas.models.model import Preprocess
from failatlas.report.document import DataCard, Document, RelevanceCard
from failatlas.report.page import section
from failatlas.rootcauses.fragment import interval_text
from failatlas.studies.choicefragment import choice_html

_MOST_QUARANTINED, _MOST_CLASSES, _MOST_CURVES = 200, 100, 24


def choices(document: Document) -> Html | None:
    """How the pipeline and the automatic parameters were chosen, and all parameters used."""
    curves = [*document.grouping.curves, *document.curves]
    parameters = document.grouping.parameters
    if not curves and not parameters:
        return None
    return section(
        "choices",
        "How the groups were made",
        choice_html(document.choice) if document.choice is not None else None,
        element(
            "p",
            f"Pipeline {visible(document.grouping.pipeline)}. Each curve shows what a parameter was chosen by; the "
            "orange mark is the value taken. A choice far from any bend or peak deserves doubt.",
        ),
        element("div", [curve._repr_html_() for curve in curves[:_MOST_CURVES]], class_="curves") if curves else None,
        table("Parameters, chosen or given.", ("Parameter", "Value"), _plain(parameters)) if parameters else None,
    )


def _plain(values: Mapping[str, object]) -> list[list[Content]]:
    return [[name(key), _shown(value)] for key, value in values.items()]


def _shown(value: object) -> Content:
    if isinstance(value, bool) or value is None:
        return {True: "yes", False: "no", None: "not set"}[value]
    if isinstance(value, int | float):
        return number(value, 6)
    return name(value)


def cards(document: Document) -> Html:
    """Data card, model card and, where relevance was computed, its card."""
    return join([_data(document), _model(document), _relevance(document.relevance) if document.relevance else None])


def _facts(rows: Iterable[tuple[str, Content]]) -> Html:
    return element(
        "dl",
        [element("div", element("dt", head), element("dd", value)) for head, value in rows if value is not None],
        class_="card",
    )


def _data(document: Document) -> Html:
    card = document.data
    return section(
        "data",
        "Data",
        _facts(
            [
                ("Image set", name(card.name)),
                ("Images", number(card.n_images)),
                ("Digest (SHA-256)", element("code", visible(card.digest))),
                ("Splits", _counts(card.splits) or "none named"),
                ("Exact repeats", number(card.n_exact)),
                ("Near repeats", number(card.n_near)),
                ("Overlap between splits", _sentences(card.leakage) or "none found"),
                ("Notices", _sentences(card.notices)),
            ]
        ),
        _classes(card),
        _quarantined(document),
    )


def _counts(counts: Mapping[str, int]) -> Content:
    parts: list[Content] = []
    for key, count in counts.items():
        parts += [", " if parts else None, name(key), f" {number(count)}"]
    return parts or None


def _sentences(sentences: tuple[str, ...]) -> Content:
    return element("ul", [element("li", visible(sentence)) for sentence in sentences]) if sentences else None


def _classes(card: DataCard) -> Html | None:
    if not card.classes:
        return None
    rows = [[name(key), number(count)] for key, count in list(card.classes.items())[:_MOST_CLASSES]]
    rest = len(card.classes) - len(rows)
    return element(
        "details",
        element("summary", f"{number(len(card.classes))} classes"),
        table("Images of each class.", ("Class", "Images"), rows),
        element("p", f"{number(rest)} more classes are left out.") if rest else None,
    )


def _quarantined(document: Document) -> Html | None:
    listed = document.quarantined
    if not listed:
        return None
    rows = [[name(item.id), element("code", visible(item.code)), visible(item.reason)] for item in listed]
    rest = len(rows) - _MOST_QUARANTINED
    return element(
        "div",
        element("h3", "Quarantined images"),
        element(
            "p",
            "Set aside before or during the test; they count neither as errors nor as handled correctly.",
            class_="how",
        ),
        table(f"{number(len(rows))} quarantined images.", ("Image", "Code", "Reason"), rows[:_MOST_QUARANTINED]),
        element("p", f"{number(rest)} more are in the run folder.") if rest > 0 else None,
        class_="wide",
    )


def _model(document: Document) -> Html:
    card = document.model
    return section(
        "network",
        "Network",
        _facts(
            [
                ("Name", name(card.name)),
                ("Kind", visible(card.kind)),
                (
                    "Digest (SHA-256)",
                    element("code", visible(card.digest)) if card.digest else "none: predictions only",
                ),
                ("Error rule", visible(card.task)),
                (
                    "Handled correctly",
                    f"{interval_text(card.accuracy)}, n = {number(card.accuracy.n)}, {visible(card.accuracy.method)}",
                ),
                ("Preprocessing", _preprocess(card.preprocess)),
                ("Notices", _sentences(card.notices)),
            ]
        ),
    )


def _preprocess(preprocess: Preprocess | None) -> str:
    if preprocess is None:
        return "the caller's own"
    size = f"resized to {preprocess.size[1]} × {preprocess.size[0]} px" if preprocess.size else "size as it is"
    channels = "grey" if preprocess.channels == 1 else "RGB"
    mean, std = (", ".join(number(value, 4) for value in values) for values in (preprocess.mean, preprocess.std))
    return f"{size}, {channels}, × {number(preprocess.scale, 4)}, mean {mean}, std {std}"


def _relevance(card: RelevanceCard) -> Html:
    rows = [
        [
            [name(row.layer), element("b", " (chosen)") if row.layer == card.layer else None],
            _measured(row.raw),
            _measured(row.scaled),
            _conservation(row.conservation, card.tolerance),
        ]
        for row in card.layers
    ]
    return section(
        "relevance",
        "Relevance",
        element(
            "p",
            "Layer-wise relevance propagation shares the score of the given answer among the neurons of each layer. "
            "What a layer receives should add up to the score; the conservation error is what was lost or invented.",
        ),
        _facts(
            [
                ("Composite", visible(card.composite)),
                ("Chosen layer", name(card.layer) if card.layer else "none: heatmaps are shown, not clustered"),
                ("Fallbacks to gradient", _sentences(card.fallbacks) or "none"),
            ]
        ),
        element(
            "div",
            table(
                "Layers: WICD of their clusters (smaller is tighter) and conservation error.",
                ("Layer", "WICD, raw (HUDD)", "WICD, scaled", "Conservation error"),
                rows,
            ),
            class_="wide",
        )
        if rows
        else None,
        element(
            "p",
            "Raw distances differ in scale from layer to layer, so raw WICD favours layers of small relevance; the "
            "scaled one divides by the layer's median distance.",
            class_="how",
        ),
    )


def _measured(value: float) -> str:
    return number(value, 4) if math.isfinite(value) else "not eligible"


def _conservation(value: float, tolerance: float) -> Html:
    if not math.isfinite(value):
        return element("span", "not measurable", class_="word dissolves")
    is_high = value > tolerance
    return element(
        "span", percent(value) + (" (high)" if is_high else ""), class_="word dissolves" if is_high else None
    )


def methods() -> Html:
    """What was done and what the numbers cannot say, in plain words."""
    return section(
        "methods",
        "Method and limits",
        element("h3", "What was done"),
        element("ol", [element("li", step) for step in _STEPS]),
        element("h3", "What the numbers cannot say"),
        element("ul", [element("li", limit) for limit in _LIMITS]),
        element("p", _SOURCES, class_="how"),
    )


_STEPS = (
    "Every image was shown to the network and judged by the error rule; images it gets wrong are error-inducing.",
    "Each error-inducing image became a row of features; the rows were reduced and clustered. Images near each other "
    "fail alike, as far as these features can see.",
    "A cluster with its explanation is a root-cause cluster. Its risk is the summed severity of its images over all "
    "images tested; clusters are ranked by it.",
    "Rules and contrasts compare a cluster with the other images of the set on measured properties and given metadata. "
    "Rules were judged on images that did not shape them.",
)
_LIMITS = (
    "A cluster shows what failures have in common. That this is also their cause is a hypothesis: test it on new ones.",
    "Rates hold for images drawn like the tested ones. Field conditions that the set lacks are not covered.",
    "Every interval is a 95 % interval for one number. Among many clusters some miss their target by chance.",
    "Names of clusters are proposals made from confusions and rules, not judgements of a person.",
    "The map has two dimensions, the clustering may have had more: trust the numbers over the picture.",
)
_SOURCES = (
    "HUDD: Fahmy et al., IEEE Transactions on Reliability 70(4), 2021. SAFE: Attaoui et al., ACM TOSEM 32(3), 2023. "
    "Relevance: Bach et al., PLoS ONE 10(7), 2015. Stability: Hennig, "
    "Computational Statistics & Data Analysis 52(1), 2007."
)


def reproduce(document: Document) -> Html:
    """The command, seed, versions and hashes that make the same report again, and how to cite it."""
    cite = (
        f"{visible(document.title)}. failatlas report; image set {document.data.digest[:12]}, network "
        f"{document.model.digest[:12] or 'predictions only'}, pipeline {visible(document.grouping.pipeline)}, "
        f"seed {document.seed}."
    )
    lists = [
        ("Results and their hashes (SHA-256).", ("Result", "Hash"), document.hashes),
        ("Versions.", ("Part", "Version"), document.versions),
        ("Settings as resolved.", ("Setting", "Value"), document.settings),
        ("Time spent.", ("Stage", "Seconds"), document.timings),
    ]
    return section(
        "reproduce",
        "Run it again",
        element(
            "p",
            f"The same command with seed {document.seed} gives the same results, hash by hash, at one thread count.",
        ),
        element("pre", element("code", visible(document.command)), tabindex=0),
        element("h3", "How to cite"),
        element("p", visible(cite)),
        element(
            "div",
            [table(caption, heads, _plain(values)) for caption, heads, values in lists if values],
            class_="lists wide",
        ),
    )
