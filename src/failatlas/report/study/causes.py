"""Causes: which pipeline finds which known cause, how rare it may be, and how the failures were made."""

from __future__ import annotations

from failatlas.injection import NATURAL, Tally
from failatlas.markup import Content, Html, element, name, number, table, visible
from failatlas.report.page import section
from failatlas.report.study.reading import Reading, found, pipeline_name, rarity_at, scroller, share_of
from failatlas.rootcauses.fragment import interval_bar, interval_text
from failatlas.statistics import wilson
from failatlas.studies.score import Entry

_MOST_CAUSES = 60
_NEVER = "–"


def causes(reading: Reading) -> Html | None:
    """Causes against the first pipelines; None where no cause is known or no pipeline ran."""
    study = reading.study
    if not study.causes or not reading.top:
        return None
    hard = [cause for cause in study.causes if not _finders(reading, cause)]
    shown = study.causes[:_MOST_CAUSES]
    rest = len(study.causes) - len(shown)
    return section(
        "causes",
        "Which cause is found",
        element("p", _hardest(reading, hard)),
        scroller("Causes against pipelines", _matrix(reading, shown)),
        element(
            "p", _how(reading), f" {number(rest)} more causes are in the table file." if rest else None, class_="how"
        ),
    )


def _hardest(reading: Reading, hard: list[str]) -> Content:
    causes = reading.study.causes
    if hard:
        said = "None of the pipelines covers " if len(reading.ranking) > 1 else "The pipeline does not cover "
        return [said, [[", " if i else None, name(cause)] for i, cause in enumerate(hard)], "."]
    least = min(causes, key=lambda cause: len(_finders(reading, cause)))
    count = len(_finders(reading, least))
    ran = len(reading.ranking)
    if count == ran:
        return "Every pipeline covers every cause."
    return ["The hardest cause is ", name(least), f": {number(count)} of {number(ran)} pipelines cover it."]


def _finders(reading: Reading, cause: str) -> list[Entry]:
    return [entry for entry in reading.ranking if cause in found(entry).covered]


def _matrix(reading: Reading, shown: tuple[str, ...]) -> Html:
    heads = [
        element("th", "Cause", scope="col", class_="corner"),
        element("th", "Images", scope="col", class_="corner"),
    ]
    heads += [
        element("th", element("span", pipeline_name(entry.pipeline)), scope="col", class_="upright")
        for entry in reading.top
    ]
    heads.append(element("th", "Of all pipelines", scope="col", class_="corner"))
    rows = [
        element(
            "tr",
            element("th", name(cause), scope="row"),
            element("td", number(reading.study.sizes.get(cause, 0)), class_="count"),
            [_cell(reading, entry, cause) for entry in reading.top],
            element("td", f"{len(_finders(reading, cause))} of {len(reading.ranking)}", class_="count"),
        )
        for cause in shown
    ]
    return element(
        "table",
        element("caption", "Known causes against the first pipelines."),
        element("thead", element("tr", heads)),
        element("tbody", rows),
        class_="shades covers",
    )


def _cell(reading: Reading, entry: Entry, cause: str) -> Html:
    if cause not in found(entry).covered:
        return element("td", element("span", _NEVER, aria_label="not covered"), class_="shade-0")
    reached = _reached(reading, entry, cause)
    if reached is None:
        return element("td", "yes", class_="shade-1")
    step = reading.frequencies.index(reached) + 1
    shade = 1 + round(3 * step / len(reading.frequencies))
    return element("td", share_of(reached), class_=f"shade-{min(shade, 4)}")


def _reached(reading: Reading, entry: Entry, cause: str) -> float | None:
    """The smallest frequency down to which the cause stays covered without a gap; None where it is not when rare."""
    reached = None
    for frequency in reading.frequencies:
        rarity = rarity_at(entry, frequency)
        if rarity is None or cause not in rarity.covered:
            break
        reached = frequency
    return reached


def _how(reading: Reading) -> str:
    if not reading.frequencies:
        return "yes: at least 90 % of the images of some cluster have this cause; –: of no cluster."
    said = ", ".join(share_of(frequency) for frequency in reading.frequencies)
    return (
        f"A percentage is how rare the cause may become among the failures and still be covered (tried: {said}; at "
        "every step above it, it is covered too). yes: covered when about as frequent as the others, but not when "
        "rarer, or not tried. –: not covered at all."
    )


def injected(reading: Reading) -> Html | None:
    """How many images each scenario made fail, and how the mixture is made up; None where nothing was done."""
    study = reading.study
    if not study.tallies and not study.sizes:
        return None
    listed = {tally.scenario for tally in study.tallies}
    rows: list[list[Content]] = []
    for tally in study.tallies:
        rate = wilson(tally.kept, tally.tried) if tally.tried else None
        rows.append(
            [
                element("th", name(tally.scenario), scope="row"),
                number(tally.tried),
                number(tally.kept),
                [element("span", interval_text(rate), class_="num"), interval_bar(rate)] if rate else "–",
                _size(study.sizes.get(tally.scenario, 0)),
                _beyond(tally),
            ]
        )
    for group, size in study.sizes.items():
        if group not in listed:
            said = "failures nobody injected" if group == NATURAL else "planted in the images, not injected"
            rows.append([element("th", name(group), scope="row"), "–", "–", "–", _size(size), said])
    heads = ("Scenario", "Tried", "Then fail", "Share that fails [95 %]", "In the mixture", "Note")
    return section(
        "injected",
        "Failures with a known cause",
        element(
            "p",
            f"Scenarios were applied to images that the network handles correctly; where it then fails, the cause is "
            f"known. Pipelines were scored on {number(study.n_failures)} failures, {number(study.n_natural)} of them "
            "not injected: no cause has more images than the median cause, and those without a known cause are at most "
            "half.",
        ),
        scroller(
            "Scenarios", table("Scenarios and what they made of the network.", heads, rows, class_="bars tallies")
        ),
    )


def _beyond(tally: Tally) -> str:
    """What the note says beyond the counts, which have columns of their own."""
    counts = f"{number(tally.kept)} of {number(tally.tried)} tried fail"
    return visible(tally.note).removeprefix(counts).lstrip(",;.: ")


def _size(size: int) -> str:
    return number(size) if size else "none"
