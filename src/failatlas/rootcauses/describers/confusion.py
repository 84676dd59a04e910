"""Confusion: whether one mix-up dominates a cluster."""

from __future__ import annotations

from collections import Counter

from failatlas.rootcauses.describers.describer import Context, describers
from failatlas.rootcauses.rootcause import Description

_DOMINATES = 0.5  # of the members
_LONGEST_LABEL = 24


@describers.register("confusion", source="counts")
class Confusion:
    """The expected and predicted texts that most members share."""

    def describe(self, context: Context) -> Description | None:
        """Says the mix-up of at least half of the members, else their common expected or predicted text."""
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
        return None


def _description(count: int, size: int, words: str) -> Description:
    return Description("confusion", f"{count} of {size}: {words}.", (words,))


def _short(label: str) -> str:
    return label if len(label) <= _LONGEST_LABEL else label[: _LONGEST_LABEL - 1].rstrip() + "…"
