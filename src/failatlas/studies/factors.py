"""Factors: which choice matters? Extractor, fine-tuning, reducer and clusterer against purity and coverage of a study.

Source: the published study of 99 pipelines asks the same by decision trees. Ours besides: shares of variance corrected
for the number of levels, and effect sizes of every pair of levels, tested within one family. Seconds for 99 pipelines.
"""

from __future__ import annotations

import itertools
import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from failatlas.arrays import Vector
from failatlas.markup import percent
from failatlas.statistics import cliffs_delta, holm, mann_whitney, vargha_delaney, wilcoxon
from failatlas.studies.factortree import Node, factor_tree
from failatlas.studies.grid import TUNED

if TYPE_CHECKING:
    from failatlas.studies.score import Entry

OUTCOMES = ("purity", "coverage")
FACTORS = ("extractor", "fine-tuning", "reducer", "clusterer")
FROZEN, FINE_TUNED = "frozen", "fine-tuned"
LEAST_PIPELINES, LEAST_OF_LEVEL = 8, 3  # fewer say nothing about a choice
ALPHA = 0.05
_MUCH_OVERLAP = 0.1


@dataclass(frozen=True, slots=True)
class Level:
    """One option of a factor: how many pipelines took it, and the mean and median outcome of these."""

    name: str
    n: int
    mean: float
    median: float


@dataclass(frozen=True, slots=True)
class Influence:
    """How much one factor matters for one outcome.

    Attributes:
        factor: of :data:`FACTORS`.
        n: pipelines looked at; for ``fine-tuning`` only those of extractors that come in both forms.
        levels: its options, best mean first.
        eta_squared: share of the outcome's variance that lies between levels; nan when the outcome does not vary.
        adjusted: the same, less what as many levels of pure chance would take on average (ε², Kelley, PNAS 21, 1935);
            never below 0; nan as above or with no more pipelines than levels.
        importance: share of what the decision tree explains that its questions about this factor explain.
    """

    factor: str
    n: int
    levels: tuple[Level, ...]
    eta_squared: float
    adjusted: float
    importance: float


@dataclass(frozen=True, slots=True)
class Effect:
    """Two options of one factor; ``a`` is the one with the higher mean.

    Attributes:
        n_a, n_b: pipelines of each.
        difference: of their means.
        delta: Cliff's δ, P(a > b) − P(a < b).
        a12: Vargha and Delaney's A12, the same as a chance: 0.5 is none.
        n_pairs: pairs of pipelines that differ in this choice alone; 0 where the test is not paired.
        test: ``"Wilcoxon"`` over those pairs if they are enough for a p value that could pass the correction, whatever
            they say; else ``"Mann–Whitney"``.
        p, p_holm: two-sided, as it is and corrected for all pairs of levels of all factors and both outcomes.
    """

    factor: str
    a: str
    b: str
    n_a: int
    n_b: int
    difference: float
    delta: float
    a12: float
    n_pairs: int
    test: str
    p: float
    p_holm: float

    @property
    def is_significant(self) -> bool:
        """Whether chance is ruled out at 5 % for the whole family."""
        return self.p_holm <= ALPHA


@dataclass(frozen=True, slots=True)
class Analysis:
    """What one outcome depends on.

    Attributes:
        outcome: of :data:`OUTCOMES`.
        n: pipelines that have it.
        mean: over these; nan when there is none.
        influences: the most influential factor first; factors with one level are not listed, and none with fewer than
            :data:`LEAST_PIPELINES` pipelines.
        interaction: share of the variance that the combination of reducer and clusterer explains beyond both alone; nan
            with so few.
        overlap: by how much the shares of the factors add up to more than what all of them explain together: above 0
            where choices do not vary freely of each other, so that one may take what is another's; nan with so few.
        effects: of pairs of levels, the surest and largest first.
        tree: None with fewer than :data:`LEAST_PIPELINES` pipelines.
    """

    outcome: str
    n: int
    mean: float
    influences: tuple[Influence, ...]
    interaction: float
    overlap: float
    effects: tuple[Effect, ...]
    tree: Node | None


