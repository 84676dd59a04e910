"""What tests of whole runs share: the state of a run folder, unbroken runs to compare with, a disk of its own."""

from __future__ import annotations

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


@pytest.fixture(scope="session")
def state(tree: Callable[[Path], dict[str, str]]) -> Callable[[Path], State]:
    def of(run: Path) -> State:
        with RunStore.open(run, create=False, read_only=True) as store:
            content = store.content_hash()
        assert not [file for file in run.rglob("*") if ".tmp" in file.name], "temporary files are left"
        return State(content, (run / "clusters.csv").read_bytes(), tree(run / "report"))

    return of


@pytest.fixture(scope="session")
def unbroken(
    nursery: Any, state: Callable[[Path], State], tmp_path_factory: pytest.TempPathFactory
) -> Callable[[tuple[str, ...]], State]:
    """The state that a run with these arguments ends in when nothing disturbs it."""

    def of(words: tuple[str, ...]) -> State:
        run = tmp_path_factory.mktemp("unbroken") / "run"
        done = nursery.call(*words, "--out", run)
        assert done.status == 0, done.err
        return state(run)

    return of


@pytest.fixture(scope="session")
def quick(unbroken: Callable[[tuple[str, ...]], State], world: Any) -> State:
    """The state that an unbroken run without a network ends in."""
    return unbroken(world.without_network)


@pytest.fixture(scope="session")
def whole(unbroken: Callable[[tuple[str, ...]], State], world: Any) -> State:
    """The state that an unbroken run through all stages ends in."""
    return unbroken(world.with_network)


@pytest.fixture(scope="session")
def wide(world: Any, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, ...]:
    """Arguments of a run through all stages whose stages have several shards."""
    images = world.wide(tmp_path_factory.mktemp("wide") / "images")
    words = list(world.with_network)
    words[words.index("--images") + 1] = str(images)
    words[words.index("--repeats") + 1] = "0"
    return tuple(words)


@pytest.fixture(scope="session")
def wide_state(unbroken: Callable[[tuple[str, ...]], State], wide: tuple[str, ...]) -> State:
    return unbroken(wide)


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
