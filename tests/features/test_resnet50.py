"""The thin ResNet-50: its features, put through the published classifier, give what the published graph answers."""

from __future__ import annotations

import numpy as np
import onnx
import onnxruntime
from onnx import numpy_helper
from scipy.special import softmax

from failatlas.features import resnet50
from failatlas.features.trunk import Session
from failatlas.models.preprocess import apply


def test_the_published_answer_follows_from_the_features() -> None:
    draw = np.random.default_rng(0)
    pixels = [draw.integers(0, 256, (8, 8, 3), dtype=np.uint8) for _ in range(3)] + [np.zeros((8, 8, 3), np.uint8)]
    trunk = resnet50.trunk()
    found = Session(trunk.preprocess, trunk.features, trunk.width)(pixels)
    assert found.shape == (4, 1024)
    published = onnx.load(resnet50.WHEEL.file())
    arrays = {constant.name: numpy_helper.to_array(constant) for constant in published.graph.initializer}
    answer = softmax(
        found @ arrays["fc_nsfw/MatMul/ReadVariableOp:0"] + arrays["fc_nsfw/BiasAdd/ReadVariableOp:0"], axis=1
    )
    session = onnxruntime.InferenceSession(published.SerializeToString(), providers=["CPUExecutionProvider"])
    rows = apply(trunk.preprocess, pixels).transpose(0, 2, 3, 1)  # the published graph wants channels last
    (expected,) = session.run(None, {"input:0": np.ascontiguousarray(rows)})
    assert expected.std(axis=0).min() > 1e-3  # four different answers
    np.testing.assert_allclose(answer, expected, atol=1e-5)


def test_blue_comes_first_as_in_the_published_preprocessing() -> None:
    red = np.zeros((4, 4, 3), np.uint8)
    red[..., 0] = 200
    plane = apply(resnet50.trunk(32).preprocess, [red])[0, :, 0, 0]
    np.testing.assert_allclose(plane, [-104, -117, 200 - 123])
