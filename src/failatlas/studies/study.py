"""Study: many pipelines scored on the same failures with known causes, and what follows for the choice of one."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from failatlas.rootcauses.intervals import number_to_json
from failatlas.studies.grid import is_published, preset_of
from failatlas.studies.score import Entry, Rarity, merit

if TYPE_CHECKING:
    from failatlas.injection import Tally
    from failatlas.studies.factors import Factors

# of every pipeline, in the order of the table; those of the rare curve follow
COLUMNS = (
    "name",
    "preset",
    "published",
    "purity",
    "purity_median",
    "purity_min",
    "coverage",
    "covered",
    "clusters",
    "redundancy",
    "noise",
    "ari",
    "nmi",
    "silhouette",
    "dbcv",
    "compactness",
    "stability",
    "seconds",
    "extract_s",
    "reduce_s",
    "cluster_s",
    "peak_mb",
    "front",
    "error",
)


@dataclass(frozen=True, slots=True, eq=False)
class Study:
    """What a study found.

    Attributes:
        name: of what was studied, for people.
        entries: every pipeline that was asked for, in the order of the question; one that could not run says why.
        tallies: how many images each scenario made fail.
        n_natural: of these failures, those that nobody injected.
        n_failures: of the balanced mixture, on which pipelines are scored.
        causes: that must be covered: injected scenarios and planted weaknesses with enough failures.
        sizes: images of every group in the balanced mixture, natural failures too.
        seed: of everything random.
        wall_s: what computing all of it took, by the clock on the wall; a resumed study adds up.
        shared_s: the part of it that the pipelines took together on the balanced mixture, features included; nan = not
            measured.
        memory: how peak memory was measured, for people.
        notes: what limits the reading.
    """

    name: str
    entries: tuple[Entry, ...]
    tallies: tuple[Tally, ...]
    n_natural: int
    n_failures: int
    causes: tuple[str, ...]
    sizes: Mapping[str, int]
    seed: int
    wall_s: float
    memory: str = ""
    notes: tuple[str, ...] = ()
    shared_s: float = math.nan

    @property
    def front(self) -> tuple[str, ...]:
        """Names of the pipelines that no other beats in purity, coverage, reading and seconds at once."""
        from failatlas.studies.pareto import pareto_front

        return pareto_front(self.entries)

    @property
    def factors(self) -> Factors:
        """Which choice matters: extractor, fine-tuning, reduction or clustering."""
        from failatlas.studies.factors import factor_analysis

        return factor_analysis(self.entries)

    @property
    def ranking(self) -> tuple[Entry, ...]:
        """Pipelines that ran, best first: by `merit`, then fewer clusters a cause."""
        return tuple(sorted((entry for entry in self.entries if entry.score is not None), key=_merit))

    @property
    def from_scratch_s(self) -> float:
        """What all pipelines that ran would take one after another, each from its images; unmeasured ones count 0."""
        return math.fsum(entry.seconds for entry in self.entries if math.isfinite(entry.seconds))

    @property
    def saving(self) -> float:
        """How many times quicker the pipelines were together than one after another; nan = not measured."""
        return self.from_scratch_s / self.shared_s if self.shared_s > 0 else math.nan

    def of(self, pipeline: str) -> Entry | None:
        """The entry of a pipeline, None when it was not asked for."""
        return next((entry for entry in self.entries if entry.pipeline == pipeline), None)

    def __repr__(self) -> str:
        failed = sum(entry.score is None for entry in self.entries)
        best = f", best {self.ranking[0].pipeline}" if self.ranking else ""
        return (
            f"<Study {self.name}: {len(self.entries)} pipelines ({failed} could not run) on {self.n_failures} failures "
            f"with {len(self.causes)} known causes{best}>"
        )

    def table(self) -> list[dict[str, object]]:
        """One row a pipeline, by `COLUMNS`, then ``rare_10`` … ; None = not measured."""
        front = set(self.front)
        frequencies = sorted({rarity.frequency for entry in self.entries for rarity in entry.rare}, reverse=True)
        rows = []
        for entry in self.entries:
            row = _row(entry) | {"front": entry.pipeline in front}
            by = {rarity.frequency: rarity for rarity in entry.rare}
            rare = {f"rare_{_percent(f)}": number_to_json(by[f].share) if f in by else None for f in frequencies}
            rows.append({name: row[name] for name in COLUMNS} | rare)
        return rows

    def to_json(self) -> dict[str, object]:
        """All of it as plain JSON; null = not measured."""
        front = self.front
        return {
            "name": self.name,
            "pipelines": [_row(entry) | {"front": entry.pipeline in front} | _more(entry) for entry in self.entries],
            "front": list(front),
            "factors": self.factors.to_json(),
            "injected": [
                {"scenario": t.scenario, "tried": t.tried, "kept": t.kept, "note": t.note} for t in self.tallies
            ],
            "failures": self.n_failures,
            "natural": self.n_natural,
            "causes": list(self.causes),
            "sizes": dict(self.sizes),
            "seconds": number_to_json(self.wall_s),
            "shared_seconds": number_to_json(self.shared_s),
            "from_scratch_seconds": number_to_json(self.from_scratch_s),
            "saving": number_to_json(self.saving),
            "memory": self.memory,
            "seed": self.seed,
            "notes": list(self.notes),
        }


def sizes_of(truth: tuple[str, ...]) -> dict[str, int]:
    """Images a group, the largest first.

    >>> sizes_of(("noise", "blur", "noise"))
    {'noise': 2, 'blur': 1}
    """
    return dict(sorted(Counter(truth).items(), key=lambda pair: (-pair[1], pair[0])))


def _merit(entry: Entry) -> tuple[float, float, str]:
    assert entry.score is not None
    found = entry.score.agreement
    mean = merit(found)
    # nan is neither more nor less than anything: what was not measured comes last
    return (
        -mean if math.isfinite(mean) else math.inf,
        found.redundancy if math.isfinite(found.redundancy) else math.inf,
        entry.pipeline,
    )


def _row(entry: Entry) -> dict[str, object]:
    found = entry.score.agreement if entry.score is not None else None
    score = entry.score

    def of(name: str) -> float | None:
        return number_to_json(getattr(found, name)) if found is not None else None

    def inside(name: str) -> float | None:
        return number_to_json(getattr(score, name)) if score is not None else None

    return {
        "name": entry.pipeline,
        "preset": preset_of(entry.pipeline),
        "published": is_published(entry.extractor, entry.reducer, entry.clusterer),
        "purity": of("purity"),
        "purity_median": of("purity_median"),
        "purity_min": of("purity_min"),
        "coverage": of("coverage"),
        "covered": list(found.covered) if found is not None else None,
        "clusters": found.n_clusters if found is not None else None,
        "redundancy": of("redundancy"),
        "noise": of("noise"),
        "ari": of("ari"),
        "nmi": of("nmi"),
        "silhouette": inside("silhouette"),
        "dbcv": inside("dbcv"),
        "compactness": inside("compactness"),
        "stability": inside("stability"),
        "seconds": number_to_json(entry.seconds),
        "extract_s": number_to_json(entry.extract_s),
        "reduce_s": number_to_json(entry.reduce_s),
        "cluster_s": number_to_json(entry.cluster_s),
        "peak_mb": number_to_json(entry.peak_mb),
        "error": entry.error,
    }


def _more(entry: Entry) -> dict[str, object]:
    """What only the JSON has: the parts, the rare curve, the parameters."""
    return {
        "extractor": entry.extractor,
        "reducer": entry.reducer,
        "clusterer": entry.clusterer,
        "tuned": entry.tuned,
        "rare": {_percent(rarity.frequency): _rarity(rarity) for rarity in entry.rare},
        "parameters": _parameters(entry),
        "notes": list(entry.score.notes) if entry.score is not None else [],
    }


def _parameters(entry: Entry) -> dict[str, object]:
    return {
        name: number_to_json(value) if isinstance(value, float) else value
        for name, value in (entry.score.parameters if entry.score is not None else {}).items()
    }


def _rarity(rarity: Rarity) -> dict[str, object]:
    return {"share": number_to_json(rarity.share), "tried": list(rarity.tried), "covered": list(rarity.covered)}


def _percent(frequency: float) -> str:
    """A share as a name: ``0.05`` → ``"5"``."""
    return f"{100 * frequency:g}"
