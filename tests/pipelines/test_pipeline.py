"""Names of pipelines, and what a published one holds fixed."""

import pytest

from failatlas.errors import UsageError
from failatlas.pipelines import PRESETS, SUPPLIED, parse


@pytest.mark.parametrize("name", PRESETS)
def test_a_preset_and_its_parts_are_one_pipeline(name):
    assert parse(str(parse(name))) == parse(name)
    assert parse(str(parse(name))).fixed == parse(name).fixed


def test_safe_keeps_its_published_radius_and_divides_nothing():
    assert parse("safe").fixed == {"dbscan.eps": "knee", "dbscan.parts": 1}
    assert parse("safe").with_extractor(SUPPLIED).fixed == parse("safe").fixed


@pytest.mark.parametrize("text", ["best", "hudd", "activations+pca+dbscan", "backbone+pca+kmeans"])
def test_nothing_else_is_fixed(text):
    assert not parse(text).fixed


def test_a_misspelt_preset_is_offered():
    with pytest.raises(UsageError, match="did you mean 'safe'"):
        parse("save")


@pytest.mark.parametrize("text", ["umap+dbscan", "none+ward", "pca+hdbscan"])
def test_a_reducer_in_front_means_supplied_features(text):
    assert str(parse(text)) == f"{SUPPLIED}+{text}"


def test_an_extractor_in_front_means_no_reduction():
    assert str(parse("pixels+ward")) == "pixels+none+ward"


@pytest.mark.parametrize("text", ["umap+hudd", "none+hudd", "umop+dbscan", "ward+umap"])
def test_what_is_neither_extractor_nor_reducer_with_a_clusterer_is_refused(text):
    with pytest.raises(UsageError):
        parse(text)
