"""Graph coordinates against the walk's own equation, and on graphs whose coordinates are known by hand."""

import numpy as np
import pytest
from scipy.sparse import coo_matrix

from failatlas.reduction.diffusion import DENSE, coordinates
from failatlas.reduction.umap import graph
from failatlas.seeds import generator


def ring(n: int) -> coo_matrix:
    i = np.arange(n)
    one_way = coo_matrix((np.ones(n), (i, (i + 1) % n)), shape=(n, n))
    return (one_way + one_way.T).tocoo()


@pytest.mark.parametrize("n", [40, DENSE + 30])
def test_a_ring_is_laid_out_as_a_circle(n):
    placed = coordinates(ring(n), 2)
    # the slowest two mixings of a walk on a ring are cosine and sine of its angle, their eigenvalue is cos(2π/n)
    assert np.linalg.norm(placed, axis=1) == pytest.approx(np.full(n, np.sqrt(2) * np.cos(2 * np.pi / n)), rel=1e-4)
    step = np.linalg.norm(placed - np.roll(placed, 1, axis=0), axis=1)
    assert step == pytest.approx(np.full(n, step.mean()), rel=1e-3)


def test_coordinates_fulfil_the_equation_of_the_walk():
    rows = generator(0, "diffusion", "rows").normal(size=(120, 5)).astype(np.float32)
    weights = graph(rows, 10)
    placed = coordinates(weights, 3).astype(np.float64)
    walk = weights.toarray() / weights.toarray().sum(axis=1, keepdims=True)
    for column in placed.T:
        value = (walk @ column) @ column / (column @ column)
        assert 0 < value < 1
        assert walk @ column == pytest.approx(value * column, abs=1e-4)


def test_groups_without_a_link_lie_apart_and_each_on_one_spot():
    parts = [ring(20 + i).toarray() for i in range(3)]
    whole = np.zeros((63, 63))
    start = 0
    for part in parts:
        whole[start : start + len(part), start : start + len(part)] = part
        start += len(part)
    every = coordinates(coo_matrix(whole), 2)
    assert every.shape == (63, 4)
    placed = every[:, :2]  # what tells the parts apart; then the slowest walks inside of them
    group = np.repeat(np.arange(3), [20, 21, 22])
    spots = np.array([placed[group == g].mean(axis=0) for g in range(3)])
    assert np.abs(placed - spots[group]).max() < 1e-4
    assert min(np.linalg.norm(spots[a] - spots[b]) for a in range(3) for b in range(a)) > 1


@pytest.mark.parametrize("n", [60, DENSE + 100])
def test_the_same_again(n):
    weights = graph(generator(1, "diffusion", "rows").normal(size=(n, 8)).astype(np.float32), 15)
    np.random.seed(1)
    first = coordinates(weights, 12)
    np.random.seed(2)
    assert coordinates(weights, 12).tobytes() == first.tobytes()
    assert first.shape == (n, 12)
