"""Networks whose relevance can be written down by hand: sums, skips, shared inputs."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor, nn

from failatlas.relevance import heatmaps


class Net(nn.Module):
    def __init__(self, body: Callable[[Net, Tensor], Tensor]) -> None:
        super().__init__()
        self.body, self.enter, self.inner = body, nn.ReLU(), nn.Linear(3, 3, bias=False)
        self.head = nn.Linear(3, 1, bias=False)
        with torch.no_grad():
            self.inner.weight.copy_(torch.tensor([[2.0, 0, 0], [0, 0, 1], [0, 1, 0]]))
            self.head.weight.fill_(1.0)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.body(self, self.enter(x.flatten(1))))


X = torch.tensor([[[[1.0, 2.0, 4.0]]]])


def test_x_plus_x_gives_x_everything() -> None:
    relevance = heatmaps(Net(lambda _, x: x + x), X)
    np.testing.assert_allclose(relevance["enter"], [[2, 4, 8]], rtol=1e-5)
    assert relevance.score.tolist() == [14.0]


def test_in_place_x_plus_x_gives_the_same() -> None:
    def body(_: Net, x: Tensor) -> Tensor:
        x = x * 1.0
        x += x
        return x

    np.testing.assert_allclose(heatmaps(Net(body), X)["enter"], [[2, 4, 8]], rtol=1e-5)


def test_x_plus_f_of_x_splits_by_contribution() -> None:
    # f(x) = (2·x0, x2, x1), so x + f(x) = (3, 6, 6) for x = (1, 2, 4); neuron 1 is 2 parts x1 and 4 parts x2
    relevance = heatmaps(Net(lambda net, x: x + net.inner(x)), X)
    np.testing.assert_allclose(relevance["head"], [[3, 6, 6]], rtol=1e-5)
    np.testing.assert_allclose(relevance["enter"], [[3, 2 + 2, 4 + 4]], rtol=1e-5)


def test_a_difference_gives_the_subtracted_part_negative_relevance() -> None:
    # x − f(x) = (−1, −2, 2): each neuron keeps its own part and takes the other's with a minus
    relevance = heatmaps(Net(lambda net, x: x - net.inner(x)), X, target=0)
    np.testing.assert_allclose(relevance["enter"], [[1 - 2, 2 - 2, 4 - 4]], atol=1e-4)


def test_the_cut_in_front_of_a_branch_counts_the_skip() -> None:
    # inside the branch only f's share is seen, yet the cut through the network loses nothing
    relevance = heatmaps(Net(lambda net, x: x + net.inner(net.enter(x))), X)
    assert relevance.layers == ("enter", "enter#2", "inner", "head")
    np.testing.assert_allclose(relevance["inner"].sum(), 2 + 2 + 4, rtol=1e-5)
    for layer in relevance.layers:
        assert relevance.conservation[layer][0] < 1e-5


def test_an_offset_absorbs_its_share() -> None:
    relevance = heatmaps(Net(lambda _, x: x + torch.tensor([1.0, 2.0, 4.0])), X)
    np.testing.assert_allclose(relevance["enter"], X.flatten(1), rtol=1e-5)
    np.testing.assert_allclose(relevance.conservation["enter"], [0.5], rtol=1e-5)


def test_a_watermark_that_decides_the_answer_gets_the_relevance() -> None:
    torch.manual_seed(0)
    images = torch.rand(256, 1, 12, 12)
    marked = torch.arange(256) % 2 == 0
    images[marked, 0, 8:11, 8:11] = 2.0
    net = nn.Sequential(
        nn.Conv2d(1, 8, 3, padding=1), nn.BatchNorm2d(8), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(8, 8, 3, padding=1),
        nn.ReLU(), nn.AdaptiveAvgPool2d(3), nn.Flatten(), nn.Linear(72, 2),
    )  # fmt: skip
    optimiser = torch.optim.Adam(net.parameters(), 0.01)
    for _ in range(40):
        optimiser.zero_grad()
        nn.functional.cross_entropy(net(images), marked.long()).backward()
        optimiser.step()
    net.eval()
    with torch.no_grad():
        assert (net(images).argmax(1) == marked).float().mean() > 0.98
    area = 9 / 144
    for composite in ("epsilon-zplus", "gamma", "hudd", "epsilon"):
        positive = heatmaps(net, images[marked][:32], composite, target=1)["0"].clip(min=0)
        share = positive[:, 0, 8:11, 8:11].sum() / positive.sum()
        assert share > 6 * area, (composite, share)
