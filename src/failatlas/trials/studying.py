"""Studying: the street of a study, from images to scored pipelines; every step is done once and kept.

Features once an extractor, embeddings once a reduction, clusterings once a pipeline, each under a key of what decides
it: a stopped study goes on where it was, and one with more pipelines does only what is new.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from failatlas.clustering.agreement import agreement
from failatlas.errors import UsageError
from failatlas.features import extractors
from failatlas.injection import Mixture, Staging, balanced, rare, too_few
from failatlas.pipelines import Pipeline
from failatlas.runs.analysis import Analysis
from failatlas.runs.conductor import Conductor
from failatlas.runs.extracting import check_backbone
from failatlas.runs.inputs import Inputs
from failatlas.runs.settings import Settings
from failatlas.store import gc
from failatlas.studies.grid import STAND_INS, is_tuned, pipelines_of, preset_of
from failatlas.studies.pareto import non_dominated
from failatlas.studies.score import Entry, Rarity, Score, score
from failatlas.studies.study import Study, sizes_of
from failatlas.trials.costs import Costs
from failatlas.trials.failures import check_scenarios, find_failures
from failatlas.trials.featuresets import FeatureSet, FeatureSets
from failatlas.trials.groupings import Grouped, Groupings
from failatlas.trials.settings import StudySettings
from failatlas.trials.workers import Workers

_NOTHING_TO_GROUP = "there is no failure to group"
# what the pipelines themselves take; finding failures, rare mixtures and stability are beside that
_OF_PIPELINES = ("features", "pipelines")
_PHASES = ("failures", *_OF_PIPELINES, "rare causes", "stability")


def study(
    inputs: Inputs,
    settings: Settings,
    asked: StudySettings,
    conductor: Conductor,
    *,
    staging: Staging | None = None,
    ground: str = "",
) -> Study:
    """Compare pipelines on failures with known causes.

    Args:
        inputs: images, network, task and training set.
        settings: how images are read and judged; the seed.
        asked: which pipelines, on which failures.
        conductor: keeps results; injected images go into its store's folder.
        staging: who renders the scenes again, for scenarios that change them.
        ground: an extractor of one of the pipelines, among whose rows all clusterings are judged from inside, so that
            these scores compare; "" = each in the embedding that was clustered.

    Raises:
        UsageError: a pipeline or scenario does not exist, or features are given instead of images.
        DataError: there are no images, or too many bad ones.
        ResourceError: disk full, no permission; what is finished is kept.
    """
    if not len(inputs.images):
        raise UsageError("the image set is empty", where=inputs.name, remedy="check --images and --split")
    if inputs.features is not None:
        raise UsageError("a study extracts features itself", remedy="leave --features out")
    pipelines = pipelines_of(asked.pipelines)
    known = [pipeline.extractor for pipeline in pipelines if pipeline.extractor in extractors]
    check_backbone(settings, known)
    check_scenarios(asked, staging, has_network=inputs.model is not None)
    # whichever pipeline an analysis would take is none of a study's business
    settings = replace(settings, pipeline=Settings().pipeline)
    found = _Studying(Analysis(inputs, settings, conductor), asked, pipelines, staging, ground).run()
    gc(conductor.store)
    return found


class _Studying:
    """The work of `study`, phase by phase."""

    def __init__(
        self,
        analysis: Analysis,
        asked: StudySettings,
        pipelines: Sequence[Pipeline],
        staging: Staging | None,
        ground: str,
    ) -> None:
        self.analysis = analysis
        self.asked = asked
        self.pipelines = pipelines
        self.staging = staging
        self.ground = ground
        self.store = analysis.conductor.store
        self.seed = analysis.settings.seed
        self.costs = Costs(self.store)

    def run(self) -> Study:
        with self.costs.phase("failures"):
            self.failures = find_failures(self.analysis, self.asked, self.store.path, self.staging)
        mixture = balanced(self.failures.truth, self.failures.causes, self.seed)
        if not len(self.failures):
            return self._told(mixture, [_failed(pipeline, _NOTHING_TO_GROUP) for pipeline in self.pipelines])
        with self.costs.phase("features"):
            self._extract()
        with Workers() as workers:
            self.groupings = Groupings(self.store, self.costs, workers, self.failures, self.features, self.seed)
            with self.costs.phase("pipelines"):
                grouped = self.groupings.of([mixture], self.pipelines, "pipelines")[0]
            with self.costs.phase("rare causes"):
                rarities = self._rare()
            scores = {p: self._scored(mixture, p, one) for p, one in grouped.items() if one.found is not None}
            with self.costs.phase("stability"):
                scores |= self._stability(mixture, grouped, scores)
        return self._told(mixture, [self._entry(p, grouped[p], scores.get(p), rarities[p]) for p in self.pipelines])

    def _extract(self) -> None:
        """Features of every extractor that a pipeline has."""
        departing = {pipeline.extractor for pipeline in self.pipelines if pipeline.departs}
        self.sets = FeatureSets(self.analysis, self.failures, self.costs)
        names = list(dict.fromkeys(pipeline.extractor for pipeline in self.pipelines))
        self.features: Mapping[str, FeatureSet] = {
            name: self.sets.of(name, with_reference=name in departing) for name in names
        }

    def _scored(self, mixture: Mixture, pipeline: Pipeline, grouped: Grouped) -> Score:
        found = grouped.found
        assert found is not None
        assert found.shape is not None
        seen = found.shape
        if self.ground and not self.features[self.ground].error:
            seen = self.groupings.shape_on(self.ground, mixture, pipeline, grouped)
        parameters, notes = self.groupings.told(grouped)
        return score(
            np.array(found.labels, np.int64),
            grouped.truth,
            self.failures.causes,
            seen,
            parameters=parameters,
            notes=notes,
        )

    def _rare(self) -> dict[Pipeline, tuple[Rarity, ...]]:
        """At every frequency, which causes each pipeline still covers."""
        truth, causes = self.failures.truth, self.failures.causes
        by_frequency = [(f, rare(truth, causes, f, self.seed)) for f in self.asked.frequencies]
        mixtures = [mixture for _, some in by_frequency for mixture in some]
        grouped = iter(self.groupings.of(mixtures, self.pipelines, "rare causes", is_scored=False))
        curves: dict[Pipeline, tuple[Rarity, ...]] = dict.fromkeys(self.pipelines, ())
        for frequency, some in by_frequency:
            found = [(mixture, next(grouped)) for mixture in some]
            for pipeline in self.pipelines:
                tries = [(mixture.rare, one[pipeline]) for mixture, one in found]
                # where it failed on some of them, it covered nothing there
                if any(one.found is not None for _, one in tries):
                    curves[pipeline] += (_rarity(frequency, tries),)
        return curves

    def _stability(
        self, mixture: Mixture, grouped: Mapping[Pipeline, Grouped], scores: Mapping[Pipeline, Score]
    ) -> dict[Pipeline, Score]:
        """Scores with stability, of the presets and of the pipelines that no other beats whatever they take."""
        if not self.asked.repeats or not scores:
            return {}
        leading = {pipeline: grouped[pipeline] for pipeline in _leading(scores)}
        found = self.groupings.stability(mixture, leading, self.asked.repeats)
        return {pipeline: scores[pipeline].with_stability(value) for pipeline, value in found.items()}

    def _entry(self, pipeline: Pipeline, grouped: Grouped, scored: Score | None, rarities: tuple[Rarity, ...]) -> Entry:
        if scored is None:
            return _failed(pipeline, grouped.error)
        features = self.features[pipeline.extractor]
        reduction, clustering = self.groupings.costs_of(grouped)
        peaks = (features.peak_mb, reduction.peak_mb, clustering.peak_mb)
        return Entry(
            pipeline=str(pipeline),
            extractor=pipeline.extractor,
            reducer=pipeline.reducer,
            clusterer=pipeline.clusterer,
            tuned=is_tuned(pipeline.extractor),
            score=scored,
            rare=rarities,
            extract_s=self.sets.seconds(features, len(grouped.truth)),
            reduce_s=reduction.seconds,
            cluster_s=clustering.seconds,
            peak_mb=max((peak for peak in peaks if math.isfinite(peak)), default=math.nan),
        )

    def _told(self, mixture: Mixture, entries: Sequence[Entry]) -> Study:
        failures = self.failures
        truth = tuple(failures.truth[row] for row in mixture.rows.tolist())
        return Study(
            name=self.analysis.inputs.name,
            entries=tuple(entries),
            tallies=failures.tallies,
            # natural failures come first
            n_natural=int((mixture.rows < failures.n_natural).sum()),
            n_failures=len(mixture.rows),
            causes=failures.causes,
            sizes=sizes_of(truth),
            seed=self.seed,
            wall_s=self.costs.wall_s(*_PHASES),
            shared_s=self.costs.wall_s(*_OF_PIPELINES),
            memory=self.costs.memory(),
            notes=self._notes(),
        )

    def _notes(self) -> tuple[str, ...]:
        failures = self.failures
        notes = list(failures.notes)
        notes += [f"{count} images left out: {why}" for why, count in self.analysis.outcomes.left_out]
        if not len(failures):
            notes.append("no error-inducing image, natural or injected: there is nothing to compare")
        elif not failures.causes:
            notes.append("no cause has enough failures to be looked for: coverage is not measured")
        if failures.quarantined:
            notes.append(
                f"{len(failures.quarantined)} injected images were set aside: {failures.quarantined[0].reason}"
            )
        for frequency in self.asked.frequencies:
            few = too_few(failures.truth, failures.causes, frequency)
            notes += (
                [f"not tried as rare: {few[0]}" + (f" (and {len(few) - 1} more)" if few[1:] else "")] if few else []
            )
        used = {pipeline.extractor.removesuffix("-tuned") for pipeline in self.pipelines}
        notes += [f"{name} is {what}" for name, what in STAND_INS.items() if name in used]
        return tuple(notes)


def _failed(pipeline: Pipeline, error: str) -> Entry:
    extractor = pipeline.extractor
    return Entry(str(pipeline), extractor, pipeline.reducer, pipeline.clusterer, is_tuned(extractor), None, error=error)


def _rarity(frequency: float, tries: Sequence[tuple[tuple[str, ...], Grouped]]) -> Rarity:
    tried: list[str] = []
    covered: list[str] = []
    for causes, one in tries:
        tried += causes
        if one.found is not None:
            covered += agreement(np.array(one.found.labels, np.int64), one.truth, causes).covered
    return Rarity(frequency, tuple(sorted(tried)), tuple(sorted(covered)))


def _leading(scores: Mapping[Pipeline, Score]) -> list[Pipeline]:
    """Presets, and pipelines that no other beats in purity, coverage and reading: seconds, which vary, play no part."""
    found = [one.agreement for one in scores.values()]
    kept = non_dominated([(-a.purity, -a.coverage, a.redundancy) for a in found])
    return [p for p, is_kept in zip(scores, kept, strict=True) if is_kept or preset_of(str(p))]