@dataclass(frozen=True, slots=True)
class Cell:
    """Mean outcomes of the pipelines with one reducer and one clusterer; nan where none has the outcome."""

    reducer: str
    clusterer: str
    n: int
    purity: float
    coverage: float


@dataclass(frozen=True, slots=True)
class Factors:
    """Which choice matters, for each outcome.

    Attributes:
        analyses: one for each of :data:`OUTCOMES`.
        cells: reducer × clusterer, in the order in which they first appear.
        notes: what was left out and why; "not enough" is a result.
    """

    analyses: tuple[Analysis, ...]
    cells: tuple[Cell, ...]
    notes: tuple[str, ...]

    def of(self, outcome: str) -> Analysis:
        """The analysis of one outcome."""
        return self.analyses[OUTCOMES.index(outcome)]

    def to_json(self) -> dict[str, object]:
        """Plain values; what is no number is None."""
        analyses = [
            {
                **{key: value for key, value in asdict(one).items() if key != "tree"},
                "tree": one.tree.to_json() if one.tree else None,
            }
            for one in self.analyses
        ]
        said = {"analyses": analyses, "reducer_clusterer": [asdict(cell) for cell in self.cells], "notes": self.notes}
        return {key: _plain(value) for key, value in said.items()}


@dataclass(frozen=True, slots=True)
class _Row:
    choices: Mapping[str, str]  # factor → level
    has_twin: bool  # its extractor is there both frozen and fine-tuned
    outcomes: Mapping[str, float]


def factor_analysis(entries: Sequence[Entry]) -> Factors:
    """Which choices purity and coverage depend on, over all pipelines that ran.

    Where no cause is known there is no coverage to analyse. Nothing is random.
    """
    asked = _rows(entries)
    rows = sorted(asked, key=lambda row: tuple(row.choices.values()))  # no sum depends on the order of the question
    raw = {outcome: _effects(rows, outcome) for outcome in OUTCOMES}
    n_tests = sum(len(pairs) for pairs in raw.values())
    tested = {outcome: [_tested(*pair, n_tests) for pair in pairs] for outcome, pairs in raw.items()}
    corrected = iter(holm([effect.p for effects in tested.values() for effect in effects]).tolist())
    effects = {
        outcome: sorted(
            (replace(effect, p_holm=next(corrected)) for effect in tested[outcome]),
            key=lambda effect: (effect.p_holm, effect.p, -abs(effect.delta), effect.factor, effect.a, effect.b),
        )
        for outcome in OUTCOMES
    }
    analyses = tuple(_analysis(rows, outcome, tuple(effects[outcome])) for outcome in OUTCOMES)
    return Factors(analyses, tuple(_cells(asked)), tuple(_notes(entries, analyses)))


def _rows(entries: Sequence[Entry]) -> list[_Row]:
    scored = [entry for entry in entries if entry.score is not None]
    forms = {(_family(entry), entry.tuned) for entry in scored}
    rows = []
    for entry in scored:
        assert entry.score is not None
        family = _family(entry)
        options = (family, FINE_TUNED if entry.tuned else FROZEN, entry.reducer, entry.clusterer)
        outcomes = {outcome: float(getattr(entry.score.agreement, outcome)) for outcome in OUTCOMES}
        has_twin = {(family, False), (family, True)} <= forms
        rows.append(_Row(dict(zip(FACTORS, options, strict=True)), has_twin, outcomes))
    return rows


def _family(entry: Entry) -> str:
    """The extractor apart from fine-tuning, which is a choice of its own."""
    return entry.extractor.removesuffix(TUNED) if entry.tuned else entry.extractor


def _looked_at(rows: Iterable[_Row], outcome: str, factor: str = "") -> list[_Row]:
    """Rows that have the outcome; for fine-tuning only extractors that come in both forms."""
    has = [row for row in rows if math.isfinite(row.outcomes[outcome])]
    return [row for row in has if row.has_twin] if factor == "fine-tuning" else has


