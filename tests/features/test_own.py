"""A backbone that the user names: what it gives, what is refused, and that all of it can learn."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from failatlas.errors import FailatlasError, ModelError, ShapeError, UnsafeInputError, UsageError
from failatlas.features import open_extractor, own
from failatlas.features.trunk import open_session
from failatlas.images.records import Batch
from failatlas.models import parse_preprocess
from failatlas.models.module import build_module
from failatlas.models.preprocess import apply

FILE = Path(__file__).with_name("backbones.py")
SMALL = "unit,16x16"


def opened(name: str, words: str = SMALL, weights: Path | None = None):
    options = {"backbone": f"{FILE}:{name}", "backbone_preprocess": words}
    return open_extractor("own", None, **options, **({"backbone_weights": weights} if weights else {}))


def network(name: str) -> torch.nn.Module:
    return build_module(f"{FILE}:{name}").eval()


@pytest.fixture
def pixels() -> list[np.ndarray]:
    return list(np.random.default_rng(0).integers(0, 256, (3, 20, 24, 3), dtype=np.uint8))


def rows(extractor, pixels) -> np.ndarray:
    return extractor.extract(Batch(tuple(range(len(pixels))), tuple(pixels)), np.zeros(len(pixels), np.int64))


@pytest.mark.parametrize("words", [SMALL, "imagenet,20x12", "raw,bgr,9x9"])
def test_maps_are_averaged_over_height_and_width(pixels, words: str) -> None:
    with torch.inference_mode():
        expected = network("maps")(torch.from_numpy(apply(parse_preprocess(words), pixels))).mean((2, 3)).numpy()
    np.testing.assert_allclose(rows(opened("maps", words), pixels), expected, rtol=1e-5, atol=1e-6)


def test_rows_stay_as_they_are(pixels) -> None:
    with torch.inference_mode():
        expected = network("rows")(torch.from_numpy(apply(parse_preprocess(SMALL), pixels))).numpy()
    np.testing.assert_allclose(rows(opened("rows"), pixels), expected, rtol=1e-5, atol=1e-6)


def test_grey_and_half_precision_backbones_work(pixels) -> None:
    assert rows(opened("grey", "grey,16x16"), pixels).shape == (3, 4)
    np.testing.assert_allclose(rows(opened("half"), pixels), rows(opened("maps"), pixels), atol=1e-2)


def test_weights_come_from_a_safetensors_file_and_decide_the_digest(pixels, tmp_path: Path) -> None:
    other = network("maps")
    with torch.no_grad():
        for one in other.parameters():
            one.mul_(2)
    save_file(other.state_dict(), tmp_path / "w.safetensors")
    with torch.inference_mode():
        expected = other(torch.from_numpy(apply(parse_preprocess(SMALL), pixels))).mean((2, 3)).numpy()
    found = opened("maps", weights=tmp_path / "w.safetensors")
    np.testing.assert_allclose(rows(found, pixels), expected, rtol=1e-5, atol=1e-6)
    digests = {found.digest, opened("maps").digest, opened("maps", "unit,18x16").digest, opened("rows").digest}
    assert len(digests) == 4
    assert opened("maps").digest in digests


@pytest.mark.parametrize(
    ("options", "error", "says"),
    [
        ({}, UsageError, "no backbone is named.*--backbone module:callable"),
        ({"backbone": "torchvision.resnet50"}, UsageError, "is no module:callable"),
        ({"backbone": "weights.safetensors"}, UsageError, "is no module:callable"),
        ({"backbone": f"{FILE}:mops"}, ModelError, "did you mean 'maps'"),
        ({"backbone": f"{FILE}:not_a_network"}, ModelError, "not a torch.nn.Module"),
        ({"backbone": f"{FILE}:maps", "backbone_preprocess": "unit"}, UsageError, "no size.*unit,224x224"),
        ({"backbone": f"{FILE}:maps", "backbone_preprocess": "unti,8x8"}, UsageError, "'unti' is not understood"),
        ({"backbone": f"{FILE}:Pair", "backbone_preprocess": SMALL}, ModelError, "returns tuple, not a tensor"),
        ({"backbone": f"{FILE}:tokens", "backbone_preprocess": SMALL}, ShapeError, r"\(1, 3, 256\).*wrap the backbone"),
        ({"backbone": f"{FILE}:rows", "backbone_preprocess": "unit,8x8"}, ModelError, "refuses an input of shape"),
    ],
)  # fmt: skip
def test_what_is_no_backbone_is_refused_when_it_is_opened(options, error: type[FailatlasError], says: str) -> None:
    for opening in (lambda: open_extractor("own", None, **options), lambda: own.trunk(**options)):
        with pytest.raises(error, match=says):
            opening()


def test_a_pickle_is_refused_before_it_is_read(tmp_path: Path) -> None:
    torch.save({"body.0.weight": torch.zeros(1)}, tmp_path / "w.pth")
    with pytest.raises(UnsafeInputError):
        opened("maps", weights=tmp_path / "w.pth")


@pytest.mark.parametrize(("name", "words"), [("maps", SMALL), ("grey", "grey,12x16"), ("half", SMALL)])
def test_as_a_trunk_the_whole_backbone_can_learn(pixels, name: str, words: str) -> None:
    trunk = own.trunk(f"{FILE}:{name}", backbone_preprocess=words)
    x = apply(trunk.preprocess, pixels)
    (maps,) = open_session(trunk.lower()).run(["map"], {"images": x})
    assert maps.shape == (3, *trunk.shape)
    upper = trunk.upper()
    assert not upper.training
    found = upper(torch.from_numpy(maps))
    assert found.shape == (3, trunk.width)
    np.testing.assert_allclose(found.detach().numpy(), rows(opened(name, words), pixels), rtol=1e-4, atol=1e-5)
    found.square().sum().backward()
    assert all(one.grad is not None for one in upper.parameters())
    with torch.no_grad():
        for one in upper.parameters():
            one.zero_()
    assert next(trunk.upper().parameters()).abs().sum() > 0
    assert trunk.digest == opened(name, words).digest
