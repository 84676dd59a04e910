"""What tests of the command line share: finished runs that no test changes."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest


@pytest.fixture(scope="session")
def finished(nursery: Any, world: Any, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Run folders: ``quick`` from predictions and features, ``whole`` with a network."""
    folder = tmp_path_factory.mktemp("finished")
    for name, words in (("quick", world.without_network), ("whole", world.with_network)):
        done = nursery.call(*words, "--out", folder / name)
        assert done.status == 0, done.err
    return {name: folder / name for name in ("quick", "whole")}


@pytest.fixture
def run(finished: dict[str, Path], tmp_path: Path) -> Path:
    """A copy of ``whole`` to write into."""
    return Path(shutil.copytree(finished["whole"], tmp_path / "whole"))


@pytest.fixture(scope="session")
def fashion(nursery: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """150 photographs of the built-in case."""
    folder = tmp_path_factory.mktemp("fashion") / "set"
    done = nursery.call("cases", "make", "fashion", "--split", "test", "-n", "150", "--out", folder)
    assert done.status == 0, done.err
    return folder
