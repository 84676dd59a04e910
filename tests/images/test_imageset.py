"""Image sets: arrays and folders behave alike; a bad image costs itself; nothing is written."""

from __future__ import annotations

import hashlib
import os
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import pytest

from failatlas.errors import DataError, ShapeError
from failatlas.images import BadImage, ImageRecord, ImageSet
from failatlas.images.sources import FolderSource


def grey(n: int = 5, size: int = 6) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (n, size, size), dtype=np.uint8)


def test_arrays_become_records_and_pixels_without_a_copy():
    pixels = grey()
    images = ImageSet.from_arrays(
        pixels,
        labels=np.array([3, 1, 3, 1, 2]),
        split="test",
        metadata={"yaw": [1, 2.5, 3, 4, 5], "by": list("abcde")},
        targets=np.arange(10.0).reshape(5, 2),
    )
    assert images.ids == ("00000", "00001", "00002", "00003", "00004")
    assert images.classes == ("1", "2", "3")
    assert images.records[1] == ImageRecord("00001", "00001", "1", (2.0, 3.0), "test", {"yaw": 2.5, "by": "b"})
    np.testing.assert_array_equal(images.read(2).pixels, np.stack([pixels[2]] * 3, axis=-1))
    assert not images.read(2).pixels.flags.writeable
    assert pixels.flags.writeable, "the caller's own array stays as it was"
    assert images.digest(2) == hashlib.sha256(pixels[2].tobytes()).hexdigest()
    pixels[2] = 0
    assert images.read(2).pixels.max() == 0, "no copy was made"


def test_colour_arrays_are_read_as_they_are():
    pixels = np.random.default_rng(0).integers(0, 256, (2, 3, 4, 3), dtype=np.uint8)
    np.testing.assert_array_equal(ImageSet.from_arrays(pixels).read(1).pixels, pixels[1])


@pytest.mark.parametrize(
    ("pixels", "options", "error"),
    [
        (np.zeros((2, 4, 4)), {}, ShapeError),
        (np.zeros((4, 4), np.uint8), {}, ShapeError),
        (np.zeros((2, 4, 4, 4), np.uint8), {}, ShapeError),
        (np.zeros((2, 0, 4), np.uint8), {}, ShapeError),
        (np.zeros((2, 4, 4), np.uint8), {"labels": ["a"]}, ShapeError),
        (np.zeros((2, 4, 4), np.uint8), {"metadata": {"x": [1, 2, 3]}}, ShapeError),
        (np.zeros((2, 4, 4), np.uint8), {"ids": ["a", "a"]}, DataError),
    ],
)
def test_wrong_arrays_are_refused_at_construction(pixels, options, error):
    with pytest.raises(error):
        ImageSet.from_arrays(pixels, **options)


def test_an_empty_set_is_a_set():
    images = ImageSet.from_arrays(np.zeros((0, 4, 4), np.uint8))
    assert len(images) == 0
    assert list(images.batches(4)) == []
    assert repr(images) == "<ImageSet 0 images, unlabelled>"


def test_select_keeps_order_and_pixels():
    images = ImageSet.from_arrays(grey(), labels=list("abcab"))
    chosen = images.select(np.array([4, 0]))
    assert chosen.ids == ("00004", "00000")
    np.testing.assert_array_equal(chosen.read(0).pixels, images.read(4).pixels)
    assert chosen.classes == ("a", "b")
    with pytest.raises(DataError, match="appears twice"):
        images.select([1, 1])


def test_metadata_columns_are_numbers_or_texts(tmp_path):
    records = [
        ImageRecord("a", "a", metadata={"yaw": 1.0, "by": "x"}),
        ImageRecord("b", "b", metadata={"mixed": 2.0}),
        ImageRecord("c", "c", metadata={"mixed": "two", "yaw": 3.0}),
    ]
    images = ImageSet(records, FolderSource(tmp_path))
    assert images.columns == ("yaw", "by", "mixed")
    np.testing.assert_array_equal(images.column("yaw"), [1, np.nan, 3])
    assert images.column("by") == ("x", None, None)
    assert images.column("mixed") == (None, "2.0", "two")
    with pytest.raises(DataError, match="'pitch'"):
        images.column("pitch")


