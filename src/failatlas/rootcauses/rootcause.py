"""Root cause: a cluster of error-inducing images together with its explanation."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from failatlas.arrays import Features, Indices


@dataclass(frozen=True, slots=True)
class Interval:
    """A number with its 95 % interval and the n behind it; ``method`` names the interval."""

    value: float
    low: float
    high: float
    n: int
    method: str


@dataclass(frozen=True, slots=True)
class Rule:
    """A conjunction of conditions that tells a cluster's images from all other images of the set.

    Attributes:
        conditions: e.g. ``("brightness ≤ 0.21", "head_yaw > 30")``.
        precision: share of the held-out images that satisfy it and belong to the cluster.
        recall: share of the held-out cluster images that satisfy it.
    """

    conditions: tuple[str, ...]
    precision: Interval
    recall: Interval

    @property
    def text(self) -> str:
        """The rule in one line."""
        return " and ".join(self.conditions)


@dataclass(frozen=True, slots=True, eq=False)
class RootCause:
    """A root-cause cluster (RCC).

    Attributes:
        id: cluster number, -1 for the noise group.
        name: a proposal in words, from its confusion and first rule.
        members: image ids, nearest to the medoid first.
        share: of all error-inducing images.
        severity: mean severity of its members.
        risk: summed severity of members / images tested: expected severity a tested image meets through this cause.
        rank: 1 = highest risk; 0 for the noise group.
        medoids: ids of the members that stand for it, most central first.
        counterexamples: ids of correctly handled images nearest to the medoids.
        confusion: (expected, predicted, count), most frequent first.
        rules: held-out rules, best first; empty when nothing separates it.
        properties: measured property → (mean in cluster, mean in all images, Cliff's delta in [-1, 1]).
        compactness: mean distance of members to the medoid / the same over all error-inducing images; < 1 = tight.
        stability: mean bootstrap Jaccard with its spread; > 0.75 stable, < 0.5 dissolves.
        error_rate: share of errors among the images of the set that fall into it.
        null_p: probability that a cluster of random correctly handled images is as compact.
        heatmap: (h, w) float32 mean relevance of its members (positive = speaks for the wrong answer), empty if none.
    """

    id: int
    name: str
    members: tuple[str, ...]
    share: Interval
    severity: float
    risk: float
    rank: int
    medoids: tuple[str, ...]
    counterexamples: tuple[str, ...]
    confusion: tuple[tuple[str, str, int], ...]
    rules: tuple[Rule, ...]
    properties: Mapping[str, tuple[float, float, float]]
    compactness: float
    stability: Interval
    error_rate: Interval
    null_p: float
    heatmap: Features

    @property
    def size(self) -> int:
        """How many error-inducing images it has."""
        return len(self.members)


@dataclass(frozen=True, slots=True, eq=False)
class RootCauses:
    """All root causes of a run, by rank, and the noise group.

    Attributes:
        causes: ranked, highest risk first.
        noise: the images in no cluster, shown as a group of their own; None when there are none.
        order: (m,) int64, the causes' ids in rank order.
        notes: what limits the reading, e.g. ``"stability from 10 subsamples"``.
    """

    causes: tuple[RootCause, ...]
    noise: RootCause | None
    order: Indices
    notes: tuple[str, ...]
