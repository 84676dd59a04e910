"""Leakage: what the analysed split shares with other splits is found and said aloud, and costs the analysis nothing."""

import csv
import shutil

import numpy as np
import pytest

import failatlas
from failatlas.cases import cases
from failatlas.cases.making import make

N = 40


@pytest.fixture
def leaky(tmp_path):
    """Forty test images, three of which the training split holds too, one train image that is broken; predictions."""
    folder = tmp_path / "set"
    make(cases.create("fashion").images("test"), folder, count=N, seed=4)
    with (folder / "manifest.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    train = []
    for number, row in enumerate(rows[:3]):
        copy = f"images/train-{number}.png"
        shutil.copy(folder / row["path"], folder / copy)
        train.append({**row, "id": f"train-{number}", "path": copy, "split": "train"})
    (folder / "images/train-broken.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    train.append({**rows[0], "id": "train-broken", "path": "images/train-broken.png", "split": "train"})
    with (folder / "manifest.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(rows + train)
    predictions = tmp_path / "predictions.csv"
    lines = [f"{row['id']},{'Bag' if number % 3 == 0 else row['label']}" for number, row in enumerate(rows)]
    predictions.write_text("\n".join(["id,prediction", *lines]) + "\n", encoding="utf-8")
    return folder, predictions


def test_D7_leakage_between_splits_is_found_though_only_one_is_analysed(leaky, tmp_path) -> None:
    folder, predictions = leaky
    atlas = failatlas.analyze(
        images=folder, split="test", predictions=predictions, pipeline="pixels+kmeans", out=tmp_path / "run", repeats=0
    )
    (overlap,) = atlas.run.overlaps
    assert {overlap.first, overlap.second} == {"test", "train"}
    assert len(overlap.exact) == 3
    assert len(atlas.run.outcomes.ids) == N  # the training images are looked at, not analysed
    assert not atlas.run.quarantined  # and a broken one of them costs nothing
    page = atlas.report(tmp_path / "report").read_text(encoding="utf-8")
    assert "3 exact and 0 near duplicates between test and train" in page


def test_without_other_splits_there_is_no_leakage_to_speak_of(leaky, tmp_path) -> None:
    folder, predictions = leaky
    images = failatlas.ImageSet.open(folder, split="test")
    atlas = failatlas.analyze(
        images=images, predictions=predictions, pipeline="pixels+kmeans", out=tmp_path / "run", repeats=0
    )
    assert atlas.run.overlaps == ()


def test_D7_a_failing_image_and_its_copy_are_one_in_the_clusters(tmp_path) -> None:
    draw = np.random.default_rng(0)
    pixels = draw.integers(0, 256, (30, 12, 12, 3), dtype=np.uint8)
    pixels[20], pixels[21], pixels[22] = pixels[3], pixels[3], pixels[4]
    labels = ["a"] * 22 + ["b"] + ["a"] * 7  # 22 has the pixels of 4 and another label: a failure of its own
    images = failatlas.ImageSet.from_arrays(pixels, labels=labels)
    atlas = failatlas.analyze(
        lambda pixels: np.tile([0.0, 0.0, 1.0], (len(pixels), 1)),  # everything is called "c"
        images,
        classes=("a", "b", "c"),
        pipeline="pixels+kmeans",
        repeats=0,
        out=tmp_path / "run",
    )
    assert [(copy.id, copy.original) for copy in atlas.run.copies] == [("00020", "00003"), ("00021", "00003")]
    assert atlas.run.outcomes.is_error.sum() == 30
    assert len(atlas.run.grouping.ids) == 28
    assert sum(cause.size for cause in atlas.clusters) == 28
    with (tmp_path / "run/clusters.csv").open(newline="", encoding="utf-8") as file:
        cluster = {row["image_id"]: row["cluster"] for row in csv.DictReader(file)}
    assert len(cluster) == 30  # the table names every error-inducing image
    assert cluster["00020"] == cluster["00021"] == cluster["00003"]
    assert "2 error-inducing images repeat another one" in atlas.report(tmp_path / "report").read_text(encoding="utf-8")


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
