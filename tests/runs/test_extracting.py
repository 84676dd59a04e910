"""What a run's settings mean for its extractor."""

from __future__ import annotations

from pathlib import Path

import pytest

from failatlas.errors import UsageError
from failatlas.features import open_extractor
from failatlas.runs.extracting import check_backbone, extractor_options
from failatlas.runs.settings import Settings

BACKBONE = """
import torch


def build():
    return torch.nn.Conv2d(3, 7, 3)
"""


def test_a_named_backbone_reaches_the_extractor_and_only_that_which_knows_it(tmp_path: Path) -> None:
    file = tmp_path / "mine.py"
    file.write_text(BACKBONE)
    settings = Settings(backbone=f"{file}:build", backbone_preprocess="unit,grey,8x8")
    options = extractor_options(settings, None)
    assert "backbone_weights" not in options  # the extractor's own default stands
    with pytest.raises(Exception, match=r"refuses an input of shape \(1, 1, 8, 8\)"):
        open_extractor("own", None, **options)  # one grey channel arrived
    assert open_extractor("own", None, **options | {"backbone_preprocess": "unit,8x8"})
    assert open_extractor("pixels", None, **options)


def test_a_run_keeps_where_the_backbone_lies(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    kept = Settings(backbone="mine.py:build", backbone_weights=Path("w.safetensors")).to_json()
    assert kept["backbone"] == f"{tmp_path}/mine.py:build"
    assert kept["backbone_weights"] == f"{tmp_path}/w.safetensors"
    assert Settings(backbone="package.module:build").to_json()["backbone"] == "package.module:build"
    assert Settings().to_json()["backbone"] is None


def test_a_backbone_that_no_extractor_looks_through_is_refused() -> None:
    named = Settings(backbone="mine.py:build")
    check_backbone(named, ("stages", "own-tuned"))
    check_backbone(Settings(), ("stages",))
    with pytest.raises(UsageError, match="own-tuned"):
        check_backbone(named, ("stages", "backbone"))
