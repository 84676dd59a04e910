"""Statistics: intervals, effect sizes and corrections; thin over SciPy, which is imported when first needed.

A rate or mean never travels alone: it comes as an :class:`Interval` with the n behind it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from failatlas.arrays import Vector
from failatlas.errors import DataError, ShapeError

CONFIDENCE = 0.95


@dataclass(frozen=True, slots=True)
class Interval:
    """A number with its 95 % interval and the n behind it; ``method`` names the interval.

    With nothing to measure (n = 0) ``value`` is nan and the bounds span all that is possible.
    """

    value: float
    low: float
    high: float
    n: int
    method: str


def wilson(successes: int, n: int) -> Interval:
    """Wilson score interval of a rate; the one to show: its coverage is near 95 % on average, even for small n.

    Raises:
        DataError: not 0 ≤ successes ≤ n.

    Source: Wilson, JASA 22, 1927, through SciPy.

    >>> interval = wilson(31, 100)
    >>> round(interval.low, 3), interval.value, round(interval.high, 3)
    (0.228, 0.31, 0.406)
    """
    return _proportion(successes, n, "wilson")


def clopper_pearson(successes: int, n: int) -> Interval:
    """Exact (Clopper–Pearson) interval of a rate; coverage is never below 95 %, so gates and evidence use it.

    Raises:
        DataError: not 0 ≤ successes ≤ n.

    Source: Clopper & Pearson, Biometrika 26, 1934, through SciPy.

    >>> clopper_pearson(0, 0)
    Interval(value=nan, low=0.0, high=1.0, n=0, method='clopper-pearson')
    """
    return _proportion(successes, n, "clopper-pearson")


def bootstrap_mean(values: ArrayLike, *, seed: int, method: str = "bca", resamples: int = 2000) -> Interval:
    """Bootstrap interval of a mean.

    Args:
        values: (n,) finite numbers.
        seed: of the resampling; derive it, e.g. ``derive(seed, "stability")``.
        method: ``"bca"`` (bias-corrected and accelerated) or ``"percentile"``.
        resamples: how many; the bounds move by about 1/√resamples of their width.

    Returns:
        The interval; n < 2 gives the value with bounds -inf and inf, for one value says nothing about spread; equal
        values give a width of zero.

    Raises:
        DataError: a value is not finite, or the method is unknown.

    Source: Efron, JASA 82, 1987, through SciPy.
    """
    if method not in {"bca", "percentile"}:
        raise DataError(f"unknown bootstrap method {method!r}", remedy="use 'bca' or 'percentile'")
    x = _finite(values)
    name = f"bootstrap {method}"
    if len(x) < 2:
        return Interval(float(x[0]) if len(x) else math.nan, -math.inf, math.inf, len(x), name)
    mean = float(x.mean())
    if np.ptp(x) == 0:
        # BCa's acceleration would be 0/0
        return Interval(mean, mean, mean, len(x), name)
    from scipy.stats import bootstrap

    with np.errstate(all="ignore"):
        low, high = bootstrap(
            (x,),
            np.mean,
            n_resamples=resamples,
            confidence_level=CONFIDENCE,
            method="BCa" if method == "bca" else "percentile",
            rng=np.random.default_rng(seed),
        ).confidence_interval
    return Interval(mean, float(low), float(high), len(x), name)


def cliffs_delta(a: ArrayLike, b: ArrayLike) -> float:
    """P(a > b) − P(a < b) in [-1, 1]: how much a lies above b; 0 = no difference, nan when either is empty.

    |δ| < 0.147 is usually called negligible, < 0.33 small, < 0.474 medium, else large (Romano et al., 2006).

    Source: Cliff, Psychological Bulletin 114, 1993. O((n + m) log) by ranks: δ = 2U/(nm) − 1.

    >>> cliffs_delta([3, 4], [1, 2]), cliffs_delta([1, 2], [1, 2])
    (1.0, 0.0)
    """
    x, y = _finite(a), _finite(b)
    if not len(x) or not len(y):
        return math.nan
    from scipy.stats import rankdata

    ranks = rankdata(np.concatenate([x, y]))
    n, m = len(x), len(y)
    u = float(ranks[:n].sum()) - n * (n + 1) / 2
    return 2 * u / (n * m) - 1


def vargha_delaney(a: ArrayLike, b: ArrayLike) -> float:
    """A12 = P(a > b) + ½ P(a = b) in [0, 1]; 0.5 = no difference, 1 = every a above every b, nan when either is empty.

    0.56 is usually called small, 0.64 medium, 0.71 large; below 0.5 the same distances on the other side.

    Source: Vargha & Delaney, Journal of Educational and Behavioral Statistics 25, 2000.

    >>> vargha_delaney([3, 4], [1, 2]), vargha_delaney([1, 2], [1, 2])
    (1.0, 0.5)
    """
    return (cliffs_delta(a, b) + 1) / 2


def mann_whitney(a: ArrayLike, b: ArrayLike) -> float:
    """Two-sided p value of "neither sample lies above the other"; 1 = all values are equal, nan = one is empty.

    Exact for small samples without ties, else the normal approximation with tie and continuity correction.

    Source: Mann & Whitney, Annals of Mathematical Statistics 18, 1947, through SciPy.

    >>> round(mann_whitney([1, 2, 3], [4, 5, 6]), 6)  # 2 of the 20 orders are as far apart
    0.1
    """
    x, y = _finite(a), _finite(b)
    if not len(x) or not len(y):
        return math.nan
    if np.ptp(np.concatenate([x, y])) == 0:
        return 1.0  # the approximation would be 0/0
    from scipy.stats import mannwhitneyu

    return float(mannwhitneyu(x, y).pvalue)


def wilcoxon(a: ArrayLike, b: ArrayLike) -> float:
    """Two-sided p value of "pairs differ in neither direction"; 1 when no pair differs, nan when there is none.

    Equal pairs are left out. Exact up to 50 pairs, ties included; SciPy's exact form has no ties, and its permutations
    take a tenth of a second for a dozen pairs. Beyond 50 its normal approximation.

    Raises:
        ShapeError: the two are not equally long.

    Source: Wilcoxon, Biometrics Bulletin 1, 1945 (signed-rank test); ties as in Pratt & Gibbons, 1981, §3.7.

    >>> wilcoxon([1, 3, 5, 7], [0, 1, 2, 3])  # 2 of the 16 patterns of signs are as far out
    0.125
    """
    x, y = _finite(a), _finite(b)
    if len(x) != len(y):
        raise ShapeError(f"pairs need equally many values, got {len(x)} and {len(y)}")
    difference = (x - y)[x != y]
    if not len(difference):
        return 1.0 if len(x) else math.nan
    from scipy.stats import rankdata
    from scipy.stats import wilcoxon as signed_rank

    if len(difference) > 50:
        return float(signed_rank(difference, method="asymptotic").pvalue)
    # twice the ranks are whole even where ties share one; every sign is as likely as the other
    ranks = np.rint(2 * rankdata(np.abs(difference))).astype(np.int64)
    patterns = np.ones(1)
    for rank in ranks:
        patterns = (np.pad(patterns, (0, rank)) + np.pad(patterns, (rank, 0))) / 2
    above = int(ranks[difference > 0].sum())
    least = min(above, int(ranks.sum()) - above)
    return min(1.0, 2 * float(patterns[: least + 1].sum()))


def holm(p: ArrayLike) -> Vector:
    """p-values corrected for having tested m hypotheses; family-wise error is kept without assuming independence.

    Args:
        p: (m,) in [0, 1].

    Returns:
        (m,) float64 in the same order; reject where ≤ α.

    Raises:
        DataError: a value lies outside [0, 1].

    Source: Holm, Scandinavian Journal of Statistics 6, 1979.

    >>> holm([0.01, 0.04, 0.03])
    array([0.03, 0.06, 0.06])
    """
    values = _finite(p)
    if len(values) and not (values.min() >= 0 and values.max() <= 1):
        raise DataError("p-values must lie in [0, 1]")
    order = np.argsort(values, kind="stable")
    stepped = np.maximum.accumulate(values[order] * np.arange(len(values), 0, -1))
    corrected = np.empty_like(values)
    corrected[order] = np.minimum(stepped, 1.0)
    return corrected


def circular_mean(angle_deg: ArrayLike) -> float:
    """Mean direction in [0, 360) degrees; nan when empty. 359° and 1° average to 0°, not 180°.

    Where the angles cancel out (variance 1) no direction is meant by it.

    >>> round(circular_mean([350, 30]), 6)
    10.0
    """
    resultant = _resultant(angle_deg)
    # a second % because -1e-15 % 360 rounds to 360.0
    return float(np.degrees(np.angle(resultant)) % 360.0 % 360.0)


def circular_variance(angle_deg: ArrayLike) -> float:
    """1 − length of the mean direction, in [0, 1]; 0 = all point one way, nan when empty.

    Source: Mardia & Jupp, Directional Statistics, 2000, §2.3.

    >>> round(circular_variance([0, 90, 180, 270]), 6), round(circular_variance([10, 10]), 6)
    (1.0, 0.0)
    """
    resultant = _resultant(angle_deg)
    return min(max(1.0 - abs(resultant), 0.0), 1.0) if resultant == resultant else math.nan


def _proportion(successes: int, n: int, method: str) -> Interval:
    if not 0 <= successes <= n:
        raise DataError(f"{successes} successes of {n}", remedy="0 ≤ successes ≤ n must hold")
    if n == 0:
        return Interval(math.nan, 0.0, 1.0, 0, method)
    from scipy.stats import binomtest

    interval = binomtest(successes, n).proportion_ci(CONFIDENCE, "exact" if method == "clopper-pearson" else method)
    return Interval(successes / n, float(interval.low), float(interval.high), n, method)


def _resultant(angle_deg: ArrayLike) -> complex:
    angles = np.radians(_finite(angle_deg))
    return complex(np.exp(1j * angles).mean()) if len(angles) else complex(math.nan, math.nan)


def _finite(values: ArrayLike | Sequence[float]) -> Vector:
    array = np.asarray(values, dtype=np.float64)
    if array.ndim != 1:
        raise ShapeError(f"expected one row of numbers, got shape {array.shape}")
    if not np.isfinite(array).all():
        raise DataError("values are not finite", remedy="drop the missing ones first")
    return array
