"""Figures: numbers as the sentences of describers show them."""

from __future__ import annotations

from failatlas.statistics import Interval


def percent(interval: Interval) -> str:
    """A share with its interval and its n.

    >>> percent(Interval(0.312, 0.24, 0.391, 41, "wilson"))
    '31 % [24, 39] (n = 41)'
    """
    return f"{100 * interval.value:.0f} % [{100 * interval.low:.0f}, {100 * interval.high:.0f}] (n = {interval.n})"


def number(value: float) -> str:
    """Three digits, no exponent for ordinary sizes.

    >>> number(0.21349), number(1234.5), number(0.0)
    ('0.213', '1234', '0')
    """
    return f"{value:.0f}" if abs(value) >= 1000 and abs(value) < 1e15 else f"{value:.3g}"


def images(n: int) -> str:
    """A count with its noun.

    >>> images(1), images(41)
    ('1 image', '41 images')
    """
    return f"{n} image{'' if n == 1 else 's'}"
