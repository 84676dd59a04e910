"""Confusion: whether one mix-up dominates a cluster."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from itertools import combinations

from failatlas.rootcauses.describers.describer import Context, describers
from failatlas.rootcauses.rootcause import Description

_DOMINATES = 0.5  # of the members
_LONGEST_LABEL = 24
_LIFT = 1.25  # times the share among all error-inducing images
_CANDIDATES = 8  # most involved classes among which mixed-up groups are looked for


@describers.register("confusion", source="counts")
class Confusion:
    """The expected and predicted texts that most members share."""

    def describe(self, context: Context) -> Description | None:
        """Says the mix-up of at least half of the members, else their common expected or predicted text, else the
        two or three classes that are mixed up among them.
        """
        cause = context.cause
        expected: Counter[str] = Counter()
        predicted: Counter[str] = Counter()
        for right, wrong, count in cause.confusion:
            expected[right] += count
            predicted[wrong] += count
        if not cause.confusion:
            return None
        (right, wrong, count) = cause.confusion[0]
        if count >= _DOMINATES * cause.size:
            return _description(count, cause.size, f"{_short(right)} taken for {_short(wrong)}")
        right, count = expected.most_common(1)[0]
        if count >= _DOMINATES * cause.size:
            return _description(count, cause.size, f"{_short(right)} not recognised")
        wrong, count = predicted.most_common(1)[0]
        if count >= _DOMINATES * cause.size:
            return _description(count, cause.size, f"taken for {_short(wrong)}")
        return _mixed_up(context)


def _mixed_up(context: Context) -> Description | None:
    """The two, else three classes between which at least half of the members are confused; None if there are none.

    And clearly more of them than of all error-inducing images: three of four classes cover half of anything.
    """
    confusion, size = context.cause.confusion, context.cause.size
    involved: Counter[str] = Counter()
    for right, wrong, count in confusion:
        involved[right] += count
        involved[wrong] += count
    likely = [name for name, _ in involved.most_common(_CANDIDATES)]
    for n_classes in (2, 3):
        groups = {
            group: sum(count for right, wrong, count in confusion if right in group and wrong in group)
            for group in combinations(likely, n_classes)
        }
        if not groups:
            return None
        group = max(groups, key=lambda names: groups[names])
        if groups[group] >= max(_DOMINATES, _LIFT * _share_of_errors(context, group)) * size:
            *first, last = (_short(name) for name in group)
            return _description(groups[group], size, f"{', '.join(first)} and {last} mixed up")
    return None


def _share_of_errors(context: Context, group: Sequence[str]) -> float:
    outcomes = context.outcomes
    errors = [
        right in group and wrong in group
        for right, wrong, is_error in zip(outcomes.expected, outcomes.predicted, outcomes.is_error, strict=True)
        if is_error
    ]
    return sum(errors) / len(errors) if errors else 0.0


def _description(count: int, size: int, words: str) -> Description:
    return Description("confusion", f"{count} of {size}: {words}.", (words,))


def _short(label: str) -> str:
    return label if len(label) <= _LONGEST_LABEL else label[: _LONGEST_LABEL - 1].rstrip() + "…"
