"""Folders: what is an image, a class, a split; D8, D9 and H17 names."""

from __future__ import annotations

import os
import unicodedata
from pathlib import Path

import pytest

from failatlas.errors import DataError
from failatlas.images import ImageSet
from failatlas.images.folder import read_folder

ODD_NAMES = [
    "-rf.png",
    ";touch x.png",
    "$(touch x).png",
    "%s%n{0.__class__}.png",
    "line\nbreak.png",
    "tab\t.png",
    "quote\"'.png",
    "=cmd|x.png",
    "back\\slash.png",
    unicodedata.normalize("NFC", "é.png"),
    unicodedata.normalize("NFD", "é.png"),
    "👩‍👩‍👧.png",
    "\u202eright-to-left.png",
    "CON.png",
    "case.png",
    "CASE.png",
    os.fsdecode(b"not-\xff-utf8.png"),
    "x" * 251 + ".png",
]


def touch(root: Path, *paths: str) -> None:
    for path in paths:
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_bytes(b"?")


def test_the_class_is_the_first_folder(tmp_path):
    touch(tmp_path, "dog/b.png", "cat/deep/er/a.JPG", "cat/c.tiff")
    listing = read_folder(tmp_path)
    assert [(r.id, r.label, r.split) for r in listing.records] == [
        ("cat/c.tiff", "cat", None),
        ("cat/deep/er/a.JPG", "cat", None),
        ("dog/b.png", "dog", None),
    ]
    assert listing.notices == ()


def test_splits_are_first_folders_only_when_all_are(tmp_path):
    touch(tmp_path, "train/cat/a.png", "test/dog/b.png", "improvement/c.png")
    assert [(r.label, r.split) for r in read_folder(tmp_path).records] == [
        (None, "improvement"),
        ("dog", "test"),
        ("cat", "train"),
    ]
    touch(tmp_path, "exam/d.png")
    assert {(r.label, r.split) for r in read_folder(tmp_path).records} == {
        (name, None) for name in ("exam", "improvement", "test", "train")
    }


def test_a_flat_folder_is_unlabelled(tmp_path):
    touch(tmp_path, "b.png", "a.png")
    images = ImageSet.open(tmp_path)
    assert images.ids == ("a.png", "b.png")
    assert images.classes == ()
    assert images.notices == ()


def test_what_is_passed_over_is_said(tmp_path):
    touch(tmp_path, "cat/a.png", "loose.png", "notes.txt", ".DS_Store", "cat/._a.png", "cat/drawing.svg", "README")
    assert read_folder(tmp_path).notices == (
        "passed over 1 × .svg file",
        "passed over 1 × .txt file",
        "passed over 1 × file without extension",
        "passed over 2 × hidden file or folder",
        "1 images lie in no class folder: unlabelled",
    )


def test_no_images_is_an_error_with_a_next_step(tmp_path):
    touch(tmp_path, "notes.txt")
    with pytest.raises(DataError, match="no images") as caught:
        read_folder(tmp_path)
    assert ".png" in caught.value.remedy


@pytest.mark.parametrize("label", ["a", "-x", "<b>"])
def test_D8_H17_names_are_kept_exactly_and_run_nothing(tmp_path, photo, encode, label, monkeypatch):
    monkeypatch.chdir(tmp_path)
    root = tmp_path / "set"
    (root / label).mkdir(parents=True)
    data = encode(photo, "PNG")
    for name in ODD_NAMES:
        (root / label / name).write_bytes(data)
    images = ImageSet.open(root)
    assert set(images.ids) == {f"{label}/{name}" for name in ODD_NAMES}
    assert list(images.ids) == sorted(images.ids, key=os.fsencode)
    assert sum(len(batch.indices) for batch in images.batches(5)) == len(ODD_NAMES)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["set"], "no canary"


def test_D9_linked_folders_are_passed_over_and_loops_end(tmp_path, photo, encode):
    root = tmp_path / "set"
    touch(tmp_path, "elsewhere/b.png")
    touch(root, "cat/a.png")
    (root / "cat" / "again").symlink_to(root)
    (root / "dog").symlink_to(tmp_path / "elsewhere")
    listing = read_folder(root)
    assert [r.path for r in listing.records] == ["cat/a.png"]
    assert listing.notices == ("passed over 2 × link to a folder (--trust-links follows it)",)
    trusting = read_folder(root, trust_links=True)
    assert {r.path for r in trusting.records} == {"cat/a.png", "dog/b.png"}
    assert trusting.notices == ("passed over 1 × folder reached twice",)


def test_D9_linked_files_and_pipes_are_listed_so_that_they_are_counted(tmp_path, folder):
    (tmp_path / "secret.png").write_bytes(b"?")
    (folder / "cat" / "link.png").symlink_to(tmp_path / "secret.png")
    os.mkfifo(folder / "cat" / "pipe.png")
    images = ImageSet.open(folder)
    bad: list[tuple[str, str]] = []
    for _ in images.batches(2, on_bad=lambda i, error: bad.append((images.ids[i], error.name))):
        pass
    assert bad == [("cat/link.png", "E_IMG_LINK"), ("cat/pipe.png", "E_IMG_SPECIAL_FILE")]


def test_a_tree_deeper_than_the_stack_is_listed(tmp_path):
    deep = tmp_path
    for _ in range(300):
        deep = deep / "d"
    deep.mkdir(parents=True)
    touch(deep, "a.png")
    assert len(read_folder(tmp_path).records) == 1
