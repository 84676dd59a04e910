"""Factor tree: a decision tree over the choices that make a pipeline, as data: what to ask first, and what it is worth.

Source: Breiman, Friedman, Olshen & Stone, Classification and Regression Trees, 1984, through scikit-learn; a set of
levels is split as in §4.2.2 there: ordered by their mean, the best set is a first stretch of that order.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from failatlas.arrays import Vector

MAX_DEPTH = 3
_LEAST_GAIN = 0.01  # of the variance: a split that explains less is a tale about chance


@dataclass(frozen=True, slots=True)
class Node:
    """One question of the tree, or a leaf.

    Attributes:
        n: pipelines here.
        mean: of the outcome over them.
        factor: what is asked; empty in a leaf.
        levels: of the factor that lead to ``yes``, the better side.
        others: levels that lead to ``no``.
        yes, no: where it goes on; None in a leaf.
    """

    n: int
    mean: float
    factor: str = ""
    levels: tuple[str, ...] = ()
    others: tuple[str, ...] = ()
    yes: Node | None = None
    no: Node | None = None

    @property
    def question(self) -> str:
        """The question whose answer "yes" is the better one, the shorter list named; empty in a leaf.

        >>> Node(9, 0.8, "reducer", ("umap",), ("none", "pca")).question
        'reducer is umap'
        >>> Node(9, 0.8, "reducer", ("pca", "umap"), ("none",)).question
        'reducer is not none'
        """
        if not self.factor:
            return ""
        is_short = len(self.levels) <= len(self.others)
        listed = self.levels if is_short else self.others
        return f"{self.factor} is {'' if is_short else 'not '}{_either(listed)}"

    def walk(self) -> Iterator[Node]:
        """This node and all below it, the better side first."""
        yield self
        for child in (self.yes, self.no):
            if child is not None:
                yield from child.walk()

    def to_json(self) -> dict[str, object]:
        """Plain values; a leaf has ``n`` and ``mean`` alone."""
        said: dict[str, object] = {"n": self.n, "mean": self.mean}
        if self.yes is not None and self.no is not None:
            said |= {"question": self.question, "factor": self.factor, "levels": list(self.levels)}
            said |= {"yes": self.yes.to_json(), "no": self.no.to_json()}
        return said


def _either(levels: Sequence[str]) -> str:
    return levels[0] if len(levels) == 1 else f"{', '.join(levels[:-1])} or {levels[-1]}"


def factor_tree(choices: Mapping[str, Sequence[str]], outcome: Vector) -> tuple[Node, dict[str, float]]:
    """Grow the tree: at most 3 questions deep, no leaf of fewer than 3 pipelines or of less than a twentieth of them.

    Args:
        choices: factor → level of each pipeline, (n,) each.
        outcome: (n,) finite, higher is better; n ≥ 1.

    Returns:
        The tree, and for each factor its share of the variance that the tree explains (they add up to 1; all 0 when
        nothing is worth asking). Levels are ordered by their mean over all pipelines, so below the root a set of levels
        may be split a little less well than is possible.
    """
    from sklearn.tree import DecisionTreeRegressor

    orders = {factor: _by_mean(levels, outcome) for factor, levels in choices.items()}
    codes = np.array([[orders[f].index(level) for level in levels] for f, levels in choices.items()], np.float64).T
    n, variance = len(outcome), float(np.var(outcome))
    model = DecisionTreeRegressor(
        max_depth=MAX_DEPTH,
        min_samples_leaf=max(3, -(-n // 20)),
        # equal values leave rounding, not variance
        min_impurity_decrease=_LEAST_GAIN * max(variance, 1e-12),
        random_state=0,  # decides between equally good questions only
    ).fit(codes, outcome)
    importances = dict(zip(choices, model.feature_importances_.tolist(), strict=True))
    return _node(model.tree_, 0, codes, np.arange(n), outcome, orders), importances


def _by_mean(levels: Sequence[str], outcome: Vector) -> list[str]:
    named = np.array(levels)
    return sorted(set(levels), key=lambda level: (float(outcome[named == level].mean()), level))


def _node(
    tree: Any,  # scikit-learn's compiled one, which has no type
    at: int,
    codes: Vector,
    rows: NDArray[np.int64],
    outcome: Vector,
    orders: Mapping[str, list[str]],
) -> Node:
    n, mean = len(rows), float(outcome[rows].mean())
    left, right = int(tree.children_left[at]), int(tree.children_right[at])
    if left == right:
        return Node(n, mean)
    column = int(tree.feature[at])
    factor = list(orders)[column]
    is_high = codes[rows, column] > float(tree.threshold[at])
    high, low = rows[is_high], rows[~is_high]
    sides = [(_node(tree, child, codes, part, outcome, orders), part) for child, part in ((right, high), (left, low))]
    # an order by means over all pipelines can turn round below the root
    (yes, upper), (no, lower) = sorted(sides, key=lambda side: -side[0].mean)
    named = [
        tuple(level for code, level in enumerate(orders[factor]) if (codes[part, column] == code).any())
        for part in (upper, lower)
    ]
    return Node(n, mean, factor, named[0], named[1], yes, no)
