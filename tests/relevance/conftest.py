"""What the relevance tests share: the architectures, and one engine an architecture (an export costs a second)."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from functools import cache
from pathlib import Path
from types import ModuleType

import pytest
import torch
from torch import Tensor, nn

from failatlas.relevance import Engine


@cache
def _networks() -> ModuleType:
    # test folders are no packages, so the file is loaded by its path
    spec = importlib.util.spec_from_file_location("relevance_networks", Path(__file__).with_name("networks.py"))
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def networks() -> ModuleType:
    return _networks()


@pytest.fixture(scope="session")
def prepared() -> Callable[..., tuple[nn.Module, Tensor, Engine]]:
    """(network, images, ε engine) by name; ``engine.using`` changes the composite."""

    @cache
    def prepare(name: str, bias: bool = True) -> tuple[nn.Module, Tensor, Engine]:
        network, images = _networks().build(name, bias=bias)
        return network, images, Engine(network, images)

    return prepare


@pytest.fixture(autouse=True)
def _one_seed() -> None:
    torch.manual_seed(0)
