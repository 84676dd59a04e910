"""F4 and F5: a disk that is full, failing, read-only, forbidden or gone is one line and exit 5, and nothing is lost."""

from __future__ import annotations

import errno
import os
import shutil
import subprocess
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest

from failatlas.errors import DataError, ResourceError
from failatlas.store import RunStore, disk, failpoints, gc, verify, write_atomically

CALLS = ("write", "replace", "fsync")


class FailingCall:
    """An operating-system call that fails once, at its n-th use."""

    def __init__(self, call, nth: int, number: int) -> None:
        self.call, self.nth, self.number, self.uses = call, nth, number, 0

    def __call__(self, *arguments):
        self.uses += 1
        if self.uses == self.nth:
            raise OSError(self.number, os.strerror(self.number))
        return self.call(*arguments)


@pytest.mark.parametrize("name", CALLS)
def test_F4_whichever_write_fails_the_run_resumes_to_the_same_content(
    name, scenario, contents, unbroken, tmp_path, monkeypatch
):
    nth, failures = 0, 0
    while True:
        nth += 1
        folder = tmp_path / f"run{nth}"
        failing = FailingCall(getattr(os, name), nth, errno.ENOSPC)
        with monkeypatch.context() as patch:
            patch.setattr(os, name, failing)
            found = _error_of(lambda folder=folder: scenario.work(folder))
        if found is not None:
            failures += 1
            assert (found.name, found.exit_status) == ("E_DISK_FULL", 5)
        if failing.uses < nth:
            break
        assert not list(folder.rglob("*.tmp"))
        scenario.work(folder)
        with RunStore.open(folder) as store:
            assert verify(store) == []
            gc(store)
        assert contents(folder) == unbroken
    # the backup at the end may fail in silence: nothing depends on it; everything before it may not
    assert failures >= nth - 5
    assert failures >= 6


@pytest.mark.parametrize("action", ["enospc", "eio"])
@pytest.mark.parametrize("name", failpoints.POINTS)
def test_F4_disk_error_at_every_fail_point_is_exit_5_and_resumes(
    name, action, scenario, contents, unbroken, tmp_path, disarmed
):
    failpoints.arm(f"{name}:{action}")
    if name == "after_backup":
        scenario.work(tmp_path / "run")
    else:
        with pytest.raises(ResourceError) as caught:
            scenario.work(tmp_path / "run")
        assert caught.value.exit_status == 5
        assert caught.value.name == ("E_DISK_FULL" if action == "enospc" else "E_IO")
        assert str(tmp_path) in caught.value.where
    failpoints.arm("")
    scenario.work(tmp_path / "run")
    with RunStore.open(tmp_path / "run") as store:
        gc(store)
    assert contents(tmp_path / "run") == unbroken


def test_F4_a_full_database_is_exit_5_and_keeps_what_was_acknowledged(tmp_path):
    with RunStore.open(tmp_path / "run") as store:
        store.put("a", "stage", "x" * 1000)
        with store.reading() as connection:
            pages = connection.execute("PRAGMA page_count").fetchone()[0]
            connection.execute(f"PRAGMA max_page_count={pages + 2}")
        with pytest.raises(ResourceError, match="disk full") as caught:
            store.put("b", "stage", "y" * 100_000)
        assert caught.value.exit_status == 5
        assert store.get("b") is None
        assert store.put("c", "stage", 1).value == 1
    with RunStore.open(tmp_path / "run") as store:
        assert [entry.key for entry in store.entries()] == ["a", "c"]
        assert verify(store) == []


def test_F4_the_message_has_both_numbers_before_a_byte_is_written(tmp_path, monkeypatch):
    with RunStore.open(tmp_path / "run") as store:
        monkeypatch.setattr(disk, "free", lambda path: 1_000_000)
        with pytest.raises(ResourceError, match=r"disk full: need 4\.0 MB, have 1\.0 MB") as caught:
            store.put("a", "stage", None, {"x": np.zeros(1_000_000, np.float32)})
        assert caught.value.where == str(tmp_path / "run" / "blobs")
        assert not list((tmp_path / "run").rglob("*.tmp"))


