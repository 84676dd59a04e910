"""Choice: which of some pipelines groups this network's failures best, why, and by how much.

Judged on failures whose causes are known, for they were injected; where nothing can be injected, from inside. A preset
that was chosen on many networks gives way only to what beats it clearly on this one.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

from failatlas.markup import number
from failatlas.rootcauses.intervals import number_to_json
from failatlas.studies.grid import preset_of
from failatlas.studies.score import Entry, Score, merit

Basis: TypeAlias = Literal["known causes", "label-free"]

# of the merit: with nine causes one more or less covered is 0.04
MARGIN = 0.05
# what is clearer to look at is only a hint at causes
LABEL_FREE_MARGIN = 0.1
FEWEST = 50  # failures below which clusters that look clear are a matter of luck


@dataclass(frozen=True, slots=True)
class Candidate:
    """One pipeline that was tried.

    Attributes:
        pipeline: ``extractor+reducer+clusterer``.
        value: what candidates are compared by: `merit`, or ½ silhouette + ½ DBCV; nan = it has none.
        purity, coverage: on the known causes; nan where there are none.
        n_clusters: clusters to read.
        redundancy: of them for each cause that they cover; nan when none is covered.
        noise: share of failures in no cluster.
        error: why it could not run; "" = it ran.
    """

    pipeline: str
    value: float
    purity: float = math.nan
    coverage: float = math.nan
    n_clusters: int = 0
    redundancy: float = math.nan
    noise: float = math.nan
    error: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class Choice:
    """The pipeline that was taken, and all that were tried.

    Attributes:
        pipeline: ``extractor+reducer+clusterer``.
        preferred: the pipeline that is taken unless another beats it by the margin.
        basis: what they were compared by.
        candidates: by falling value; those that could not run come last.
        n_failures: on which they were compared.
        causes: known ones, to be covered; none where the basis is label-free.
        margin: of the value.
        notes: what limits the reading.
    """

    pipeline: str
    preferred: str
    basis: Basis
    candidates: tuple[Candidate, ...]
    n_failures: int
    causes: tuple[str, ...]
    margin: float
    notes: tuple[str, ...] = ()

    def of(self, pipeline: str) -> Candidate | None:
        """What a pipeline was worth; None when it was not tried."""
        return next((one for one in self.candidates if one.pipeline == pipeline), None)

    @property
    def text(self) -> str:
        """What was taken, why and by how much, in one or two sentences."""
        taken, usual = self.of(self.pipeline), self.of(self.preferred)
        if taken is None or not math.isfinite(taken.value):
            return f"{_name(self.pipeline)} was taken unseen: no candidate could be judged."
        said = f"{_name(self.pipeline)} was taken: {self._worth(taken)} on {number(self.n_failures)} failures."
        if self.pipeline != self.preferred:
            before = self._worth(usual) if usual is not None and math.isfinite(usual.value) else "it could not run"
            return f"{said} It beats {_name(self.preferred)} ({before}) by more than {self.margin:g}."
        rival = next((one for one in self.candidates if one.pipeline != self.pipeline), None)
        if rival is None or not math.isfinite(rival.value):
            return said
        lead = taken.value - rival.value
        if lead >= 0:
            return f"{said} The next, {_name(rival.pipeline)}, is {lead:.2f} behind ({self._worth(rival)})."
        return (
            f"{said} {_name(rival.pipeline)} is {-lead:.2f} ahead ({self._worth(rival)}), but {self.margin:g} is "
            "what it takes."
        )

    def to_json(self) -> dict[str, object]:
        """Plain values; null = not measured."""
        return {
            "pipeline": self.pipeline,
            "preferred": self.preferred,
            "basis": self.basis,
            "why": self.text,
            "margin": self.margin,
            "failures": self.n_failures,
            "causes": list(self.causes),
            "notes": list(self.notes),
            "candidates": [
                {
                    "pipeline": one.pipeline,
                    "value": number_to_json(one.value),
                    "purity": number_to_json(one.purity),
                    "coverage": number_to_json(one.coverage),
                    "clusters": one.n_clusters,
                    "redundancy": number_to_json(one.redundancy),
                    "noise": number_to_json(one.noise),
                    "error": one.error,
                }
                for one in self.candidates
            ],
        }

    def _repr_html_(self) -> str:
        from failatlas.studies.choicefragment import choice_html

        return choice_html(self)

    def __repr__(self) -> str:
        return f"<Choice {self.pipeline} of {len(self.candidates)} by {self.basis}>"

    def _worth(self, one: Candidate) -> str:
        if self.basis == "label-free":
            return f"½ silhouette + ½ DBCV {one.value:.2f}"
        n_covered = round(one.coverage * len(self.causes))
        return f"purity {one.purity:.2f}, {n_covered} of {len(self.causes)} causes covered"


def choose(
    entries: Sequence[Entry],
    preferred: str,
    *,
    n_failures: int,
    causes: Sequence[str] = (),
    notes: tuple[str, ...] = (),
) -> Choice:
    """Take the best of some pipelines, or the preferred one unless it is clearly beaten.

    Of equal value the one with fewer clusters to read for a cause comes first, then the one with less noise.

    Args:
        entries: pipelines with their scores; the preferred one may be among them.
        preferred: what is taken unless another beats it by the margin; where it has no value, the best of the others.
        n_failures: on which they were scored.
        causes: known ones; with none, or where no pipeline has a coverage, they are compared from inside.
        notes: what limits the reading.
    """
    basis: Basis = "known causes" if causes else "label-free"
    margin = MARGIN if causes else LABEL_FREE_MARGIN
    candidates = sorted((_candidate(entry, basis) for entry in entries), key=_order)
    best = next((one for one in candidates if math.isfinite(one.value)), None)
    usual = next((one for one in candidates if one.pipeline == preferred), None)
    taken = preferred
    if basis == "label-free" and n_failures < FEWEST and usual is not None and math.isfinite(usual.value):
        notes += (f"{n_failures} failures, fewer than {FEWEST}: too few to leave the preset for what looks clearer",)
    elif best is not None and (usual is None or not best.value <= usual.value + margin):
        taken = best.pipeline
    return Choice(taken, preferred, basis, tuple(candidates), n_failures, tuple(causes), margin, notes)


def _candidate(entry: Entry, basis: Basis) -> Candidate:
    if entry.score is None:
        return Candidate(entry.pipeline, math.nan, error=entry.error)
    found = entry.score.agreement
    return Candidate(
        entry.pipeline,
        _value(entry.score, basis),
        found.purity,
        found.coverage,
        found.n_clusters,
        found.redundancy,
        found.noise,
    )


def _value(score: Score, basis: Basis) -> float:
    """nan without clusters: nothing to read is no way to group."""
    found = score.agreement
    if not found.n_clusters:
        return math.nan
    return merit(found) if basis == "known causes" else (score.silhouette + score.dbcv) / 2


def _order(one: Candidate) -> tuple[float, float, float, str]:
    def last(value: float) -> float:
        return value if math.isfinite(value) else math.inf

    return last(-one.value), last(one.redundancy), last(one.noise), one.pipeline


def _name(pipeline: str) -> str:
    """A pipeline as people say it, its preset's name first."""
    preset = preset_of(pipeline)
    return f"{preset} ({pipeline})" if preset else pipeline
