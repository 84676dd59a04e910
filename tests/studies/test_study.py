"""Studies: what follows from scores, as table and JSON."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest

from failatlas.injection import Tally
from failatlas.studies.score import Entry, Rarity, Shape, score
from failatlas.studies.study import COLUMNS, Study, sizes_of

TRUTH = ("noise",) * 10 + ("blur",) * 10
CAUSES = ("noise", "blur")


def entry(pipeline, labels, seconds, **more):
    parts = pipeline.split("+")
    made = score(np.array(labels), TRUTH, CAUSES, Shape(0.5, 0.5, 0.5), parameters={"x.a": math.nan, "x.b": 2})
    return Entry(pipeline, *parts, parts[0].endswith("-tuned"), made,
                 extract_s=seconds, reduce_s=0.0, cluster_s=1.0, peak_mb=100.0, **more)  # fmt: skip


@pytest.fixture
def study():
    right, half = [0] * 10 + [1] * 10, [0] * 10 + [1] * 4 + [0] * 6
    entries = (
        entry("pixels+none+kmeans", half, 1.0, rare=(Rarity(0.1, CAUSES, ("blur",)), Rarity(0.05, CAUSES, ()))),
        entry("backbone+pca+dbscan", right, 9.0, rare=(Rarity(0.1, CAUSES, CAUSES),)),
        entry("vgg16-tuned+none+ward", right, 19.0),
        Entry("heatmap+none+hudd", "heatmap", "none", "hudd", False, None, error="a black box"),
    )
    tallies = (Tally("noise", 30, 10, "10 of 30 tried fail"), Tally("blur", 10, 10, "10 of 10 tried fail"))
    return Study("signs", entries, tallies, 0, 20, CAUSES, sizes_of(TRUTH), 3, 40.0, "VmHWM", ("a note",), 16.0)


def test_the_best_come_first_and_what_could_not_run_is_in_no_ranking(study):
    assert [e.pipeline for e in study.ranking] == ["backbone+pca+dbscan", "vgg16-tuned+none+ward", "pixels+none+kmeans"]
    assert study.front == ("pixels+none+kmeans", "backbone+pca+dbscan")
    assert study.of("heatmap+none+hudd").error == "a black box"
    assert study.of("nothing") is None


def test_the_saving_is_what_all_take_alone_over_what_they_took_together(study):
    assert study.from_scratch_s == pytest.approx(2 + 10 + 20)
    assert study.saving == pytest.approx(32 / 16)


def test_the_table_has_every_pipeline_and_the_rare_curve(study):
    rows = study.table()
    assert [row["name"] for row in rows] == [e.pipeline for e in study.entries]
    assert all(list(row) == [*COLUMNS, "rare_10", "rare_5"] for row in rows)
    assert [row["rare_10"] for row in rows] == [0.5, 1.0, None, None]
    assert [row["rare_5"] for row in rows] == [0.0, None, None, None]
    assert [row["preset"] for row in rows] == ["", "safe", "", "hudd"]
    assert [row["published"] for row in rows] == [False, True, False, False]
    assert rows[3]["purity"] is None
    assert rows[3]["error"] == "a black box"


def test_the_json_is_strict_and_has_what_the_command_promises(study):
    document = study.to_json()
    assert json.loads(json.dumps(document, allow_nan=False)) == document
    assert {"pipelines", "front", "factors", "injected", "failures", "natural", "causes", "seconds"} <= set(document)
    first = document["pipelines"][0]
    assert {"name", "purity", "purity_median", "purity_min", "coverage", "covered", "clusters", "redundancy", "noise",
            "ari", "nmi", "silhouette", "dbcv", "compactness", "stability", "rare", "seconds", "peak_mb",
            "error"} <= set(first)  # fmt: skip
    assert first["rare"]["10"] == {"share": 0.5, "tried": ["noise", "blur"], "covered": ["blur"]}
    assert first["parameters"] == {"x.a": None, "x.b": 2}
    assert document["injected"][0] == {"scenario": "noise", "tried": 30, "kept": 10, "note": "10 of 30 tried fail"}
    assert [row["front"] for row in document["pipelines"]] == [True, True, False, False]


def test_D10_a_study_of_nothing(study):
    empty = Study("none", (), (), 0, 0, (), {}, 0, 0.0)
    assert (empty.front, empty.ranking, empty.table()) == ((), (), [])
    assert json.dumps(empty.to_json(), allow_nan=False)
    assert math.isnan(empty.saving)
    failed = Study("none", (study.entries[3],), (), 0, 0, (), {}, 0, 0.0)
    assert json.dumps(failed.to_json(), allow_nan=False)
    assert failed.ranking == ()


def test_a_study_says_itself_in_one_line(study):
    assert repr(study) == (
        "<Study signs: 4 pipelines (1 could not run) on 20 failures with 2 known causes, best backbone+pca+dbscan>"
    )
