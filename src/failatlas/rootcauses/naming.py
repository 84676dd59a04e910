"""Naming: a proposal for what to call a cluster, from words that the describers' figures support."""

from __future__ import annotations

from collections.abc import Iterable

from failatlas.rootcauses.rootcause import Description

LONGEST = 60  # characters
NOISE_NAME = "in no cluster"
NAMELESS = "no common trait found"
_FIRST = ("confusion", "contrasts", "rules")


def propose(descriptions: Iterable[Description]) -> str:
    """Words of the confusion, then of the contrasts, then of other describers, as many as fit into 60 characters.

    A rule's comparisons are used only when the contrasts have no word: they speak of the same properties.

    >>> propose([Description("contrasts", "…", ("dark",)), Description("confusion", "…", ("Shirt taken for Coat",))])
    'Shirt taken for Coat, dark'
    """
    by_part = {one.describer: one.words for one in descriptions}
    if by_part.get("contrasts"):
        by_part["rules"] = tuple(word for word in by_part.get("rules", ()) if not set(word) & set("<>≤"))
    parts = [part for part in _FIRST if part in by_part] + sorted(part for part in by_part if part not in _FIRST)
    name = ""
    for part in parts:
        for word in by_part[part]:
            longer = f"{name}, {_clean(word)}" if name else _clean(word)
            if len(longer) <= LONGEST:
                name = longer
    return name or NAMELESS


def _clean(word: str) -> str:
    """One printable line: labels and columns come from files of strangers."""
    return " ".join("".join(c if c.isprintable() else " " for c in word).split())
