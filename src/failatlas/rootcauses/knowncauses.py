"""Known causes: what the clusters made of weaknesses that were planted, where the image set says which image has which.

The metadata column ``known_cause`` is ground truth: the name of the weakness that applies to an image, or empty for an
image that fails, if it fails, for a reason of its own.  It judges clusters and never helps to make or to describe them.
"""

from __future__ import annotations

import math
import statistics
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from failatlas.arrays import NOISE, Indices, Labels, Mask
from failatlas.errors import ShapeError
from failatlas.rootcauses.intervals import interval_from_json, interval_to_json
from failatlas.statistics import Interval, clopper_pearson

FOUND = 0.9  # purity of the cluster by which a cause is found
FEWEST_FAILURES = 10  # of a cause, below which no clustering can be blamed for not finding it

Verdict = Literal["found", "missed", "not enough failures"]


@dataclass(frozen=True, slots=True)
class KnownCause:
    """One planted weakness and the cluster that comes closest to it.

    Attributes:
        name: as in the column.
        n_images: tested images that have it.
        n_failures: those of them that are error-inducing.
        rate: share of its images that fail.
        cluster: of those with purity ≥ 0.9 for it the one that holds most of its failures, else the purest; -1 = its
            failures are in no cluster.
        n_clusters: clusters with purity ≥ 0.9 for it; more than one means that its failures were split.
        purity: share of that cluster's images that have this cause.
        recall: share of its failures that are in that cluster; copies, which are clustered once, count once.
        n_noise: its failures that are in no cluster.
        verdict: ``"found"``: a cluster has purity ≥ 0.9; ``"not enough failures"``: too few to be found or missed.
    """

    name: str
    n_images: int
    n_failures: int
    rate: Interval
    cluster: int
    n_clusters: int
    purity: Interval
    recall: Interval
    n_noise: int
    verdict: Verdict


@dataclass(frozen=True, slots=True)
class ClusterPurity:
    """What one cluster is made of.

    Attributes:
        cluster: its number.
        cause: the most frequent known cause; "" = natural failures, which count as one more cause.
        n: images of that cause in it.
        size: all its images.
    """

    cluster: int
    cause: str
    n: int
    size: int

    @property
    def purity(self) -> float:
        """Share of the cluster that is of its most frequent cause."""
        return self.n / self.size


