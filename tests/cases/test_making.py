"""Images of a case as files: all of them, or some, under names of their own."""

from __future__ import annotations

import numpy as np
import pytest

from failatlas.cases.making import make
from failatlas.images import ImageSet


def images(paths, n=None):
    pixels = np.random.default_rng(0).integers(0, 256, (len(paths), 6, 5, 3), dtype=np.uint8)
    return ImageSet.from_arrays(pixels, ["a", "b"] * (len(paths) // 2), paths, "test", {"yaw": [1.5] * len(paths)})


def test_what_was_made_is_opened_again_equal(tmp_path):
    made = images([f"{i}.jpg" for i in range(8)])
    manifest, count = make(made, tmp_path)
    opened = ImageSet.open(manifest)
    assert count == len(opened) == 8
    assert opened.ids == made.ids
    for i in range(8):
        assert (opened.read(i).pixels == made.read(i).pixels).all()
        assert opened.records[i].metadata == {"yaw": 1.5}
        assert (opened.records[i].label, opened.records[i].split) == (made.records[i].label, "test")


def test_images_of_two_folders_may_share_a_name(tmp_path):
    made = images(["x/1.png", "y/1.png", "x/2.png", "y/2.png"])
    opened = ImageSet.open(make(made, tmp_path)[0])
    assert [(opened.read(i).pixels == made.read(i).pixels).all() for i in range(4)] == [True] * 4


@pytest.mark.parametrize(("count", "made"), [(None, 8), (3, 3), (8, 8), (99, 8)])
def test_as_many_are_drawn_as_there_are(tmp_path, count, made):
    assert make(images([f"{i}.png" for i in range(8)]), tmp_path, count=count)[1] == made


def test_the_seed_decides_which_are_drawn(tmp_path):
    some = images([f"{i}.png" for i in range(100)])
    drawn = [ImageSet.open(make(some, tmp_path / str(k), count=10, seed=k % 2)[0]).ids for k in range(3)]
    assert drawn[0] == drawn[2] != drawn[1]
    assert list(drawn[0]) == sorted(drawn[0], key=lambda name: int(name.split(".")[0]))
