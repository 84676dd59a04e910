"""What the whole suite shares: no network, a process that forks commands, and a small world to analyse."""

from __future__ import annotations

import hashlib
import importlib.util
import socket
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

_HERE = Path(__file__).parent


@pytest.fixture(scope="session", autouse=True)
def _no_network() -> Iterator[None]:
    """P6, H5: nothing in the suite may reach beyond this machine; `endtoend/nursery.py` sees to its child processes."""
    guard = load("offline").Offline()
    original = socket.socket.connect, socket.socket.connect_ex, socket.getaddrinfo
    guard.install()
    yield
    socket.socket.connect, socket.socket.connect_ex, socket.getaddrinfo = original  # type: ignore[method-assign]


def load(name: str) -> ModuleType:
    """A module of ``tests/endtoend``; there is no package of tests to import it from."""
    known = f"failatlas_tests_{name}"
    if known not in sys.modules:
        spec = importlib.util.spec_from_file_location(known, _HERE / "endtoend" / f"{name}.py")
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        sys.modules[known] = module
        spec.loader.exec_module(module)
    return sys.modules[known]


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A folder with images, a network, predictions and features; see ``endtoend/world.py``."""
    return load("world").build(tmp_path_factory.mktemp("world"))


@pytest.fixture(scope="session")
def nursery(tmp_path_factory: pytest.TempPathFactory, world: Any) -> Iterator[Any]:
    """Forks the real command ``failatlas`` from a process that has imported everything already."""
    with load("calling").Nursery(tmp_path_factory.mktemp("nursery"), world) as made:
        yield made


@pytest.fixture
def failatlas(nursery: Any) -> Any:
    """``failatlas("analyze", …)`` → the finished process: status, out, err."""
    return nursery.call


@pytest.fixture(scope="session")
def command() -> Any:
    """The same as a fresh process of Python, for what depends on how one starts: locale, hash seed, signals."""
    return load("calling").command


@pytest.fixture(scope="session")
def tree() -> Callable[[Path], dict[str, str]]:
    """``tree(folder)`` → path and SHA-256 of every file below it."""

    def of(folder: Path) -> dict[str, str]:
        return {
            str(file.relative_to(folder)): hashlib.sha256(file.read_bytes()).hexdigest()
            for file in sorted(folder.rglob("*"))
            if file.is_file()
        }

    return of
