"""Joined sets: two sets read as one, each from where its images lie."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from failatlas.errors import DataError
from failatlas.images import BadImage, ImageSet


@pytest.fixture
def two(tmp_path):
    """A set in memory and one of files, with the pixels of both."""
    draw = np.random.default_rng(0)
    memory, files = (draw.integers(0, 255, (2, 5, 4, 3), dtype=np.uint8) for _ in range(2))
    for name, picture in zip(("0", "1"), files, strict=True):
        Image.fromarray(picture).save(tmp_path / f"{name}.png")
    (tmp_path / "manifest.csv").write_text("id,path,label\n00000,0.png,a\n00001,1.png,b\n")
    return ImageSet.from_arrays(memory, ["c", "a"]), ImageSet.open(tmp_path), np.concatenate([memory, files])


def test_every_image_is_read_from_its_own_set(two):
    first, second, pixels = two
    both = first.joined(second, "new/")
    assert both.ids == ("00000", "00001", "new/00000", "new/00001")
    assert [record.label for record in both.records] == ["c", "a", "a", "b"]
    assert all(np.array_equal(both.read(i).pixels, pixels[i]) for i in range(4))
    assert [both.digest(i) for i in range(4)] == [*map(first.digest, (0, 1)), *map(second.digest, (0, 1))]


def test_a_selection_in_another_order_still_reads_its_own(two):
    first, second, pixels = two
    some = first.joined(second, "new/").select([3, 0])
    assert np.array_equal(np.stack([some.read(i).pixels for i in range(2)]), pixels[[3, 0]])


def test_joined_again_the_sets_stay_apart(two):
    first, second, pixels = two
    three = first.joined(second, "new/").joined(first, "old/")
    assert np.array_equal(three.read(4).pixels, pixels[0])
    assert np.array_equal(three.read(3).pixels, pixels[3])


def test_an_id_in_both_is_refused(two):
    first, second, _ = two
    with pytest.raises(DataError, match="'00000' appears twice"):
        first.joined(second)


def test_pins_of_both_hold(two):
    first, second, _ = two
    both = first.pinned({"00000": "0" * 64}).joined(second.pinned({"00001": "0" * 64}), "new/")
    for changed in (0, 3):
        with pytest.raises(BadImage, match="not the one that was surveyed"):
            both.read(changed)
    assert both.read(1).pixels.shape == both.read(2).pixels.shape == (5, 4, 3)
