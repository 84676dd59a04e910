"""Mixture: which failures are looked at together: every cause about as often, or some of them rare."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from failatlas.arrays import Indices, freeze
from failatlas.errors import UsageError
from failatlas.images.records import ImageRecord
from failatlas.rootcauses.columns import KNOWN_CAUSE
from failatlas.rootcauses.knowncauses import FEWEST_FAILURES
from failatlas.seeds import generator

NATURAL = "natural"
"""Truth of a failure whose cause nobody knows."""

FEWEST_RARE = 3  # failures of a rare cause: fewer make no group
ENOUGH = 300  # failures, to which a mixture may be thinned so that a cause with few of them has the frequency
_PARTS = 3


@dataclass(frozen=True, slots=True, eq=False)
class Mixture:
    """Some of the failures.

    Attributes:
        name: ``"balanced"``, or e.g. ``"5 % (2 of 3)"``.
        rows: their positions, ascending.
        rare: causes that are rare in it.
        frequency: share of the mixture that each rare cause has, to one image; nan for a balanced one.
    """

    name: str
    rows: Indices
    rare: tuple[str, ...]
    frequency: float

    def __repr__(self) -> str:
        rare = f", rare: {', '.join(self.rare)}" if self.rare else ""
        return f"<Mixture {self.name}: {len(self.rows)} failures{rare}>"


def truth_of(record: ImageRecord) -> str:
    """The known cause of a failure: the scenario that was injected, or the weakness that was planted; else `NATURAL`.

    >>> truth_of(ImageRecord("a", "a", metadata={"known_cause": "fog"})), truth_of(ImageRecord("b", "b"))
    ('fog', 'natural')
    """
    cause = record.metadata.get(KNOWN_CAUSE, "")
    return (cause if isinstance(cause, str) else f"{cause:g}") or NATURAL


def causes_of(truth: Iterable[str], fewest: int = FEWEST_FAILURES) -> tuple[str, ...]:
    """Known causes with at least so many failures, in order of first appearance: those that a grouping must find.

    >>> causes_of(["fog", "natural", "fog", "noise"], fewest=2)
    ('fog',)
    """
    return tuple(cause for cause, count in Counter(truth).items() if count >= fewest and cause != NATURAL)


def looked_at(truth: Sequence[str], causes: Sequence[str], seed: int) -> Indices:
    """Positions of the failures that any mixture may hold: natural ones at most as many as all others together.

    Nobody knows what natural failures should be grouped into. Where they are most of a mixture, any heap is pure: one
    cluster of everything had purity 0.83 on 1,109 natural and 225 injected failures.

    Args:
        truth: n causes.
        causes: to be found; with none, all failures stay.
        seed: which natural failures are drawn.
    """
    if not causes:
        return _ascending(range(len(truth)))
    rows = _everything_else(truth, (NATURAL,))
    return _ascending([*rows, *_drawn(truth, NATURAL, len(rows), seed, "looked at")])


def balanced(truth: Sequence[str], causes: Sequence[str], seed: int) -> Mixture:
    """All failures, but no cause with more than the median cause has, and natural ones at most half of the whole.

    Args:
        truth: n causes.
        causes: to be found; with none, all failures stay.
        seed: which failures of a frequent cause, and which natural ones, are drawn.
    """
    if not causes:
        return Mixture("balanced", _ascending(range(len(truth))), (), math.nan)
    counts = Counter(truth)
    most = int(np.median([counts[cause] for cause in causes]))
    rows = [i for i in _everything_else(truth, causes) if truth[i] != NATURAL]
    for cause in causes:
        rows += _drawn(truth, cause, most, seed, "balanced")
    rows += _drawn(truth, NATURAL, len(rows), seed, "balanced")
    return Mixture("balanced", _ascending(rows), (), math.nan)


def too_few(truth: Sequence[str], causes: Sequence[str], frequency: float) -> tuple[str, ...]:
    """Why causes cannot be made so rare, a sentence each: they have too few failures to be rare among enough others.

    >>> too_few(["fog"] * 20 + ["noise"] * 300, ("fog", "noise"), 0.1)
    ('fog: 20 failures, 30 are needed for 10 % of 300',)
    """
    return tuple(why for cause in causes if (why := _shortage(truth, cause, frequency)))


def rare(truth: Sequence[str], causes: Sequence[str], frequency: float, seed: int) -> tuple[Mixture, ...]:
    """Mixtures in which causes are rare, a third of them in each, so that every cause is rare once.

    Each rare cause makes up ``frequency`` of its mixture.  The others stay, and as many natural failures at most; where
    a rare cause has too few failures to be that frequent among all of them, they are thinned evenly.  A cause that
    `too_few` names is rare in none.  Where a third would make up more than half of a mixture, the parts are smaller.

    Args:
        truth: n causes.
        causes: to be made rare.
        frequency: share of one rare cause, above 0 and up to 0.5.
        seed: which causes are rare together, and which failures are drawn.

    Returns:
        At most one mixture a part; none of a part beside which too few other failures are left.

    Raises:
        UsageError: no such frequency.
    """
    if not 0 < frequency <= 0.5:
        raise UsageError(f"a frequency of {frequency!r}", remedy="give a share above 0 and up to 0.5")
    usable = [cause for cause in causes if not _shortage(truth, cause, frequency)]
    order = generator(seed, "rare").permutation(len(usable))
    most = max(1, int(0.5 / frequency))
    n_parts = max(_PARTS, math.ceil(len(usable) / most))
    parts = [tuple(usable[i] for i in part) for part in np.array_split(order, n_parts)]
    parts = [part for part in parts if part]
    made = []
    for number, part in enumerate(parts, 1):
        rows = _with_rare(truth, part, frequency, seed)
        if len(rows):
            made.append(Mixture(f"{_percent(frequency)} ({number} of {len(parts)})", rows, part, frequency))
    return tuple(made)


def _shortage(truth: Sequence[str], cause: str, frequency: float) -> str:
    among = min(ENOUGH, len(truth))
    count = Counter(truth)[cause]
    needed = math.ceil(round(frequency * among, 9))
    if needed < FEWEST_RARE:
        return f"{cause}: {_percent(frequency)} of {among} failures are fewer than {FEWEST_RARE}"
    if count < needed:
        return f"{cause}: {count} failures, {needed} are needed for {_percent(frequency)} of {among}"
    return ""


def _with_rare(truth: Sequence[str], part: Sequence[str], frequency: float, seed: int) -> Indices:
    """Rows in which each of r rare causes has its share: m of M + r m failures; none where m would be too few."""
    others = [i for i in _everything_else(truth, part) if truth[i] != NATURAL]
    others += _drawn(truth, NATURAL, len(others), seed, "rare")
    fits = frequency * len(others) / (1 - frequency * len(part))
    counts = Counter(truth)
    m = min(round(fits), *(counts[cause] for cause in part))
    if m < FEWEST_RARE:
        return _ascending(())
    n_others = len(others)
    if m < round(fits):
        n_others = min(n_others, round(m / frequency) - m * len(part))
    random = generator(seed, "rare", "others", *part)
    rows = [others[i] for i in random.permutation(len(others))[:n_others]]
    for cause in part:
        rows += _drawn(truth, cause, m, seed, "rare")
    return _ascending(rows)


def _percent(share: float) -> str:
    return f"{100 * share:.3g} %"


def _everything_else(truth: Sequence[str], causes: Iterable[str]) -> list[int]:
    apart = set(causes)
    return [i for i, cause in enumerate(truth) if cause not in apart]


def _drawn(truth: Sequence[str], cause: str, most: int, seed: int, purpose: str) -> list[int]:
    members = [i for i, other in enumerate(truth) if other == cause]
    random = generator(seed, purpose, cause)
    return [members[i] for i in random.permutation(len(members))[:most]]


def _ascending(rows: Sequence[int]) -> Indices:
    return freeze(np.array(sorted(rows), np.int64))
