"""A file is whole or untouched, and nothing temporary stays."""

from __future__ import annotations

import csv
import io
import os
import zipfile

import numpy as np
import pytest

from failatlas.errors import ResourceError
from failatlas.store import failpoints, write_atomically


def test_writers_of_every_kind_can_use_the_file(tmp_path):
    def table(file):
        text = io.TextIOWrapper(file, encoding="utf-8", newline="")
        csv.writer(text).writerows([["image_id", "cluster"], ["ü.png", 3]])
        text.flush()
        text.detach()

    def archive(file):
        with zipfile.ZipFile(file, "w") as made:
            made.writestr("a", "b" * 100_000)

    write_atomically(tmp_path / "t.csv", table)
    write_atomically(tmp_path / "z.zip", archive)
    write_atomically(tmp_path / "n.npy", lambda file: np.save(file, np.arange(10_000)))
    write_atomically(str(tmp_path / "b.bin"), bytes(range(256)) * 20_000)
    assert (tmp_path / "t.csv").read_bytes() == "image_id,cluster\r\nü.png,3\r\n".encode()
    assert zipfile.ZipFile(tmp_path / "z.zip").read("a") == b"b" * 100_000
    assert np.load(tmp_path / "n.npy").tolist() == list(range(10_000))
    assert (tmp_path / "b.bin").read_bytes() == bytes(range(256)) * 20_000


def test_pictures_can_be_written_into_it(tmp_path):
    image = pytest.importorskip("PIL.Image")
    pixels = np.random.default_rng(0).integers(0, 256, (60, 80, 3), np.uint8)
    for kind in ("PNG", "TIFF", "BMP"):
        write_atomically(tmp_path / f"x.{kind}", lambda file, kind=kind: image.fromarray(pixels).save(file, kind))
        with image.open(tmp_path / f"x.{kind}") as opened:
            assert (np.asarray(opened) == pixels).all()


def test_missing_folders_are_made(tmp_path):
    write_atomically(tmp_path / "a" / "b" / "c.txt", b"x")
    assert (tmp_path / "a" / "b" / "c.txt").read_bytes() == b"x"


@pytest.mark.parametrize("point", ["after_temp_open", "during_temp_write", "after_temp_write", "after_temp_fsync"])
def test_F4_a_failed_write_leaves_the_old_file_and_no_temporary_one(point, tmp_path, disarmed):
    (tmp_path / "x").write_bytes(b"old")
    failpoints.arm(f"{point}:enospc")
    with pytest.raises(ResourceError, match=r"disk full: need 3\.0 MB, have ") as caught:
        write_atomically(tmp_path / "x", b"n" * 3_000_000)
    assert caught.value.where == str(tmp_path / "x")
    assert os.listdir(tmp_path) == ["x"]
    assert (tmp_path / "x").read_bytes() == b"old"


def test_F4_where_the_size_is_unknown_the_message_says_how_far_it_came(tmp_path, disarmed):
    failpoints.arm("during_temp_write:enospc:3")
    with pytest.raises(ResourceError, match=r"need 2\.1 MB, have "):
        write_atomically(tmp_path / "x", lambda file: file.write(b"n" * 3_000_000))


def test_a_writer_that_fails_leaves_the_old_file_and_its_own_error(tmp_path):
    (tmp_path / "x").write_bytes(b"old")

    def fail(file):
        file.write(b"half")
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        write_atomically(tmp_path / "x", fail)
    assert os.listdir(tmp_path) == ["x"]
    assert (tmp_path / "x").read_bytes() == b"old"


def test_F1_a_kill_during_a_replacement_leaves_the_old_file(child, tmp_path):
    (tmp_path / "x").write_bytes(b"old")
    code = "import sys; from failatlas.store import write_atomically; write_atomically(sys.argv[1], b'n' * 3_000_000)"
    for point in ("during_temp_write:kill:2", "after_temp_fsync:kill"):
        assert child(tmp_path / "x", code=code, failpoint=point).returncode == -9
        assert (tmp_path / "x").read_bytes() == b"old"
    assert child(tmp_path / "x", code=code, failpoint="after_rename:kill").returncode == -9
    assert (tmp_path / "x").read_bytes() == b"n" * 3_000_000


def test_a_folder_of_that_name_is_an_error_of_one_line(tmp_path):
    (tmp_path / "x").mkdir()
    with pytest.raises(ResourceError) as caught:
        write_atomically(tmp_path / "x", b"")
    assert caught.value.name == "E_NOT_A_FILE"
    assert os.listdir(tmp_path) == ["x"]


def test_D8_any_file_name_can_be_written(tmp_path):
    for name in (b"\xff\xfe.csv", b"-rf", "e\u0301\u202e.csv".encode(), b"a" * 255, b"line\nbreak"):
        path = os.fsdecode(os.fsencode(tmp_path) + b"/" + name)
        write_atomically(path, b"x")
        assert os.path.getsize(path) == 1
    with pytest.raises(ResourceError) as caught:
        write_atomically(tmp_path / ("a" * 256), b"x")
    assert caught.value.name == "E_NAME_TOO_LONG"


def test_P1_data_is_synchronised_before_the_name_and_the_name_before_the_return(tmp_path, monkeypatch):
    # what a power cut would show: the order of the calls
    calls: list[str] = []
    fsync, replace = os.fsync, os.replace

    def recorded_fsync(descriptor):
        path = os.readlink(f"/proc/self/fd/{descriptor}")
        calls.append(f"fsync {'folder' if os.path.isdir(path) else os.path.splitext(path)[1]}")
        fsync(descriptor)

    def recorded_replace(source, target):
        calls.append("rename")
        replace(source, target)

    monkeypatch.setattr(os, "fsync", recorded_fsync)
    monkeypatch.setattr(os, "replace", recorded_replace)
    write_atomically(tmp_path / "new" / "x.csv", b"x")
    assert calls == ["fsync folder", "fsync .tmp", "rename", "fsync folder"]
