"""Root cause: a cluster of error-inducing images together with its explanation."""

from __future__ import annotations

import base64
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from failatlas.arrays import Features, Indices, freeze
from failatlas.errors import DataError
from failatlas.rootcauses.intervals import interval_from_json, interval_to_json, number_from_json, number_to_json
from failatlas.rootcauses.knowncauses import KnownCauses
from failatlas.rootcauses.variance import VarianceReduction
from failatlas.statistics import Interval

VERSION = 1  # of the JSON form


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


@dataclass(frozen=True, slots=True)
class Description:
    """One finding about a cluster in plain words.

    Attributes:
        describer: the part that found it.
        text: one sentence for a person, with its figures and their n; never a nan.
        words: what the cluster's name may say of it, strongest first; only what the figures support.
    """

    describer: str
    text: str
    words: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class RootCause:
    """A root-cause cluster (RCC).

    Attributes:
        id: cluster number, -1 for the noise group.
        name: a proposal in words, from its confusion and strongest contrasts.
        members: image ids, nearest to the medoid first.
        share: of all error-inducing images.
        severity: mean severity of its members.
        risk: summed severity of members / images tested: expected severity a tested image meets through this cause.
        rank: 1 = highest risk; 0 for the noise group.
        medoids: ids of the members that stand for it, most central first.
        counterexamples: ids of correctly handled images nearest to the medoids.
        confusion: (expected, predicted, count), most frequent first.
        rules: held-out rules, best first; empty when nothing separates it.
        properties: measured property or number of the metadata → (mean in cluster, mean in all images, Cliff's delta in
            [-1, 1] against all other images), strongest first; only those that vary.
        compactness: mean distance of members to the medoid / the same over all error-inducing images; < 1 = tight.
        stability: mean best Jaccard over subsamples with its spread; > 0.75 stable, < 0.5 dissolves.
        error_rate: share of errors among the images of the set that fall into it.
        null_p: probability that a cluster of random correctly handled images is as compact.
        heatmap: (h, w) float32 mean relevance of its members (positive = speaks for the wrong answer), empty if none.
        n_causes: ranked causes of the run, this one's rank is among them.
        descriptions: what the describers say of it, in words.
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
    n_causes: int = 0
    descriptions: tuple[Description, ...] = ()

    @property
    def size(self) -> int:
        """How many error-inducing images it has."""
        return len(self.members)

    def __repr__(self) -> str:
        share = self.share
        parts = [
            f"{self.size} image{'' if self.size == 1 else 's'}",
            f"{share.value:.0%}".replace("%", " % of errors") + f" [{100 * share.low:.0f}, {100 * share.high:.0f}]",
        ]
        if self.rank:
            known = not math.isnan(self.stability.value)
            parts.append(f"stability {self.stability.value:.2f}" if known else "stability not measured")
            parts.append(f"risk {ordinal(self.rank)} of {self.n_causes}")
        return f'<RootCause {self.id} "{self.name}": {", ".join(parts)}>'

    def _repr_html_(self) -> str:
        from failatlas.rootcauses.fragment import cause_html

        return cause_html(self)

    def to_json(self) -> dict[str, object]:
        """Every field; null = not measured; the heatmap as base64 of little-endian float32, so that it stays exact."""
        return {
            "id": self.id,
            "name": self.name,
            "size": self.size,
            "members": list(self.members),
            "share": interval_to_json(self.share),
            "severity": self.severity,
            "risk": self.risk,
            "rank": self.rank,
            "n_causes": self.n_causes,
            "medoids": list(self.medoids),
            "counterexamples": list(self.counterexamples),
            "confusion": [list(entry) for entry in self.confusion],
            "rules": [
                {
                    "conditions": list(rule.conditions),
                    "precision": interval_to_json(rule.precision),
                    "recall": interval_to_json(rule.recall),
                }
                for rule in self.rules
            ],
            "properties": {
                name: [number_to_json(value) for value in values] for name, values in self.properties.items()
            },
            "compactness": number_to_json(self.compactness),
            "stability": interval_to_json(self.stability),
            "error_rate": interval_to_json(self.error_rate),
            "null_p": number_to_json(self.null_p),
            "heatmap": {
                "shape": list(self.heatmap.shape),
                "float32": base64.b64encode(self.heatmap.astype("<f4").tobytes()).decode(),
            },
            "descriptions": [
                {"describer": one.describer, "text": one.text, "words": list(one.words)} for one in self.descriptions
            ],
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> RootCause:
        """The inverse of :meth:`to_json`."""
        shape = tuple(int(side) for side in data["heatmap"]["shape"])
        heatmap = np.frombuffer(base64.b64decode(data["heatmap"]["float32"]), "<f4").astype(np.float32)
        return cls(
            id=data["id"],
            name=data["name"],
            members=tuple(data["members"]),
            share=interval_from_json(data["share"]),
            severity=data["severity"],
            risk=data["risk"],
            rank=data["rank"],
            medoids=tuple(data["medoids"]),
            counterexamples=tuple(data["counterexamples"]),
            confusion=tuple((expected, predicted, count) for expected, predicted, count in data["confusion"]),
            rules=tuple(
                Rule(
                    tuple(rule["conditions"]),
                    interval_from_json(rule["precision"]),
                    interval_from_json(rule["recall"]),
                )
                for rule in data["rules"]
            ),
            properties={
                name: (number_from_json(mean), number_from_json(mean_all), number_from_json(delta))
                for name, (mean, mean_all, delta) in data["properties"].items()
            },
            compactness=number_from_json(data["compactness"]),
            stability=interval_from_json(data["stability"]),
            error_rate=interval_from_json(data["error_rate"]),
            null_p=number_from_json(data["null_p"]),
            heatmap=freeze(heatmap.reshape(shape)),
            n_causes=data["n_causes"],
            descriptions=tuple(
                Description(one["describer"], one["text"], tuple(one["words"])) for one in data["descriptions"]
            ),
        )


@dataclass(frozen=True, slots=True, eq=False)
class RootCauses:
    """All root causes of a run, by rank, and the noise group.

    Attributes:
        causes: ranked, highest risk first.
        noise: the images in no cluster, shown as a group of their own; None when there are none.
        order: (m,) int64, the causes' ids in rank order.
        notes: what limits the reading, e.g. ``"stability from 10 subsamples"``.
        variance: by which parameters of the images the clusters are narrow; None where no parameter is known.
        known: what became of planted weaknesses; None where the set names none.
    """

    causes: tuple[RootCause, ...]
    noise: RootCause | None
    order: Indices
    notes: tuple[str, ...]
    variance: VarianceReduction | None = None
    known: KnownCauses | None = None

    def __repr__(self) -> str:
        noise = self.noise.size if self.noise else 0
        n_images = noise + sum(cause.size for cause in self.causes)
        if not n_images:
            return "<RootCauses none: no error-inducing images>"
        top = f', highest risk "{self.causes[0].name}"' if self.causes else ""
        return f"<RootCauses {len(self.causes)} of {n_images} error-inducing images, {noise} in none{top}>"

    def _repr_html_(self) -> str:
        from failatlas.rootcauses.fragment import causes_html

        return causes_html(self)

    def table(self) -> list[dict[str, object]]:
        """One row a cause, by rank, for ``--json``; null = not measured."""
        return [
            {
                "id": cause.id,
                "size": cause.size,
                "share": cause.share.value,
                "risk": cause.risk,
                "medoid": cause.medoids[0],
                "stability": number_to_json(cause.stability.value),
                "rules": [
                    {"rule": rule.text, "precision": rule.precision.value, "recall": rule.recall.value}
                    for rule in cause.rules
                ],
            }
            for cause in self.causes
        ]

    def to_json(self) -> dict[str, object]:
        """Every field, with the ``version`` of this form."""
        return {
            "version": VERSION,
            "causes": [cause.to_json() for cause in self.causes],
            "noise": self.noise.to_json() if self.noise else None,
            "notes": list(self.notes),
            "variance": self.variance.to_json() if self.variance else None,
            "known_causes": self.known.to_json() if self.known else None,
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> RootCauses:
        """The inverse of :meth:`to_json`.

        Raises:
            DataError: the form is of another version.
        """
        if data.get("version") != VERSION:
            raise DataError(
                f"root causes of version {data.get('version')!r}, not {VERSION}",
                remedy="run the analysis again with this failatlas",
            )
        causes = tuple(RootCause.from_json(cause) for cause in data["causes"])
        noise = RootCause.from_json(data["noise"]) if data["noise"] else None
        order = freeze(np.array([cause.id for cause in causes], np.int64))
        # forms of before these two were measured lack them
        variance = VarianceReduction.from_json(data["variance"]) if data.get("variance") else None
        known = KnownCauses.from_json(data["known_causes"]) if data.get("known_causes") else None
        return cls(causes, noise, order, tuple(data["notes"]), variance, known)


def ordinal(n: int) -> str:
    """A rank as a person says it.

    >>> [ordinal(n) for n in (1, 2, 3, 4, 11, 22, 113)]
    ['1st', '2nd', '3rd', '4th', '11th', '22nd', '113th']
    """
    ending = "th" if n % 100 in (11, 12, 13) else {1: "st", 2: "nd", 3: "rd"}.get(n % 10, "th")
    return f"{n}{ending}"
