from __future__ import annotations

import numpy as np
import pytest

from failatlas.errors import DataError, ShapeError
from failatlas.features import read_features

IDS = ("a.png", "b.png", "c.png")


def test_an_array_is_taken_in_the_order_of_the_images(tmp_path):
    rows = np.arange(6.0).reshape(3, 2)
    np.save(tmp_path / "f.npy", rows)
    found = read_features(tmp_path / "f.npy", IDS)
    assert found.dtype == np.float32
    assert found.tolist() == rows.tolist()


def test_a_table_is_aligned_by_id_and_may_hold_more_images(tmp_path):
    (tmp_path / "f.csv").write_text("id,x,y\nc.png,5,6\nz.png,0,0\n\na.png,1,2e1\nb.png,-3,4\n", encoding="utf-8-sig")
    assert read_features(tmp_path / "f.csv", IDS).tolist() == [[1, 20], [-3, 4], [5, 6]]


def test_no_images_need_no_rows(tmp_path):
    (tmp_path / "f.csv").write_text("id,x\n")
    assert read_features(tmp_path / "f.csv", ()).shape == (0, 0)


@pytest.mark.parametrize(
    ("text", "said", "where"),
    [
        ("id,x\na.png,1\nb.png,2\n", "no features for image 'c.png'", "f.csv"),
        ("id,x\na.png,1\nb.png,one\nc.png,1\n", "not a number", "line 3"),
        ("id,x\na.png,1\nb.png,\nc.png,1\n", "not a number", "line 3"),
        ("id,x\na.png,1\nb.png,2\na.png,3\nc.png,1\n", "'a.png' appears twice", "line 4"),
        ("id,x\na.png,1\nb.png,nan\nc.png,1\n", "'b.png' are not finite", "row 1"),
        ("id,x\na.png,1\nb.png,2\nc.png,1e300\n", "'c.png' are not finite", "row 2"),
        ("", "no features for image 'a.png'", "f.csv"),
    ],
)
def test_D11_a_bad_table_names_its_place(tmp_path, text, said, where):
    (tmp_path / "f.csv").write_text(text)
    with pytest.raises(DataError, match=said) as refused:
        read_features(tmp_path / "f.csv", IDS)
    assert refused.value.where.endswith(where)


def test_rows_of_different_lengths_are_refused(tmp_path):
    (tmp_path / "f.csv").write_text("id,x\na.png,1\nb.png,2,3\nc.png,1\n")
    with pytest.raises(ShapeError, match="different lengths"):
        read_features(tmp_path / "f.csv", IDS)


@pytest.mark.parametrize(
    ("array", "said"),
    [
        (np.zeros((2, 4)), r"\(2, 4\), the image set has 3 images"),
        (np.zeros(3), r"shape \(3,\)"),
        (np.zeros((3, 2), np.complex64), "numbers"),
        (np.full((3, 2), 1e300), "'a.png' are not finite"),
        (np.array([[1.0], [2.0], [np.inf]]), "'c.png' are not finite"),
    ],
)
def test_a_bad_array_says_what_is_wrong(tmp_path, array, said):
    np.save(tmp_path / "f.npy", array)
    with pytest.raises(DataError, match=said):
        read_features(tmp_path / "f.npy", IDS)


@pytest.mark.parametrize(("name", "data"), [("f.npy", b""), ("f.npy", b"\x93NUMPY\x01\x00\xff"), ("f.txt", b"1")])
def test_a_file_of_another_kind_is_one_line(tmp_path, name, data):
    (tmp_path / name).write_bytes(data)
    with pytest.raises(DataError):
        read_features(tmp_path / name, IDS)


def test_a_missing_file_says_so(tmp_path):
    for name in ("f.npy", "f.csv"):
        with pytest.raises(DataError, match="no such features file"):
            read_features(tmp_path / name, IDS)
