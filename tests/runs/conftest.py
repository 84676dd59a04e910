"""What tests of whole runs share: the state of a run folder, unbroken runs to compare with, a disk of its own."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from failatlas.store import RunStore


@dataclass(frozen=True)
class State:
    """Everything that a finished analysis leaves: its results, its table, its report."""

    content: str
    clusters: bytes
    report: dict[str, str]


def state(run: Path) -> State:
    with RunStore.open(run, create=False, read_only=True) as store:
        content = store.content_hash()
    assert not [file for file in run.rglob("*") if ".tmp" in file.name], "temporary files are left"
    return State(content, (run / "clusters.csv").read_bytes(), tree(run / "report"))


def tree(folder: Path) -> dict[str, str]:
    """Path and content of every file below a folder."""
    return {
        str(file.relative_to(folder)): hashlib.sha256(file.read_bytes()).hexdigest()
        for file in sorted(folder.rglob("*"))
        if file.is_file()
    }


@pytest.fixture(scope="session", name="state")
def state_of() -> Callable[[Path], State]:
    return state


@pytest.fixture(scope="session", name="tree")
def tree_of() -> Callable[[Path], dict[str, str]]:
    return tree


@pytest.fixture(scope="session")
def quick(nursery: Any, world: Any, tmp_path_factory: pytest.TempPathFactory) -> State:
    """The state that an unbroken run without a network ends in."""
    return _unbroken(nursery, world.without_network, tmp_path_factory)


@pytest.fixture(scope="session")
def whole(nursery: Any, world: Any, tmp_path_factory: pytest.TempPathFactory) -> State:
    """The state that an unbroken run through all stages ends in."""
    return _unbroken(nursery, world.with_network, tmp_path_factory)


@pytest.fixture(scope="session")
def wide(world: Any, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, ...]:
    """Arguments of a run through all stages whose stages have several shards."""
    images = world.wide(tmp_path_factory.mktemp("wide") / "images")
    words = list(world.with_network)
    words[words.index("--images") + 1] = str(images)
    words[words.index("--repeats") + 1] = "0"
    return tuple(words)


@pytest.fixture(scope="session")
def wide_state(nursery: Any, wide: tuple[str, ...], tmp_path_factory: pytest.TempPathFactory) -> State:
    return _unbroken(nursery, wide, tmp_path_factory)


def _unbroken(nursery: Any, words: tuple[str, ...], factory: pytest.TempPathFactory) -> State:
    run = factory.mktemp("unbroken") / "run"
    done = nursery.call(*words, "--out", run)
    assert done.status == 0, done.err
    return state(run)


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Callable[[str], Path]]:
    """``disk("size=400k")`` → a small file system; again, it is given another size."""
    if os.geteuid() != 0 or shutil.which("mount") is None:
        pytest.skip("needs root to mount a tmpfs")
    place = tmp_path / "disk"
    place.mkdir()

    def mount(options: str) -> Path:
        is_there = os.path.ismount(place)
        words = ["mount", "-o", f"remount,{options}", place] if is_there else ["mount", "-t", "tmpfs", "-o", options]
        done = subprocess.run([*words, *([] if is_there else ["tmpfs", place])], capture_output=True, check=False)
        if done.returncode:
            pytest.skip("mounting is not allowed here")
        return place

    yield mount
    while os.path.ismount(place):
        subprocess.run(["umount", "-l", place], check=True)
