"""Summary: the answer in a few sentences, the picture of all pipelines, and what to know before relying on it."""

from __future__ import annotations

import math

from failatlas.markup import Html, counted, element, join, number, percent, visible
from failatlas.report.page import section
from failatlas.report.study.reading import (
    PUBLISHED_BEST,
    Reading,
    coverage,
    duration,
    effort,
    found,
    of_causes,
    pipeline_name,
    three,
)
from failatlas.report.study.scatter import scatter
from failatlas.statistics import clopper_pearson
from failatlas.studies.grid import preset_of
from failatlas.studies.score import Entry

_FEW_CAUSES = 5
_LARGE_GROUP = 0.4  # of the failures: from here the purity of doing nothing deserves a word


def summary(reading: Reading) -> Html:
    """Plain words, the scatter, key figures, warnings."""
    return section(
        "summary",
        "Summary",
        element("p", [[" " if i else None, sentence] for i, sentence in enumerate(lead(reading))], class_="lead"),
        scatter(reading),
        _figures(reading),
        _warnings(reading),
    )


def lead(reading: Reading) -> list[Html]:
    """Which pipeline is best and by what; how the published best fares; how many are on the front."""
    study = reading.study
    if not study.entries:
        return [Html("No pipeline was asked for, so there is nothing to compare.")]
    if not study.n_failures:
        return [Html("There is no failure to group: the network failed on no image, injected or not.")]
    if not reading.ranking:
        return [
            join([f"None of the {number(len(study.entries))} pipelines could run: ", visible(study.entries[0].error)])
        ]
    if not study.causes:
        return [Html("No cause is known with enough failures, so no pipeline can be scored for finding one.")]
    first = reading.ranking[0]
    if not found(first).covered:
        return [join([f"No pipeline covers any of the {counted(len(study.causes), 'cause')}. ", *_published(reading)])]
    return [_best(first), *_published(reading), *_beside(reading)]


def _best(entry: Entry) -> Html:
    preset = preset_of(entry.pipeline)
    known = f" (preset {preset})" if preset else ""
    return join([element("b", pipeline_name(entry.pipeline)), f"{known} leads: it {_numbers(entry)}."])


def _numbers(entry: Entry) -> str:
    agreement, rate = found(entry), coverage(entry)
    return (
        f"covers {of_causes(len(agreement.covered), len(agreement.causes))} causes "
        f"[{percent(rate.low, sign=False)}, {percent(rate.high, sign=False)}] % at purity {three(agreement.purity)}, "
        f"with {effort(agreement.redundancy)} clusters to read per cause, in {duration(entry.seconds)}"
    )


def _published(reading: Reading) -> list[Html]:
    entry = reading.study.of(PUBLISHED_BEST)
    if entry is None:
        return []
    if entry.score is None:
        return [
            join(["The pipeline that led the published study, ", pipeline_name(entry.pipeline), ", could not run."])
        ]
    place = reading.ranks[entry.pipeline]
    if place == 1:
        return [Html("It is also the pipeline that led the published study, there with other weights.")]
    agreement = found(entry)
    covers = of_causes(len(agreement.covered), len(agreement.causes))
    numbers = f"{covers} at purity {three(agreement.purity)}, {effort(agreement.redundancy)} clusters per cause"
    return [
        join(
            [
                "The published study's best, ",
                pipeline_name(entry.pipeline),
                f", here with stand-in weights, comes {_ordinal(place)}: {numbers}, {duration(entry.seconds)}.",
            ]
        )
    ]


def _beside(reading: Reading) -> list[Html]:
    """Presets that are neither first nor the published best."""
    said: list[Html] = []
    for entry in reading.ranking[1:]:
        preset = preset_of(entry.pipeline)
        if preset and entry.pipeline != PUBLISHED_BEST:
            agreement = found(entry)
            covers = of_causes(len(agreement.covered), len(agreement.causes))
            place = _ordinal(reading.ranks[entry.pipeline])
            said.append(join([f"Preset {preset} comes {place}: {covers} at purity {three(agreement.purity)}."]))
    return said


def _ordinal(place: int) -> str:
    """A place in words.

    >>> [_ordinal(n) for n in (1, 2, 3, 4, 11, 21, 112)]
    ['1st', '2nd', '3rd', '4th', '11th', '21st', '112th']
    """
    ending = "th" if 10 <= place % 100 <= 20 else {1: "st", 2: "nd", 3: "rd"}.get(place % 10, "th")
    return f"{place}{ending}"


def _figures(reading: Reading) -> Html:
    study = reading.study
    failed = len(reading.failed)
    figures: list[tuple[str, str, str]] = [
        (
            "Pipelines compared",
            number(len(reading.ranking)),
            f"{number(failed)} could not run" if failed else "all ran",
        ),
        ("On the Pareto front", number(len(reading.front)), "none beats them in everything"),
        ("Failures", number(study.n_failures), f"{number(study.n_natural)} of them not injected"),
        ("Known causes", number(len(study.causes)), "to be covered"),
    ]
    if math.isfinite(study.saving):
        figures.append(("Saved by sharing", f"{study.saving:.1f} ×", f"{duration(study.shared_s)} for all together"))
    return element(
        "dl",
        [
            element("div", element("dt", head), element("dd", value, class_="value"), element("dd", note, class_="how"))
            for head, value, note in figures
        ],
        class_="figures",
    )


def _sentence(note: str) -> str:
    text = visible(note)
    return text if text.endswith((".", "!", "?")) else f"{text}."


def _warnings(reading: Reading) -> Html | None:
    study = reading.study
    said = [("Note", _sentence(note)) for note in study.notes]
    if reading.failed:
        were = "pipeline" if len(reading.failed) == 1 else "pipelines"
        said.append(
            (
                "Could not run",
                f"{number(len(reading.failed))} {were}; each is listed with its reason at the end of the table.",
            )
        )
    n = len(study.causes)
    if 0 < n < _FEW_CAUSES:
        one = percent(1 / n)
        said.append(("Few causes", f"With {counted(n, 'known cause')} one more or less moves coverage by {one}."))
    total = sum(study.sizes.values())
    group = max(study.sizes, key=study.sizes.__getitem__, default="")
    if total and study.sizes[group] >= _LARGE_GROUP * total:
        share = study.sizes[group] / total
        said.append(
            (
                "One large group",
                f"{percent(share)} of the failures are {visible(group)}, so a single cluster of everything would "
                f"already have purity {three(share)}. Read purity with coverage.",
            )
        )
    first = reading.ranking[0] if reading.ranking else None
    if first is not None and n and len(found(first).covered) == n:
        low = clopper_pearson(n, n).low
        said.append(
            (
                "All covered",
                f"{number(n)} of {number(n)} is what was seen; among causes like these, at least {percent(low)} are "
                "covered (95 %, exact).",
            )
        )
    if not said:
        return None
    return element(
        "aside",
        element("h3", "Before you rely on this", id_="h-warnings"),
        element("ul", [element("li", element("b", f"{head}. "), sentence) for head, sentence in said]),
        class_="warnings",
        aria_labelledby="h-warnings",
    )
