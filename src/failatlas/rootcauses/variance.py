"""Variance reduction: in which parameter of the images is a cluster narrower than all error-inducing images?

A cluster whose images share a cause shares the parameter that is the cause, whatever else varies.  All clusters at once
by sums of moments: O(images × parameters) a draw, 200 draws for chance; 0.5 s for 3,000 images of 60 parameters.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from failatlas.arrays import NOISE, Indices, Labels, Mask, Vector
from failatlas.errors import ShapeError
from failatlas.rootcauses.columns import Column, Columns
from failatlas.rootcauses.intervals import number_from_json, number_to_json
from failatlas.rootcauses.quantities import (
    Compared,
    Location,
    Matrix,
    Quantity,
    compared,
    location_from_json,
    location_to_json,
)
from failatlas.seeds import generator

if TYPE_CHECKING:
    from failatlas.parameters import Space

EXPLAINS = 0.5  # a cluster whose variance falls below this share of that of all failures is explained (HUDD)
_DRAWS = 199
_LEAST = 1e-12  # of a ratio: two that differ by less are equal, for sums round


@dataclass(frozen=True, slots=True)
class Reduction:
    """One parameter in one cluster.

    Attributes:
        parameter: its name.
        ratio: variance here / variance of all error-inducing images, 1 where the latter is 0; nan where fewer than two
            values are known here, for one image says nothing about spread.
        here: where its values lie.
    """

    parameter: str
    ratio: float
    here: Location

    @property
    def rate(self) -> float:
        """1 − ratio: 1 = all the same here, 0 = as spread as everywhere, below 0 = wider; nan when not measured."""
        return 1 - self.ratio


@dataclass(frozen=True, slots=True)
class ClusterVariance:
    """All parameters in one cluster.

    Attributes:
        cluster: its number.
        reductions: in the order of the parameters.
        best: name of the parameter of highest rate, a choice or not; "" where none could be measured.
        explaining: name of the number or direction of highest rate; "" where none could be measured.
        chance: probability that a random group of as many error-inducing images has a rate as high in any of its
            parameters as this one in its best; small is good, nan where there is no best.
    """

    cluster: int
    reductions: tuple[Reduction, ...]
    best: str
    explaining: str
    chance: float

    @property
    def is_explained(self) -> bool:
        """Whether a number or direction has less than half of its variance here."""
        return self._is_narrow(self.explaining)

    @property
    def is_explained_by_choice(self) -> bool:
        """Whether only a choice is that narrow: our analogue, counted apart."""
        return self._is_narrow(self.best) and not self.is_explained

    def of(self, parameter: str) -> Reduction | None:
        """One parameter by name; None when it is none."""
        return next((one for one in self.reductions if one.parameter == parameter), None)

    def _is_narrow(self, parameter: str) -> bool:
        one = self.of(parameter)
        return one is not None and one.ratio < EXPLAINS


@dataclass(frozen=True, slots=True)
class VarianceReduction:
    """Every parameter in every cluster.

    Attributes:
        quantities: the parameters, in the order of the set's schema or columns.
        clusters: every cluster, ascending; noise is none.
        by_chance: share of clusters that would be explained if the images were dealt out to them at random.
        is_declared: whether a schema says what the parameters are; else they are all numeric metadata columns.

    Source: Fahmy et al., IEEE Trans. Reliability 70(4), 2021 (HUDD), RQ1: v = var(cluster) / var(all failing images),
    rate 1 − v, explained by v < 0.5, circular variance for angles. Ours: sample variance (n − 1), for the population
    variance of few images is small for their number alone; what chance would give; the Gini index of choices.
    """

    quantities: tuple[Quantity, ...]
    clusters: tuple[ClusterVariance, ...]
    by_chance: float
    is_declared: bool

    @property
    def n_explained(self) -> int:
        """Clusters with at least one parameter of less than half of its variance."""
        return sum(cluster.is_explained for cluster in self.clusters)

    @property
    def share_explained(self) -> float:
        """The same as a share; nan without clusters."""
        return self.n_explained / len(self.clusters) if self.clusters else math.nan

    @property
    def text(self) -> str:
        """How many clusters are explained, and how many chance would explain, in one sentence."""
        n = len(self.clusters)
        if not n:
            return "No cluster whose parameters could be compared."
        choices = sum(cluster.is_explained_by_choice for cluster in self.clusters)
        more = f", {choices} more by a choice alone" if choices else ""
        return (
            f"{self.n_explained} of {n} cluster{'' if n == 1 else 's'} explained: a parameter varies less than half as "
            f"much as in all error-inducing images{more}. Of random groups as large, {100 * self.by_chance:.0f} % are."
        )

    def of(self, cluster: int) -> ClusterVariance | None:
        """All parameters in one cluster; None for noise."""
        return next((one for one in self.clusters if one.cluster == cluster), None)

    def quantity(self, name: str) -> Quantity:
        """One parameter by name; ``KeyError`` when it is none."""
        return {one.name: one for one in self.quantities}[name]

    def near(self, name: str, value: float, within: float) -> tuple[int, ...]:
        """Clusters that are narrow (ratio < 0.5) in a number and whose mean lies within a distance of a value.

        HUDD's check of unsafe parameters (RQ1.2): does some cluster gather at a value known to be unsafe?

        Raises:
            KeyError: no such parameter.
        """
        place = [one.name for one in self.quantities].index(name) if self.quantity(name) else 0
        period = self.quantities[place].period
        found = []
        for cluster in self.clusters:
            one = cluster.reductions[place]
            away = abs(one.here.mean - value)
            away = min(away % period, -away % period) if period else away
            if one.ratio < EXPLAINS and away <= within:
                found.append(cluster.cluster)
        return tuple(found)

    def table(self) -> list[dict[str, object]]:
        """One row a cluster with its best parameter, for ``--json``; null = not measured."""
        rows: list[dict[str, object]] = []
        for cluster in self.clusters:
            best = cluster.of(cluster.best)
            row: dict[str, object] = {"cluster": cluster.cluster, "explained": cluster.is_explained}
            row |= {"parameter": best.parameter if best else None, "rate": best.rate if best else None}
            row |= {"chance": number_to_json(cluster.chance)}
            row |= {"here": location_to_json(best.here) if best else None}
            rows.append(row)
        return rows

    def __repr__(self) -> str:
        parameters = f"{len(self.quantities)} parameters"
        return f"<VarianceReduction {self.n_explained} of {len(self.clusters)} clusters explained, {parameters}>"

    def _repr_html_(self) -> str:
        from failatlas.rootcauses.variancefragment import variance_html

        return variance_html(self)

    def to_json(self) -> dict[str, object]:
        """Every field; null = not measured."""
        return {
            "explained": self.n_explained,
            "by_chance": number_to_json(self.by_chance),
            "declared": self.is_declared,
            "parameters": [
                {
                    "name": one.name,
                    "unit": one.unit,
                    "measure": one.measure,
                    "period": one.period,
                    "overall": location_to_json(one.overall),
                }
                for one in self.quantities
            ],
            "clusters": [
                {
                    "cluster": cluster.cluster,
                    "best": cluster.best,
                    "explaining": cluster.explaining,
                    "chance": number_to_json(cluster.chance),
                    "reductions": [
                        {
                            "parameter": one.parameter,
                            "ratio": number_to_json(one.ratio),
                            "here": location_to_json(one.here),
                        }
                        for one in cluster.reductions
                    ],
                }
                for cluster in self.clusters
            ],
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> VarianceReduction:
        """The inverse of :meth:`to_json`."""
        quantities = tuple(
            Quantity(one["name"], one["unit"], one["measure"], location_from_json(one["overall"]), one["period"])
            for one in data["parameters"]
        )
        clusters = tuple(
            ClusterVariance(
                cluster["cluster"],
                tuple(
                    Reduction(one["parameter"], number_from_json(one["ratio"]), location_from_json(one["here"]))
                    for one in cluster["reductions"]
                ),
                cluster["best"],
                cluster["explaining"],
                number_from_json(cluster["chance"]),
            )
            for cluster in data["clusters"]
        )
        return cls(quantities, clusters, number_from_json(data["by_chance"]), data["declared"])


def variance_reduction(
    columns: Columns, labels: Labels, ids: Sequence[str], *, space: Space | None = None, seed: int
) -> VarianceReduction | None:
    """Compare every cluster with all error-inducing images, parameter by parameter.

    Args:
        columns: metadata of the m error-inducing images.
        labels: (m,) int64 cluster of each, -1 = noise; noise counts among all error-inducing images.
        ids: m ids; the draws follow them, so that the order of images decides nothing.
        space: what the parameters are; columns beyond it, measured labels say, are left out. Without it every column of
            numbers is one.
        seed: for the random groups.

    Returns:
        None where no parameter has a known value.

    Raises:
        ShapeError: the lengths disagree.
    """
    m = len(labels)
    for name, column in columns.items():
        if len(column) != m or len(ids) != m:
            remedy = "give one entry for every error-inducing image"
            raise ShapeError(f"{len(column)} entries for {m} labels, {len(ids)} ids", where=name, remedy=remedy)
    order = np.array(sorted(range(m), key=ids.__getitem__), np.int64)
    parameters = compared({name: _ordered(column, order) for name, column in columns.items()}, space)
    if not parameters:
        return None
    table = _Table(parameters, labels[order])
    ratios = table.ratios(table.labels)
    chances, by_chance = table.chances(ratios, seed)
    clusters = tuple(
        _cluster(table, cluster, own, float(chance))
        for cluster, own, chance in zip(table.clusters, ratios, chances, strict=True)
    )
    return VarianceReduction(tuple(one.quantity for one in parameters), clusters, by_chance, space is not None)


def _ordered(column: Column, order: Indices) -> Column:
    return column[order] if isinstance(column, np.ndarray) else tuple(column[i] for i in order)


class _Table:
    """All compared parameters side by side, summed over groups in one product."""

    def __init__(self, parameters: list[Compared], labels: Labels) -> None:
        self.compared = parameters
        self.labels = labels
        self.clusters = [int(cluster) for cluster in np.unique(labels) if cluster != NOISE]
        self._moments = np.concatenate([np.column_stack([one.known, one.moments]) for one in parameters], axis=1)
        self._starts = np.cumsum([0, *(one.moments.shape[1] + 1 for one in parameters)])
        self.is_number = np.array([not one.quantity.is_choice for one in parameters])
        self._overall = self._dispersions(np.ones((1, len(labels))))[0]

    def ratios(self, labels: Labels) -> Matrix:
        """(clusters, parameters) variance in each cluster over variance of all rows."""
        groups = (labels == np.array(self.clusters, np.int64)[:, None]).astype(np.float64)
        inside = self._dispersions(groups)
        constant = np.array([one.is_constant for one in self.compared]) | ~(self._overall > 0)
        return np.where(constant & ~np.isnan(inside), 1.0, inside / np.where(constant, 1.0, self._overall))

    def chances(self, ratios: Matrix, seed: int) -> tuple[Vector, float]:
        """For each cluster how likely a random group is as narrow in any parameter; share explained by chance."""
        least = _least(ratios)
        reached = np.ones(len(self.clusters))
        explained = 0
        draw = generator(seed, "variance by chance")
        for _ in range(_DRAWS if self.clusters else 0):
            dealt = self.ratios(draw.permutation(self.labels))
            reached += _least(dealt) <= least + _LEAST
            explained += int((_least(dealt[:, self.is_number]) < EXPLAINS).sum())
        chances = np.where(np.isfinite(least), reached / (_DRAWS + 1), np.nan)
        return chances, explained / (_DRAWS * len(self.clusters)) if self.clusters else math.nan

    def narrowest(self, ratios: Vector, among: Mask) -> str:
        """Name of the narrowest of some parameters; of equals a number before a choice, then the first."""
        places = [int(i) for i in np.flatnonzero(among & ~np.isnan(ratios))]
        best = min(places, key=lambda i: (ratios[i], not self.is_number[i], i), default=None)
        return "" if best is None else self.compared[best].quantity.name

    def _dispersions(self, groups: Matrix) -> Matrix:
        sums = groups @ self._moments
        return np.column_stack(
            [
                one.dispersion(sums[:, start + 1 : end], sums[:, start])
                for one, start, end in zip(self.compared, self._starts[:-1], self._starts[1:], strict=True)
            ]
        )


def _cluster(table: _Table, cluster: int, ratios: Vector, chance: float) -> ClusterVariance:
    rows = table.labels == cluster
    reductions = tuple(
        Reduction(one.quantity.name, float(ratio), one.located(rows))
        for one, ratio in zip(table.compared, ratios, strict=True)
    )
    best = table.narrowest(ratios, np.ones(len(ratios), np.bool_))
    return ClusterVariance(cluster, reductions, best, table.narrowest(ratios, table.is_number), chance)


def _least(ratios: Matrix) -> Vector:
    """(clusters,) the smallest ratio of each; infinite where none is measured."""
    return np.asarray(np.where(np.isnan(ratios), np.inf, ratios).min(axis=1, initial=np.inf), np.float64)
