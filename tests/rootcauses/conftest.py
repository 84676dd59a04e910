"""Planted image sets: outcomes, features and columns whose root causes are known because they were put there."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pytest

from failatlas.outcomes.outcome import Outcomes
from failatlas.pipelines.grouping import Grouping
from failatlas.rootcauses import Reference, RootCauses, explain


@dataclass
class Planted:
    """An image set; ``cluster`` says where every image belongs: ≥ 0 a cluster, −1 noise, −2 handled correctly."""

    cluster: np.ndarray
    features: np.ndarray
    expected: tuple[str, ...]
    predicted: tuple[str, ...]
    severity: np.ndarray
    properties: dict[str, np.ndarray] = field(default_factory=dict)
    metadata: dict[str, object] = field(default_factory=dict)
    ids: tuple[str, ...] = ()

    def __post_init__(self):
        self.ids = self.ids or tuple(f"img{i:05d}" for i in range(len(self.cluster)))

    @property
    def is_error(self):
        return self.cluster != -2

    @property
    def outcomes(self) -> Outcomes:
        n = len(self.cluster)
        return Outcomes(
            ids=self.ids,
            indices=np.arange(n),
            outputs=np.zeros((n, 2), np.float32),
            predicted=self.predicted,
            expected=self.expected,
            is_error=self.is_error,
            severity=np.where(self.is_error, self.severity, 0.0),
            uncertainty=np.full(n, np.nan),
            score=np.zeros(n, np.int64),
        )

    @property
    def grouping(self) -> Grouping:
        where = np.flatnonzero(self.is_error)
        return Grouping(
            ids=tuple(self.ids[i] for i in where),
            labels=self.cluster[where].astype(np.int64),
            embedding=self.features[where],
            map=self.features[where, :2],
            pipeline="planted",
            parameters={},
            curves=(),
            notes=(),
            seed=0,
        )

    def reference(self, share: float = 1.0, seed: int = 0) -> Reference:
        correct = np.flatnonzero(~self.is_error)
        some = np.random.default_rng(seed).permutation(correct)[: round(share * len(correct))]
        return Reference(tuple(self.ids[i] for i in some), self.features[some])

    def explained(self, **options) -> RootCauses:
        options = {"properties": self.properties, "metadata": self.metadata, "seed": 0} | options
        return explain(self.grouping, self.outcomes, self.features[self.is_error], **options)

    def permuted(self, order: np.ndarray) -> Planted:
        def take(column):
            return column[order] if isinstance(column, np.ndarray) else tuple(column[i] for i in order)

        return Planted(
            cluster=self.cluster[order],
            features=self.features[order],
            expected=take(self.expected),
            predicted=take(self.predicted),
            severity=self.severity[order],
            properties={name: take(column) for name, column in self.properties.items()},
            metadata={name: take(column) for name, column in self.metadata.items()},
            ids=take(self.ids),
        )


def planted(cluster, *, d: int = 8, apart: float = 8.0, seed: int = 0, **columns) -> Planted:
    """Clusters as blobs ``apart`` from each other; correctly handled images and noise as one blob of their own."""
    rng = np.random.default_rng(seed)
    cluster = np.asarray(cluster, np.int64)
    n = len(cluster)
    centres = apart * rng.normal(size=(max(1, int(cluster.max(initial=-1)) + 2), d))
    features = (centres[np.maximum(cluster, 0)] * (cluster >= 0)[:, None] + rng.normal(size=(n, d))).astype(np.float32)
    expected = tuple(np.array(["shirt", "coat", "boot"])[rng.integers(0, 3, n)].tolist())
    wrong = {"shirt": "coat", "coat": "boot", "boot": "shirt"}
    predicted = tuple(wrong[e] if c != -2 else e for e, c in zip(expected, cluster, strict=True))
    return Planted(cluster, features, expected, predicted, rng.uniform(0.5, 2.0, n), **columns)


@pytest.fixture(name="planted")
def planted_fixture():
    return planted


@pytest.fixture(scope="session")
def dark_shirts() -> Planted:
    """2,000 images: dark ones fail (0), turned heads of camera "left" fail (1), a random 40 fail (2), 20 are noise."""
    rng = np.random.default_rng(7)
    n = 2000
    brightness, contrast, yaw = rng.uniform(0, 1, n), rng.uniform(0, 1, n), rng.normal(0, 30, n)
    camera = rng.choice(["left", "right", "rear"], n)
    cluster = np.full(n, -2)
    cluster[brightness < 0.083] = 0
    cluster[(yaw > 30) & (camera == "left") & (cluster == -2)] = 1
    rest = rng.permutation(np.flatnonzero(cluster == -2))
    cluster[rest[:40]] = 2
    cluster[rest[40:60]] = -1
    return planted(
        cluster,
        seed=7,
        properties={"brightness": brightness, "contrast": contrast},
        metadata={"head_yaw": yaw, "camera": tuple(camera.tolist())},
    )


@pytest.fixture(scope="session")
def recluster():
    from sklearn.cluster import KMeans

    def run(features, seed):
        return KMeans(min(3, len(features)), n_init=3, random_state=seed).fit_predict(features).astype(np.int64)

    return run
