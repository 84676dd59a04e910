import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from failatlas.errors import UsageError
from failatlas.reduction.layout import layout
from failatlas.reduction.neighbours import nearest
from failatlas.reduction.umap import Umap, graph


def test_the_graph_is_umap_learns(four_groups):
    from failatlas.reduction.umap import _umap_learn

    rows = np.concatenate([four_groups[0], np.repeat(four_groups[0][:3], 20, axis=0)])  # with copies
    indices, distances = nearest(rows, 15)
    expected, _, _ = _umap_learn().fuzzy_simplicial_set(
        rows, 15, None, "euclidean", knn_indices=indices.astype(np.int32), knn_dists=distances
    )
    ours = graph(rows, 15)
    assert ours.nnz == expected.nnz
    assert abs(ours - expected).max() < 1e-5


def test_groups_stay_apart_and_the_seed_decides(four_groups):
    rows, truth = four_groups
    embedding = Umap(seed=3).fit_transform(rows)
    assert embedding.shape == (len(rows), 25)
    away = np.linalg.norm(embedding[:, None] - embedding[None], axis=2)
    np.fill_diagonal(away, np.inf)
    assert (truth[away.argmin(axis=1)] == truth).all()
    assert Umap(seed=4).fit_transform(rows).tobytes() != embedding.tobytes()


def test_few_rows_are_reduced_by_pca_and_it_is_said():
    rows = np.random.default_rng(0).standard_normal((49, 30)).astype(np.float32)
    umap = Umap()
    assert umap.fit_transform(rows).shape == (49, 25)
    assert umap.notes_[0] == "n = 49 < 50: PCA instead of UMAP"
    assert umap.parameters_["fallback"] == "pca"


def test_width_stays_below_the_number_of_rows():
    rows = np.random.default_rng(0).standard_normal((55, 80)).astype(np.float32)
    umap = Umap(n_components=60, n_neighbors=70)
    assert umap.fit_transform(rows).shape == (55, 53)
    assert umap.parameters_["n_neighbors"] == 54
    assert "53 dimensions" in umap.notes_[0]


@pytest.mark.parametrize(
    "parameters", [{"n_components": 0}, {"n_neighbors": 1}, {"min_dist": 1.0}, {"n_epochs": 0}, {"n_epochs": "few"}]
)
def test_impossible_parameters_are_refused(parameters: dict[str, object]):
    with pytest.raises(UsageError):
        Umap(**parameters).fit_transform(np.eye(60, dtype=np.float32))  # type: ignore[arg-type]


def test_R4_another_process_with_another_hash_seed_gives_the_same_bytes():
    code = (
        "import hashlib, numpy as np; from failatlas.reduction.umap import Umap;"
        "rows = np.random.default_rng(0).standard_normal((60, 8)).astype(np.float32);"
        "print(hashlib.sha256(Umap(5, seed=1, n_epochs=20).fit_transform(rows).tobytes()).hexdigest())"
    )
    hashes = {
        subprocess.run(
            [sys.executable, "-c", code],
            env={"PYTHONHASHSEED": seed, "OMP_NUM_THREADS": "1", "PATH": ""},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("0", "7")
    }
    assert len(hashes) == 1


@pytest.mark.parametrize("method", ["umap", "pca"])
def test_a_map_keeps_groups_together_and_fits_the_unit_square(four_groups, method: str):
    rows, truth = four_groups
    placed = layout(rows, seed=1, method=method)
    assert placed.shape == (len(rows), 2)
    assert placed.dtype == np.float32
    assert np.abs(placed).max() == pytest.approx(1.0)
    nearest_index = nearest(placed, 2)[0][:, 1]
    assert (truth[nearest_index] == truth).mean() > 0.9
    assert layout(rows, seed=1, method=method).tobytes() == placed.tobytes()


@pytest.mark.parametrize("shape", [(0, 5), (1, 5), (2, 5), (3, 1), (60, 2), (60, 1), (49, 9)])
def test_a_map_of_few_or_flat_rows_is_finite(shape: tuple[int, int]):
    rows = np.random.default_rng(0).standard_normal(shape).astype(np.float32)
    assert np.isfinite(layout(rows)).all()
    assert layout(rows).shape == (shape[0], 2)
    same = layout(np.ones(shape, np.float32))
    assert np.isfinite(same).all()


def test_R4_where_nothing_can_be_written_compiled_code_goes_to_a_private_folder(monkeypatch):
    from numba import config

    from failatlas.reduction.umap import _find_cache

    monkeypatch.setattr(config, "CACHE_DIR", "")
    _find_cache()
    assert config.CACHE_DIR == ""  # here Numba finds a place by itself
    monkeypatch.setattr(os, "access", lambda path, mode: False)  # root may write everywhere
    _find_cache()
    folder = Path(config.CACHE_DIR)
    assert folder.is_dir()
    assert folder.stat().st_mode & 0o777 == 0o700


def test_an_unknown_layout_is_refused():
    with pytest.raises(UsageError, match="tsne"):
        layout(np.eye(3, dtype=np.float32), method="tsne")