def test_a_bad_image_costs_only_itself(folder):
    (folder / "cat" / "b.png").write_bytes(b"")
    images = ImageSet.open(folder)
    bad = []
    batches = list(images.batches(2, on_bad=lambda i, error: bad.append(error.quarantined(images.ids[i]))))
    assert [batch.indices for batch in batches] == [(0, 2), (3,)]
    assert [(entry.id, entry.code) for entry in bad] == [("cat/b.png", "E_IMG_TRUNCATED")]
    with pytest.raises(BadImage):
        list(images.batches(2))
    assert [batch.indices for batch in images.batches(9, indices=[3, 0])] == [(3, 0)]


def test_a_batch_of_large_photographs_ends_early(monkeypatch):
    monkeypatch.setattr("failatlas.images.imageset._BATCH_PX", 6 * 6 * 2)
    assert [len(batch.indices) for batch in ImageSet.from_arrays(grey()).batches(4)] == [2, 2, 1]


def test_listing_a_manifest_opens_no_image(folder, monkeypatch):
    (folder / "manifest.csv").write_text("path\ncat/a.png\nmissing.png\n")
    images = ImageSet.open(folder)
    assert len(images) == 2
    with pytest.raises(BadImage) as caught:
        images.read(1)
    assert caught.value.name == "E_IMG_MISSING"


def test_D9_a_file_that_changed_since_the_survey_is_refused(folder, photo, encode):
    images = ImageSet.open(folder)
    pinned = images.pinned({id_: images.digest(i) for i, id_ in enumerate(images.ids)})
    assert "4 pinned" in repr(pinned)
    assert pinned.read(1).pixels.shape == photo.shape
    (folder / "cat" / "b.png").write_bytes(encode(255 - photo, "PNG"))
    for kept in (pinned, pinned.select([1, 0]).select([0, 1])):
        i = kept.ids.index("cat/b.png")
        with pytest.raises(BadImage) as caught:
            kept.read(i)
        assert caught.value.name == "E_IMG_CHANGED"
        assert kept.read(kept.ids.index("cat/a.png")).pixels.shape == photo.shape


def state(root: Path) -> list[tuple[str, bytes, int, int]]:
    files = sorted(path for path in root.rglob("*") if path.is_file())
    return [(str(p), p.read_bytes(), p.stat().st_mtime_ns, p.stat().st_mode) for p in files]


def test_the_source_is_only_read(folder):
    (folder / "manifest.csv").write_text("path\ncat/a.png\n")
    before = state(folder)
    folder.chmod(0o555)
    try:
        images = ImageSet.open(folder)
        images.read(0)
        images.digest(0)
    finally:
        folder.chmod(0o755)
    assert state(folder) == before
    assert sorted(os.listdir(folder)) == ["cat", "dog", "manifest.csv"]


def test_record_digest_follows_what_is_written_not_the_files(folder):
    a, b = ImageSet.open(folder), ImageSet.open(folder)
    assert a.record_digest() == b.record_digest()
    assert a.record_digest() != a.select([1, 0, 2, 3]).record_digest()
    odd = ImageSet([ImageRecord(os.fsdecode(b"\xff"), "a", metadata={"x": 1.0})], FolderSource(folder))
    assert len(odd.record_digest()) == 64


def test_a_set_travels_to_a_worker_process(folder):
    images = ImageSet.open(folder).pinned({})
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        assert pool.submit(images.digest, 1).result() == images.digest(1)
        (folder / "cat" / "a.png").write_bytes(b"")
        with pytest.raises(BadImage) as caught:
            pool.submit(images.read, 0).result()
    assert caught.value.name == "E_IMG_TRUNCATED"
