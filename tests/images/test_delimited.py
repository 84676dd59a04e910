"""CSV manifests: D8, D10, D11, H5, H15; read back what was written."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from failatlas.errors import DataError, ResourceError, UnsafeInputError
from failatlas.images import delimited
from failatlas.images.delimited import escape_formula, read_csv, unescape_formula, write_manifest
from failatlas.images.records import ImageRecord


def parse(tmp_path: Path, text: str | bytes) -> tuple[ImageRecord, ...]:
    path = tmp_path / "manifest.csv"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return read_csv(path)


def test_columns_have_their_meaning_and_the_rest_is_metadata(tmp_path):
    records = parse(tmp_path, "id,path,label,split,target,yaw,weather\n1,a/b.png,cat,test,2.5,-30,rain\n2,c.png,,,,,\n")
    assert records[0] == ImageRecord("1", "a/b.png", "cat", (2.5,), "test", {"yaw": -30.0, "weather": "rain"})
    assert records[1] == ImageRecord("2", "c.png", None, None, None, {})


def test_several_targets(tmp_path):
    text = "path,target_1,target_0," + ",".join(f"target_{i}" for i in range(2, 12)) + "\n"
    assert parse(tmp_path, text + "a.png,1,0,2,3,4,5,6,7,8,9,10,11\n")[0].target == tuple(map(float, range(12)))
    with pytest.raises(DataError, match="gap"):
        parse(tmp_path, "path,target_0,target_2\na.png,1,2\n")
    with pytest.raises(DataError, match="line 2") as caught:
        parse(tmp_path, "path,target\na.png,cat\n")
    assert "label" in caught.value.remedy


def test_a_column_is_numbers_only_when_every_cell_is_one(tmp_path):
    text = "path,zip,serial,mixed,number,big\na,00712,12345678901234567890,1,1e3,\nb,10,2,x,-.5,7\n"
    a, b = parse(tmp_path, text)
    assert a.metadata == {"zip": "00712", "serial": "12345678901234567890", "mixed": "1", "number": 1000.0}
    assert b.metadata == {"zip": "10", "serial": "2", "mixed": "x", "number": -0.5, "big": 7.0}


def test_D10_missing_label_column_and_extra_columns(tmp_path):
    records = parse(tmp_path, "path,extra\na.png,1\nb.png,2\n")
    assert [record.label for record in records] == [None, None]
    assert [record.metadata["extra"] for record in records] == [1.0, 2.0]
    with pytest.raises(DataError, match=r"'path'.*'file'") as caught:
        parse(tmp_path, "file,label\na.png,cat\n")
    assert caught.value.exit_status == 3


def test_D10_rows_of_another_length_name_their_line(tmp_path):
    with pytest.raises(DataError, match=r"line 3"):
        parse(tmp_path, "path,label\na.png,cat\nb.png,dog,extra\n")
    with pytest.raises(DataError, match=r"line 2"):
        parse(tmp_path, "path,label\na.png\n")


def test_duplicate_ids_name_both_rows(tmp_path):
    with pytest.raises(DataError, match=r"'a.png'.*line 2.*line 4"):
        parse(tmp_path, "path\na.png\nb.png\na.png\n")
    with pytest.raises(DataError, match=r"two columns are called 'yaw'"):
        parse(tmp_path, "path,yaw,yaw\na.png,1,2\n")


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_D11_marks_line_ends_quotes_and_delimiters(tmp_path, end, mark, delimiter):
    lines = ["path,label,note", '"a, ""b"".png",cat,"two', 'lines; and, more"', "", "c.png,dog,"]
    if delimiter != ",":
        lines = ["path,label,note".replace(",", delimiter), f'"a, ""b"".png"{delimiter}cat{delimiter}"two']
        lines += ['lines; and, more"', "", f"c.png{delimiter}dog{delimiter}"]
    first, second = parse(tmp_path, (mark + end.join(lines) + end).encode())
    assert first.path == 'a, "b".png'
    assert first.metadata == {"note": f"two{end}lines; and, more"}
    assert (second.path, second.label) == ("c.png", "dog")


def test_D11_a_10_MB_field_names_its_line(tmp_path):
    with pytest.raises(DataError, match="line 3"):
        parse(tmp_path, b"path,label\na.png,cat\n" + b"x" * 10_000_000 + b",dog\n")
    with pytest.raises(DataError, match="line 2"):
        parse(tmp_path, b"path\n" + b"x" * 17_000_000)


def test_D11_an_open_quote_names_its_line(tmp_path):
    with pytest.raises(DataError, match=r"not CSV.*line 3"):
        parse(tmp_path, 'path,label\na.png,cat\n"b.png,dog\n')


def test_D11_other_encodings_and_empty_files_say_what_to_do(tmp_path):
    with pytest.raises(DataError, match="UTF-16"):
        parse(tmp_path, "path\na.png\n".encode("utf-16"))
    with pytest.raises(DataError, match="empty manifest"):
        parse(tmp_path, "")
    assert parse(tmp_path, b"path\n\xff.png\n")[0].path == os.fsdecode(b"\xff.png")


@pytest.mark.parametrize("cell", ["=1+1", "+cmd|' /C calc'!A0", "-2+3", "@SUM(A1)", "\tx", "\rx", "'=x", "''", "'"])
def test_D11_formula_cells_are_written_dead_and_read_back(tmp_path, cell):
    assert escape_formula(cell).startswith("'")
    assert unescape_formula(escape_formula(cell)) == cell
    record = ImageRecord(cell, f"{cell}.png", cell, None, cell, {"note": cell})
    path = tmp_path / "out.csv"
    write_manifest(path, [record])
    assert read_csv(path) == (record,)


@pytest.mark.parametrize(
    "path", ["../a.png", "/etc/passwd", "\\\\host\\a.png", "file:///a.png", "http://127.0.0.1/a.png"]
)
def test_H5_unsafe_paths_are_refused_with_their_line(tmp_path, path):
    with pytest.raises(UnsafeInputError, match="line 3") as caught:
        parse(tmp_path, f"path\na.png\n{path}\n")
    assert caught.value.exit_status == 4


NAMES = st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\0"), min_size=1, max_size=12)
PATHS = st.builds(lambda name: "p" + name.replace("/", "_").replace("\\", "_"), NAMES)
WORDS = NAMES.filter(lambda text: delimited.number(text) is None)
NUMBERS = st.floats(allow_nan=False, allow_infinity=False, width=32)
RECORDS = st.builds(
    ImageRecord,
    id=NAMES,
    path=PATHS,
    label=st.none() | NAMES,
    target=st.tuples(NUMBERS, NUMBERS),
    split=st.sampled_from([None, "train", "-test"]),
    metadata=st.fixed_dictionaries({}, optional={"note": WORDS, "angle, deg": NUMBERS, "=x": WORDS}),
)


@settings(max_examples=60, deadline=None)
@given(records=st.lists(RECORDS, min_size=1, max_size=5, unique_by=lambda record: record.id))
def test_D8_what_is_written_is_read_back_equal(records, tmp_path_factory):
    path = tmp_path_factory.mktemp("round") / "manifest.csv"
    write_manifest(path, records)
    assert read_csv(path) == tuple(records)


def test_D8_non_utf8_names_come_back_exactly(tmp_path):
    record = ImageRecord(os.fsdecode(b"\xff.png"), os.fsdecode(b"\xff.png"))
    write_manifest(tmp_path / "m.csv", [record])
    assert read_csv(tmp_path / "m.csv") == (record,)
    with pytest.raises(DataError):
        write_manifest(tmp_path / "n.csv", [ImageRecord("\ud800", "a.png")])
    assert [path.name for path in tmp_path.iterdir()] == ["m.csv"]


def test_a_full_disk_keeps_the_old_manifest(tmp_path, monkeypatch):
    path = tmp_path / "m.csv"
    write_manifest(path, [ImageRecord("a", "a.png")])
    before = path.read_bytes()

    def full(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(delimited.os, "fsync", full)
    with pytest.raises(ResourceError) as caught:
        write_manifest(path, [ImageRecord("b", "b.png")])
    assert caught.value.exit_status == 5
    assert path.read_bytes() == before
    assert [file.name for file in tmp_path.iterdir()] == ["m.csv"]


def test_records_that_cannot_share_a_table_are_refused(tmp_path):
    with pytest.raises(DataError, match="lengths"):
        write_manifest(
            tmp_path / "m.csv", [ImageRecord("a", "a", target=(1.0,)), ImageRecord("b", "b", target=(1.0, 2.0))]
        )
    with pytest.raises(DataError, match="'path'"):
        write_manifest(tmp_path / "m.csv", [ImageRecord("a", "a", metadata={"path": "x"})])


@settings(max_examples=150, deadline=None)
@given(body=st.binary(max_size=120) | st.text("path,label\n\r\"';=a/.\\0\ufeff", max_size=60).map(str.encode))
def test_H15_no_csv_raises_anything_but_ours(body, tmp_path_factory):
    path = tmp_path_factory.mktemp("fuzz") / "manifest.csv"
    for start in (b"", b"path,label\n", b"path,target,target_0\n"):
        path.write_bytes(start + body)
        try:
            read_csv(path)
        except (DataError, UnsafeInputError):
            continue
