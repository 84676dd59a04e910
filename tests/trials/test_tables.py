"""Tables of a study: a row a pipeline, empty where nothing was measured, and no cell that a spreadsheet would run."""

from __future__ import annotations

import csv

import numpy as np

from failatlas.studies.score import Entry, Rarity, Shape, score
from failatlas.studies.study import COLUMNS, Study
from failatlas.trials.tables import write_pipelines


def study(*entries):
    return Study("signs", entries, (), 0, 4, ("a", "b"), {"a": 2, "b": 2}, 0, 1.0)


def rows(file):
    with file.open(newline="") as opened:
        return list(csv.DictReader(opened))


def test_a_row_a_pipeline_with_the_rare_curve_last(tmp_path):
    made = score(np.array([0, 0, 1, 1]), ("a", "a", "b", "b"), ("a", "b"), Shape(0.25, -1.0, float("nan")))
    entry = Entry("pixels+none+ward", "pixels", "none", "ward", False, made, (Rarity(0.05, ("a", "b"), ("a",)),),
                  1.0, 0.0, 0.5, 200.0)  # fmt: skip
    (row,) = rows(write_pipelines(study(entry), tmp_path / "pipelines.csv"))
    assert list(row) == [*COLUMNS, "rare_5"]
    assert (row["name"], row["purity"], row["coverage"], row["covered"]) == ("pixels+none+ward", "1", "1", "a; b")
    assert (row["clusters"], row["seconds"], row["peak_mb"], row["rare_5"]) == ("2", "1.5", "200", "0.5")
    assert (row["silhouette"], row["compactness"], row["stability"]) == ("0.25", "", "")
    assert (row["published"], row["front"]) == ("", "yes")


def test_D11_an_error_that_looks_like_a_formula_is_text(tmp_path):
    entry = Entry("own+none+ward", "own", "none", "ward", False, None, error="=cmd|' /C calc'!A0")
    (row,) = rows(write_pipelines(study(entry), tmp_path / "pipelines.csv"))
    assert row["error"] == "'=cmd|' /C calc'!A0"
    assert (row["purity"], row["seconds"]) == ("", "")


def test_D10_a_study_without_pipelines_has_a_head(tmp_path):
    file = write_pipelines(study(), tmp_path / "pipelines.csv")
    assert file.read_text() == ",".join(COLUMNS) + "\n"
