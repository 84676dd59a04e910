"""Opening: D9 and H5: only regular files below the root, and only to read."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from failatlas.errors import DataError, ResourceError, UnsafeInputError
from failatlas.images import opening
from failatlas.images.opening import checked_path, read_file
from failatlas.images.records import BadImage


def code(root: Path, path: str, *, trust_links: bool = False, max_bytes: int = 1000) -> str:
    with pytest.raises(BadImage) as caught:
        read_file(root, path, max_bytes=max_bytes, trust_links=trust_links)
    return caught.value.name


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "set").mkdir()
    (tmp_path / "set" / "a.png").write_bytes(b"inside")
    (tmp_path / "secret.png").write_bytes(b"outside")
    return tmp_path / "set"


def test_a_regular_file_is_read_whole(root):
    assert read_file(root, "a.png", max_bytes=6) == b"inside"
    assert code(root, "a.png", max_bytes=5) == "E_IMG_TOO_LARGE"
    assert code(root, "nothing.png") == "E_IMG_MISSING"
    assert code(root, "a.png/below") == "E_IMG_MISSING"
    assert code(root, "x" * 300) == "E_IMG_MISSING"


def test_D9_a_link_out_of_the_set_is_not_followed_unless_trusted(root):
    (root / "link.png").symlink_to(root.parent / "secret.png")
    (root / "up").symlink_to(root.parent)
    assert code(root, "link.png") == "E_IMG_LINK"
    assert code(root, "up/secret.png") == "E_IMG_LINK"
    assert read_file(root, "link.png", max_bytes=1000, trust_links=True) == b"outside"


def test_D9_a_link_inside_the_set_and_a_linked_root_are_fine(root):
    (root / "b.png").symlink_to("a.png")
    (root.parent / "alias").symlink_to(root)
    assert read_file(root.parent / "alias", "b.png", max_bytes=1000) == b"inside"


@pytest.mark.parametrize("trust_links", [False, True])
def test_D9_a_loop_of_links_ends(root, trust_links):
    (root / "x.png").symlink_to("y.png")
    (root / "y.png").symlink_to("x.png")
    assert code(root, "x.png", trust_links=trust_links) == "E_IMG_LINK"


def test_D9_pipes_sockets_devices_and_folders_are_never_opened(root, monkeypatch):
    os.mkfifo(root / "pipe.png")
    (root / "folder.png").mkdir()
    (root / "zero.png").symlink_to("/dev/zero")
    monkeypatch.chdir(root)  # a socket's path may have about 100 signs only
    with socket.socket(socket.AF_UNIX) as server:
        server.bind("socket.png")
        opened: list[object] = []
        monkeypatch.setattr(opening.os, "open", lambda *args: opened.append(args))
        for name in ("pipe.png", "folder.png", "zero.png", "socket.png"):
            assert code(root, name, trust_links=True) == "E_IMG_SPECIAL_FILE", name
        assert opened == []


def test_D9_a_hard_link_is_a_regular_file(root):
    os.link(root.parent / "secret.png", root / "hard.png")
    assert read_file(root, "hard.png", max_bytes=1000) == b"outside"


@pytest.mark.parametrize("change", ["append", "truncate", "replace"])
def test_D9_a_file_that_changes_while_it_is_read_is_refused(root, monkeypatch, change):
    real_open = os.open

    def open_and_change(path: str, flags: int) -> int:
        if change == "replace":
            (root / "new").write_bytes(b"INSIDE")
            os.replace(root / "new", path)
        descriptor = real_open(path, flags)
        if change == "append":
            with Path(path).open("ab") as file:
                file.write(b"more")
        if change == "truncate":
            os.truncate(path, 2)
        return descriptor

    monkeypatch.setattr(opening.os, "open", open_and_change)
    assert code(root, "a.png") == "E_IMG_CHANGED"


def test_a_shortage_of_descriptors_stops_the_run_instead_of_the_image(root, monkeypatch):
    def exhausted(path: str, flags: int) -> int:
        raise OSError(24, "Too many open files")

    monkeypatch.setattr(opening.os, "open", exhausted)
    with pytest.raises(ResourceError) as caught:
        read_file(root, "a.png", max_bytes=1000)
    assert caught.value.exit_status == 5


UNSAFE = [
    "../secret.png",
    "a/../../secret.png",
    "..",
    "a\\..\\..\\secret.png",
    "/etc/passwd",
    "\\\\host\\share\\a.png",
    "//host/share/a.png",
    "C:\\a.png",
    "c:/a.png",
    "file:///etc/passwd",
    "FILE:/etc/passwd",
    "http://127.0.0.1/a.png",
    "https://example.org/a.png",
    "s3://bucket/a.png",
    "a\0.png",
]


@pytest.mark.parametrize("path", UNSAFE)
def test_H5_a_path_that_leaves_the_folder_or_is_an_address_is_unsafe(path):
    with pytest.raises(UnsafeInputError) as caught:
        checked_path(path, "row 1")
    assert caught.value.exit_status == 4
    assert "row 1" in str(caught.value)


@pytest.mark.parametrize(
    "path", ["a/b.png", "a..b/c...png", "-rf.png", "a:b.png", "http.png", "ü/é.png", "a b\n.png", "CON", "a\\b.png"]
)
def test_D8_odd_names_are_kept_exactly(path):
    assert checked_path(path, "row 1") == path


@given(st.text(max_size=30))
def test_H5_a_checked_path_never_leaves_the_root(path):
    try:
        checked_path(path, "row 1")
    except (UnsafeInputError, DataError):
        return
    assert os.path.normpath(os.path.join("/base", path)).startswith("/base/") or set(path) <= {".", "/"}
