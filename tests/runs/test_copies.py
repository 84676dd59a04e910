"""Copies: a failing image and its copy are one in the clusters, and two in the table."""

import csv

import numpy as np

import failatlas


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