def _by_level(rows: Iterable[_Row], factor: str) -> dict[str, list[_Row]]:
    groups: dict[str, list[_Row]] = {}
    for row in rows:
        groups.setdefault(row.choices[factor], []).append(row)
    return groups


def _values(rows: Iterable[_Row], outcome: str) -> Vector:
    return np.array([row.outcomes[outcome] for row in rows], dtype=np.float64)


def _effects(rows: Sequence[_Row], outcome: str) -> list[tuple[str, str, str, list[_Row], list[_Row], str]]:
    """Pairs of levels worth testing: (outcome, factor-level names and their rows), the higher mean first."""
    pairs = []
    for factor in FACTORS:
        groups = _by_level(_looked_at(rows, outcome, factor), factor)
        kept = [(level, members) for level, members in groups.items() if len(members) >= LEAST_OF_LEVEL]
        for one, other in itertools.combinations(kept, 2):
            a, b = sorted((one, other), key=lambda level: -_values(level[1], outcome).mean())
            pairs.append((factor, a[0], b[0], a[1], b[1], outcome))
    return pairs


def _tested(
    factor: str, a: str, b: str, rows_a: Sequence[_Row], rows_b: Sequence[_Row], outcome: str, n_tests: int
) -> Effect:
    x, y = _values(rows_a, outcome), _values(rows_b, outcome)
    pairs = _pairs(factor, rows_a, rows_b)
    # 2 of the 2^n patterns of signs are the utmost; whether that could pass Holm is known before anything is looked at
    is_paired = len(pairs) > 0 and 2.0 ** (1 - len(pairs)) * n_tests <= ALPHA
    p = wilcoxon(*(_values(side, outcome) for side in zip(*pairs, strict=True))) if is_paired else mann_whitney(x, y)
    return Effect(
        factor,
        a,
        b,
        len(x),
        len(y),
        float(x.mean() - y.mean()),
        cliffs_delta(x, y),
        vargha_delaney(x, y),
        len(pairs) if is_paired else 0,
        "Wilcoxon" if is_paired else "Mann–Whitney",
        p,
        p,
    )


def _pairs(factor: str, rows_a: Sequence[_Row], rows_b: Sequence[_Row]) -> list[tuple[_Row, _Row]]:
    """Pipelines that differ in one factor alone; none where the other choices do not name a single pipeline."""

    def others(row: _Row) -> tuple[str, ...]:
        return tuple(row.choices[key] for key in FACTORS if key != factor)

    sides = [Counter(map(others, rows)) for rows in (rows_a, rows_b)]
    if any(count > 1 for side in sides for count in side.values()):
        return []
    partner = {others(row): row for row in rows_b}
    return [(row, partner[others(row)]) for row in rows_a if others(row) in partner]


def _analysis(rows: Sequence[_Row], outcome: str, effects: tuple[Effect, ...]) -> Analysis:
    kept = _looked_at(rows, outcome)
    values = _values(kept, outcome)
    tree, importances = None, dict.fromkeys(FACTORS, 0.0)
    if len(kept) >= LEAST_PIPELINES:
        tree, importances = factor_tree({f: [row.choices[f] for row in kept] for f in FACTORS}, values)
    asked = FACTORS if tree else ()
    influences = [_influence(rows, outcome, factor, importances[factor]) for factor in asked]
    ordered = sorted(
        (one for one in influences if len(one.levels) > 1),
        key=lambda one: -one.adjusted if math.isfinite(one.adjusted) else math.inf,
    )
    mean = float(values.mean()) if len(values) else math.nan
    interaction, overlap = (_interaction(kept, values), _overlap(kept, values)) if tree else (math.nan, math.nan)
    return Analysis(outcome, len(kept), mean, tuple(ordered), interaction, overlap, effects, tree)


