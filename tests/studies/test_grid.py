"""Grid: the published 99, and the two halves of a pipeline that give what the whole does."""

from __future__ import annotations

import numpy as np
import pytest

from failatlas.clustering import cluster
from failatlas.errors import UsageError
from failatlas.features import extractors
from failatlas.pipelines import PRESETS, Pipeline, group, parse
from failatlas.studies import grid


@pytest.fixture(scope="module")
def rows():
    draw = np.random.default_rng(0)
    centres = np.repeat(draw.normal(0, 6, (4, 12)), 20, axis=0)
    return (centres + draw.normal(0, 1, centres.shape)).astype(np.float32)


def test_the_published_study_has_99_pipelines_of_11_extractors():
    made = grid.published()
    assert len(made) == len(set(made)) == 99
    assert len({pipeline.extractor for pipeline in made}) == 11
    assert sum(grid.is_tuned(pipeline.extractor) for pipeline in made) == 4 * 9
    assert all(grid.is_published(p.extractor, p.reducer, p.clusterer) for p in made)


def test_all_is_the_99_the_presets_and_ward_beside_them():
    made = grid.pipelines_of(("all",))
    assert len(made) == len(set(made)) == 99 + 33 + 2  # safe is one of the 99
    assert {preset.pipeline for preset in PRESETS.values()} <= set(made)
    assert {p.clusterer for p in made if not grid.is_published(p.extractor, p.reducer, p.clusterer)} == {
        "ward",
        "hudd",
        "consensus",
    }


def test_every_stand_in_is_one_of_the_extractors():
    assert set(grid.STAND_INS) == set(grid.BACKBONES)


@pytest.mark.parametrize("word", ["bets", "pixels+umpa+kmeans", "pixels+none+hudd", "umap+dbscan", "a+b+c+d"])
def test_a_word_that_names_no_pipeline_of_a_study_is_refused(word):
    with pytest.raises(UsageError):
        grid.pipelines_of((word,))


def test_no_word_is_refused():
    with pytest.raises(UsageError, match="no pipelines"):
        grid.pipelines_of(())


def test_an_extractor_of_the_grid_that_is_not_there_stays_in_the_study(monkeypatch):
    assert "xception" not in extractors
    monkeypatch.setattr(grid, "EXTRACTORS", (*grid.EXTRACTORS, "xception"))
    assert grid.pipelines_of(("xception+umap+dbscan",)) == (Pipeline("xception", "umap", "dbscan"),)


@pytest.mark.parametrize("clusterer", ["kmeans", "dbscan", "hdbscan", "ward", "leaves", "consensus"])
@pytest.mark.parametrize("reducer", ["none", "pca"])
def test_embed_then_label_is_cluster(rows, reducer, clusterer):
    whole = cluster(rows, reducer, clusterer, 5)
    embedded = grid.embed(rows, reducer, 5)
    found = grid.label(embedded.rows, Pipeline("pixels", reducer, clusterer), 5)
    assert np.array_equal(embedded.rows, whole.embedding)
    assert np.array_equal(found.labels, whole.labels)
    assert {**embedded.parameters, **found.parameters} == dict(whole.parameters)
    assert (*embedded.notes, *found.notes) == whole.notes


@pytest.mark.parametrize("name", ["safe", "hudd"])
def test_embed_then_label_is_the_preset(rows, name):
    pipeline = parse(name)
    whole = group(tuple(map(str, range(len(rows)))), rows, pipeline, seed=5)
    embedded = grid.embed(rows, pipeline.reducer, 5)
    assert np.array_equal(grid.label(embedded.rows, pipeline, 5).labels, whole.labels)


def test_the_caller_keeps_its_rows(rows):
    mine = rows.copy()
    made = grid.embed(mine, "none", 0)
    mine[0] = 0
    assert np.array_equal(made.rows, rows)
    assert not made.rows.flags.writeable


@pytest.mark.parametrize("n", [0, 1, 2, 3])
@pytest.mark.parametrize("clusterer", ["kmeans", "dbscan", "hdbscan", "ward"])
def test_D10_hardly_any_rows(n, clusterer):
    embedded = grid.embed(np.zeros((n, 3), np.float32), "pca", 0)
    assert len(grid.label(embedded.rows, Pipeline("pixels", "pca", clusterer), 0).labels) == n
