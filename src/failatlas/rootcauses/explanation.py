"""Explain: everything that can be said of every cluster of error-inducing images, so that its cause can be named."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from failatlas.arrays import NOISE, Features, Indices, Labels, Mask, freeze
from failatlas.errors import DataError, FailatlasError, ShapeError
from failatlas.progress import track
from failatlas.rootcauses.columns import Column, Columns, joined, numbers, truth, without_truth
from failatlas.rootcauses.confusion import confusion
from failatlas.rootcauses.contrasts import contrasts
from failatlas.rootcauses.counterexamples import counterexamples
from failatlas.rootcauses.describers import Context, describers
from failatlas.rootcauses.exposure import error_rates
from failatlas.rootcauses.intervals import not_measured
from failatlas.rootcauses.knowncauses import KnownCauses, known_causes
from failatlas.rootcauses.medoids import by_distance, mean_distance, medoids, spread
from failatlas.rootcauses.naming import NOISE_NAME, propose
from failatlas.rootcauses.null import FEWEST_CLUSTERS, NullClusters, null_clusters
from failatlas.rootcauses.risk import rank_order, risk
from failatlas.rootcauses.rootcause import Description, RootCause, RootCauses
from failatlas.rootcauses.rules import FEWEST_MEMBERS, held_out, rules
from failatlas.rootcauses.stability import Recluster, stability
from failatlas.rootcauses.variance import VarianceReduction, variance_reduction
from failatlas.statistics import Interval, wilson

if TYPE_CHECKING:
    from failatlas.outcomes.outcome import Outcomes
    from failatlas.parameters import Space
    from failatlas.pipelines.grouping import Grouping

_CORRECT = -2  # stratum of the correctly handled images; clusters are ≥ 0 and noise is −1
_SHARE = 0.8  # of the error-inducing images that a subsample for stability keeps


@dataclass(frozen=True, slots=True, eq=False)
class Reference:
    """A random sample of the set's correctly handled images.

    Attributes:
        ids: r image ids, all among the outcomes and none of them an error.
        features: (r, d) float32 from the same extractor as those of the error-inducing images.
    """

    ids: tuple[str, ...]
    features: Features


def explain(
    grouping: Grouping,
    outcomes: Outcomes,
    features: Features,
    *,
    reference: Reference | None = None,
    properties: Columns | None = None,
    metadata: Columns | None = None,
    parameters: Space | None = None,
    recluster: Recluster | None = None,
    heatmaps: Mapping[int, Features] | None = None,
    n_medoids: int = 5,
    stability_repeats: int = 10,
    null_draws: int = 5,
    seed: int,
) -> RootCauses:
    """Explain every cluster of a grouping.

    Args:
        grouping: m error-inducing images and their clusters.
        outcomes: of all n images of the set.
        features: (m, d) float32 in the order of ``grouping.ids``: what distances between images mean.
        reference: correctly handled images; without it there are no counter-examples, error rates and null.
        properties: measured image properties, name → (n,) float64 in the order of ``outcomes``, nan = missing.
        metadata: further columns, name → (n,) float64 or n texts, see ``columns.metadata_columns``. A column
            ``known_cause`` names the planted weakness of every image: it judges the clusters and describes none.
        parameters: which of the metadata are parameters of the images; without it all numbers are.
        recluster: the pipeline's reducer and clusterer as a function of rows and seed; without it there are no
            stability and null. It runs ``stability_repeats`` + ``null_draws`` times.
        heatmaps: cluster id → (h, w) float32 mean relevance of its members.
        n_medoids: at most so many medoids and counter-examples a cluster.
        stability_repeats: subsamples for stability.
        null_draws: samples of correct images for the null.
        seed: for the held-out half, the subsamples and the draws.

    Returns:
        The causes by rank; what could not be measured is nan and said in ``notes``.

    Raises:
        ShapeError: rows and ids disagree.
        DataError: an id has no outcome, a reference image is an error, or features are not finite.
    """
    where = _checked(grouping, outcomes, features, reference)
    metadata = metadata or {}
    known = _known(metadata, outcomes, where, grouping.labels)
    if not len(where):
        note = "no error-inducing images: nothing to explain"
        return RootCauses((), None, freeze(np.empty(0, np.int64)), (note,), known=known)
    labels = grouping.labels
    metadata = without_truth(metadata)
    columns = joined(len(outcomes.ids), properties=without_truth(properties or {}), metadata=metadata)
    material = _Material(
        labels=labels,
        where=where,
        outcomes=outcomes,
        features=features,
        reference=reference,
        columns=columns,
        rule_columns=columns | _expected(outcomes, columns),
        held=held_out(_strata(labels, where, len(outcomes.ids)), seed),
        stability=_stability(labels, features, recluster, stability_repeats, seed),
        null=_null(features, reference, recluster, null_draws, seed),
        error_rates=_error_rates(labels, features, reference, outcomes),
        spread=spread(features),
        heatmaps=heatmaps or {},
        n_medoids=n_medoids,
        seed=seed,
    )
    clusters = [int(c) for c in np.unique(labels)]
    contexts = [material.context(cluster) for cluster in track(clusters, "root causes", len(clusters))]
    ranked = _ranked(contexts, _notes(material, contexts, recluster))
    return dataclasses.replace(ranked, variance=_variance(metadata, grouping, where, parameters, seed), known=known)


@dataclass(frozen=True, slots=True, eq=False)
class _Material:
    """What the explanations of all clusters share."""

    labels: Labels
    where: Indices  # position of every error-inducing image in the outcomes
    outcomes: Outcomes
    features: Features
    reference: Reference | None
    columns: Columns
    rule_columns: Columns
    held: Mask
    stability: Mapping[int, Interval]
    null: NullClusters
    error_rates: Mapping[int, Interval]
    spread: float
    heatmaps: Mapping[int, Features]
    n_medoids: int
    seed: int

    def context(self, cluster: int) -> Context:
        """One cluster measured; its name, rank and descriptions are still open."""
        rows = np.flatnonzero(self.labels == cluster)
        own = self.features[rows]
        central = medoids(own, self.n_medoids)
        compactness = mean_distance(own, int(central[0])) / self.spread if self.spread > 0 else math.nan
        positions = self.where[rows[by_distance(own, int(central[0]))]]
        is_member = np.zeros(len(self.outcomes.ids), np.bool_)
        is_member[positions] = True
        compared = contrasts(numbers(self.columns), is_member, ~is_member)
        severity = self.outcomes.severity[positions]
        is_noise = cluster == NOISE
        cause = RootCause(
            id=cluster,
            name="",
            members=self._ids(positions),
            share=wilson(len(rows), len(self.labels)),
            severity=math.fsum(severity) / len(rows),
            risk=risk(severity, len(self.outcomes.ids)),
            rank=0,
            medoids=self._ids(self.where[rows[central]]),
            counterexamples=self._counterexamples(own[central]),
            confusion=confusion(
                (self.outcomes.expected[i] for i in positions), (self.outcomes.predicted[i] for i in positions)
            ),
            rules=() if is_noise else rules(self.rule_columns, is_member, self.held, seed=self.seed),
            properties={one.name: (one.mean, one.mean_all, one.delta) for one in compared},
            compactness=compactness,
            stability=self.stability.get(cluster, not_measured()),
            error_rate=self.error_rates.get(cluster, not_measured()),
            null_p=math.nan if is_noise else self.null.p_value(len(rows), compactness),
            heatmap=self.heatmaps.get(cluster, freeze(np.zeros((0, 0), np.float32))),
        )
        return Context(cause, freeze(positions), self.outcomes, self.columns, compared)

    def _ids(self, positions: Indices) -> tuple[str, ...]:
        return tuple(self.outcomes.ids[i] for i in positions)

    def _counterexamples(self, central: Features) -> tuple[str, ...]:
        if self.reference is None:
            return ()
        return tuple(self.reference.ids[i] for i in counterexamples(central, self.reference.features))


def _checked(grouping: Grouping, outcomes: Outcomes, features: Features, reference: Reference | None) -> Indices:
    """Position of every error-inducing image in the outcomes, after everything that could be wrong was looked at."""
    position = {name: i for i, name in enumerate(outcomes.ids)}
    rows = [("error-inducing images", grouping.ids, features)]
    rows += [("reference", reference.ids, reference.features)] if reference else []
    for what, ids, matrix in rows:
        if matrix.ndim != 2 or len(matrix) != len(ids):
            remedy = "give one row of features for every id"
            raise ShapeError(f"features {matrix.shape} for {len(ids)} ids", where=what, remedy=remedy)
        if not np.isfinite(matrix).all():
            remedy = "quarantine the images whose features are not finite"
            raise DataError("features are not finite", where=what, remedy=remedy)
        for name in ids:
            if name not in position:
                raise DataError(f"image {name!r} has no outcome", where=what, remedy="use ids of the same image set")
    if reference and any(outcomes.is_error[position[name]] for name in reference.ids):
        raise DataError("a reference image is an error", where="reference", remedy="draw it from the correct images")
    if reference and len(features) and len(reference.ids) and reference.features.shape[1] != features.shape[1]:
        widths = f"{reference.features.shape[1]} features an image, {features.shape[1]} elsewhere"
        raise ShapeError(widths, where="reference", remedy="use the same extractor for both")
    return np.array([position[name] for name in grouping.ids], np.int64)


def _expected(outcomes: Outcomes, columns: Columns) -> dict[str, Column]:
    """The class of every image as a column for rules; its prediction is left out: it would only restate the error."""
    classes = len(set(outcomes.expected))
    is_class = 2 <= classes <= max(2, len(outcomes.expected) // 2)
    return {"expected": outcomes.expected} if is_class and "expected" not in columns else {}


def _known(metadata: Columns, outcomes: Outcomes, where: Indices, labels: Labels) -> KnownCauses | None:
    planted = truth(metadata)
    return None if planted is None else known_causes(planted, outcomes.is_error, where, labels)


def _variance(
    metadata: Columns, grouping: Grouping, where: Indices, parameters: Space | None, seed: int
) -> VarianceReduction | None:
    columns: dict[str, Column] = {
        name: column[where] if isinstance(column, np.ndarray) else tuple(column[i] for i in where)
        for name, column in metadata.items()
    }
    return variance_reduction(columns, grouping.labels, grouping.ids, space=parameters, seed=seed)


def _strata(labels: Labels, where: Indices, n: int) -> Labels:
    strata = np.full(n, _CORRECT, np.int64)
    strata[where] = labels
    return strata


def _stability(
    labels: Labels, features: Features, recluster: Recluster | None, repeats: int, seed: int
) -> dict[int, Interval]:
    if recluster is None or repeats < 1:
        return {}
    return stability(labels, features, recluster, repeats=repeats, share=_SHARE, seed=seed)


def _null(
    features: Features, reference: Reference | None, recluster: Recluster | None, draws: int, seed: int
) -> NullClusters:
    if reference is None or recluster is None:
        return NullClusters(freeze(np.empty(0, np.int64)), freeze(np.empty(0)))
    return null_clusters(reference.features, len(features), recluster, draws=draws, seed=seed)


def _error_rates(
    labels: Labels, features: Features, reference: Reference | None, outcomes: Outcomes
) -> dict[int, Interval]:
    if reference is None or not reference.ids:
        return {}
    fraction = len(reference.ids) / int((~outcomes.is_error).sum())
    return error_rates(labels, features, reference.features, fraction)


def _ranked(contexts: list[Context], notes: tuple[str, ...]) -> RootCauses:
    """Ranks by risk, then has every cause described and named."""
    noise = [context for context in contexts if context.cause.id == NOISE]
    causes = [context for context in contexts if context.cause.id != NOISE]
    order = rank_order(np.array([context.cause.risk for context in causes]))
    said: list[str] = list(notes)
    ranked = []
    for rank, i in enumerate(order, start=1):
        cause = dataclasses.replace(causes[i].cause, rank=rank, n_causes=len(causes))
        ranked.append(_described(dataclasses.replace(causes[i], cause=cause), said))
    rest = _described(noise[0], said) if noise else None
    ids = freeze(np.array([cause.id for cause in ranked], np.int64))
    return RootCauses(tuple(ranked), rest, ids, tuple(dict.fromkeys(said)))


def _described(context: Context, notes: list[str]) -> RootCause:
    descriptions: list[Description] = []
    for part in describers:
        try:
            description = describers.create(part.name).describe(context)
        except FailatlasError as error:
            notes.append(f"describer {part.name} failed on cluster {context.cause.id}: {error}")
            continue
        if description is not None:
            descriptions.append(description)
    name = NOISE_NAME if context.cause.id == NOISE else propose(descriptions)
    return dataclasses.replace(context.cause, name=name, descriptions=tuple(descriptions))


def _notes(material: _Material, contexts: list[Context], recluster: Recluster | None) -> tuple[str, ...]:
    notes = []
    clusters, sizes = np.unique(material.labels[material.labels != NOISE], return_counts=True)
    if not len(clusters):
        notes.append("every error-inducing image is noise: no root cause found")
    measured = [interval.n for interval in material.stability.values() if not math.isnan(interval.value)]
    if measured:
        notes.append(f"stability from {max(measured)} subsamples of {_SHARE:.0%}".replace("%", " %"))
    elif len(clusters):
        reason = "nothing to cluster again with" if recluster is None else "too few subsamples"
        notes.append(f"stability not measured: {reason}")
    if material.reference is None:
        notes.append("no sample of correctly handled images: no counter-examples, error rates and null")
    elif len(material.null.sizes):
        notes.append(f"null from {len(material.null.sizes)} clusters of random correctly handled images")
    else:
        notes.append("null not measured: too few correctly handled images, or none of them cluster")
    if not material.columns:
        notes.append("no metadata and no measured properties: rules speak of the expected class alone")
    small = [c for c, size in zip(clusters, sizes, strict=True) if size < FEWEST_MEMBERS]
    if small:
        notes.append(f"fewer than {FEWEST_MEMBERS} images, too few for rules: {_listed(small)}")
    alone = [c.cause.id for c in contexts if c.cause.id != NOISE and math.isnan(c.cause.null_p)]
    if alone and len(material.null.sizes):
        notes.append(f"fewer than {FEWEST_CLUSTERS} clusters of comparable size for the null: {_listed(alone)}")
    return tuple(notes)


def _listed(clusters: list[int]) -> str:
    shown = ", ".join(str(c) for c in clusters[:10])
    return f"cluster{'' if len(clusters) == 1 else 's'} {shown}{', …' if len(clusters) > 10 else ''}"
