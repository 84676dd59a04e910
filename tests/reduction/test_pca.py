import numpy as np
import pytest

from failatlas.errors import ShapeError, UsageError
from failatlas.reduction.pca import Pca


def test_components_are_the_eigenvectors_of_the_covariance():
    random = np.random.default_rng(1)
    rows = (random.standard_normal((200, 6)) @ random.standard_normal((6, 6)) + 100).astype(np.float32)
    pca = Pca(3)
    embedding = pca.fit_transform(rows)
    values, vectors = np.linalg.eigh(np.cov(rows.astype(np.float64), rowvar=False))
    top = vectors[:, ::-1][:, :3].T
    assert np.abs(np.abs(pca.components_ @ top.T) - np.eye(3)).max() < 1e-4
    assert np.allclose(embedding.var(axis=0, ddof=1), values[::-1][:3], rtol=1e-4)
    assert pca.curves_[0].y == pytest.approx(np.cumsum(values[::-1][:3]) / values.sum(), abs=1e-5)
    assert pca.parameters_["explained_variance"] == pytest.approx(values[::-1][:3].sum() / values.sum(), abs=1e-5)


def test_new_rows_are_projected_as_the_fitted_ones_were():
    rows = np.random.default_rng(2).standard_normal((50, 8)).astype(np.float32) * 3 + 7
    for standardise in ("yes", "no"):
        pca = Pca(4, standardise=standardise)
        embedding = pca.fit_transform(rows)
        assert np.allclose(pca.transform(rows[10:13]), embedding[10:13], atol=1e-5)
    with pytest.raises(ShapeError, match="7 features"):
        pca.transform(rows[:, :7])


def test_all_components_keep_all_distances():
    rows = np.random.default_rng(3).standard_normal((20, 5)).astype(np.float32)
    embedding = Pca(5).fit_transform(rows)
    for i in range(20):
        assert np.allclose(
            np.linalg.norm(rows - rows[i], axis=1), np.linalg.norm(embedding - embedding[i], axis=1), atol=1e-4
        )


def test_standardising_takes_the_weight_from_a_loud_feature():
    random = np.random.default_rng(4)
    signal = random.standard_normal(100)
    rows = np.stack([signal, signal + 0.1 * random.standard_normal(100), 1000 * random.standard_normal(100)], axis=1)
    loud = Pca(1).fit_transform(rows.astype(np.float32))[:, 0]
    fair = Pca(1, standardise="yes").fit_transform(rows.astype(np.float32))[:, 0]
    assert abs(np.corrcoef(loud, signal)[0, 1]) < 0.4
    assert abs(np.corrcoef(fair, signal)[0, 1]) > 0.95


@pytest.mark.parametrize(("n", "d", "k"), [(300, 150, 100), (40, 150, 39), (300, 7, 7)])
def test_the_default_count_is_100_or_what_the_data_allow(n: int, d: int, k: int):
    rows = np.random.default_rng(5).standard_normal((n, d)).astype(np.float32)
    assert Pca().fit_transform(rows).shape == (n, k)


def test_the_knee_finds_how_many_directions_carry_the_variance():
    random = np.random.default_rng(6)
    rows = random.standard_normal((300, 5)) @ random.standard_normal((5, 60)) * 5 + random.standard_normal((300, 60))
    pca = Pca("knee")
    assert pca.fit_transform(rows.astype(np.float32)).shape[1] == 5
    assert pca.curves_[0].rule == "knee"
    assert pca.curves_[0].chosen == 5


def test_more_components_than_the_data_allow_are_cut_and_said():
    pca = Pca(50)
    assert pca.fit_transform(np.eye(4, dtype=np.float32)).shape == (4, 3)
    assert "3 components instead of 50" in pca.notes_[0]


@pytest.mark.parametrize("parameters", [{"n_components": 0}, {"n_components": "many"}, {"standardise": "maybe"}])
def test_impossible_parameters_are_refused(parameters: dict[str, object]):
    with pytest.raises(UsageError):
        Pca(**parameters).fit_transform(np.eye(4, dtype=np.float32))  # type: ignore[arg-type]


def test_a_large_input_goes_through_the_seeded_solver_with_the_same_answer():
    random = np.random.default_rng(7)
    rows = (random.standard_normal((2100, 8)) @ random.standard_normal((8, 2050)) * 3).astype(np.float32)
    pca = Pca(8, seed=1)
    embedding = pca.fit_transform(rows)
    assert pca.parameters_["explained_variance"] == pytest.approx(1.0, abs=1e-3)
    assert Pca(8, seed=1).fit_transform(rows).tobytes() == embedding.tobytes()
