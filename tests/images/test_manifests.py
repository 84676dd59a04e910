"""JSON Lines, Parquet and COCO manifests, and how `ImageSet.open` tells them apart."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from failatlas.errors import DataError, UnsafeInputError, UsageError
from failatlas.images import ImageSet
from failatlas.images.coco import read_coco
from failatlas.images.jsonlines import read_jsonl
from failatlas.images.parquet import read_parquet
from failatlas.images.records import ImageRecord


def jsonl(tmp_path: Path, *rows: object) -> tuple[ImageRecord, ...]:
    path = tmp_path / "manifest.jsonl"
    path.write_text("\n".join(row if isinstance(row, str) else json.dumps(row) for row in rows))
    return read_jsonl(path)


def test_json_lines_keep_types(tmp_path):
    rows = jsonl(
        tmp_path,
        {"id": 7, "path": "a.png", "label": 3, "target": [1, 2.5], "night": True, "code": "007", "n": 2, "none": None},
        {"path": "b.png", "target": 4, "id": 12345678901234567890},
    )
    assert rows[0] == ImageRecord("7", "a.png", "3", (1.0, 2.5), None, {"night": "true", "code": "007", "n": 2.0})
    assert rows[1] == ImageRecord("12345678901234567890", "b.png", None, (4.0,), None, {})


@pytest.mark.parametrize(
    ("row", "says"),
    [
        ('{"path": "a"', "not JSON"),
        ("[1]", "not a JSON object"),
        ('{"path": "a", "path": "b"}', "twice"),
        ('{"path": "a", "x": {"y": 1}}', "nested"),
        ('{"path": "a", "x": [1]}', "list"),
        ('{"path": "a", "target": NaN}', "finite"),
        ('{"path": "a", "target": [1e999]}', "finite"),
        ('{"path": "a", "target": "left"}', "finite"),
        ('{"path": ["a"]}', "nested"),
        ('{"path": "\\ud800"}', "no file name"),
        ("[" * 100_000, "not JSON"),
        ('{"path": "a", "x": ' + "9" * 5000 + "}", "not JSON"),
    ],
)
def test_D11_malformed_json_lines_name_their_line(tmp_path, row, says):
    with pytest.raises(DataError, match=says) as caught:
        jsonl(tmp_path, {"path": "ok.png"}, row)
    assert "line 2" in str(caught.value)


def test_parquet_gives_what_json_lines_give(tmp_path):
    import pyarrow
    from pyarrow import parquet

    table = pyarrow.table(
        {"path": ["a.png", "b.png"], "label": ["x", None], "target": [[1.0, 2.0], [3.0, 4.0]], "n": [1, 2]}
    )
    parquet.write_table(table, tmp_path / "m.parquet")
    assert read_parquet(tmp_path / "m.parquet") == jsonl(tmp_path, *table.to_pylist())
    (tmp_path / "bad.parquet").write_bytes((tmp_path / "m.parquet").read_bytes()[:-9])
    with pytest.raises(DataError, match="not a readable Parquet"):
        read_parquet(tmp_path / "bad.parquet")
    parquet.write_table(pyarrow.table({"file": ["a"]}), tmp_path / "nopath.parquet")
    with pytest.raises(DataError, match="'path'"):
        read_parquet(tmp_path / "nopath.parquet")


def test_parquet_without_pyarrow_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(UsageError) as caught:
        read_parquet(tmp_path / "m.parquet")
    assert "failatlas[parquet]" in caught.value.remedy


COCO = {
    "images": [
        {"id": 1, "file_name": "a.jpg", "width": 640, "height": 480, "weather": "rain"},
        {"id": 2, "file_name": "b.jpg"},
        {"id": 3, "file_name": "c.jpg"},
        {"id": 4, "file_name": "d.jpg"},
    ],
    "annotations": [
        {"id": 1, "image_id": 1, "category_id": 9, "bbox": [0, 0, 1, 1]},
        {"id": 2, "image_id": 2, "category_id": 9},
        {"id": 3, "image_id": 2, "category_id": 5},
        {"id": 4, "image_id": 2, "category_id": 5},
        {"id": 5, "image_id": 4, "category_id": 9},
        {"id": 6, "image_id": 4, "category_id": 5},
    ],
    "categories": [{"id": 5, "name": "cat"}, {"id": 9, "name": "dog"}],
}


def coco(tmp_path: Path, document: object) -> Path:
    path = tmp_path / "instances.json"
    path.write_text(json.dumps(document))
    return path


def test_coco_takes_the_only_or_most_frequent_category(tmp_path):
    listing = read_coco(coco(tmp_path, COCO))
    assert [(r.id, r.label) for r in listing.records] == [
        ("a.jpg", "dog"),
        ("b.jpg", "cat"),
        ("c.jpg", None),
        ("d.jpg", "cat"),
    ]
    assert listing.records[0].metadata == {"annotations": 1.0, "width": 640.0, "height": 480.0, "weather": "rain"}
    assert listing.notices == (
        "2 images have several categories: the most frequent was taken",
        "1 images have no annotation: unlabelled",
    )


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"images": 3}, "'images'"),
        ({"annotations": [{"image_id": 1, "category_id": 77}]}, "unknown category 77"),
        ({"annotations": [{"image_id": 99, "category_id": 5}]}, "unknown image 99"),
        ({"images": [{"id": 1, "file_name": "a"}, {"id": 1, "file_name": "b"}]}, "image id 1 appears twice"),
        ({"images": [{"id": 1, "file_name": "a"}, {"id": 2, "file_name": "a"}]}, "file_name 'a' appears twice"),
        ({"images": [{"id": 1}]}, "file_name"),
        ({"categories": [{"id": 5}]}, "without a name"),
    ],
)
def test_malformed_coco_says_where(tmp_path, change, says):
    document = {**COCO, **change}
    if "images" in change:
        document["annotations"] = []
    with pytest.raises(DataError, match=says):
        read_coco(coco(tmp_path, document))


@pytest.mark.parametrize(
    "path", ["../a.png", "/etc/passwd", "\\\\host\\a.png", "file:///a.png", "http://127.0.0.1/a.png"]
)
def test_H5_unsafe_paths_are_refused_in_every_format(tmp_path, path):
    with pytest.raises(UnsafeInputError):
        jsonl(tmp_path, {"path": path})
    with pytest.raises(UnsafeInputError):
        read_coco(coco(tmp_path, {**COCO, "images": [{"id": 1, "file_name": path}], "annotations": []}))


def test_open_finds_the_manifest_in_its_folder(tmp_path, folder, photo, encode):
    (folder / "manifest.csv").write_text("path,label,split\ncat/a.png,feline,test\ndog/a.png,canine,train\n")
    images = ImageSet.open(folder)
    assert images.classes == ("canine", "feline")
    assert images.read(0).pixels.shape == photo.shape
    assert ImageSet.open(folder / "manifest.csv", split="test").ids == ("cat/a.png",)
    with pytest.raises(DataError, match="'val'") as caught:
        ImageSet.open(folder, split="val")
    assert "test, train" in caught.value.remedy
    (folder / "manifest.jsonl").write_text('{"path": "cat/a.png"}')
    with pytest.raises(DataError, match=r"manifest.csv and manifest.jsonl"):
        ImageSet.open(folder)


def test_open_reads_each_kind_and_another_root(tmp_path, folder, photo):
    elsewhere = tmp_path / "lists"
    elsewhere.mkdir()
    (elsewhere / "m.jsonl").write_text('{"path": "cat/a.png"}\n')
    assert ImageSet.open(elsewhere / "m.jsonl", root=folder).read(0).pixels.shape == photo.shape
    os.rename(folder, elsewhere / "images")
    document = {"images": [{"id": 1, "file_name": "cat/a.png"}], "annotations": [], "categories": []}
    assert ImageSet.open(coco(elsewhere, document)).read(0).pixels.shape == photo.shape


def test_open_says_what_is_wrong_with_a_place(tmp_path):
    os.mkfifo(tmp_path / "pipe.csv")
    (tmp_path / "m.csv").write_text("path\n")
    (tmp_path / "m.xls").write_text("path\n")
    for name, says in (
        ("nowhere", "no such file"),
        ("m.csv/below", "no such file"),
        ("pipe.csv", "neither a file nor a folder"),
        ("m.csv", "without images"),
        ("m.xls", "unknown kind"),
    ):
        with pytest.raises(DataError, match=says):
            ImageSet.open(tmp_path / name)


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["id", "path", "name"]), inner, max_size=2)
    ),
    max_leaves=6,
)
KEYS = st.sampled_from(
    ["path", "id", "label", "target", "target_0", "images", "annotations", "categories", "file_name", "image_id", "x"]
)


@settings(max_examples=120, deadline=None)
@given(rows=st.lists(st.dictionaries(KEYS, VALUES, max_size=5), max_size=3), noise=st.binary(max_size=20))
def test_H15_no_json_raises_anything_but_ours(rows, noise, tmp_path_factory):
    path = tmp_path_factory.mktemp("fuzz") / "m"
    lines = [json.dumps(row).encode() for row in rows]
    objects = [{"id": 1, "file_name": "a", **row} for row in rows]
    document = json.dumps({"images": objects, "annotations": rows, "categories": objects}).encode()
    for reader, data in (
        (read_jsonl, b"\n".join(lines)),
        (read_jsonl, b"\n".join([*lines, noise])),
        (read_coco, document),
        (read_coco, noise),
        (read_parquet, b"PAR1" + noise + b"PAR1"),
    ):
        path.write_bytes(data)
        try:
            reader(path)
        except (DataError, UnsafeInputError):
            continue
