"""Contrasts: in which measured properties a cluster differs from other images, in words.

A word must hold twice: against all other images, and against those of which the same was expected as of the member they
are compared with; shirts that are dark as all shirts are do not fail for being dark, and a mixture of shirts and coats
is not brighter than sandals for a reason of its own.
"""

from __future__ import annotations

from collections import Counter

import numpy as np

from failatlas.arrays import Vector
from failatlas.rootcauses.columns import numbers
from failatlas.rootcauses.contrasts import FEWEST, Contrast, stratified
from failatlas.rootcauses.describers.describer import Context, describers
from failatlas.rootcauses.describers.figures import number
from failatlas.rootcauses.rootcause import Description

# property → (word for low, word for high); a name that is not here says "low NAME", "high NAME"
_WORDS = {
    "brightness": ("dark", "bright"),
    "contrast": ("low contrast", "high contrast"),
    "saturation": ("pale", "colourful"),
    "redness": ("less red", "reddish"),
    "greenness": ("less green", "greenish"),
    "blueness": ("less blue", "bluish"),
    "blur": ("sharp", "blurred"),
    "edge_density": ("little detail", "much detail"),
    "entropy": ("few tones", "many tones"),
    "noise": ("smooth", "grainy"),
    "width": ("few pixels wide", "many pixels wide"),
    "height": ("few pixels high", "many pixels high"),
    "aspect": ("tall format", "wide format"),
}
_LEAST_DELTA = 0.33  # below: "negligible" or "small" (Romano et al., 2006)
_SAME = 0.7  # |correlation| from which two properties say the same thing
_MOST = 3


@describers.register("contrasts", source="Cliff 1993; Mann–Whitney U with Holm's correction")
class Contrasts:
    """The strongest differences that are neither chance nor the class's own."""

    def describe(self, context: Context) -> Description | None:
        """Says up to three differences, no two of which measure the same thing."""
        columns = numbers(context.columns)
        within = {one.name: one for one in _within_class(context, columns)}
        chosen: list[Contrast] = []
        for one in context.contrasts:
            same_class = within.get(one.name, one)
            certain = _is_strong(one) and _is_strong(same_class) and one.delta * same_class.delta > 0
            if certain and not any(_is_same(columns[one.name], columns[other.name]) for other in chosen):
                chosen.append(one)
            if len(chosen) == _MOST:
                break
        if not chosen:
            return None
        found = "; ".join(
            f"{word(one)} ({_plain(one.name)} {number(one.mean)}, all images {number(one.mean_all)}, "
            f"Cliff's delta {one.delta:+.2f})"
            for one in chosen
        )
        return Description("contrasts", f"{found[0].upper()}{found[1:]}.", tuple(word(one) for one in chosen))


def word(contrast: Contrast) -> str:
    """The word for a difference.

    >>> word(Contrast("brightness", 0.2, 0.5, -0.8, 0.001)), word(Contrast("head_yaw_deg", 40, 2, 0.7, 0.001))
    ('dark', 'high head yaw')
    """
    low, high = _WORDS.get(contrast.name, (f"low {_plain(contrast.name)}", f"high {_plain(contrast.name)}"))
    return low if contrast.delta < 0 else high


def _within_class(context: Context, columns: dict[str, Vector]) -> tuple[Contrast, ...]:
    """Contrasts between images with the same expected text; none where most members have no others to go with."""
    expected, members = context.outcomes.expected, context.is_member
    others = Counter(text for text, inside in zip(expected, members, strict=True) if not inside)
    known = {text: i for i, text in enumerate(sorted(others)) if others[text] >= FEWEST}
    strata = np.array([known.get(text, -1) for text in expected], np.int64)
    if (strata[context.members] >= 0).sum() < len(context.members) / 2:
        return ()
    return stratified({one.name: columns[one.name] for one in context.contrasts}, members, ~members, strata)


def _is_strong(contrast: Contrast) -> bool:
    return contrast.is_certain() and abs(contrast.delta) >= _LEAST_DELTA


def _is_same(one: Vector, other: Vector) -> bool:
    finite = np.isfinite(one) & np.isfinite(other)
    a, b = one[finite], other[finite]
    if len(a) < 3 or np.ptp(a) == 0 or np.ptp(b) == 0:
        return False
    return bool(abs(np.corrcoef(a, b)[0, 1]) >= _SAME)


def _plain(name: str) -> str:
    for unit in ("_deg", "_px", "_s", "_m", "_mm"):
        name = name.removesuffix(unit)
    return name.replace("_", " ")
