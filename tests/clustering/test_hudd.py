import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from kneed import KneeLocator
from scipy.cluster.hierarchy import fcluster, linkage
from scipy.spatial.distance import cdist
from sklearn.preprocessing import normalize

from failatlas.clustering.hudd import (
    choose_layer,
    cluster_layer,
    gradient,
    median_distance,
    profile_tree,
    row_scaled,
)
from failatlas.clustering.labels import by_size
from failatlas.errors import DataError, ShapeError, UsageError


def distances_of(rows: np.ndarray) -> np.ndarray:
    return cdist(rows, rows).astype(np.float32)


def slow_wicd(distances: np.ndarray, labels: list[int]) -> float:
    names = sorted(set(labels))
    total = 0.0
    for name in names:
        inside = [i for i, label in enumerate(labels) if label == name]
        size = len(inside)
        if size > 1:
            pairs = sum(float(distances[i][j]) for a, i in enumerate(inside) for j in inside[a + 1 :])
            total += 2 / (size * (size - 1)) * pairs * size / len(labels)
    return total / len(names)


def original(distances: np.ndarray) -> tuple[list[float], int | None, list[int]]:
    """HUDD's own procedure with its own libraries and loops: curve, knee, labels."""
    scaled = normalize(distances.astype(np.float64), norm="max")
    tree = linkage(scaled, "ward")
    counts = list(range(2, min(500, max(2, len(distances) // 2)) + 1))
    cuts = [fcluster(tree, k, "maxclust").tolist() for k in counts]
    curve = [slow_wicd(scaled, labels) for labels in cuts]
    if len(counts) == 1:
        return curve, counts[0], cuts[0]
    slope = []
    for i in range(len(curve)):
        if i < 2:
            a, b = min(i, len(curve) - 2), min(i + 1, len(curve) - 1)
            slope.append(curve[b] - curve[a])
        elif i >= len(curve) - 2:
            slope.append(curve[i] - curve[i - 1])
        else:
            slope.append((curve[i - 2] - 8 * curve[i - 1] + 8 * curve[i + 1] - curve[i + 2]) / 12)
    slope = [value / 4 for value in slope]
    knee = KneeLocator(counts, slope, S=1, curve="concave", direction="increasing").knee
    return curve, knee, cuts[counts.index(knee)] if knee is not None else []


@pytest.mark.parametrize("seed", range(12))
def test_labels_curve_and_k_are_those_of_the_original(seed: int):
    random = np.random.default_rng(seed)
    n, k = int(random.integers(10, 90)), int(random.integers(2, 7))
    centres = random.standard_normal((k, 30)) * random.uniform(0.5, 4)
    rows = centres[random.integers(0, k, n)] + random.standard_normal((n, 30))
    distances = distances_of(rows)
    curve, knee, labels = original(distances)
    ours = cluster_layer(distances)
    assert ours.wicd.y == pytest.approx(curve, abs=1e-6)
    assert ours.wicd.x.tolist() == list(range(2, 2 + len(curve)))
    if knee is not None:
        assert ours.k == knee == ours.wicd.chosen
        assert ours.labels.tolist() == by_size(labels).tolist()
        assert ours.gradient.rule in ("knee of the gradient", "only value")
    assert ours.raw == pytest.approx(slow_wicd(distances, ours.labels.tolist()), rel=1e-6)


def test_some_curves_have_no_knee_and_are_still_cut():
    ruled = []
    for seed in range(40):
        rows = np.random.default_rng(seed).standard_normal((10, 3))
        distances = distances_of(rows)
        ours = cluster_layer(distances)
        if original(distances)[1] is None:
            ruled.append(ours)
    assert ruled
    for ours in ruled:
        assert "no knee" in ours.notes[0]
        assert 2 <= ours.k <= 5
        assert "no knee" in ours.wicd.rule


def test_profiles_make_scipys_tree():
    scaled = row_scaled(distances_of(np.random.default_rng(0).standard_normal((1100, 6))))
    expected = linkage(scaled.astype(np.float64), "ward")
    ours = profile_tree(scaled)
    assert ours[:, :2].tolist() == expected[:, :2].tolist()
    assert np.allclose(ours[:, 2], expected[:, 2], rtol=1e-9)


@given(st.lists(st.floats(-100, 100), min_size=7, max_size=20), st.floats(-3, 3), st.floats(-3, 3))
def test_the_gradient_is_exact_on_quartics_inside(values: list[float], a: float, b: float):
    x = np.arange(len(values), dtype=float)
    assert gradient(a * x**4 + b * x)[2:-2] == pytest.approx((4 * a * x**3 + b)[2:-2] / 4, rel=1e-9, abs=1e-6)


@pytest.mark.parametrize("m", range(7))
def test_the_gradient_of_few_points_is_one_sided(m: int):
    assert gradient(np.arange(m) * 8.0).tolist() == ([2.0] * m if m > 1 else [0.0] * m)


@pytest.mark.parametrize("n", [0, 1, 2, 3, 4, 5])
def test_D10_few_rows_are_clustered_without_a_crash(n: int):
    ours = cluster_layer(distances_of(np.arange(n, dtype=float)[:, None] ** 2))
    assert len(ours.labels) == n
    assert ours.k == len(set(ours.labels.tolist()))
    assert np.isfinite(ours.raw)


def test_D10_copies_are_one_cluster():
    ours = cluster_layer(np.zeros((9, 9), np.float32))
    assert ours.labels.tolist() == [0] * 9
    assert ours.k == 1
    assert np.isnan(ours.scaled)
    assert "equal profiles" in ours.notes[-1]
    pairs = cluster_layer(distances_of(np.repeat([[0.0], [1], [5]], 6, axis=0)))
    assert pairs.k == 3
    assert pairs.raw == 0


def test_clusters_of_one_are_kept_and_flagged():
    rows = np.concatenate([np.random.default_rng(0).standard_normal((20, 2)) * 0.1, [[50.0, 0]], [[0, 80.0]]])
    ours = cluster_layer(distances_of(rows))
    assert ours.singletons[-2:].all()
    assert (np.bincount(ours.labels)[ours.labels[ours.singletons]] == 1).all()


def test_K_stays_below_half_the_rows():
    rows = np.random.default_rng(1).standard_normal((31, 4))
    assert cluster_layer(distances_of(rows)).wicd.x.tolist() == list(range(2, 16))


def layered(scale: float, spread: float, seed: int = 0) -> np.ndarray:
    random = np.random.default_rng(seed)
    rows = np.repeat(np.eye(4) * 5, 10, axis=0) + spread * random.standard_normal((40, 4))
    return distances_of(rows * scale)


def test_the_raw_score_follows_the_scale_of_a_layer_and_the_scaled_one_does_not():
    distances = {"pixels": layered(1e-6, 0.1), "tight": layered(100.0, 0.1), "loose but small": layered(0.01, 1.0)}
    names, layers = list(distances), [cluster_layer(matrix) for matrix in distances.values()]
    assert names[choose_layer(layers)] == "loose but small"
    assert names[choose_layer(layers, "scaled")] == "tight"
    again = cluster_layer(distances["tight"] * 7)
    assert again.scaled == pytest.approx(layers[1].scaled, rel=1e-5)
    assert again.raw == pytest.approx(7 * layers[1].raw, rel=1e-5)


def test_the_first_layer_is_never_chosen_unless_it_is_alone():
    good, bad = cluster_layer(layered(1, 0.1)), cluster_layer(layered(1, 2.0))
    dead = cluster_layer(np.zeros((40, 40), np.float32))
    assert choose_layer([good, bad]) == 1
    assert choose_layer([good]) == 0
    assert choose_layer([good, dead, bad]) == 2  # equal heatmaps explain nothing
    assert choose_layer([bad, good, good]) == 1
    assert choose_layer([good, bad, bad], eligible=[True, True, False]) == 0
    with pytest.raises(UsageError, match="no layer"):
        choose_layer([good, bad], eligible=[False, False])
    with pytest.raises(UsageError, match="no layer"):
        choose_layer([])
    with pytest.raises(UsageError, match="unknown layer score"):
        choose_layer([good], "median")  # type: ignore[arg-type]


@settings(max_examples=20)
@given(st.integers(2, 30), st.integers(0, 99))
def test_the_median_distance_is_over_pairs(n: int, seed: int):
    distances = np.random.default_rng(seed).random((n, n))
    assert median_distance(distances) == pytest.approx(float(np.median(distances[np.triu_indices(n, 1)])))


def test_M2_impossible_distances_are_refused():
    with pytest.raises(ShapeError):
        cluster_layer(np.zeros((3, 4), np.float32))
    for value in (np.nan, np.inf, -1.0):
        broken = np.ones((3, 3), np.float32)
        broken[1, 2] = value
        with pytest.raises(DataError):
            cluster_layer(broken)