def _influence(rows: Sequence[_Row], outcome: str, factor: str, importance: float) -> Influence:
    kept = _looked_at(rows, outcome, factor)
    groups = {level: _values(members, outcome) for level, members in _by_level(kept, factor).items()}
    levels = [Level(level, len(x), float(x.mean()), float(np.median(x))) for level, x in groups.items()]
    share = _explained(_values(kept, outcome), [[row.choices[factor]] for row in kept])
    n, k = len(kept), len(groups)
    adjusted = max(0.0, 1 - (1 - share) * (n - 1) / (n - k)) if n > k and math.isfinite(share) else math.nan
    levels.sort(key=lambda level: (-level.mean, level.name))
    return Influence(factor, n, tuple(levels), share, adjusted, importance)


def _interaction(rows: Sequence[_Row], values: Vector) -> float:
    choices = [[row.choices["reducer"], row.choices["clusterer"]] for row in rows]
    together = _explained(values, [["\n".join(pair)] for pair in choices])
    return max(0.0, together - _explained(values, choices)) if math.isfinite(together) else math.nan


def _overlap(rows: Sequence[_Row], values: Vector) -> float:
    alone = sum(_explained(values, [[row.choices[factor]] for row in rows]) for factor in FACTORS)
    return max(0.0, alone - _explained(values, [[row.choices[factor] for factor in FACTORS] for row in rows]))


def _explained(values: Vector, choices: Sequence[Sequence[str]]) -> float:
    """R² of the additive model of these factors: for one factor η²; nan when there is no variance to explain."""
    if len(values) < 2 or np.ptp(values) == 0:
        return math.nan
    columns = [np.ones(len(values))]
    for factor in zip(*choices, strict=True):
        columns += [np.array([level == one for level in factor], np.float64) for one in sorted(set(factor))[1:]]
    design, centred = np.column_stack(columns), values - values.mean()
    fitted = design @ np.linalg.lstsq(design, centred, rcond=None)[0]
    return float(np.clip(1 - np.square(centred - fitted).sum() / np.square(centred).sum(), 0.0, 1.0))


def _cells(rows: Sequence[_Row]) -> Iterable[Cell]:
    reducers, clusterers = (list(_by_level(rows, factor)) for factor in ("reducer", "clusterer"))
    for reducer, clusterer in itertools.product(reducers, clusterers):
        here = [row for row in rows if (row.choices["reducer"], row.choices["clusterer"]) == (reducer, clusterer)]
        means = [_mean(_values(_looked_at(here, outcome), outcome)) for outcome in OUTCOMES]
        yield Cell(reducer, clusterer, len(here), *means)


def _mean(values: Vector) -> float:
    return float(values.mean()) if len(values) else math.nan


def _notes(entries: Sequence[Entry], analyses: Sequence[Analysis]) -> Iterable[str]:
    n_scored = sum(entry.score is not None for entry in entries)
    if n_scored < len(entries):
        yield f"{len(entries) - n_scored} of {len(entries)} pipelines could not run and are left out here"
    for analysis in analyses:
        if missing := n_scored - analysis.n:
            yield f"{missing} of {n_scored} pipelines have no {analysis.outcome} and are left out of its analysis"
        if analysis.n < LEAST_PIPELINES:
            yield (
                f"not enough pipelines to say what {analysis.outcome} depends on: {analysis.n}, needed are "
                f"{LEAST_PIPELINES}"
            )
        if analysis.overlap > _MUCH_OVERLAP:
            yield (
                f"choices do not vary freely of each other here: their shares of {analysis.outcome} overlap by "
                f"{percent(analysis.overlap)}, so one may take what is another's"
            )
        if not analysis.effects:
            yield (
                f"no two levels of a factor have {LEAST_OF_LEVEL} pipelines each, so no choice can be tested for "
                f"{analysis.outcome}"
            )


def _plain(value: object) -> object:
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, Mapping):
        return {key: _plain(part) for key, part in value.items()}
    return [_plain(part) for part in value] if isinstance(value, tuple | list) else value
