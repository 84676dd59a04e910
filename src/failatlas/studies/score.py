"""Score: what one pipeline made of failures whose causes are known, by the causes and without them.

What needs no causes (silhouette, DBCV, compactness, stability) is read in the embedding that was clustered, so it
compares clusterings of one embedding, not pipelines of different features; unless the study names one ground for all.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from failatlas.arrays import Embedding, Labels
from failatlas.clustering.agreement import Agreement, agreement
from failatlas.clustering.criteria import silhouette
from failatlas.clustering.dbcv import dbcv
from failatlas.clustering.labels import members

Value = float | int | str
READ = 2  # clusters for each cause that nobody minds to read


@dataclass(frozen=True, slots=True)
class Shape:
    """How a clustering looks from inside, whatever its clusters mean.

    Attributes:
        silhouette: mean over all rows in [-1, 1], noise counting 0; high: clusters are apart; -1 below two clusters.
        dbcv: in [-1, 1]; high: clusters are dense inside and apart, of any form; -1 below two clusters.
        compactness: see `compactness`; low is tight, nan without clusters.
    """

    silhouette: float
    dbcv: float
    compactness: float


@dataclass(frozen=True, slots=True, eq=False)
class Score:
    """One pipeline on one mixture of failures.

    Attributes:
        agreement: clusters against the known causes.
        silhouette, dbcv, compactness: see `Shape`.
        stability: mean over clusters of how well they come back on subsamples, in [0, 1]; nan = not measured.
        parameters: every parameter used, chosen or given.
        notes: what the reducer and the clusterer had to say.
    """

    agreement: Agreement
    silhouette: float
    dbcv: float
    compactness: float
    stability: float
    parameters: Mapping[str, Value]
    notes: tuple[str, ...]

    def with_stability(self, stability: float) -> Score:
        """The same with its stability measured."""
        return replace(self, stability=stability)

    def __repr__(self) -> str:
        found = self.agreement
        return (
            f"<Score purity {found.purity:.3f}, coverage {found.coverage:.3f}, {found.n_clusters} clusters, "
            f"{found.noise:.0%} noise>"
        )


@dataclass(frozen=True, slots=True)
class Rarity:
    """Which causes are still covered when they are rare.

    Attributes:
        frequency: of one rare cause among the failures, a share.
        tried: causes that were made so rare, each in one mixture.
        covered: those of them that a cluster of 90 % purity shows.
    """

    frequency: float
    tried: tuple[str, ...]
    covered: tuple[str, ...]

    @property
    def share(self) -> float:
        """Covered / tried; nan when none could be tried."""
        return len(self.covered) / len(self.tried) if self.tried else math.nan

    def __repr__(self) -> str:
        return f"<Rarity {self.frequency:.0%}: {len(self.covered)} of {len(self.tried)} covered>"


@dataclass(frozen=True, slots=True, eq=False)
class Entry:
    """One pipeline of a study, with what it found and what it cost.

    Attributes:
        pipeline: ``extractor+reducer+clusterer``.
        extractor, reducer, clusterer: its parts.
        tuned: whether the extractor learnt from the training set of the network under test.
        score: on the balanced mixture; None where the pipeline could not run.
        rare: by falling frequency; empty = not tried.
        extract_s, reduce_s, cluster_s: seconds of each step on the balanced mixture, as if done for this pipeline alone
            (learning and the choice of a layer are part of the first); nan = not measured.
        peak_mb: peak memory of the process while it did the hungriest of its steps; nan = not measured.
        error: why it could not run; "" = it ran.
    """

    pipeline: str
    extractor: str
    reducer: str
    clusterer: str
    tuned: bool
    score: Score | None
    rare: tuple[Rarity, ...] = ()
    extract_s: float = math.nan
    reduce_s: float = math.nan
    cluster_s: float = math.nan
    peak_mb: float = math.nan
    error: str = ""

    @property
    def seconds(self) -> float:
        """What the pipeline costs when it is run alone, from images to clusters; nan = not measured."""
        return self.extract_s + self.reduce_s + self.cluster_s

    def __repr__(self) -> str:
        if self.score is None:
            return f"<Entry {self.pipeline}: could not run: {self.error}>"
        found = self.score.agreement
        return (
            f"<Entry {self.pipeline}: purity {found.purity:.3f}, coverage {found.coverage:.3f}, {self.seconds:.1f} s>"
        )


def merit(found: Agreement) -> float:
    """How well a person is served: mean of purity, coverage and legibility, each in [0, 1]; nan where one is unknown.

    Legibility is min(1, 2 / clusters to read for each cause): two are as good as one, twenty a tenth. Without it, 200
    clusters of five images, pure and somewhere of every cause, would beat eleven that show eight causes of nine.
    Nothing covered is 0; without known causes there is no merit.
    """
    legible = min(1.0, READ / found.redundancy) if math.isfinite(found.redundancy) else 0.0
    return (found.purity + found.coverage + legible) / 3


def score(
    labels: Labels,
    truth: Sequence[str],
    causes: Sequence[str],
    shape: Shape,
    *,
    parameters: Mapping[str, Value] | None = None,
    notes: tuple[str, ...] = (),
) -> Score:
    """Score one clustering.

    Args:
        labels: (n,), -1 = noise.
        truth: n names of groups.
        causes: those of the groups that must be covered.
        shape: of the same clustering.
        parameters, notes: of the pipeline.
    """
    return Score(
        agreement=agreement(labels, truth, causes),
        silhouette=shape.silhouette,
        dbcv=shape.dbcv,
        compactness=shape.compactness,
        stability=math.nan,
        parameters=dict(parameters or {}),
        notes=notes,
    )


def shape(embedding: Embedding, labels: Labels, seed: int) -> Shape:
    """The label-free criteria of a clustering.

    Args:
        embedding: (n, k) what was clustered.
        labels: (n,), -1 = noise.
        seed: of the sample on which more than 2,000 rows are looked at.
    """
    return Shape(
        silhouette(embedding, labels, seed=seed), dbcv(embedding, labels, seed=seed), compactness(embedding, labels)
    )


def compactness(embedding: Embedding, labels: Labels) -> float:
    """Mean distance of clustered rows to their cluster's centre over that to the centre of them all; low is tight.

    Args:
        embedding: (n, k).
        labels: (n,); noise is left out on both sides.

    Returns:
        in [0, √2] or so: 0 when members coincide, about 1 when clusters say nothing; falls with the number of clusters,
        so compare clusterings of like number. nan without clusters, and where all rows lie on one spot.

    >>> rows = np.array([[0.0], [0.0], [4.0], [4.0]], np.float32)
    >>> compactness(rows, np.array([0, 0, 1, 1])), compactness(rows, np.array([0, 1, 0, 1]))
    (0.0, 1.0)
    """
    groups = members(labels)
    if not groups:
        return math.nan
    rows = embedding[np.concatenate(groups)].astype(np.float64)
    spread = float(np.linalg.norm(rows - rows.mean(axis=0), axis=1).mean())
    if spread == 0:
        return math.nan
    own = [embedding[group].astype(np.float64) for group in groups]
    inside = sum(float(np.linalg.norm(part - part.mean(axis=0), axis=1).sum()) for part in own) / len(rows)
    return inside / spread
