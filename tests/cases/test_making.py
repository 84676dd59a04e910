"""Images of a case as files: all of them, or some, under names of their own."""

from __future__ import annotations

from contextlib import closing
from itertools import islice

import numpy as np
import pytest

from failatlas.cases.making import make, make_rendered
from failatlas.errors import DataError, ResourceError, UsageError
from failatlas.images import ImageSet
from failatlas.simulators.where import Condition
from failatlas.store import failpoints


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


def tree(folder):
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


def test_a_rendered_set_is_opened_again_with_its_parameters(case, tmp_path):
    manifest, count = make_rendered(case, tmp_path, split="test", count=10)
    opened = ImageSet.open(manifest)
    assert count == len(opened) == 10
    assert opened.parameters == case.space
    with closing(case.pictures("test")) as pictures:
        for i, picture in enumerate(islice(pictures, 10)):
            assert np.array_equal(opened.read(i).pixels, picture.pixels)
            assert opened.records[i].metadata["x"] == picture.record.metadata["x"]


def test_the_same_call_again_changes_nothing(case, tmp_path):
    make_rendered(case, tmp_path, split="test", count=5)
    before = tree(tmp_path)
    make_rendered(case, tmp_path, split="test", count=5)
    assert tree(tmp_path) == before


@pytest.mark.parametrize("change", [{"count": 6}, {"seed": 1}, {"split": "train"}, {"where": Condition.parse("x>0")}])
def test_a_folder_with_another_set_is_refused(case, tmp_path, change):
    make_rendered(case, tmp_path, split="test", count=5)
    with pytest.raises(UsageError, match="the folder holds a set with"):
        make_rendered(case, tmp_path, **{"split": "test", "count": 5, **change})


def test_a_folder_with_other_images_is_refused(case, tmp_path):
    (tmp_path / "manifest.csv").write_text("path\n")
    with pytest.raises(UsageError, match="other images"):
        make_rendered(case, tmp_path, split="test", count=5)


@pytest.mark.parametrize("damage", ["{", "[]", "null"])
def test_a_damaged_plan_is_told(case, tmp_path, damage):
    (tmp_path / "making.json").write_text(damage)
    with pytest.raises((DataError, UsageError)):
        make_rendered(case, tmp_path, split="test", count=5)


@pytest.mark.parametrize("nth", [1, 2, 3, 7, 12, 13, 14, 30, 31, 32, 33])
def test_F1_a_full_disk_at_any_file_and_the_same_call_again_gives_the_same_bytes(case, tmp_path, monkeypatch, nth):
    monkeypatch.setattr("failatlas.cases.making.SHARD", 10)
    make_rendered(case, tmp_path / "unbroken", split="test", count=28)
    failpoints.arm(f"after_temp_write:enospc:{nth}")
    try:
        with pytest.raises(ResourceError):
            make_rendered(case, tmp_path / "broken", split="test", count=28)
    finally:
        failpoints.arm("")
    make_rendered(case, tmp_path / "broken", split="test", count=28)
    assert tree(tmp_path / "broken") == tree(tmp_path / "unbroken")


def test_F1_only_the_open_shard_is_rendered_again(case, tmp_path, monkeypatch):
    monkeypatch.setattr("failatlas.cases.making.SHARD", 10)
    failpoints.arm(
        "after_temp_write:enospc:26"
    )  # plan, 10 images, rows, 10 images, rows, third image of the third shard
    try:
        with pytest.raises(ResourceError):
            make_rendered(case, tmp_path, split="test", count=28)
    finally:
        failpoints.arm("")
    drawn = []
    values = type(case).values
    monkeypatch.setattr(type(case), "values", lambda *args: drawn.append(args[2]) or values(*args))
    make_rendered(case, tmp_path, split="test", count=28)
    first_rows = sorted(int(name.name[5:11]) for name in (tmp_path / "images").iterdir())[:20]
    assert min(set(drawn) - {0}) == first_rows[-1] + 1  # number 0 is part of the plan's digest
