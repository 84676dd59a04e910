"""Checking: every run that shows heatmaps says how far their relevance is conserved."""

import numpy as np
import pytest

import failatlas
from failatlas.cases import cases


@pytest.mark.parametrize("pipeline", ["pixels+kmeans", "hudd"])
def test_every_run_that_shows_heatmaps_says_how_far_they_are_conserved(tmp_path, pipeline) -> None:
    fashion = cases.create("fashion")
    images = fashion.images("test").select(range(120))
    atlas = failatlas.analyze(
        fashion.model(), images, task=fashion.task(), pipeline=pipeline, repeats=0, out=tmp_path / "run"
    )
    check = atlas.run.relevance
    assert check is not None
    assert [score.layer for score in check.scores][:2] == ["conv1", "relu1"]
    assert all(np.isfinite(score.conservation) for score in check.scores)
    page = atlas.report(tmp_path / "report").read_text(encoding="utf-8")
    assert "onservation" in page
    assert "conv2" in page