@dataclass(frozen=True, slots=True)
class KnownCauses:
    """All planted weaknesses of a set against the clusters of a run.

    Attributes:
        causes: by name.
        clusters: every cluster, ascending; noise is none.
        fewest: failures below which a cause is not judged.

    Source: purity and coverage at 90 %: Attaoui et al., arXiv:2301.13506, 2023. Ours: natural failures count as one
    more cause in a cluster's purity and never in coverage; causes with too few failures are not judged.
    """

    causes: tuple[KnownCause, ...]
    clusters: tuple[ClusterPurity, ...]
    fewest: int

    @property
    def n_found(self) -> int:
        """Causes found."""
        return sum(cause.verdict == "found" for cause in self.causes)

    @property
    def n_judged(self) -> int:
        """Causes with enough failures to be found or missed."""
        return sum(cause.verdict != "not enough failures" for cause in self.causes)

    @property
    def coverage(self) -> float:
        """Found / judged; nan when none could be judged."""
        return self.n_found / self.n_judged if self.n_judged else math.nan

    @property
    def purities(self) -> tuple[float, float, float]:
        """Mean, median and least purity of the clusters; nan without clusters."""
        values = [cluster.purity for cluster in self.clusters]
        if not values:
            return math.nan, math.nan, math.nan
        return math.fsum(values) / len(values), statistics.median(values), min(values)

    @property
    def text(self) -> str:
        """How many were found, in one sentence."""
        if not self.causes:
            return "No planted weakness among the tested images."
        rest = len(self.causes) - self.n_judged
        few = f"{rest} with fewer than {self.fewest} failures, too few to judge"
        if not self.n_judged:
            return f"No planted weakness could be judged: {few}."
        found = f"Planted weaknesses found: {self.n_found} of {self.n_judged}{f', besides {few}' if rest else ''}."
        return f"{found} Clusters that are theirs hold {self.held:.0%} of their failures." if self.n_found else found

    @property
    def held(self) -> float:
        """Share of the failures of all causes that lie in a cluster of their own (purity ≥ 0.9); nan without any."""
        failures = sum(cause.recall.n for cause in self.causes)
        own = sum(cluster.n for cluster in self.clusters if cluster.cause and cluster.purity >= FOUND)
        return own / failures if failures else math.nan

    def of(self, cluster: int) -> ClusterPurity | None:
        """What a cluster is made of; None for noise."""
        return next((one for one in self.clusters if one.cluster == cluster), None)

    def __repr__(self) -> str:
        mean, _, least = self.purities
        pure = f", purity of {len(self.clusters)} clusters {mean:.2f}, least {least:.2f}" if self.clusters else ""
        return f"<KnownCauses {self.n_found} of {self.n_judged} found, {len(self.causes)} planted{pure}>"

    def _repr_html_(self) -> str:
        from failatlas.rootcauses.knownfragment import known_html

        return known_html(self)

    def to_json(self) -> dict[str, object]:
        """Every field and what follows from it; null = not measured."""
        mean, median, least = (value if math.isfinite(value) else None for value in self.purities)
        return {
            "found": self.n_found,
            "judged": self.n_judged,
            "coverage": self.coverage if self.n_judged else None,
            "purity": {"mean": mean, "median": median, "min": least},
            "fewest": self.fewest,
            "causes": [
                {
                    "name": cause.name,
                    "images": cause.n_images,
                    "failures": cause.n_failures,
                    "rate": interval_to_json(cause.rate),
                    "verdict": cause.verdict,
                    "cluster": cause.cluster,
                    "clusters": cause.n_clusters,
                    "purity": interval_to_json(cause.purity),
                    "recall": interval_to_json(cause.recall),
                    "noise": cause.n_noise,
                }
                for cause in self.causes
            ],
            "clusters": [
                {"cluster": one.cluster, "cause": one.cause, "n": one.n, "size": one.size, "purity": one.purity}
                for one in self.clusters
            ],
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> KnownCauses:
        """The inverse of :meth:`to_json`."""
        causes = tuple(
            KnownCause(
                name=one["name"],
                n_images=one["images"],
                n_failures=one["failures"],
                rate=interval_from_json(one["rate"]),
                cluster=one["cluster"],
                n_clusters=one["clusters"],
                purity=interval_from_json(one["purity"]),
                recall=interval_from_json(one["recall"]),
                n_noise=one["noise"],
                verdict=one["verdict"],
            )
            for one in data["causes"]
        )
        clusters = tuple(ClusterPurity(one["cluster"], one["cause"], one["n"], one["size"]) for one in data["clusters"])
        return cls(causes, clusters, data["fewest"])


def known_causes(
    truth: Sequence[str], is_error: Mask, where: Indices, labels: Labels, *, fewest: int = FEWEST_FAILURES
) -> KnownCauses:
    """Judge a clustering by the causes that were planted.

    Args:
        truth: n names, one a tested image, "" = none.
        is_error: (n,) bool.
        where: (m,) int64, position among the n of every clustered error-inducing image.
        labels: (m,) int64, its cluster, -1 = noise.
        fewest: failures below which a cause is not judged.

    Raises:
        ShapeError: the lengths disagree.

    >>> truth = ["night"] * 3 + ["", "mask"]
    >>> found = known_causes(truth, np.ones(5, bool), np.arange(5), np.array([0, 0, 0, 1, 1]), fewest=2)
    >>> found
    <KnownCauses 1 of 1 found, 2 planted, purity of 2 clusters 0.75, least 0.50>
    >>> found.causes[0].verdict, found.causes[1].verdict
    ('not enough failures', 'found')
    """
    if len(truth) != len(is_error) or len(where) != len(labels):
        lengths = f"{len(truth)} causes for {len(is_error)} images, {len(labels)} labels for {len(where)}"
        raise ShapeError(lengths, where="known_cause", remedy="give one a tested image and one a clustered image")
    images = Counter(truth)
    failing = Counter(name for name, wrong in zip(truth, is_error, strict=True) if wrong)
    members: dict[int, Counter[str]] = {int(cluster): Counter() for cluster in np.unique(labels)}
    for position, cluster in zip(where, labels, strict=True):
        members[int(cluster)][truth[int(position)]] += 1
    noise = members.pop(NOISE, Counter())
    causes = tuple(_judged(name, images[name], failing[name], members, noise[name], fewest) for name in _named(images))
    return KnownCauses(causes, tuple(_purity(cluster, inside) for cluster, inside in members.items()), fewest)


def _named(images: Counter[str]) -> list[str]:
    return sorted(name for name in images if name)


def _judged(
    name: str, n_images: int, n_failing: int, members: Mapping[int, Counter[str]], n_noise: int, fewest: int
) -> KnownCause:
    inside = {cluster: (count[name], count.total()) for cluster, count in members.items() if count[name]}
    n = sum(own for own, _ in inside.values()) + n_noise
    pure = [cluster for cluster, (own, size) in inside.items() if own >= FOUND * size]
    best = max(pure or inside, key=lambda cluster: _closeness(*inside[cluster], bool(pure), cluster), default=NOISE)
    own, size = inside.get(best, (0, 0))
    return KnownCause(
        name=name,
        n_images=n_images,
        n_failures=n_failing,
        rate=clopper_pearson(n_failing, n_images),
        cluster=best,
        n_clusters=len(pure),
        purity=clopper_pearson(own, size),
        recall=clopper_pearson(own, n),
        n_noise=n_noise,
        verdict="not enough failures" if n < fewest else "found" if pure else "missed",
    )


def _closeness(own: int, size: int, is_pure: bool, cluster: int) -> tuple[float, float, int]:
    """Of pure clusters the largest share of the cause counts, of others their purity; of equals the first."""
    return (own, own / size, -cluster) if is_pure else (own / size, own, -cluster)


def _purity(cluster: int, inside: Counter[str]) -> ClusterPurity:
    cause = min(inside, key=lambda name: (-inside[name], name))
    return ClusterPurity(cluster, cause, inside[cause], inside.total())
