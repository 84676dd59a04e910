"""Method: how the study was made, what its numbers mean and what they cannot say."""

from __future__ import annotations

import math

from failatlas.markup import Content, Html, element, name, number, table, visible
from failatlas.report.page import section
from failatlas.report.study.reading import Reading, duration, family
from failatlas.report.versions import versions
from failatlas.studies.grid import STAND_INS

_STEPS = (
    "Scenarios were applied to images that the network handles correctly; those on which it then fails are failures "
    "with a known cause. Failures that nobody injected keep the cause that the image set names, or count as natural.",
    "Of these a balanced mixture was drawn: no cause has more failures than the median cause, and those whose cause "
    "nobody knows are at most half, for a heap of them is pure whatever is in it.",
    "Each pipeline grouped the same failures without seeing their causes.",
    "Purity of a cluster: the share of its most frequent cause, natural failures being one group. Purity of a "
    "pipeline: the mean over its clusters, noise left out; 0 without a cluster.",
    "A cause is covered when it makes up at least 90 % of some cluster. Coverage: the share of causes that are "
    "covered.",
    "Clusters to read per cause: clusters divided by causes covered, the price of reading them all.",
    "The order of pipelines: the mean of purity, coverage and legibility, which is min(1, 2 / clusters to read per "
    "cause): many small pure clusters are no service to their reader.",
    "ARI and NMI compare the whole grouping with the causes, noise being one group.",
    "Rare causes: a third of the causes at a time were thinned out to the named share of the failures, so that each is "
    "rare once.",
)
_LIMITS = (
    "Injected failures are made by known pictures' changes. Real causes may be finer, and may overlap.",
    "With few causes coverage moves in large steps: read its interval, not its last digit.",
    "The first of many pipelines looks better than it will on other failures, for it was chosen on these.",
    "Seconds and memory are those of this machine; a step that several pipelines share was measured once and counts "
    "for each.",
    "Silhouette and DBCV, in the table file, compare clusterings of one embedding, not pipelines of different "
    "features.",
)
_SOURCE = (
    "Definitions: Attaoui, Fahmy, Pastore and Briand, “Supporting safety analysis of image-processing DNNs through "
    "clustering-based approaches”, ACM TOSEM 33(5), 2024. Effect sizes: Cliff, 1993; Vargha and Delaney, 2000; "
    "correction: Holm, 1979."
)


def methods() -> Html:
    """What was done and what the numbers cannot say."""
    return section(
        "methods",
        "Method and limits",
        element("h3", "What was done"),
        element("ol", [element("li", step) for step in _STEPS]),
        element("h3", "What the numbers cannot say"),
        element("ul", [element("li", limit) for limit in _LIMITS]),
        element("p", _SOURCE, class_="how"),
    )


def made(reading: Reading, command: str) -> Html:
    """Seed, counts, time, sharing, versions, and the command."""
    study = reading.study
    ran, asked = len(reading.ranking), len(study.entries)
    facts: list[tuple[str, Content]] = [
        ("Seed", number(study.seed)),
        ("Pipelines", f"{number(ran)} of {number(asked)} ran"),
        ("Failures", f"{number(study.n_failures)}, {number(study.n_natural)} of them not injected"),
        ("Causes to be covered", _listed(study.causes)),
        ("Time of the study", duration(study.wall_s)),
        ("Of it the pipelines", f"{duration(study.shared_s)}, what several need computed once"),
        ("One after another", f"{duration(study.from_scratch_s)}, each pipeline from its images"),
        ("Saved by sharing", f"{study.saving:.1f} ×" if math.isfinite(study.saving) else "not measured"),
        ("Memory", visible(study.memory) if study.memory else "not measured"),
    ]
    used = [one for one in STAND_INS if one in {family(entry) for entry in study.entries}]
    return section(
        "made",
        "How it was made",
        element(
            "dl",
            [element("div", element("dt", head), element("dd", value)) for head, value in facts],
            class_="card",
        ),
        element("pre", element("code", visible(command)), tabindex=0) if command else None,
        element(
            "div",
            table(
                "Backbones, and what they stand in for where the published study used others.",
                ("Features", "What they are"),
                [[name(one), STAND_INS[one]] for one in used],
            )
            if used
            else None,
            table("Versions.", ("Part", "Version"), [[name(k), name(v)] for k, v in versions().items()]),
            class_="pair",
        ),
    )


def _listed(causes: tuple[str, ...]) -> Content:
    if not causes:
        return "none"
    return [f"{number(len(causes))}: ", [[", " if i else None, name(cause)] for i, cause in enumerate(causes)]]
