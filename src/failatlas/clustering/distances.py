"""Distances: exact Euclidean distances of rows too wide for memory, by streamed matrix products.

Rows lie on disk in shards; a block of columns of all rows is in memory at a time, and each block adds its products to
one (n, n) float32 matrix: memory 4 n² bytes and one block, time a symmetric rank-k update (half a matrix product).
Measured (1,000 × 50,000, one thread): 1.4 µs a pair, of which the bare update 1.1; a pair loop 34, SciPy's pdist 20.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from failatlas.arrays import Distances, Features, Indices
from failatlas.errors import DataError, ShapeError

# rows of one shard, (b, D) of any float type; a memory map, or a function that opens one
Shard = NDArray[np.floating[Any]] | Callable[[], NDArray[np.floating[Any]]]

BLOCK = 8192  # columns at a time
_CELLS = 2**23  # a block holds at most so many numbers: 32 MB, and as much again when centred
# below this share of |x|² + |y|², float32 products lose the difference: 26 % wrong at |x − y| = 0.001 |x|; 2e-2 keeps
# every distance to 3e-5
NEAR = 2e-2
_MANY = 64  # near pairs a row beyond which a float64 product is cheaper than going pair by pair


class DistanceAccumulator:
    """Pairwise distances of n rows, fed with blocks of their columns.

    Each block is centred by its column means, which changes no distance and keeps numbers small. When the blocks
    have passed, pairs that lie too near for float32 are known; feeding the same blocks to :meth:`refine` recomputes
    them from float64.

    Args:
        n: number of rows.

    >>> accumulator = DistanceAccumulator(2)
    >>> accumulator.update(np.array([[0.0], [3.0]], np.float32))
    >>> accumulator.update(np.array([[0.0], [4.0]], np.float32))
    >>> accumulator.compute()
    array([[0., 5.],
           [5., 0.]], dtype=float32)
    """

    def __init__(self, n: int) -> None:
        self.n = n
        # Fortran order is what BLAS adds to in place; only the upper triangle is used
        self._products = np.zeros((n, n), np.float32, order="F")
        self._norms = np.zeros(n)
        self._pairs: tuple[Indices, Indices] | None = None
        self._squares = np.zeros(0)
        self._exact: NDArray[np.float64] | None = None

    def update(self, columns: NDArray[np.floating[Any]]) -> None:
        """Add one block (n, b) of columns; raises ShapeError or, where a value is not finite, DataError."""
        from scipy.linalg.blas import ssyrk

        block = _minus(columns, self._centre(columns))
        self._norms += _squared_norms(block)
        if self.n and block.shape[1]:
            self._products = ssyrk(1.0, block.T, beta=1.0, c=self._products, trans=1, overwrite_c=1)

    def near_pairs(self) -> int:
        """How many pairs lie too near for float32; when not 0, feed all blocks to :meth:`refine` before computing."""
        if self._pairs is None:
            heads: list[Indices] = [np.zeros(0, np.int64)]
            tails: list[Indices] = [np.zeros(0, np.int64)]
            for row in range(self.n - 1):
                scale = self._norms[row] + self._norms[row + 1 :]
                near = scale - 2.0 * self._products[row, row + 1 :] < NEAR * scale
                found = np.flatnonzero(near) + row + 1
                heads.append(np.full(len(found), row, np.int64))
                tails.append(found.astype(np.int64))
            self._pairs = np.concatenate(heads), np.concatenate(tails)
            self._squares = np.zeros(len(self._pairs[0]))
        return len(self._pairs[0])

    def refine(self, columns: NDArray[np.floating[Any]]) -> None:
        """Add one block, the same as before, to the exact squares of the near pairs."""
        if self._pairs is None:
            self.near_pairs()
        assert self._pairs is not None
        heads, tails = self._pairs
        centre = self._centre(columns)
        if len(heads) > _MANY * self.n:
            # float64 products lose half the digits where float32 lost all: 1e-8 of |x| instead of 1e-4
            block = columns - centre.astype(np.float64)
            self._exact = block @ block.T if self._exact is None else self._exact + block @ block.T
            return
        for part in _parts(len(heads), columns.shape[1]):
            self._squares[part] += _squared_differences(columns[heads[part]], columns[tails[part]])

    def compute(self) -> Distances:
        """(n, n) float32, symmetric, zero diagonal. The accumulator is used up."""
        distances = self._products
        for start in range(0, self.n, 512):
            rows = slice(start, min(start + 512, self.n))
            squares = self._norms[rows, None] + self._norms[None, :] - 2.0 * distances[rows]
            distances[rows] = np.sqrt(np.maximum(squares, 0.0))
        if self._pairs is not None:
            heads, tails = self._pairs
            if self._exact is not None:
                norms = np.diagonal(self._exact)
                self._squares = np.maximum(norms[heads] + norms[tails] - 2.0 * self._exact[heads, tails], 0.0)
                self._exact = None
            distances[heads, tails] = np.sqrt(self._squares)
        np.fill_diagonal(distances, 0.0)
        _mirror_upper(distances)
        # the transpose of a symmetric Fortran matrix is the same matrix in C order
        return distances.T

    def _centre(self, columns: NDArray[np.floating[Any]]) -> NDArray[np.float32]:
        if columns.ndim != 2 or len(columns) != self.n:
            raise ShapeError(f"a block must be ({self.n}, b), got {columns.shape}")
        return _finite_mean(columns)


def pairwise(shards: Sequence[Shard], block: int = BLOCK) -> Distances:
    """Euclidean distances of all rows of all shards.

    Args:
        shards: row shards (b_i, D), float16 or wider, in row order: memory maps, or functions that open one. Each is
            read twice at most.
        block: columns in memory at a time; fewer when n is large.

    Returns:
        (n, n) float32, symmetric, zero diagonal; rows that are equal are at distance 0.

    Raises:
        ShapeError: shards differ in width.
        DataError: a value is not finite.
    """
    n, width = _shape(shards)
    accumulator = DistanceAccumulator(n)
    for columns in _columns(shards, n, width, block):
        accumulator.update(columns)
    if accumulator.near_pairs():
        for columns in _columns(shards, n, width, block):
            accumulator.refine(columns)
    return accumulator.compute()


def cross(new: Sequence[Shard], members: Sequence[Shard], block: int = BLOCK) -> Features:
    """Euclidean distances of new rows to members, (m, n) float32, by the same streamed products.

    Args:
        new: shards of the m new rows, each (b, D).
        members: shards of the n members, each (b, D).
        block: columns in memory at a time.

    Raises:
        ShapeError: widths differ.
        DataError: a value is not finite.
    """
    (m, width), (n, member_width) = _shape(new), _shape(members)
    if m and n and width != member_width:
        raise ShapeError(f"new rows have {width} features, members have {member_width}")
    products = np.zeros((m, n), np.float32)
    new_norms, norms = np.zeros(m), np.zeros(n)
    if not m or not n:
        return products
    for a, b in _two_columns(new, members, (m, n), width, block):
        # both by the members' means: their distances stay
        centre = _finite_mean(b)
        _finite_mean(a)
        x, y = _minus(a, centre), _minus(b, centre)
        new_norms += _squared_norms(x)
        norms += _squared_norms(y)
        products += x @ y.T
    squares = new_norms[:, None] + norms[None, :] - 2.0 * products
    heads, tails = np.nonzero(squares < NEAR * (new_norms[:, None] + norms[None, :]))
    if len(heads):
        exact = np.zeros(len(heads))
        for a, b in _two_columns(new, members, (m, n), width, block):
            for part in _parts(len(heads), a.shape[1]):
                exact[part] += _squared_differences(a[heads[part]], b[tails[part]])
        squares[heads, tails] = exact
    return np.sqrt(np.maximum(squares, 0.0)).astype(np.float32)


def _open(shard: Shard) -> NDArray[np.floating[Any]]:
    rows = shard() if callable(shard) else shard
    if rows.ndim != 2:
        raise ShapeError(f"a shard must be (b, D), got {rows.shape}")
    return rows


def _shape(shards: Sequence[Shard]) -> tuple[int, int]:
    shapes = [_open(shard).shape for shard in shards]
    widths = sorted({width for _, width in shapes})
    if len(widths) > 1:
        raise ShapeError(f"shards differ in width: {widths}")
    return sum(rows for rows, _ in shapes), widths[0] if widths else 0


def _columns(shards: Sequence[Shard], n: int, width: int, block: int) -> Iterator[NDArray[np.float32]]:
    """Blocks (n, b) of columns of all rows; one shard is open at a time."""
    step = max(1, min(block, _CELLS // max(n, 1)))
    for left in range(0, width, step):
        right = min(left + step, width)
        columns = np.empty((n, right - left), np.float32)
        top = 0
        for shard in shards:
            rows = _open(shard)
            columns[top : top + len(rows)] = rows[:, left:right]
            top += len(rows)
        yield columns


def _two_columns(
    new: Sequence[Shard], members: Sequence[Shard], sizes: tuple[int, int], width: int, block: int
) -> Iterator[tuple[NDArray[np.float32], NDArray[np.float32]]]:
    m, n = sizes
    step = max(1, min(block, _CELLS // (m + n)))
    return zip(_columns(new, m, width, step), _columns(members, n, width, step), strict=True)


def _finite_mean(columns: NDArray[np.floating[Any]]) -> NDArray[np.float32]:
    """Mean of every column; a value that is not finite makes its mean so too, which spares a look at every number."""
    if not len(columns):
        return np.zeros(columns.shape[1], np.float32)
    with np.errstate(invalid="ignore"):  # inf − inf
        mean = columns.mean(axis=0, dtype=np.float64)
    if not np.isfinite(mean).all():
        raise DataError("features are not finite", remedy="drop the image or mend the layer that made them")
    # rounded, for the same centre is taken from every row
    return np.asarray(mean, dtype=np.float32)


def _minus(columns: NDArray[np.floating[Any]], centre: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.asarray(np.subtract(columns, centre, dtype=np.float32))


def _squared_norms(block: NDArray[np.float32]) -> NDArray[np.float64]:
    """(n,) float64; strips of 64 numbers in float32, whose sums are added in float64: 1e-7, at the speed of float32."""
    n, width = block.shape
    whole = width - width % 64
    strips = block[:, :whole].reshape(n, whole // 64, 64)
    norms = np.einsum("ijk,ijk->ij", strips, strips).sum(axis=1, dtype=np.float64)
    rest = block[:, whole:].astype(np.float64)
    return np.asarray(norms + np.einsum("ij,ij->i", rest, rest), dtype=np.float64)


def _squared_differences(a: NDArray[np.floating[Any]], b: NDArray[np.floating[Any]]) -> NDArray[np.float64]:
    difference = a.astype(np.float64) - b
    return np.asarray(np.einsum("ij,ij->i", difference, difference), dtype=np.float64)


def _parts(pairs: int, width: int) -> Iterator[slice]:
    """Slices of a list of pairs, so that one slice's differences fit beside a block."""
    step = max(1, _CELLS // 4 // max(width, 1))
    return (slice(start, start + step) for start in range(0, pairs, step))


def _mirror_upper(matrix: NDArray[np.float32]) -> None:
    """Copy the upper triangle to the lower one in place, by tiles."""
    n, tile = len(matrix), 512
    for top in range(0, n, tile):
        for left in range(top, n, tile):
            block = matrix[top : top + tile, left : left + tile]
            if left == top:
                upper = np.triu(block, 1)
                block[:] = upper + upper.T
            else:
                matrix[left : left + tile, top : top + tile] = block.T
