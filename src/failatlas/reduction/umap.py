"""UMAP: neighbours stay neighbours in few dimensions; the reduction of the best pipelines.  ~3 s for 2,000 rows.

umap-learn does the work, by its two public steps (graph → embedding) instead of its estimator. The estimator searches
neighbours with pynndescent, whose first use in a process compiles for ~20 s, and keeps none of its machine code; here
neighbours are exact, the graph is NumPy, and the one compiled loop is cached on disk. Measured at 2,000 × 50 → 25
dimensions, import included: first fit of a process 19 s (estimator) → 5 s; 40 s → 22 s once after installation.
"""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import ModuleType
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from failatlas.arrays import Embedding, Features
from failatlas.curves import Curve
from failatlas.errors import UsageError
from failatlas.reduction.neighbours import nearest
from failatlas.reduction.pca import Pca
from failatlas.reduction.reducer import reducers
from failatlas.reduction.rows import deviation, finite_rows
from failatlas.registry import Parameter

if TYPE_CHECKING:
    from scipy.sparse import coo_matrix

FEWEST = 50  # below, neighbourhoods of 15 are most of the set and PCA says more
COMPONENTS = 25


@reducers.register(
    "umap",
    parameters={
        "n_components": Parameter(COMPONENTS, "1 … n − 2", "more keeps more structure and costs more"),
        "n_neighbors": Parameter(15, "2 … n − 1", "more looks at coarser structure"),
        "min_dist": Parameter(0.1, "0 … 0.99", "more spreads members of a cluster apart"),
        "n_epochs": Parameter("auto", "≥ 1, or 'auto' = 500 up to 10,000 rows, 200 beyond", "more settles better"),
        "seed": Parameter(0, "≥ 0", "another seed gives another, equally valid embedding"),
    },
    source="McInnes, Healy & Melville 2018, through umap-learn",
)
class Umap:
    """Uniform manifold approximation of standardised features, in 25 dimensions, the same for the same seed.

    Args:
        n_components: width of the embedding; at most n − 2.
        n_neighbors: size of a neighbourhood, the row itself included, as umap-learn counts.
        min_dist: smallest distance that neighbours keep in the embedding.
        n_epochs: passes of the optimiser.
        seed: of the optimiser.

    Fewer than 50 rows, or fewer than three different ones, fall back to PCA and say so in ``notes_``. New rows cannot
    be projected; compare them in feature space (``clustering.assignment``).

    Source: McInnes et al., arXiv 1802.03426. Ours: exact neighbours; one thread.
    """

    parameters_: dict[str, float | int | str]
    curves_: tuple[Curve, ...]
    notes_: tuple[str, ...]

    def __init__(
        self,
        n_components: int = COMPONENTS,
        n_neighbors: int = 15,
        min_dist: float = 0.1,
        n_epochs: int | str = "auto",
        seed: int = 0,
    ) -> None:
        self.n_components = n_components
        self.n_neighbors = n_neighbors
        self.min_dist = min_dist
        self.n_epochs = n_epochs
        self.seed = seed

    def fit_transform(self, features: Features) -> Embedding:
        """(n, d) → (n, k) float32."""
        rows = finite_rows(features)
        self._check()
        self.curves_, self.notes_ = (), ()
        n = len(rows)
        if n < FEWEST:
            return self._by_pca(rows, f"n = {n} < {FEWEST}: PCA instead of UMAP")
        rows = (rows - rows.mean(axis=0, dtype=np.float64).astype(np.float32)) / deviation(rows)
        k = min(self.n_components, n - 2)
        n_neighbors = min(self.n_neighbors, n - 1)
        if k < self.n_components or n_neighbors < self.n_neighbors:
            self.notes_ += (f"{k} dimensions and {n_neighbors} neighbours, for there are only {n} rows",)
        if len(np.unique(rows[:: max(1, n // 1000)], axis=0)) < 3 and len(np.unique(rows, axis=0)) < 3:
            return self._by_pca(rows, "fewer than 3 different rows: PCA instead of UMAP")
        embedding = embed(
            rows,
            graph(rows, n_neighbors),
            n_components=k,
            min_dist=self.min_dist,
            n_epochs=None if isinstance(self.n_epochs, str) else self.n_epochs,
            seed=self.seed,
        )
        if not np.isfinite(embedding).all():
            return self._by_pca(rows, "UMAP did not converge on these rows: PCA instead")
        self.parameters_ = {
            "n_components": k,
            "n_neighbors": n_neighbors,
            "min_dist": self.min_dist,
            "n_epochs": self.n_epochs,
        }
        return embedding

    def _check(self) -> None:
        if self.n_components < 1 or self.n_neighbors < 2:
            raise UsageError(
                f"umap with {self.n_components} components and {self.n_neighbors} neighbours",
                remedy="n_components ≥ 1 and n_neighbors ≥ 2",
            )
        if not 0 <= self.min_dist < 1:
            raise UsageError(f"min_dist is {self.min_dist}", remedy="0 ≤ min_dist < 1")
        if self.n_epochs != "auto" and (isinstance(self.n_epochs, str) or self.n_epochs < 1):
            raise UsageError(f"n_epochs is {self.n_epochs!r}", remedy="a number ≥ 1 or 'auto'")

    def _by_pca(self, rows: Features, note: str) -> Embedding:
        most = max(1, min(len(rows) - 1, rows.shape[1]))
        pca = Pca(min(self.n_components, most), standardise="yes", seed=self.seed)
        embedding = pca.fit_transform(rows)
        self.parameters_ = {"fallback": "pca", **pca.parameters_}
        self.curves_ = pca.curves_
        self.notes_ += (note, *pca.notes_)
        return embedding


def graph(rows: Features, n_neighbors: int) -> coo_matrix:
    """(n, n) symmetric sparse float32 weights in (0, 1]: how surely two rows are neighbours.

    Source: McInnes et al., algorithms 2–4. Each row's distances are shifted by its nearest and scaled so that its
    memberships sum to log2(k); then w ← w + wᵀ − w∘wᵀ.
    """
    from scipy.sparse import coo_matrix

    indices, distances = nearest(rows, n_neighbors)
    strengths = _memberships(distances.astype(np.float64))
    n = len(rows)
    heads = np.repeat(np.arange(n, dtype=np.int32), n_neighbors)
    one_way = coo_matrix(
        (strengths.astype(np.float32).ravel(), (heads, indices.astype(np.int32).ravel())), shape=(n, n)
    )
    one_way.eliminate_zeros()
    other_way = one_way.transpose()
    both = (one_way + other_way - one_way.multiply(other_way)).tocoo()
    both.eliminate_zeros()
    return both


def embed(
    rows: Features,
    weights: coo_matrix,
    *,
    n_components: int,
    min_dist: float,
    n_epochs: int | None,
    seed: int,
    init: str | Embedding = "spectral",
) -> Embedding:
    """Lay a neighbour graph out in ``n_components`` dimensions, on one thread; same seed, same bytes."""
    steps, state = _umap_learn(), np.random.RandomState(seed)
    with _quiet():
        a, b = steps.find_ab_params(1.0, min_dist)
        embedding, _ = steps.simplicial_set_embedding(
            rows,
            weights,
            n_components,
            initial_alpha=1.0,
            a=a,
            b=b,
            gamma=1.0,
            negative_sample_rate=5,
            n_epochs=n_epochs,
            init=init,
            random_state=state,
            metric="euclidean",
            metric_kwds={},
            densmap=False,
            densmap_kwds={},
            output_dens=False,
            parallel=False,
        )
    return np.ascontiguousarray(embedding, dtype=np.float32)


def _memberships(distances: NDArray[np.float64]) -> NDArray[np.float64]:
    """(n, k) sorted distances, self first → memberships in [0, 1]; the row itself gets 0."""
    n, k = distances.shape
    positive = distances > 0
    nearest_positive = np.where(positive.any(axis=1), distances[np.arange(n), positive.argmax(axis=1)], 0.0)
    beyond = np.maximum(distances - nearest_positive[:, None], 0.0)[:, 1:]
    low, high, scale = np.zeros(n), np.full(n, np.inf), np.ones(n)
    target = np.log2(k)
    for _ in range(64):
        total = np.exp(-beyond / scale[:, None]).sum(axis=1)
        active = np.abs(total - target) >= 1e-5
        if not active.any():
            break
        above = total > target
        high = np.where(active & above, scale, high)
        low = np.where(active & ~above, scale, low)
        middle = np.where(np.isinf(high), scale * 2, (low + high) / 2)
        scale = np.where(active, middle, scale)
    # a scale far below the row's own distances would make all memberships but one vanish
    floor = np.where(nearest_positive > 0, distances.mean(axis=1), distances.mean())
    scale = np.maximum(scale, 1e-3 * floor)
    strengths = np.zeros((n, k))
    strengths[:, 1:] = np.exp(-beyond / np.where(scale > 0, scale, 1.0)[:, None])
    return strengths


def _umap_learn() -> ModuleType:
    """The module with umap-learn's steps, imported quietly, with its compiled loop cached on disk."""
    _find_cache()
    with _quiet():
        from umap import layouts, umap_
    # umap-learn compiles its optimiser anew in every process (1–14 s); Numba can keep it beside its other code
    loop = getattr(layouts, "_nb_optimize_layout_euclidean_single_epoch", None)
    if loop is not None and not loop.signatures:
        with suppress(AttributeError, RuntimeError):  # without, it is slower, not wrong
            loop.enable_caching()
    steps: ModuleType = umap_
    return steps


def _find_cache() -> None:
    """Importing umap-learn fails where Numba may write nowhere (read-only home and installation): lend it a folder."""
    from importlib.util import find_spec

    from numba import config

    if config.CACHE_DIR:
        return
    spec = find_spec("umap")
    beside = os.path.join(os.path.dirname(spec.origin or ""), "__pycache__") if spec else ""
    home = os.path.expanduser("~")
    if not os.access(beside, os.W_OK) and not os.access(home, os.W_OK):
        # private to this process: nobody else can put code there
        folder = tempfile.mkdtemp(prefix="failatlas-numba-")
        atexit.register(shutil.rmtree, folder, ignore_errors=True)
        config.CACHE_DIR = folder


@contextmanager
def _quiet() -> Iterator[None]:
    """umap-learn warns of missing TensorFlow and of eigenvectors it then replaces: nothing a reader can act on."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
