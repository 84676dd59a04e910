"""Root causes: clusters of error-inducing images, as failatlas makes them, turned into scores of every image.

failatlas's parts: rows of ``stages`` (how a photograph looks to a frozen ImageNet network), whitened by what the
network handles correctly, and k-means. What is added is the way from clusters to slices:

1. Errors of each label are clustered at several resolutions, for nobody knows how many causes there are.
2. A cluster becomes a direction: from the mean of its label to the mean of its members. In whitened rows that is
   Fisher's discriminant. Errors among the photographs that lie farthest along it replace the members, three times,
   which drops chance members and gathers lost ones.
3. Of all directions the five are kept that matter most, risk as failatlas counts it: how often × how badly. How often
   is the share of the label's errors among the 25 farthest photographs of *either* label, each member judged by the
   mean of the others: where labels overlap, errors are natural. How badly is the members' mean loss. Of two directions
   that point at the same photographs the better one is kept.
4. Score: how far along the direction less how far aside of it, lowered where the network is sure of the right answer;
   0 for the other label.

Every choice was made on the development settings.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from benchmarks.slices.measures import Scores
from benchmarks.slices.methods.method import N_SLICES
from benchmarks.slices.networks import Answers
from failatlas.arrays import Mask
from failatlas.clustering.kmeans import KMeans
from failatlas.reduction.departure import _whitening as whitening
from failatlas.seeds import derive

Matrix = NDArray[np.float64]
Rows = NDArray[np.int64]

RESOLUTIONS = (1, 2, 3, 4, 5, 6, 8, 10, 12)
FEWEST = 8  # members of a cluster
TYPICAL = 25  # photographs by which a direction is judged
ROUNDS = 3
LEAST = 1e-3  # added to probabilities before their logarithm
LEAST_REACH = 12  # photographs among which errors are gathered
OVERLAP = 0.5  # of the smaller set of photographs, from which two directions are one
SURE = 2.0  # weight of the network's confidence in the right answer
OFFSET = 3.0  # scores are a logistic of standard deviations; this many are even odds


@dataclass(frozen=True, slots=True, eq=False)
class Direction:
    """A cluster of errors as a direction.

    Attributes:
        label: of its members.
        vector: (d,) from the mean of the label to the mean of the members.
        risk: how often × how badly, see above.
        typical: positions of the photographs farthest along it, as many as it has members.
    """

    label: int
    vector: Matrix
    risk: float
    typical: frozenset[int]


def rootcauses(discovery: Answers, scored: Answers, feature: str, seed: int) -> Scores:
    """Scores of five directions of error; fewer where there are not as many, the rest empty."""
    centre, turn = whitening(discovery.features[feature][~discovery.is_error])
    learnt, asked = (((part.features[feature] - centre) @ turn).astype(np.float64) for part in (discovery, scored))
    found = [one for label in (0, 1) for one in directions(learnt, discovery, label, seed)]
    scores = np.zeros((len(scored.labels), N_SLICES))
    for column, one in enumerate(distinct(found)):
        far, aside = places(one, learnt[discovery.labels == one.label], asked)
        inside = 1 / (1 + np.exp(OFFSET + SURE * sureness(scored) - far + aside))
        scores[:, column] = np.where(scored.labels == one.label, inside, 0)
    return scores


def places(one: Direction, learnt: Matrix, asked: Matrix) -> tuple[Matrix, Matrix]:
    """How far (m,) photographs lie along a direction, and aside of it, in standard deviations of its label's own.

    What lies far along and far aside is odd in every way, not a member.
    """
    unit, centre = one.vector / (np.linalg.norm(one.vector) or 1.0), learnt.mean(axis=0)
    found = []
    for rows in (learnt, asked):
        along = (rows - centre) @ unit
        found.append((along, np.sqrt(np.maximum(np.square(rows - centre).sum(axis=1) - along**2, 0))))
    (own_along, own_aside), (along, aside) = found
    return along / (own_along.std() or 1.0), (aside - own_aside.mean()) / (own_aside.std() or 1.0)


def directions(rows: Matrix, answers: Answers, label: int, seed: int) -> Iterator[Direction]:
    """Every cluster of one label's errors, as it is found and as it settles."""
    of_label = np.flatnonzero(answers.labels == label)
    points, wrong = rows[of_label], answers.is_error[of_label]
    errors = np.flatnonzero(wrong)
    for count in RESOLUTIONS:
        if len(errors) < FEWEST * count:
            break
        means = KMeans(count, seed=derive(seed, "root causes", label, count))
        clusters = means.fit_predict(points[errors].astype(np.float32))
        for cluster in range(count):
            members = errors[clusters == cluster]
            for chosen in (members, settled(points, wrong, members)):
                if len(chosen) >= FEWEST:
                    yield direction(rows, answers, label, of_label[chosen])


def settled(points: Matrix, wrong: Mask, members: Rows) -> Rows:
    """The errors among the photographs farthest along the cluster's direction."""
    reach = max(LEAST_REACH, int(1.2 * len(members)))
    for _ in range(ROUNDS):
        if len(members) < FEWEST:
            break
        along = points @ (points[members].mean(axis=0) - points.mean(axis=0))
        farthest = np.argsort(-along, kind="stable")[:reach]
        members = farthest[wrong[farthest]]
    return members


def direction(rows: Matrix, answers: Answers, label: int, members: Rows) -> Direction:
    """The direction of some errors of a label, judged by what lies along it.

    A member shifts the mean towards itself and so lies farther along than a newcomer like it: each member's place is
    that along the mean of the others.
    """
    own, of_label = rows[members], answers.labels == label
    centre, mean = rows[of_label].mean(axis=0), own.mean(axis=0)
    along = rows @ (mean - centre)
    along[members] = (own * ((mean * len(members) - own) / (len(members) - 1) - centre)).sum(axis=1)
    order = np.argsort(-along, kind="stable")
    often = (answers.is_error & of_label)[order[:TYPICAL]].mean()
    badly = -np.log(sureness(answers)[members] + LEAST).mean()
    typical = order[of_label[order]][: len(members)]
    return Direction(label, mean - centre, float(often * badly), frozenset(typical.tolist()))


def distinct(found: list[Direction]) -> list[Direction]:
    """The riskiest five that point at photographs of their own."""
    kept: list[Direction] = []
    for one in sorted(found, key=lambda one: -one.risk):
        shared = [len(one.typical & other.typical) / min(len(one.typical), len(other.typical)) for other in kept]
        if all(share < OVERLAP for share in shared):
            kept.append(one)
        if len(kept) == N_SLICES:
            break
    return kept


def sureness(answers: Answers) -> Matrix:
    """(n,) the network's probability of the right answer."""
    return np.asarray(answers.probabilities[np.arange(len(answers.labels)), answers.labels], np.float64)