def test_F4_a_real_small_disk_fills_and_the_run_resumes_when_it_has_grown(tmpfs, child, scenario, contents, tmp_path):
    n_rows = 8000  # 2 MB a shard, 8 MB in all
    place = tmpfs("size=6m")
    full = child(place / "run", n_rows)
    assert full.returncode == 5, full.stderr
    assert "E_DISK_FULL: disk full: need 2.0 MB, have" in full.stderr
    assert full.stderr.count("\n") == 1
    assert "ack shard 1" in full.stdout
    assert child(place / "run", n_rows).returncode == 5  # still full, still no SIGBUS

    subprocess.run(["mount", "-o", "remount,size=20m", place], check=True)
    said: list[str] = []
    scenario.work(place / "run", n_rows, said.append)
    acknowledged = full.stdout.count("ack shard")
    assert len([line for line in said if line.startswith("work")]) == scenario.N_SHARDS - acknowledged
    scenario.work(tmp_path / "reference", n_rows)
    assert contents(place / "run") == contents(tmp_path / "reference")


def test_F4_a_real_disk_without_a_byte_left_for_the_database_is_exit_5(tmpfs, tmp_path):
    place = tmpfs("size=1m")
    with RunStore.open(place / "run") as store:
        store.put("before", "stage", 1)
        _fill(place / "ballast")
        found = _error_of(lambda: [store.put(f"k{number}", "stage", "x" * 2000) for number in range(1000)])
        assert found is not None
        assert (found.name, found.exit_status) == ("E_DISK_FULL", 5)
        kept = [entry.key for entry in store.entries()]
        with pytest.raises(ResourceError, match="disk full"):
            write_atomically(place / "report.csv", b"x" * 100_000)
    (place / "ballast").unlink()
    with RunStore.open(place / "run") as store:
        assert verify(store) == []
        assert [entry.key for entry in store.entries()] == kept
        assert kept[0] == "before"
        store.put("after", "stage", 2)


def test_F4_opening_on_a_disk_without_a_byte_left_is_exit_5(tmpfs):
    place = tmpfs("size=1m")
    _fill(place / "ballast")
    with pytest.raises(ResourceError) as caught:
        RunStore.open(place / "run")
    assert caught.value.exit_status == 5
    (place / "ballast").unlink()
    with RunStore.open(place / "run") as store:
        store.put("a", "stage", 1)


def test_F4_a_file_size_limit_is_exit_5(child, scenario, tmp_path):
    code = (
        "import resource, runpy, sys\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, 300_000))\n"
        f"sys.argv = sys.argv[:]\nrunpy.run_path({scenario.__file__!r}, run_name='__main__')"
    )
    limited = child(tmp_path / "run", 2000, code=code)
    assert limited.returncode == 5, limited.stderr
    assert "E_FILE_TOO_BIG" in limited.stderr
    scenario.work(tmp_path / "run", 2000)


def test_F5_too_many_open_files_is_exit_5_and_resumes(child, tmp_path):
    code = (
        "import resource, sys, os, numpy, failatlas.store\n"
        "spare = [os.open('/dev/null', os.O_RDONLY) for _ in range(30)]\n"
        "resource.setrlimit(resource.RLIMIT_NOFILE, (spare[-1] + 1, spare[-1] + 1))\n"
        "from failatlas.errors import FailatlasError\n"
        "def attempt(n):\n"
        "    while len(spare) > 30 - n: os.close(spare.pop())\n"
        "    try:\n"
        "        with failatlas.store.RunStore.open(sys.argv[1]) as store:\n"
        "            store.put_shard('k', n, 's', n, {'x': numpy.arange(n + 1)})\n"
        "            print('ok')\n"
        "    except FailatlasError as error: print(error.exit_status, error.name)\n"
        "for n in range(8): attempt(n)\n"
    )
    said = child(tmp_path / "run", code=code)
    lines = said.stdout.splitlines()
    assert len(lines) == 8, said.stderr
    assert lines[-1] == "ok"
    errors = {line for line in lines if line != "ok"}
    assert errors
    assert errors <= {"5 E_TOO_MANY_FILES", "5 E_DATABASE_OPEN"}
    with RunStore.open(tmp_path / "run") as store:
        stored = [entry.shard for entry in store.entries()]
        # a put may fail after its commit, when nothing can be opened to hand back: there, but not acknowledged
        assert {n for n, line in enumerate(lines) if line == "ok"} <= set(stored)
        assert verify(store) == []


