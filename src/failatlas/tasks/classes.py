"""Class order: which output of the network means which class, and who says so."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ClassOrder:
    """Class names in output order, and their source, e.g. ``"--classes"`` or ``"sorted labels"``."""

    names: tuple[str, ...]
    source: str


def class_order(given: Sequence[str], of_model: Sequence[str], labels: Iterable[str | None]) -> ClassOrder:
    """The class order: what the user says, else what the model carries, else the labels, sorted.

    Labels that are all whole numbers are sorted as numbers. A network trained on folders named 0 … 10 may have learned
    them in the order of text (0, 1, 10, 2 …): the doctor's label alignment finds that out.

    >>> class_order((), (), ["10", "9", None, "9"])
    ClassOrder(names=('9', '10'), source='labels sorted as numbers')
    """
    if given:
        return ClassOrder(tuple(given), "--classes")
    if of_model:
        return ClassOrder(tuple(of_model), "the model")
    names = {label for label in labels if label is not None}
    if names and all(name.isascii() and name.isdigit() for name in names):
        return ClassOrder(tuple(sorted(names, key=lambda name: (int(name), name))), "labels sorted as numbers")
    return ClassOrder(tuple(sorted(names)), "sorted labels")
