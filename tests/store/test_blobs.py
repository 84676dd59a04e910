"""A blob is what ``numpy.load`` reads and ``sha256sum`` names, and a hostile name or file is never opened."""

from __future__ import annotations

import hashlib
import io
import os
import zipfile

import numpy as np
import pytest

from failatlas.errors import DataError
from failatlas.store.blobs import Blob, Blobs

ARRAYS = [
    np.arange(6, dtype=np.float32).reshape(2, 3),
    np.array(3.5),
    np.empty((0, 7), np.float32),
    np.asfortranarray(np.arange(6.0).reshape(2, 3)),
    np.arange(20)[::-3],
    np.array([True, False]),
    np.array(["a", "ü"]),
    np.array([(1, 2.0)], dtype=[("x", "i4"), ("y", "f8")]),
    np.array([np.nan, -0.0, np.inf], dtype=">f4"),
]


@pytest.mark.parametrize("array", ARRAYS, ids=lambda array: f"{array.dtype}{array.shape}")
def test_numpy_reads_what_was_written_and_the_name_is_its_sha256(array, tmp_path):
    blobs = Blobs(tmp_path)
    blob = blobs.put(array)
    path = blobs.path(blob)
    assert hashlib.sha256(path.read_bytes()).hexdigest() == blob.sha256 == path.stem
    assert path.stat().st_size == blob.n_bytes
    loaded = np.load(path, allow_pickle=False)
    np.testing.assert_array_equal(loaded, array)
    assert loaded.dtype == array.dtype
    np.testing.assert_array_equal(blobs.open(blob), array)
    assert blobs.fault(blob) is None


def test_the_bytes_are_those_of_numpy_save(tmp_path):
    blob = Blobs(tmp_path).put(ARRAYS[0])
    expected = io.BytesIO()
    np.save(expected, ARRAYS[0], allow_pickle=False)
    assert Blobs(tmp_path).path(blob).read_bytes() == expected.getvalue()


@pytest.mark.parametrize("name", ["../../etc/passwd", "a" * 63, "A" * 64, "a" * 64 + "\n", ""])
def test_a_name_that_is_no_hash_is_refused(name, tmp_path):
    with pytest.raises(DataError, match="not a hash"):
        Blobs(tmp_path).open(Blob(name, 1))


def test_D9_a_pipe_or_link_in_place_of_a_blob_is_never_opened(tmp_path):
    blobs = Blobs(tmp_path)
    blob = blobs.put(ARRAYS[0])
    path = blobs.path(blob)
    path.rename(tmp_path / "elsewhere.npy")
    path.symlink_to(tmp_path / "elsewhere.npy")
    assert blobs.fault(blob) == "changed"
    path.unlink()
    os.mkfifo(path)
    assert blobs.fault(blob) == "changed"
    with pytest.raises(DataError, match="changed"):
        blobs.open(blob)


def test_H1_a_pickle_or_zip_in_place_of_a_blob_is_refused(tmp_path):
    blobs = Blobs(tmp_path)
    archive, pickle = io.BytesIO(), io.BytesIO()
    with zipfile.ZipFile(archive, "w") as made:
        made.writestr("x.npy", b"x")
    np.save(pickle, np.array([{}], dtype=object), allow_pickle=True)
    for data in (archive.getvalue(), pickle.getvalue(), b"\x80\x04N.", b"\x93NUMPY\x01\x00\xff\xff{", b""):
        blob = Blob(hashlib.sha256(data).hexdigest(), len(data))
        blobs.path(blob).parent.mkdir(exist_ok=True, parents=True)
        blobs.path(blob).write_bytes(data)
        with pytest.raises(DataError) as caught:
            blobs.open(blob)
        assert caught.value.name == "E_STORE_DAMAGED"


def test_an_array_that_is_there_is_not_written_again(tmp_path):
    blobs = Blobs(tmp_path)
    path = blobs.path(blobs.put(ARRAYS[0]))
    before = path.stat()
    blobs.put(ARRAYS[0].copy())
    assert (path.stat().st_ino, path.stat().st_mtime_ns) == (before.st_ino, before.st_mtime_ns)
