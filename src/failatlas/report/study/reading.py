"""Reading: a study as its report looks at it: what several parts of the page need, computed once; and shared words."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from failatlas.clustering.agreement import Agreement
from failatlas.markup import Content, Html, element, number, visible
from failatlas.statistics import Interval, wilson
from failatlas.studies.factors import Factors
from failatlas.studies.grid import TUNED, preset_of
from failatlas.studies.score import Entry, Rarity
from failatlas.studies.study import Study

PUBLISHED_BEST = (
    "vgg16+umap+dbscan"  # Attaoui et al., TOSEM 33(5), 2024: purity 94.3 %, coverage 96.7 % on six networks
)
TOP = 10  # pipelines that are shown in full


@dataclass(frozen=True, eq=False)
class Reading:
    """A study with what follows from it; nothing of it is computed twice."""

    study: Study

    @cached_property
    def ranking(self) -> tuple[Entry, ...]:
        """Pipelines that ran, best first."""
        return self.study.ranking

    @cached_property
    def top(self) -> tuple[Entry, ...]:
        """The first of the ranking, shown in full."""
        return self.ranking[:TOP]

    @cached_property
    def failed(self) -> tuple[Entry, ...]:
        """Pipelines that could not run."""
        return tuple(entry for entry in self.study.entries if entry.score is None)

    @cached_property
    def front(self) -> frozenset[str]:
        """Names of the pipelines that no other beats in everything."""
        return frozenset(self.study.front)

    @cached_property
    def factors(self) -> Factors:
        """Which choice matters."""
        return self.study.factors

    @cached_property
    def ranks(self) -> Mapping[str, int]:
        """Pipeline → place in the ranking, from 1."""
        return {entry.pipeline: place for place, entry in enumerate(self.ranking, 1)}

    @cached_property
    def frequencies(self) -> tuple[float, ...]:
        """At which causes were made rare, the most frequent first."""
        return tuple(sorted({rarity.frequency for entry in self.ranking for rarity in entry.rare}, reverse=True))

    @cached_property
    def has_stability(self) -> bool:
        """Whether the stability of any pipeline was measured."""
        return any(math.isfinite(stability(entry)) for entry in self.ranking)

    @cached_property
    def families(self) -> tuple[str, ...]:
        """Extractors of pipelines that ran, apart from fine-tuning, in the order of the question."""
        return tuple(dict.fromkeys(family(entry) for entry in self.study.entries if entry.score is not None))

    @cached_property
    def clusterers(self) -> tuple[str, ...]:
        """Clusterers of pipelines that ran, in the order of the question."""
        return tuple(dict.fromkeys(entry.clusterer for entry in self.study.entries if entry.score is not None))

    def anchor(self, entry: Entry) -> str:
        """Where the pipeline's row stands in the table of all."""
        return f"p{self.ranks[entry.pipeline]}"


def found(entry: Entry) -> Agreement:
    """What a pipeline that ran found."""
    assert entry.score is not None
    return entry.score.agreement


def stability(entry: Entry) -> float:
    """How well the clusters come back on subsamples; nan = not measured."""
    return entry.score.stability if entry.score is not None else math.nan


def family(entry: Entry) -> str:
    """The extractor apart from fine-tuning."""
    return entry.extractor.removesuffix(TUNED) if entry.tuned else entry.extractor


def rarity_at(entry: Entry, frequency: float) -> Rarity | None:
    """How the pipeline fared with causes so rare; None where that was not tried."""
    return next((rarity for rarity in entry.rare if rarity.frequency == frequency and rarity.tried), None)


def coverage(entry: Entry) -> Interval:
    """Share of the causes that are covered, with its Wilson interval."""
    return wilson(len(found(entry).covered), len(found(entry).causes))


def pipeline_name(pipeline: str, *, tag: str = "bdi") -> Html:
    """A pipeline's name that breaks between its parts only.

    >>> pipeline_name("vgg16+umap+dbscan")
    '<bdi>vgg16 <span class="part">+ umap</span> <span class="part">+ dbscan</span></bdi>'
    """
    head, *rest = visible(pipeline).split("+")
    return element(tag, head, [[" ", element("span", f"+ {part}", class_="part")] for part in rest])


def plain_name(pipeline: str) -> str:
    """The same where there can be no elements."""
    return visible(pipeline).replace("+", " + ")


def badges(entry: Entry) -> Content:
    """Marks that say what a pipeline is known as."""
    words = [preset_of(entry.pipeline), "published best" if entry.pipeline == PUBLISHED_BEST else ""]
    return [[" ", element("span", word, class_="badge")] for word in words if word]


def of_causes(n: int, total: int) -> str:
    """``9 of 9``; a dash where no cause is known."""
    return f"{n} of {total}" if total else "–"


def share_of(frequency: float) -> str:
    """A frequency as it is said: ``5 %``."""
    return f"{100 * frequency:g} %"


def three(value: float) -> str:
    """A share with three decimals, as metrics are written; a dash where there is none."""
    return f"{value:.3f}".replace("-", "−") if math.isfinite(value) else "–"


def effort(value: float) -> str:
    """Clusters to read per cause, with one decimal; a dash where no cause is covered."""
    return (f"{value:.1f}" if value < 100 else number(value)) if math.isfinite(value) else "–"


def duration(seconds: float) -> str:
    """Seconds for people.

    >>> [duration(s) for s in (0.42, 31.4, 250, 3900, float("nan"))]
    ['0.4 s', '31 s', '4 min 10 s', '1 h 5 min', 'not measured']
    """
    if not math.isfinite(seconds):
        return "not measured"
    if seconds < 10:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 120:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"


def scroller(label: str, *content: Content) -> Html:
    """A box that scrolls sideways, by keyboard too, when a table is wider than the page."""
    return element("div", *content, class_="wide", tabindex=0, role="region", aria_label=label)
