"""Confusion: what was expected and what the network said, counted over a cluster."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable


def confusion(expected: Iterable[str], predicted: Iterable[str]) -> tuple[tuple[str, str, int], ...]:
    """(expected, predicted, count), most frequent first; of equals by name.

    >>> confusion(["cat", "dog", "cat"], ["dog", "cat", "dog"])
    (('cat', 'dog', 2), ('dog', 'cat', 1))
    """
    counted = Counter(zip(expected, predicted, strict=True))
    return tuple((*pair, count) for pair, count in sorted(counted.items(), key=lambda item: (-item[1], item[0])))
