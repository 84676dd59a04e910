"""What the tests of the store share: the small run, its process, and a folder's content for comparison."""

from __future__ import annotations

import hashlib
import importlib.util
import math
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import fields, is_dataclass
from pathlib import Path
from types import ModuleType
from typing import Any, Protocol

import numpy as np
import pytest

from failatlas.arrays import array_hash
from failatlas.store import RunStore, failpoints

SCENARIO = Path(__file__).with_name("scenario.py")


class Child(Protocol):
    def __call__(self, *arguments: object, failpoint: str = "", **more: Any) -> subprocess.CompletedProcess[str]: ...


@pytest.fixture(scope="session")
def scenario() -> ModuleType:
    spec = importlib.util.spec_from_file_location("store_scenario", SCENARIO)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["store_scenario"] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def child() -> Child:
    """Runs the scenario, or ``code="…"``, in a process of its own."""

    def run(
        *arguments: object, failpoint: str = "", code: str = "", env: dict[str, str] | None = None, umask: int = -1
    ) -> subprocess.CompletedProcess[str]:
        program = ["-c", code] if code else [str(SCENARIO)]
        environment = {**os.environ, "OMP_NUM_THREADS": "1", **(env or {})}
        environment.pop(failpoints.VARIABLE, None)
        if failpoint:
            environment[failpoints.VARIABLE] = failpoint
        return subprocess.run(
            [sys.executable, *program, *map(str, arguments)],
            capture_output=True, text=True, env=environment, umask=umask, timeout=60, check=False,
        )  # fmt: skip

    return run


@pytest.fixture
def disarmed() -> Iterator[None]:
    yield
    failpoints.arm("")


def content(folder: Path) -> dict[str, object]:
    """Everything that a finished run holds: rows in order, facts, events, and the hash of every blob file."""
    with RunStore.open(folder, read_only=True) as store:
        return {
            "entries": [(e.key, e.shard, e.stage, e.text, sorted(e.blobs.items())) for e in store.entries()],
            "facts": dict(store.facts),
            "events": [(e.what, e.value) for e in store.events()],
            "blobs": {p.name: hashlib.sha256(p.read_bytes()).hexdigest() for p in store.blobs},
        }


@pytest.fixture(scope="session")
def contents() -> Any:
    return content


@pytest.fixture(scope="session")
def unbroken(scenario: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> dict[str, object]:
    """Content of a run that nothing happened to."""
    folder = tmp_path_factory.mktemp("unbroken") / "run"
    scenario.work(folder)
    return content(folder)


@pytest.fixture(scope="session")
def same() -> Callable[[object, object], bool]:
    return is_same


def is_same(a: object, b: object) -> bool:
    """Equal in value and kind, nan and -0.0 included, whatever holds the array."""
    if isinstance(a, np.ndarray):
        return isinstance(b, np.ndarray) and a.dtype == b.dtype and array_hash(a) == array_hash(np.asarray(b))
    if type(a) is not type(b):
        return False
    if is_dataclass(a) and not isinstance(a, type):
        return all(is_same(getattr(a, field.name), getattr(b, field.name)) for field in fields(a))
    if isinstance(a, dict):
        return list(a) == list(b) and all(is_same(a[key], b[key]) for key in a)
    if isinstance(a, list | tuple):
        return len(a) == len(b) and all(map(is_same, a, b))
    if isinstance(a, float):
        return (math.isnan(a) and math.isnan(b)) or (a == b and math.copysign(1, a) == math.copysign(1, b))
    return a == b


@pytest.fixture
def tmpfs(tmp_path: Path) -> Iterator[Any]:
    """Mounts a small file system of its own; skipped where mounting is not allowed."""
    if os.geteuid() != 0 or shutil.which("mount") is None:
        pytest.skip("needs root to mount a tmpfs")
    place = tmp_path / "disk"
    place.mkdir()

    def mount(options: str) -> Path:
        made = subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", place], capture_output=True, check=False)
        if made.returncode:
            pytest.skip("mounting is not allowed here")
        return place

    yield mount
    while os.path.ismount(place):
        subprocess.run(["umount", "-l", place], check=True)