def test_F5_a_read_only_disk_can_be_read_and_refuses_writing(tmpfs, scenario):
    place = tmpfs("size=4m")
    scenario.work(place / "run")
    subprocess.run(["mount", "-o", "remount,ro", place], check=True)
    with RunStore.open(place / "run", read_only=True) as store:
        assert verify(store) == []
        assert store.get(scenario.REDUCED) is not None
    with pytest.raises(ResourceError) as caught:
        RunStore.open(place / "run")
    assert (caught.value.name, caught.value.exit_status) == ("E_READ_ONLY", 5)
    with pytest.raises(ResourceError) as caught:
        write_atomically(place / "run" / "clusters.csv", b"")
    assert caught.value.name == "E_READ_ONLY"


def test_F5_an_interrupted_run_on_a_read_only_disk_says_what_to_do(tmpfs, child):
    place = tmpfs("size=4m")
    child(place / "run", failpoint="after_shard_fsync:kill:2")
    (place / "run" / "run.sqlite-shm").unlink()
    subprocess.run(["mount", "-o", "remount,ro", place], check=True)
    with pytest.raises(DataError, match="interrupted") as caught:
        RunStore.open(place / "run", read_only=True)
    assert "copy the folder" in caught.value.remedy


def test_F5_no_permission_is_exit_5(child, tmp_path):
    if os.geteuid() != 0:
        pytest.skip("gives up root's rights inside a child")
    (tmp_path / "locked").mkdir(mode=0o555)
    for folder in (tmp_path, *tmp_path.parents[:2]):
        folder.chmod(0o755)
    code = (
        "import os, sys, failatlas.store\nfrom failatlas.errors import FailatlasError\nos.seteuid(65534)\n"
        "try: failatlas.store.RunStore.open(sys.argv[1])\nexcept FailatlasError as error: print(error)\n"
    )
    said = child(tmp_path / "locked" / "run", code=code)
    assert said.stdout.startswith("E_PERMISSION: no permission at "), said.stderr


@pytest.mark.parametrize("below", ["", "run"])
def test_F5_a_file_in_place_of_the_folder_is_exit_5(below, tmp_path):
    (tmp_path / "taken").write_text("x")
    with pytest.raises(ResourceError) as caught:
        RunStore.open(tmp_path / "taken" / below)
    assert (caught.value.name, caught.value.exit_status) == ("E_NOT_A_FOLDER", 5)


def test_F5_a_folder_deleted_mid_run_is_never_acknowledged_into(tmp_path):
    with RunStore.open(tmp_path / "run") as store:
        store.put("a", "stage", 1)
        shutil.rmtree(tmp_path / "run")
        for put in (
            lambda: store.put("b", "stage", 2, {"x": np.zeros(3)}),
            lambda: store.log("event"),
            lambda: store.facts.update(x=1),
        ):
            with pytest.raises(ResourceError) as caught:
                put()
            assert caught.value.name == "E_FOLDER_GONE"
    with RunStore.open(tmp_path / "run") as store:
        assert store.entries() == []


def test_numpy_tofile_short_write_counts_as_a_full_disk():
    error = OSError("1000 requested and 12 written")
    assert disk.from_os(error, Path("x"), 1000).name == "E_DISK_FULL"


def _fill(ballast: Path) -> None:
    with ballast.open("wb", buffering=0) as file, suppress(OSError):
        while True:
            file.write(b"\0" * 1024)


def _error_of(act: Callable[[], object]) -> ResourceError | None:
    try:
        act()
    except ResourceError as error:
        return error
    return None
