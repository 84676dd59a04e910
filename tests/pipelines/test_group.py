"""What a pipeline makes of features: SAFE's rule as published, HUDD's clusters of one."""

import numpy as np
import pytest

import failatlas
from failatlas.arrays import NOISE
from failatlas.clustering.distances import pairwise
from failatlas.clustering.hudd import cluster_layer
from failatlas.pipelines import compared, group, parse, recluster
from failatlas.reduction.knee import kneedle


@pytest.fixture
def rows():
    """One heap and a few rows far from it, so that the knee of SAFE's curve swallows the heap: (160, 12)."""
    random = np.random.default_rng(0)
    return np.concatenate([random.normal(size=(150, 12)), random.normal(size=(10, 12)) * 6]).astype(np.float32)


def ids(rows):
    return tuple(str(i) for i in range(len(rows)))


def test_safe_takes_the_knee_where_the_automatic_radius_leaves_it(rows):
    grouping = group(ids(rows), rows, parse("safe"), seed=0)
    away = np.linalg.norm(grouping.embedding[:, None].astype(float) - grouping.embedding[None], axis=2)
    np.fill_diagonal(away, np.inf)
    sorted_steps = np.sort(away.min(axis=1))
    knee = kneedle(np.arange(1.0, 161), sorted_steps, curve="convex", direction="increasing")
    assert grouping.parameters["dbscan.eps"] == pytest.approx(sorted_steps[int(knee) - 1], rel=1e-5)
    assert grouping.parameters["dbscan.parts"] == 1
    other = group(ids(rows), rows, parse("pixels+pca+dbscan"), seed=0)
    assert other.parameters["dbscan.eps"] != grouping.parameters["dbscan.eps"]
    assert any("--pipeline best" in note for note in grouping.notes)
    assert not any("--pipeline best" in note for note in other.notes)


def test_features_alone_are_clustered_by_the_same_rule(rows):
    grouping = group(ids(rows), rows, parse("safe"), seed=0)
    assert failatlas.cluster(rows, pipeline="safe").labels.tolist() == grouping.labels.tolist()
    assert failatlas.cluster(rows, pipeline="safe", eps=0.5).parameters["dbscan.eps"] == 0.5


def test_safe_is_quiet_where_its_clusters_can_be_used():
    random = np.random.default_rng(0)
    rows = np.concatenate([random.normal(8 * c, 1, size=(40, 6)) for c in range(3)]).astype(np.float32)
    grouping = group(ids(rows), rows, parse("safe"), seed=0)
    assert grouping.n_clusters == 3
    assert not any("--pipeline best" in note for note in grouping.notes)


def test_clusters_of_one_image_are_no_root_causes_after_hudd():
    random = np.random.default_rng(2)
    heaps = [random.normal(c, 0.02, size=(20, 3)) for c in (0, 4)]
    rows = np.concatenate([*heaps, [[60, 0, 0], [0, 90, 0]]]).astype(np.float32)
    found = cluster_layer(pairwise([rows]))
    assert found.singletons.any()  # else this test says nothing
    grouping = group(ids(rows), rows, parse("hudd"), seed=0, layer="conv2", by_layer=found)
    assert np.array_equal(grouping.labels == NOISE, found.singletons)
    assert np.array_equal(grouping.labels[~found.singletons], found.labels[~found.singletons])
    assert grouping.parameters["hudd.n_clusters"] == found.k
    assert any("hold one image" in note for note in grouping.notes)
    # the same number of cuts as HUDD made, clusters of one included
    assert len(np.unique(recluster(parse("hudd"), grouping.parameters)(rows, 0))) == found.k


def test_best_reads_failures_as_departures_from_correct_images():
    draw = np.random.default_rng(0)
    contents, causes = draw.normal(0, 20, (4, 30)), np.eye(30)[[3, 7, 11]] * 8
    correct = np.concatenate([content + draw.normal(0, 0.5, (100, 30)) for content in contents]).astype(np.float32)
    cause, content = np.tile(np.arange(3), 80), np.repeat(np.arange(4), 60)
    rows = (contents[content] + causes[cause] + draw.normal(0, 0.5, (240, 30))).astype(np.float32)

    def purity(labels, truth=cause):
        return [np.bincount(truth[labels == c]).max() / (labels == c).sum() for c in range(labels.max() + 1)]

    departures, nothing = compared(parse("best"), rows, correct)
    grouping = group(ids(rows), departures, parse("best"), seed=0, notes=nothing)
    assert min(purity(grouping.labels)) > 0.9
    as_they_are, told = compared(parse("best"), rows, correct[:0])
    assert as_they_are is rows
    alone = group(ids(rows), as_they_are, parse("best"), seed=0, notes=told)
    assert min(purity(alone.labels, content)) > 0.9  # what the images show tells them apart
    assert max(purity(grouping.labels, content)) < 0.7
    assert any("0 correctly handled images" in note for note in alone.notes)
    again = recluster(parse("best"), grouping.parameters)(departures, 0)
    assert min(purity(again)) > 0.9


def test_other_pipelines_take_no_notice_of_correct_images(rows):
    assert compared(parse("safe"), rows, rows[::2]) == (rows, ())
