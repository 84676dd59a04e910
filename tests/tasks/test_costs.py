from __future__ import annotations

import json

import pytest

from failatlas.errors import DataError
from failatlas.tasks import read_cost_matrix

CLASSES = ("cat", "dog", "eel")
COST = [[0, 1, 2], [3, 0, 4], [5, 6, 0]]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("c.csv", "expected,cat,dog,eel\ncat,0,1,2\ndog,3,0,4\neel,5,6,0\n"),
        ("c.csv", "\ufeff,eel,cat,dog\r\ndog,4,3,0\r\neel,0,5,6\r\ncat,2,0,1\r\n"),
        ("c.csv", "0,1,2\n3,0,4\n5,6,0\n"),
        ("c.json", json.dumps(COST)),
        ("c.json", json.dumps({"cat": {"eel": 2}, "dog": {"cat": 3, "eel": 4}, "eel": {"cat": 5, "dog": 6}})),
    ],
)
def test_every_form_gives_the_matrix_in_class_order(tmp_path, name, text):
    path = tmp_path / name
    path.write_text(text, encoding="utf-8", newline="")
    matrix = read_cost_matrix(path, CLASSES)
    assert matrix.tolist() == COST
    assert not matrix.flags.writeable


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("c.csv", "", "empty"),
        ("c.csv", "0,1\n1,0\n", r"shape \(2, 2\) for 3 classes"),
        ("c.csv", "0,1,2\n3,0,4\n5,6\n", "different lengths"),
        ("c.csv", "0,1,2\n3,0,x\n5,6,0\n", "'x' is not a number"),
        ("c.csv", "0,1,2\n3,0,-4\n5,6,0\n", "-4 of 'dog' → 'eel' is negative"),
        ("c.csv", "0,1,2\n3,0,nan\n5,6,0\n", "'dog' → 'eel' is not finite"),
        ("c.csv", "0,1,2\n3,7,4\n5,6,0\n", "7 of 'dog' → 'dog'.*right"),
        ("c.csv", "expected,cat,dog,owl\ncat,0,1,2\ndog,3,0,4\nowl,5,6,0\n", "differ, first in 'eel'"),
        ("c.json", "{", "not valid JSON"),
        ("c.json", '{"cat": 1}', "list of rows"),
        ("c.json", '{"cat": {"owl": 1}}', "unknown class 'owl'"),
        ("c.json", f"[[0, 1{'0' * 400}, 1], [1, 0, 1], [1, 1, 0]]", "text"),
        ("c.json", '[[0, "a", 1], [1, 0, 1], [1, 1, 0]]', "text"),
    ],
)
def test_a_bad_matrix_says_where_and_what(tmp_path, name, text, said):
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    with pytest.raises(DataError, match=said) as caught:
        read_cost_matrix(path, CLASSES)
    assert str(path) in caught.value.where
    assert caught.value.name == "E_COST"


def test_classes_may_be_called_by_numbers(tmp_path):
    path = tmp_path / "c.csv"
    path.write_text("expected,2,0,1\n0,2,0,1\n1,4,3,0\n2,0,5,6\n")
    assert read_cost_matrix(path, ("0", "1", "2")).tolist() == COST


def test_a_missing_file_is_one_line(tmp_path):
    with pytest.raises(DataError, match="cannot read"):
        read_cost_matrix(tmp_path / "gone.csv", CLASSES)
