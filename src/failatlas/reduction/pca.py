"""PCA: the directions of most variance; cheap, linear, and new rows can be projected.  O(n d min(n, d))."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from failatlas.arrays import Embedding, Features
from failatlas.curves import Curve
from failatlas.errors import ShapeError, UsageError
from failatlas.reduction.reducer import reducers
from failatlas.reduction.rows import deviation, finite_rows
from failatlas.registry import Parameter

MOST = 100


@reducers.register(
    "pca",
    parameters={
        "n_components": Parameter(
            "auto", "1 … min(n − 1, d), 'auto' = min(100, n − 1, d), or 'knee'", "more keeps more of the variance"
        ),
        "standardise": Parameter("no", "yes, no", "yes gives every feature the same weight, whatever its scale"),
        "seed": Parameter(0, "≥ 0", "only decides the start of the iterative solver for large inputs"),
    },
    source="Pearson 1901; 100 components as in SAFE-compatible pipelines",
)
class Pca:
    """Principal component analysis with the explained-variance curve kept.

    Args:
        n_components: how many; ``"auto"`` takes min(100, n − 1, d), ``"knee"`` cuts where the curve of cumulated
            variance bends.
        standardise: ``"yes"`` divides every feature by its standard deviation first.
        seed: of the randomised solver, which takes over for large inputs.

    Attributes:
        mean_: (d,) float32.
        scale_: (d,) float32, ones unless standardised; constant features keep 1.
        components_: (k, d) float32, orthonormal rows; the largest entry of each is positive, so signs are stable.
    """

    mean_: NDArray[np.float32]
    scale_: NDArray[np.float32]
    components_: NDArray[np.float32]
    parameters_: dict[str, float | int | str]
    curves_: tuple[Curve, ...]
    notes_: tuple[str, ...]

    def __init__(self, n_components: int | str = "auto", standardise: str = "no", seed: int = 0) -> None:
        self.n_components = n_components
        self.standardise = standardise
        self.seed = seed

    def fit_transform(self, features: Features) -> Embedding:
        """(n, d) → (n, k); fewer than two rows, or rows all alike, give one column of zeros."""
        rows = finite_rows(features)
        self._check()
        n, d = rows.shape
        self.curves_, self.notes_ = (), ()
        self.mean_ = rows.mean(axis=0, dtype=np.float64).astype(np.float32) if n else np.zeros(d, np.float32)
        self.scale_ = deviation(rows) if self.standardise == "yes" else np.ones(d, np.float32)
        centred: Features = np.divide(rows - self.mean_, self.scale_, dtype=np.float32)
        if n < 2 or not centred.any():
            self.notes_ = (f"{n} distinct rows: no direction of variance",)
            self.components_ = np.zeros((1, d), np.float32)
            self.parameters_ = {"n_components": 1, "explained_variance": 0.0}
            return np.zeros((n, 1), np.float32)
        components, variance, total = self._solve(centred, self._limit(n, d))
        k = self._choose(variance, total)
        self.components_ = np.ascontiguousarray(components[:k], dtype=np.float32)
        self.parameters_ = {"n_components": k, "explained_variance": float(variance[:k].sum() / total)}
        return np.asarray(centred @ self.components_.T, dtype=np.float32)

    def transform(self, features: Features) -> Embedding:
        """Project new rows onto the fitted directions; raises ShapeError when their width differs."""
        rows = finite_rows(features)
        if rows.shape[1] != len(self.mean_):
            raise ShapeError(f"rows have {rows.shape[1]} features, PCA was fitted on {len(self.mean_)}")
        projected = ((rows - self.mean_) / self.scale_) @ self.components_.T
        return np.asarray(projected, dtype=np.float32)

    def _check(self) -> None:
        count = self.n_components
        if isinstance(count, str) and count not in {"auto", "knee"}:
            raise UsageError(f"n_components is {count!r}", remedy="a number, 'auto' or 'knee'")
        if not isinstance(count, str) and count < 1:
            raise UsageError(f"n_components is {count}", remedy="at least 1")
        if self.standardise not in {"yes", "no"}:
            raise UsageError(f"standardise is {self.standardise!r}", remedy="'yes' or 'no'")

    def _limit(self, n: int, d: int) -> int:
        most = min(n - 1, d)
        if isinstance(self.n_components, str):
            return min(MOST, most)
        if self.n_components > most:
            self.notes_ += (f"{most} components instead of {self.n_components}: only {n} rows of {d} features",)
        return min(self.n_components, most)

    def _solve(self, centred: Features, k: int) -> tuple[NDArray[np.float64], NDArray[np.float64], float]:
        from sklearn.decomposition import PCA

        n, d = centred.shape
        # the full solver is exact and needs no seed; it is quick up to about 2,000 on the short side
        solver = "full" if min(n, d) <= 2000 else "randomized"
        rows = centred.astype(np.float64) if solver == "full" else centred
        pca = PCA(k, svd_solver=solver, random_state=self.seed, iterated_power=7).fit(rows)
        total = float(np.square(centred, dtype=np.float64).sum() / (n - 1))
        return _signed(pca.components_), np.asarray(pca.explained_variance_, dtype=np.float64), total

    def _choose(self, variance: NDArray[np.float64], total: float) -> int:
        cumulated = np.cumsum(variance) / total
        x = np.arange(1, len(variance) + 1, dtype=np.float64)
        k, rule = len(variance), "given"
        if self.n_components == "auto":
            rule = "min(100, n − 1, d)"
        elif self.n_components == "knee":
            from failatlas.reduction.knee import kneedle

            knee = kneedle(x, cumulated, curve="concave", direction="increasing")
            k, rule = (int(knee), "knee") if knee is not None else (len(variance), "all: no knee")
        self.curves_ = (Curve("n_components", "explained variance", x, cumulated, float(k), rule),)
        return k


def _signed(components: NDArray[np.float64]) -> NDArray[np.float64]:
    """Turn every direction so that its largest entry is positive: a solver's sign is chance."""
    largest = np.abs(components).argmax(axis=1)
    signs = np.sign(components[np.arange(len(components)), largest])
    return np.asarray(components * np.where(signs == 0, 1.0, signs)[:, None], dtype=np.float64)
