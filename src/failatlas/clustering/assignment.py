"""Assignment: into which cluster a new row falls, or none.  O(m n d) by blocks for m new rows and n members.

Ward, DBSCAN and HDBSCAN cannot predict, and UMAP cannot project exactly; so new rows are compared with the members
themselves. Which rule to use:

- ``core`` for DBSCAN, in the space that was clustered (PCA or none): SAFE's rule, exactly DBSCAN's own reach.
- ``single_linkage`` for HUDD: nearest member, within the cluster's radius.
- ``pointing`` for consensus: the cluster towards which the row points, as its members do.
- ``neighbour`` for everything else, UMAP pipelines first, on the features before reduction.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from failatlas.arrays import NOISE, Features, Labels, Mask, Vector
from failatlas.clustering.directions import towards
from failatlas.clustering.labels import members as members_of
from failatlas.errors import ShapeError, UsageError
from failatlas.reduction.neighbours import nearest, nearest_other
from failatlas.reduction.rows import finite_rows

QUANTILE = 0.95
SLACK = 1.25


@dataclass(frozen=True, slots=True, eq=False)
class Assignment:
    """Where m new rows belong.

    Attributes:
        labels: (m,) int64, the cluster, -1 = none of them.
        distances: (m,) float32 to the nearest member that counts, also where that is too far; inf when there is none.
        nearest: (m,) int64, position of that member, -1 when there is none.
    """

    labels: Labels
    distances: NDArray[np.float32]
    nearest: NDArray[np.int64]


def core(members: Features, labels: Labels, rows: Features, *, eps: float, core_rows: Mask) -> Assignment:
    """DBSCAN's rule: a row belongs where the nearest core member lies within ε.

    Args:
        members: (n, d) what was clustered.
        labels: (n,) their clusters.
        rows: (m, d) new rows in the same space (through the fitted PCA).
        eps: DBSCAN's ε.
        core_rows: (n,) which members are core, see :func:`core_points`.

    Raises:
        ShapeError: widths or lengths differ.
    """
    counted = _counted(labels, np.asarray(core_rows, dtype=np.bool_) & (labels != NOISE))
    return _within(members, labels, rows, counted, np.full(_count(labels), eps))


def single_linkage(members: Features, labels: Labels, rows: Features, *, slack: float = 1.0) -> Assignment:
    """HUDD's rule: the nearest member decides, within its cluster's radius (largest distance to the medoid) × slack.

    Clusters of one are left out, as in HUDD. Arguments as in :func:`core`.
    """
    counted = _counted(labels, _in_company(labels))
    return _within(members, labels, rows, counted, slack * radii(members, labels))


def neighbour(members: Features, labels: Labels, rows: Features, *, slack: float = SLACK) -> Assignment:
    """The nearest member decides, within the step that is usual in its cluster.

    That step is the 95th percentile of its members' distances to their nearest fellow member, times the slack; with a
    slack of 1 about one true newcomer in twenty is turned away. Arguments as in :func:`core`.
    """
    counted = _counted(labels, labels != NOISE)
    return _within(members, labels, rows, counted, slack * usual_steps(members, labels))


def pointing(members: Features, labels: Labels, rows: Features, *, belongs: float) -> Assignment:
    """Consensus' rule: a row belongs where it points nearly as members do.

    Among directions of many columns all distances are alike: by `neighbour` every correctly handled image would belong
    somewhere. Arguments as in :func:`core`, and

    Args:
        belongs: smallest cosine with the cluster's mean, as a share of what it is among members on average.
    """
    known, new = finite_rows(members, "members"), finite_rows(rows, "new rows")
    reach = _within(known, labels, new, _counted(labels, labels != NOISE), np.full(_count(labels), np.inf))
    if not (reach.nearest >= 0).any():
        return reach
    clusters, shares = towards(known, labels, new)
    return Assignment(np.where(shares >= belongs, clusters, NOISE), reach.distances, reach.nearest)


def core_points(members: Features, eps: float, min_samples: int) -> Mask:
    """(n,) which rows have ``min_samples`` rows, itself included, within ε: DBSCAN's core rows."""
    rows = finite_rows(members, "members")
    if min_samples < 1 or not eps >= 0:
        raise UsageError(f"core points of eps {eps} and min_samples {min_samples}", remedy="eps ≥ 0, min_samples ≥ 1")
    if len(rows) < min_samples:
        return np.zeros(len(rows), np.bool_)
    return np.asarray(nearest(rows, min_samples)[1][:, -1] <= eps, dtype=np.bool_)


def radii(members: Features, labels: Labels) -> Vector:
    """(K,) largest distance of a member to its cluster's medoid (the member nearest to all, in sum)."""
    limits = np.zeros(_count(labels))
    for cluster, rows in enumerate(members_of(labels)):
        points = members[rows].astype(np.float64)
        sums = np.concatenate([_away(points[i : i + 512], points).sum(axis=1) for i in range(0, len(points), 512)])
        medoid = points[int(sums.argmin())]
        limits[cluster] = float(np.sqrt(np.square(points - medoid).sum(axis=1)).max())
    return limits


def usual_steps(members: Features, labels: Labels) -> Vector:
    """(K,) 95th percentile of members' distances to their nearest fellow; 0 for a cluster of one."""
    steps = np.zeros(_count(labels))
    for cluster, rows in enumerate(members_of(labels)):
        if len(rows) > 1:
            steps[cluster] = float(np.quantile(nearest_other(members[rows]).astype(np.float64), QUANTILE))
    return steps


def _within(
    members: Features, labels: Labels, rows: Features, counted: NDArray[np.int64], limits: Vector
) -> Assignment:
    known, new = finite_rows(members, "members"), finite_rows(rows, "new rows")
    if len(known) != len(labels):
        raise ShapeError(f"{len(known)} members have {len(labels)} labels")
    if len(new) and len(known) and known.shape[1] != new.shape[1]:
        raise ShapeError(f"new rows have {new.shape[1]} features, members have {known.shape[1]}")
    if not len(counted) or not len(new):
        return _nowhere(len(new))
    found, away = nearest(known[counted], 1, new)
    return _limited(labels, counted[found[:, 0]], away[:, 0], limits)


def _limited(labels: Labels, closest: NDArray[np.int64], away: NDArray[np.float32], limits: Vector) -> Assignment:
    clusters = labels[closest]
    # limits are float64 and distances float32: a member at the very edge must stay inside
    inside = away <= np.nextafter(limits.astype(np.float32), np.float32(np.inf))[clusters]
    return Assignment(np.where(inside, clusters, NOISE), away, closest)


def _nowhere(m: int) -> Assignment:
    return Assignment(np.full(m, NOISE, np.int64), np.full(m, np.inf, np.float32), np.full(m, -1, np.int64))


def _counted(labels: Labels, mask: Mask) -> NDArray[np.int64]:
    if mask.shape != labels.shape:
        raise ShapeError(f"a mask of {mask.shape} does not go with {len(labels)} labels")
    return np.flatnonzero(mask)


def _in_company(labels: Labels) -> Mask:
    """Members that are in a cluster of two or more."""
    counts = np.bincount(labels[labels != NOISE], minlength=1)
    return np.asarray((labels != NOISE) & (counts[np.maximum(labels, 0)] > 1), dtype=np.bool_)


def _count(labels: Labels) -> int:
    return int(labels.max()) + 1 if len(labels) else 0


def _away(a: NDArray[np.float64], b: NDArray[np.float64]) -> NDArray[np.float64]:
    from scipy.spatial.distance import cdist

    return np.asarray(cdist(a, b), dtype=np.float64)
