"""The composite ``hudd`` against a slow re-enactment of the published rules, loop by loop."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from failatlas.relevance import Engine, heatmaps

EPS = 1e-9


def re_enacted(net: nn.Sequential, image: Tensor) -> tuple[list[Tensor], int]:
    """Relevance at every module's input for one image; y of a convolution is what an in-place ReLU left of it."""
    inputs, x = [], image[None]
    for module in net:
        inputs.append(x)
        x = module(x)
    outputs = [*inputs[1:], x]
    for k, module in enumerate(net[:-1]):
        if isinstance(net[k + 1], nn.ReLU) and isinstance(module, nn.Conv2d):
            outputs[k] = outputs[k].relu()
    target = int(x.argmax())
    R = torch.zeros_like(x)
    R[0, target] = x[0, target]
    relevance = []
    for module, a, y in reversed(list(zip(net, inputs, outputs, strict=True))):
        if isinstance(module, nn.Linear):
            positive = module.weight.clamp(min=0)
            R = a * ((R / (a @ positive.T + EPS)) @ positive)
        elif isinstance(module, nn.Conv2d):
            R = a * F.conv_transpose2d(R / (y + EPS), module.weight, None, module.stride, module.padding)
        elif isinstance(module, nn.MaxPool2d):
            R = a * unpool_by_adding(R / (y + EPS), a, module)
        elif isinstance(module, nn.Flatten):
            R = R.reshape(a.shape)
        relevance.append(R)
    return relevance[::-1], target


def unpool_by_adding(s: Tensor, a: Tensor, pool: nn.MaxPool2d) -> Tensor:
    result = torch.zeros_like(a)
    for c in range(s.shape[1]):
        for i in range(s.shape[2]):
            for j in range(s.shape[3]):
                top, left = i * pool.stride, j * pool.stride
                window = a[0, c, top : top + pool.kernel_size, left : left + pool.kernel_size]
                row, column = divmod(int(window.argmax()), window.shape[1])
                result[0, c, top + row, left + column] += s[0, c, i, j]
    return result


def network() -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(3, 6, 5, 2, 2), nn.ReLU(), nn.MaxPool2d(3, 2), nn.Conv2d(6, 8, 3, padding=1), nn.ReLU(),
        nn.MaxPool2d(2), nn.Dropout(), nn.Flatten(), nn.Linear(72, 20), nn.ReLU(), nn.Dropout(), nn.Linear(20, 5),
    ).eval()  # fmt: skip


def test_every_layer_equals_the_published_rules() -> None:
    net = network()
    images = torch.randn(3, 3, 31, 31)
    relevance = heatmaps(net, images, "hudd")
    names = [str(k) for k, module in enumerate(net) if not isinstance(module, nn.Dropout | nn.Flatten)]
    assert relevance.layers == tuple(names)
    for i in range(3):
        with torch.no_grad():
            expected, target = re_enacted(net, images[i])
        assert relevance.target[i] == target
        for name in names:
            value = expected[int(name)][0].numpy()
            np.testing.assert_allclose(relevance[name][i], value, rtol=1e-3, atol=1e-5 * abs(value).max(), err_msg=name)


def test_the_convolutional_part_is_activation_times_gradient() -> None:
    # what the rule implies: R / y at an active unit is the gradient, so HUDD's heatmaps are gradient × activation
    net = network()
    images = torch.randn(3, 3, 31, 31)
    relevance = Engine(net, images, "hudd").run(images)
    x = images.clone().requires_grad_()
    features = net[:8](x)
    cotangent = torch.from_numpy(relevance["8"].copy()) / features.detach().clamp(min=1e-12)
    (gradient,) = torch.autograd.grad(features, x, cotangent)
    expected = (gradient * x).detach().numpy()
    np.testing.assert_allclose(relevance["0"], expected, rtol=1e-3, atol=1e-5 * abs(expected).max())


def test_the_table_of_rules_says_what_was_applied() -> None:
    engine = Engine(network(), torch.randn(2, 3, 31, 31), "hudd")
    rules = {rule.layer: rule.rule for rule in engine.rules}
    assert rules["0"] == "Rectified(epsilon=1e-09)"
    assert rules["8"] == "ZPlus(epsilon=1e-09, positive_inputs=True)"
    assert rules["2"] == "max pool"
