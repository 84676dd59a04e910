"""Groupings: what pipelines make of mixtures of failures: reductions and clusterings, each done once and kept.

All reductions come first, then all clusterings, over the workers; what failed is remembered as a sentence.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from failatlas.arrays import Features, Indices, array_hash
from failatlas.errors import FailatlasError
from failatlas.injection import Mixture
from failatlas.pipelines import Pipeline, compared
from failatlas.progress import step
from failatlas.seeds import derive
from failatlas.store import RunStore, key, load, save
from failatlas.studies.grid import Embedded, Value
from failatlas.studies.score import Shape, shape
from failatlas.trials.costs import Costs
from failatlas.trials.failures import Failures
from failatlas.trials.featuresets import FeatureSet, told
from failatlas.trials.units import Clustered, Cost, Repeated, Unit
from failatlas.trials.workers import Workers

_VERSION = 1
_AS_THEY_ARE = "none"  # the reducer that reduces nothing: what is clustered are the rows


@dataclass(frozen=True, slots=True, eq=False)
class Grouped:
    """What one pipeline made of one mixture.

    Attributes:
        truth: n known causes.
        found: the clustering; None where there is none.
        embedding: key of the reduction; "" where rows are clustered as they are.
        key: of the clustering.
        notes: of the rows.
        error: why there is no clustering.
    """

    truth: tuple[str, ...]
    found: Clustered | None
    embedding: str = ""
    key: str = ""
    notes: tuple[str, ...] = ()
    error: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class _Part:
    """The failures of one mixture that one extractor has features of.

    Attributes:
        places: (n,) their rows among the extractor's.
        truth: n known causes.
        digest: SHA-256 (hex) of the rows as they are compared.
    """

    places: Indices
    truth: tuple[str, ...]
    digest: str


class Groupings:
    """Reduces, clusters and repeats, where that was not done before.

    Args:
        store: keeps results.
        costs: keeps what they took.
        workers: do the work.
        failures: of the study.
        features: of every extractor.
        seed: of everything random.
    """

    def __init__(
        self,
        store: RunStore,
        costs: Costs,
        workers: Workers,
        failures: Failures,
        features: Mapping[str, FeatureSet],
        seed: int,
    ) -> None:
        self._store = store
        self._costs = costs
        self._workers = workers
        self._failures = failures
        self._features = features
        self._seed = seed
        self._compared: dict[str, tuple[Features, tuple[str, ...]]] = {}
        self._parts: dict[tuple[str, str], _Part] = {}
        self._errors: dict[str, str] = {}  # by key of the unit that ended in it

    def of(
        self, mixtures: Sequence[Mixture], pipelines: Sequence[Pipeline], what: str, *, is_scored: bool = True
    ) -> list[dict[Pipeline, Grouped]]:
        """What every pipeline makes of every mixture.

        Args:
            mixtures: of different names.
            pipelines: which.
            what: for the progress line.
            is_scored: whether seconds, memory and the label-free criteria are wanted.
        """
        able = [pipeline for pipeline in pipelines if not self._features[pipeline.extractor].error]
        pairs = [(mixture, pipeline) for mixture in mixtures for pipeline in able]
        reductions = {self._embedding_key(*pair): pair for pair in pairs if pair[1].reducer != _AS_THEY_ARE}
        missing = [own for own in reductions if load(self._store, own, Embedded) is None]
        units = (self._reduction(own, *reductions[own]) for own in missing)
        self._work(units, len(missing), f"{what}: reducing", is_scored)
        clusterings = {self._clustering_key(*pair, is_scored): pair for pair in pairs}
        missing = [
            own
            for own, pair in clusterings.items()
            if self._embedding_key(*pair) not in self._errors and load(self._store, own, Clustered) is None
        ]
        # wide rows take longest: done last, one process would work while the others wait
        missing.sort(key=lambda own: -self._width(clusterings[own][1]))
        units = (self._clustering(own, *clusterings[own], is_scored) for own in missing)
        self._work(units, len(missing), f"{what}: clustering", is_scored)
        return [{p: self._gathered(mixture, p, is_scored) for p in pipelines} for mixture in mixtures]

    def told(self, grouped: Grouped) -> tuple[dict[str, Value], tuple[str, ...]]:
        """Parameters and notes of reducer and clusterer together."""
        assert grouped.found is not None
        parameters, notes = dict(grouped.found.parameters), grouped.found.notes
        if grouped.embedding:
            embedded = self._embedded(grouped.embedding)
            parameters, notes = dict(embedded.parameters) | parameters, (*embedded.notes, *notes)
        return parameters, (*grouped.notes, *notes)

    def costs_of(self, grouped: Grouped) -> tuple[Cost, Cost]:
        """What reduction and clustering took."""
        reduction = self._costs.of(grouped.embedding) if grouped.embedding else Cost(0.0, math.nan)
        return reduction, self._costs.of(grouped.key)

    def stability(self, mixture: Mixture, grouped: Mapping[Pipeline, Grouped], repeats: int) -> dict[Pipeline, float]:
        """How well the clusters of some pipelines come back on subsamples; those that fail are left out."""
        units = {p: self._repetition(mixture, p, one, repeats) for p, one in grouped.items()}
        missing = [unit for unit in units.values() if load(self._store, unit.key, Repeated) is None]
        self._work(missing, len(missing), "stability", False)
        found = {pipeline: load(self._store, unit.key, Repeated) for pipeline, unit in units.items()}
        return {pipeline: one.stability for pipeline, one in found.items() if one is not None}

    def shape_on(self, ground: str, mixture: Mixture, pipeline: Pipeline, grouped: Grouped) -> Shape:
        """The label-free criteria of a clustering among the rows of another extractor: one ground for all.

        Args:
            ground: the extractor; failures of which it has no features are left out.
            mixture, pipeline, grouped: what was clustered.
        """
        assert grouped.found is not None
        positions = self._features[pipeline.extractor].rows.indices[self._part(mixture, pipeline.extractor).places]
        row = {position: i for i, position in enumerate(self._features[ground].rows.indices.tolist())}
        kept = [(i, row[position]) for i, position in enumerate(positions.tolist()) if position in row]
        labels = np.array([grouped.found.labels[i] for i, _ in kept], np.int64)
        rows = self._rows(ground)[0][np.array([i for _, i in kept], np.int64)]
        return shape(rows, labels, self._seed)

    def _part(self, mixture: Mixture, extractor: str) -> _Part:
        known = self._parts.get((mixture.name, extractor))
        if known is None:
            place = {position: i for i, position in enumerate(self._features[extractor].rows.indices.tolist())}
            failures = ((int(self._failures.indices[row]), self._failures.truth[row]) for row in mixture.rows.tolist())
            kept = [(place[position], cause) for position, cause in failures if position in place]
            places = np.array([i for i, _ in kept], np.int64)
            truth = tuple(cause for _, cause in kept)
            known = _Part(places, truth, array_hash(self._rows(extractor)[0][places]))
            self._parts[mixture.name, extractor] = known
        return known

    def _rows(self, extractor: str) -> tuple[Features, tuple[str, ...]]:
        """All failures as pipelines with this extractor compare them, and what is to be said of that."""
        if extractor not in self._compared:
            features = self._features[extractor]
            # whether rows are read as departures is the extractor's matter alone
            pipeline = Pipeline(extractor, _AS_THEY_ARE, "kmeans")
            rows, notes = compared(pipeline, features.rows.matrix, features.reference.matrix)
            self._compared[extractor] = rows, (*features.notes, *notes)
        return self._compared[extractor]

    def _of_mixture(self, mixture: Mixture, extractor: str) -> Features:
        return np.ascontiguousarray(self._rows(extractor)[0][self._part(mixture, extractor).places])

    def _width(self, pipeline: Pipeline) -> int:
        return self._features[pipeline.extractor].rows.matrix.shape[1] if pipeline.reducer == _AS_THEY_ARE else 0

    def _gathered(self, mixture: Mixture, pipeline: Pipeline, is_scored: bool) -> Grouped:
        error = self._features[pipeline.extractor].error
        if error:
            return Grouped((), None, error=error)
        embedding = self._embedding_key(mixture, pipeline)
        own = self._clustering_key(mixture, pipeline, is_scored)
        error = self._errors.get(embedding) or self._errors.get(own, "")
        return Grouped(
            truth=self._part(mixture, pipeline.extractor).truth,
            found=None if error else load(self._store, own, Clustered),
            embedding="" if pipeline.reducer == _AS_THEY_ARE else embedding,
            key=own,
            notes=self._rows(pipeline.extractor)[1],
            error=error,
        )

    def _embedding_key(self, mixture: Mixture, pipeline: Pipeline) -> str:
        inputs = {"rows": self._part(mixture, pipeline.extractor).digest}
        return key("study embedding", _VERSION, inputs=inputs, settings={"reducer": pipeline.reducer}, seed=self._seed)

    def _clustering_key(self, mixture: Mixture, pipeline: Pipeline, is_scored: bool) -> str:
        inputs = {"embedding": self._embedding_key(mixture, pipeline)}
        said = {"clusterer": pipeline.clusterer, "fixed": dict(pipeline.fixed), "shape": is_scored}
        return key("study clustering", _VERSION, inputs=inputs, settings=said, seed=self._seed)

    def _reduction(self, own: str, mixture: Mixture, pipeline: Pipeline) -> Unit:
        said = {"reducer": pipeline.reducer, "seed": self._seed}
        return Unit(own, "reduce", self._of_mixture(mixture, pipeline.extractor), said)

    def _clustering(self, own: str, mixture: Mixture, pipeline: Pipeline, is_scored: bool) -> Unit:
        if pipeline.reducer == _AS_THEY_ARE:
            rows = self._of_mixture(mixture, pipeline.extractor)
        else:
            # a copy, for an array that stays on disk costs an open file
            rows = np.array(self._embedded(self._embedding_key(mixture, pipeline)).rows)
        return Unit(own, "cluster", rows, {"pipeline": str(pipeline), "seed": self._seed, "shape": is_scored})

    def _repetition(self, mixture: Mixture, pipeline: Pipeline, grouped: Grouped, repeats: int) -> Unit:
        assert grouped.found is not None
        seed = derive(self._seed, "stability")
        said = {
            "pipeline": str(pipeline),
            "parameters": self.told(grouped)[0],
            "labels": list(grouped.found.labels),
            "repeats": repeats,
            "seed": seed,
        }
        inputs = {"clustering": grouped.key}
        own = key("study stability", _VERSION, inputs=inputs, settings={"repeats": repeats}, seed=seed)
        return Unit(own, "repeat", self._of_mixture(mixture, pipeline.extractor), said)

    def _embedded(self, own: str) -> Embedded:
        found = load(self._store, own, Embedded)
        assert found is not None
        return found

    def _work(self, units: Iterable[Unit], n: int, what: str, is_timed: bool) -> None:
        """Do units and keep each result as soon as it is there; those that fail are remembered."""
        if not n:
            return
        with step(what, n) as listener:
            for unit, done in self._workers.each(units):
                if isinstance(done, FailatlasError):
                    self._errors[unit.key] = told(done)
                else:
                    result, cost = done
                    if is_timed:
                        # before the result: one that is there without its cost would never get it
                        self._costs.keep(unit.key, cost)
                    save(self._store, unit.key, f"study {unit.kind}", result)
                self._costs.tick()
                listener.advance(1)
