"""Leakage: what the analysed split shares with other splits is found and said aloud, and costs the analysis nothing."""

import csv
import shutil

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
