import math
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from failatlas.clustering.dbcv import dbcv

Edge = tuple[float, float, int, int]


def kruskal(edges: list[Edge]) -> list[Edge]:
    """Smallest spanning tree; of equal weights the shorter distance first."""
    part = {end: end for edge in edges for end in edge[2:]}
    tree = []
    for edge in sorted(edges):
        a, b = part[edge[2]], part[edge[3]]
        if a != b:
            tree.append(edge)
            part = {node: a if name == b else name for node, name in part.items()}
    return tree


def by_definition(rows: np.ndarray, labels: np.ndarray) -> float:
    """Moulavi et al. 2014, definition by definition, point by point; trees by Kruskal."""
    d = rows.shape[1]
    groups = [np.flatnonzero(labels == c) for c in range(labels.max() + 1)]
    groups = [group for group in groups if len(group) > 1]

    def core(point: int, group: np.ndarray) -> float:
        others = [math.dist(rows[point], rows[o]) for o in group if o != point]
        if min(others) == 0:
            return 0.0
        return (sum((1 / away) ** d for away in others) / len(others)) ** (-1 / d)

    cores = {int(p): core(int(p), group) for group in groups for p in group}

    def reach(a: int, b: int) -> float:
        return max(cores[a], cores[b], math.dist(rows[a], rows[b]))

    inner, sparseness = [], []
    for group in groups:
        tree = kruskal([(reach(a, b), math.dist(rows[a], rows[b]), a, b) for a, b in combinations(group.tolist(), 2)])
        ends = [end for _, _, a, b in tree for end in (a, b)]
        nodes = [node for node in group.tolist() if ends.count(node) > 1] or group.tolist()
        links = [weight for weight, _, a, b in tree if a in nodes and b in nodes]
        inner.append(nodes)
        sparseness.append(max(links or [weight for weight, *_ in tree]))
    total = 0.0
    for i, group in enumerate(groups):
        apart = min(reach(a, b) for j, nodes in enumerate(inner) if j != i for a in inner[i] for b in nodes)
        total += len(group) / len(rows) * (apart - sparseness[i]) / max(apart, sparseness[i])
    return total


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 4), st.integers(2, 4), st.integers(0, 9999))
def test_dbcv_equals_its_definitions(d: int, k: int, seed: int):
    random = np.random.default_rng(seed)
    n = int(random.integers(2 * k + 1, 26))
    labels = np.concatenate([np.repeat(np.arange(k), 2), random.integers(-1, k, n - 2 * k)])
    # general position: with tied distances there would be several smallest trees, and several values
    rows = random.standard_normal((n, d)).astype(np.float32) + 2 * labels[:, None].astype(np.float32)
    assert dbcv(rows, labels) == pytest.approx(by_definition(rows.astype(float), labels), abs=1e-9)


def test_two_tight_pairs_far_apart_by_hand():
    rows = np.array([[0.0], [1], [11], [12]], np.float32)
    # core distances are 1; inside each pair reachability 1, between the pairs 10: (10 − 1) / 10
    assert dbcv(rows, np.array([0, 0, 1, 1])) == pytest.approx(0.9)
    # one more row as noise takes its share: 4/5
    assert dbcv(np.append(rows, [[50]], axis=0).astype(np.float32), np.array([0, 0, 1, 1, -1])) == pytest.approx(0.72)


def test_two_moons_are_valid_by_density_though_not_round():
    turn = np.linspace(0, np.pi, 100)
    upper = np.stack([np.cos(turn), np.sin(turn)], axis=1)
    lower = np.stack([1 - np.cos(turn), 0.4 - np.sin(turn)], axis=1)
    rows = np.concatenate([upper, lower]).astype(np.float32)
    moons = np.repeat([0, 1], 100)
    halves = (rows[:, 0] > 0.5).astype(np.int64)
    assert dbcv(rows, moons) > 0.5 > dbcv(rows, halves)


@pytest.mark.parametrize("labels", [[], [-1, -1], [0, 0, 0], [0, 0, 1], [0, 1, 2]])
def test_no_dbcv_without_two_clusters_of_two(labels: list[int]):
    assert dbcv(np.arange(len(labels), dtype=np.float32)[:, None], np.array(labels, np.int64)) == -1


def test_copies_and_many_dimensions_stay_finite():
    random = np.random.default_rng(0)
    rows = np.concatenate([np.zeros((5, 300)), np.ones((5, 300)), random.standard_normal((5, 300)) * 1e-6 + 3])
    value = dbcv(rows.astype(np.float32), np.repeat([0, 1, 2], 5))
    assert 0.9 < value <= 1
    assert dbcv(np.zeros((6, 2), np.float32), np.repeat([0, 1], 3)) == 0
