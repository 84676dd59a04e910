from __future__ import annotations

import json

import pytest

from failatlas.errors import DataError
from failatlas.models.predictions import read_predictions


def write(path, text, **how):
    path.write_text(text, encoding="utf-8", **how)
    return path


def test_a_csv_with_bom_crlf_and_quotes_is_read(tmp_path):
    text = '\ufeffpath,prediction,label,cat,dog\r\n"a, b.png",dog,cat,0.5,1.5\r\n'
    (only,) = read_predictions(write(tmp_path / "p.csv", text, newline=""))
    assert (only.image, only.answer, only.label) == ("a, b.png", "dog", "cat")
    assert only.numbers == {"cat": 0.5, "dog": 1.5}
    assert only.where == "p.csv line 2"


def test_the_result_file_of_hudd_is_read(tmp_path):
    text = "image,result,expected,predicted,0,1\n/data/x/1.png,Wrong,0,1,-1.5,2\n"
    (only,) = read_predictions(write(tmp_path / "p.csv", text))
    assert (only.image, only.answer, only.label) == ("/data/x/1.png", "1", "0")
    assert only.numbers["0"] == -1.5


def test_json_lines_with_nested_logits_are_read(tmp_path):
    rows = [{"id": "a", "prediction": "cat", "logits": {"cat": 2, "dog": 1}}, {"id": "b", "logits": [0.5, 1]}]
    first, second = read_predictions(write(tmp_path / "p.jsonl", "\n".join(map(json.dumps, rows))))
    assert first.numbers == {"cat": 2.0, "dog": 1.0}
    assert second.numbers == {"logits_0": 0.5, "logits_1": 1.0}
    assert second.answer == ""


@pytest.mark.parametrize(
    ("text", "where", "said"),
    [
        ("id,prediction\na,cat\nb\n", "p.csv line 3", "cells"),
        ('id,prediction\na,"cat\n', "p.csv line 2", "not CSV"),
        ("id,prediction\na,cat\na,dog\n", "p.csv line 3", "twice"),
        ("id,prediction\n,cat\n", "p.csv line 2", "without an image"),
        ("name,prediction\na,cat\n", "p.csv line 1", "no column names the image"),
        ("id,label\na,cat\n", "p.csv line 1", "no column holds predictions"),
        ("id,prediction,prediction\na,cat,cat\n", "p.csv line 1", "two columns"),
        ("id,prediction\n", "p.csv", "without predictions"),
        ("", "p.csv", "without predictions"),
        ("id,prediction\na," + "x" * 200_000 + "\n", "p.csv line 2", "not CSV"),
    ],
)
def test_D11_errors_carry_file_and_line(tmp_path, text, where, said):
    with pytest.raises(DataError, match=said) as caught:
        read_predictions(write(tmp_path / "p.csv", text))
    assert caught.value.where == where
    assert caught.value.exit_status == 3


@pytest.mark.parametrize("text", ["{", "[1]", '{"id": {"a": [1, "x"]}, "prediction": 1}', "[" * 100_000])
def test_D11_bad_json_lines_carry_file_and_line(tmp_path, text):
    with pytest.raises(DataError) as caught:
        read_predictions(write(tmp_path / "p.jsonl", '{"id": "a", "prediction": "cat"}\n' + text + "\n"))
    assert caught.value.where == "p.jsonl line 2"


def test_a_missing_file_says_so(tmp_path):
    with pytest.raises(DataError, match="no such predictions file"):
        read_predictions(tmp_path / "gone.csv")


def test_D8_names_that_are_not_utf8_are_kept(tmp_path):
    (tmp_path / "p.csv").write_bytes(b"path,prediction\nf\xff.png,cat\n")
    (only,) = read_predictions(tmp_path / "p.csv")
    assert only.image.encode("utf-8", "surrogateescape") == b"f\xff.png"
