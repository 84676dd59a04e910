"""Rules: conjunctions of up to three conditions that tell a cluster's images from all other images of the set.

A beam search over conditions whose thresholds are quantiles of the cluster itself, so that a cluster of 0.4 % of the
images gets thresholds as sharp as one of 40 %.  Found on one half of the images, measured on the other: precision and
recall are those of images the search never saw.  O(conditions × images) a step, some 0.1 s a cluster at 20,000 images.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping

import numpy as np
from numpy.typing import NDArray

from failatlas.arrays import Indices, Labels, Mask, Vector
from failatlas.rootcauses.columns import Column, is_circular
from failatlas.rootcauses.conditions import Condition, readable
from failatlas.rootcauses.rootcause import Rule
from failatlas.seeds import generator
from failatlas.statistics import circular_mean, clopper_pearson

FEWEST_MEMBERS = 8  # half of them find the rule, the other half measure it
_DEEPEST = 3
_BEAM = 8
_SUPPORT = 0.2  # share of the members, below which a rule is an anecdote
_MOST_RULES = 3
_MOST_OTHERS = 20_000  # images outside the cluster that the search looks at
_LEVELS = (0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 1.0)  # share of the cluster that one condition keeps
_SHORTER = 0.75  # of a rule's quality is left to it for every further condition
_LOSSLESS = 0.98  # an end of an interval that is worth less than this is left out
_RESOLUTION = 200  # thresholds are told apart to 1/200 of a column's spread
_MOST_VALUES = 30  # texts of one column that are tried as values

_Table = NDArray[np.float32]  # (conditions, images): 1 where the image satisfies the condition


def held_out(strata: Labels, seed: int) -> Mask:
    """(n,) bool: half of every stratum, drawn at random; of an odd count the search keeps the larger part.

    Args:
        strata: (n,) int64, e.g. the cluster of every image and one more number for the correctly handled ones.
        seed: for the draw.
    """
    held = np.zeros(len(strata), np.bool_)
    for stratum in np.unique(strata):
        rows = np.flatnonzero(strata == stratum)
        draw = generator(seed, "rules", "held out", int(stratum))
        held[draw.permutation(rows)[: len(rows) // 2]] = True
    return held


def rules(columns: Mapping[str, Column], members: Mask, held: Mask, *, seed: int) -> tuple[Rule, ...]:
    """Up to three rules, best first; each next one is for the members that the rules before it leave out.

    Args:
        columns: what rules may speak of, (n,) each.
        members: (n,) bool, the cluster.
        held: (n,) bool, images kept from the search, see :func:`held_out`.
        seed: for the choice of images when there are more than the search looks at.

    Returns:
        Rules whose precision on held-out images, at the lower end of its interval, exceeds the cluster's share of them;
        empty when nothing separates the cluster or it is too small to say.

    Source: quality of the search: the binomial test of subgroup discovery, Klösgen 1996. Ours: thresholds from the
    cluster's quantiles, rounded before they are measured; covering; the held-out test.
    """
    kept: list[Rule] = []
    if members.sum() < FEWEST_MEMBERS:
        return ()
    rows, weight = _search_rows(members, held, seed)
    part = {name: _rows_of(column, rows) for name, column in columns.items()}
    open_members = members[rows].copy()
    fewest = max(3, math.ceil(_SUPPORT * open_members.sum()))
    while len(kept) < _MOST_RULES and open_members.sum() >= fewest:
        candidates = _search(part, open_members, np.where(members[rows] & ~open_members, 0.0, weight), fewest)
        # a long rule that fits only the images of the search does not cost the cluster its short one
        measured = ((c, _measured(c, columns, members, held)) for c in candidates)
        best, rule = next((pair for pair in measured if pair[1] is not None), ((), None))
        if rule is None:
            break
        kept.append(rule)
        open_members &= ~_holds(best, part)
    return tuple(kept)


def _search_rows(members: Mask, held: Mask, seed: int) -> tuple[Indices, Vector]:
    """Rows the search looks at and how many images each stands for."""
    inside = np.flatnonzero(members & ~held)
    outside = np.flatnonzero(~members & ~held)
    scale = 1.0
    if len(outside) > _MOST_OTHERS:
        scale = len(outside) / _MOST_OTHERS
        outside = generator(seed, "rules", "others").choice(outside, _MOST_OTHERS, replace=False)
    rows = np.sort(np.concatenate([inside, outside]))
    return rows, np.where(members[rows], 1.0, scale)


def _search(columns: Mapping[str, Column], members: Mask, weight: Vector, fewest: int) -> list[tuple[Condition, ...]]:
    """The best conjunctions of one, two and three conditions on different columns, the most promising first."""
    conditions = [c for name, column in columns.items() for c in _conditions(name, column, members)]
    if not conditions:
        return []
    table = np.stack([c.holds(columns[c.column]) for c in conditions]).astype(np.float32)
    names = np.array([c.column for c in conditions])
    beam: list[tuple[int, ...]] = [()]
    best: list[tuple[float, tuple[int, ...]]] = []
    for depth in range(_DEEPEST):
        scored = _extensions(table, names, beam, members, weight, fewest)
        if not scored:
            break
        beam = [rule for _, rule in scored]
        best.append((scored[0][0] * _SHORTER**depth, scored[0][1]))
    best.sort(key=lambda entry: -entry[0])
    return [_simplified(tuple(conditions[i] for i in rule), columns, members, weight) for _, rule in best]


def _simplified(
    rule: tuple[Condition, ...], columns: Mapping[str, Column], members: Mask, weight: Vector
) -> tuple[Condition, ...]:
    """The rule without the ends of intervals that hardly matter, e.g. one that cuts off a single image."""

    def quality(conditions: tuple[Condition, ...]) -> float:
        holds = _holds(conditions, columns)
        hits, covered = (holds & members).sum(keepdims=True), weight[holds].sum(keepdims=True)
        return float(_quality(hits, covered, float(members.sum()), float(weight.sum()))[0])

    least = _LOSSLESS * quality(rule)
    for i, condition in enumerate(rule):
        if condition.value is None and math.isfinite(condition.low) and math.isfinite(condition.high):
            for ends in ((-math.inf, condition.high), (condition.low, math.inf)):
                shorter = (*rule[:i], Condition(condition.column, *ends), *rule[i + 1 :])
                if quality(shorter) >= least:
                    rule = shorter
                    break
    return rule


def _extensions(
    table: _Table, names: NDArray[np.str_], beam: list[tuple[int, ...]], members: Mask, weight: Vector, fewest: int
) -> list[tuple[float, tuple[int, ...]]]:
    """Every rule of the beam with one condition more, best first; of rules with the same counts the first."""
    masks = np.stack([table[list(rule)].min(axis=0, initial=1.0) for rule in beam])
    hits = (masks * members) @ table.T
    covered = (masks * weight.astype(np.float32)) @ table.T
    quality = _quality(hits, covered, float(members.sum()), float(weight.sum()))
    quality[hits < fewest] = 0.0
    for row, rule in enumerate(beam):
        quality[row, np.isin(names, names[list(rule)])] = 0.0
    scored: list[tuple[float, tuple[int, ...]]] = []
    seen: set[tuple[float, float]] = set()
    for flat in np.argsort(-quality, axis=None, kind="stable"):
        row, column = divmod(int(flat), len(names))
        if quality[row, column] <= 0 or len(scored) == _BEAM:
            break
        key = (float(hits[row, column]), float(covered[row, column]))
        if key not in seen:
            seen.add(key)
            scored.append((float(quality[row, column]), (*beam[row], column)))
    return scored


def _quality(hits: NDArray[np.number], covered: NDArray[np.number], n_members: float, n: float) -> NDArray[np.float64]:
    """√coverage · (precision − base rate): the z of a binomial test, up to a factor that all rules share."""
    base = n_members / n
    precision = hits / np.maximum(covered, 1e-9)
    return np.asarray(np.sqrt(covered / n) * (precision - base), np.float64)


def _conditions(name: str, column: Column, members: Mask) -> Iterator[Condition]:
    """Conditions on one column that keep at least half of the members, or, for texts, a tenth of them."""
    if not isinstance(column, np.ndarray):
        yield from _equalities(name, column, members)
        return
    finite = np.isfinite(column)
    inside = np.sort(column[finite & members])
    values = np.unique(column[finite])
    if len(inside) < 2 or len(values) < 2:
        return
    coarse = float(np.quantile(values, 0.95) - np.quantile(values, 0.05)) / _RESOLUTION
    seen: set[tuple[float, float]] = set()
    for level in _LEVELS:
        high = _at_most(inside, values, level, coarse)
        low = _more_than(inside, values, level, coarse)
        middle = (
            _more_than(inside, values, (1 + level) / 2, coarse),
            _at_most(inside, values, (1 + level) / 2, coarse),
        )
        for ends in ((-math.inf, high), (low, math.inf), middle):
            if ends not in seen and ends[0] < ends[1]:
                seen.add(ends)
                yield Condition(name, *ends)
    if is_circular(name, column):
        yield from _arcs(name, inside, values, coarse)


def _arcs(name: str, inside: Vector, values: Vector, coarse: float) -> Iterator[Condition]:
    """Arcs of a full turn that pass through 0: the members are turned so that their mean direction lies at 180."""
    turn = 180 - circular_mean(inside)
    turned, turned_values = np.sort((inside + turn) % 360), np.unique((values + turn) % 360)
    for level in _LEVELS:
        low = (_more_than(turned, turned_values, (1 + level) / 2, coarse) - turn) % 360
        high = (_at_most(turned, turned_values, (1 + level) / 2, coarse) - turn) % 360
        # whole degrees; the figures are measured with them
        low, high = float(math.floor(low)), float(math.ceil(high))
        if low > high:
            yield Condition(name, low, high)


def _at_most(inside: Vector, values: Vector, level: float, coarse: float) -> float:
    """A readable t with the lowest ``level`` of the members at or below it."""
    value = float(inside[math.ceil(level * len(inside)) - 1])
    after = int(np.searchsorted(values, value, "right"))
    gap_end = float(values[after]) if after < len(values) else value + coarse
    return readable(value, max(gap_end, value + coarse))


def _more_than(inside: Vector, values: Vector, level: float, coarse: float) -> float:
    """A readable t with the highest ``level`` of the members above it."""
    value = float(inside[len(inside) - math.ceil(level * len(inside))])
    before = int(np.searchsorted(values, value, "left")) - 1
    gap_start = float(values[before]) if before >= 0 else value - coarse
    return readable(min(gap_start, value - coarse), value)


def _equalities(name: str, column: tuple[str, ...], members: Mask) -> Iterator[Condition]:
    entries = np.array(column, np.str_)
    found, counts = np.unique(entries[members], return_counts=True)
    frequent = np.argsort(-counts, kind="stable")[:_MOST_VALUES]
    for i in frequent:
        # a value for every image (a name, a number plate) names the images, not the cause
        if found[i] and counts[i] >= max(2, 0.1 * members.sum()):
            yield Condition(name, value=str(found[i]))


def _measured(
    conditions: tuple[Condition, ...], columns: Mapping[str, Column], members: Mask, held: Mask
) -> Rule | None:
    """The rule with its figures on held-out images; None when it does no better there than the base rate."""
    holds = _holds(conditions, columns) & held
    hits, covered = int((holds & members).sum()), int(holds.sum())
    n_members, n = int((members & held).sum()), int(held.sum())
    precision, recall = clopper_pearson(hits, covered), clopper_pearson(hits, n_members)
    if hits < 2 or not precision.low > n_members / n:
        return None
    return Rule(tuple(condition.text for condition in conditions), precision, recall)


def _holds(conditions: tuple[Condition, ...], columns: Mapping[str, Column]) -> Mask:
    holds: Mask = np.all([c.holds(columns[c.column]) for c in conditions], axis=0)
    return holds


def _rows_of(column: Column, rows: Indices) -> Column:
    return column[rows] if isinstance(column, np.ndarray) else tuple(column[i] for i in rows)
