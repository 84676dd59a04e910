"""Original: HUDD's own way of working, written anew from its description, so that there is something to compare with.

One image at a time; forward hooks registered again for every image and never removed; one file an image and layer; a
Python loop over pairs of heatmaps with ``.item()``; Ward with optimal leaf ordering; every cut scanned again for WICD.
Left out, in its favour: distances written to and read from Excel files (20 s a layer at 1,000 images, and impossible
beyond 16,384), pictures of the tree, animated clusters.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.cluster.hierarchy import fcluster, linkage
from torch import Tensor, nn

# modules counted over features and classifier whose inputs HUDD keeps as heatmaps of AlexNet; 0 = pixels
KEPT = (0, 1, 3, 4, 6, 7, 9, 11, 13, 15, 18)
_EPSILON = 1e-9
_N_FEATURES = 13


class AlexNet(nn.Module):
    """Krizhevsky 2012 for 224 px with ReLUs in place, the shape that HUDD's program expects; weights are random."""

    def __init__(self, n_classes: int = 10) -> None:
        super().__init__()
        self.features = nn.Sequential(
            *(nn.Conv2d(3, 64, 11, 4, 2), nn.ReLU(inplace=True), nn.MaxPool2d(3, 2)),
            *(nn.Conv2d(64, 192, 5, padding=2), nn.ReLU(inplace=True), nn.MaxPool2d(3, 2)),
            *(nn.Conv2d(192, 384, 3, padding=1), nn.ReLU(inplace=True)),
            *(nn.Conv2d(384, 256, 3, padding=1), nn.ReLU(inplace=True)),
            *(nn.Conv2d(256, 256, 3, padding=1), nn.ReLU(inplace=True), nn.MaxPool2d(3, 2)),
        )
        self.classifier = nn.Sequential(
            *(nn.Dropout(), nn.Linear(256 * 6 * 6, 4096), nn.ReLU(inplace=True)),
            *(nn.Dropout(), nn.Linear(4096, 4096), nn.ReLU(inplace=True), nn.Linear(4096, n_classes)),
        )

    def forward(self, x: Tensor) -> Tensor:
        """(n, 3, 224, 224) → (n, classes)."""
        answer: Tensor = self.classifier(torch.flatten(self.features(x), 1))
        return answer


def layer_name(number: int) -> str:
    """Path of a module by HUDD's count; dropout passes relevance on, so the module behind it reads the same."""
    number = 14 if number == 13 else number
    return f"features.{number}" if number < _N_FEATURES else f"classifier.{number - _N_FEATURES}"


class Original:
    """Heatmaps by hooks; ``pile`` registers what earlier images would have left behind."""

    def __init__(self, network: AlexNet) -> None:
        self.network = network.eval()
        self.modules: list[nn.Module] = [*network.features, *network.classifier]
        self.seen: dict[int, tuple[Tensor, Tensor]] = {}

    def pile(self, images: int) -> None:
        """Leave the hooks of so many images on every module."""
        for _ in range(images):
            for number, module in enumerate(self.modules):
                module.register_forward_hook(self._keep(number))

    def heatmaps(self, image: Tensor) -> dict[int, Tensor]:
        """Relevance at the input of every kept module, of one image (1, 3, 224, 224)."""
        self.pile(1)
        with torch.no_grad():
            output = self.network(image.clone())
            relevance = torch.zeros_like(output)
            winner = int(output.argmax())
            relevance[0, winner] = output[0, winner]
            found = {}
            for number in reversed(range(len(self.modules))):
                x, y = self.seen[number]
                relevance = _share(self.modules[number], x, y, relevance.reshape(y.shape))
                if number in KEPT:
                    found[number] = relevance
        return found

    def write(self, image: Tensor, folder: Path, name: str) -> None:
        """Heatmaps of one image, a file a layer."""
        for number, relevance in self.heatmaps(image).items():
            torch.save(relevance, folder / f"{name}-{number}.pt")

    def _keep(self, number: int) -> Callable[[nn.Module, tuple[Tensor, ...], Tensor], None]:
        def hook(_module: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
            self.seen[number] = inputs[0].detach(), output.detach()

        return hook


def _share(module: nn.Module, x: Tensor, y: Tensor, relevance: Tensor) -> Tensor:
    """HUDD's rules: z⁺ on dense layers, LRP-0 with the bias inside on convolutions, the winner at pools."""
    if isinstance(module, nn.Linear):
        positive = module.weight.clamp(min=0)
        return x * ((relevance / (x @ positive.T + _EPSILON)) @ positive)
    if isinstance(module, nn.Conv2d):
        share = relevance / (y + _EPSILON)
        back = torch.nn.grad.conv2d_input(x.shape, module.weight, share, module.stride, module.padding)
        return x * back
    if isinstance(module, nn.MaxPool2d):
        _, winners = nn.functional.max_pool2d(x, module.kernel_size, module.stride, return_indices=True)
        share = relevance / (y + _EPSILON)
        # windows overlap, and where two have one winner the later share replaces the earlier: so does the original
        return x * nn.functional.max_unpool2d(share, winners, module.kernel_size, module.stride, output_size=x.shape)
    return relevance


def distances(heatmaps: Sequence[Tensor]) -> NDArray[np.float64]:
    """(n, n) Euclidean distances, pair by pair."""
    n = len(heatmaps)
    matrix = np.zeros((n, n))
    for i in range(n):
        for j in range(i + 1, n):
            value = torch.sqrt(((heatmaps[i] - heatmaps[j]) ** 2).sum()).item()
            matrix[i][j] = value
            matrix[j][i] = value
    return matrix


def tree(scaled: NDArray[np.float64]) -> NDArray[np.float64]:
    """Ward on rows of the row-scaled matrix, leaves in optimal order (a cubic cost that only a picture needs)."""
    return np.asarray(linkage(scaled, "ward", optimal_ordering=True))


def wicd(scaled: NDArray[np.float64], merges: NDArray[np.float64], k: int) -> float:
    """WICD of one cut: labels scanned for every cluster, members pair by pair."""
    labels = fcluster(merges, k, "maxclust").tolist()
    n, total, names = len(labels), 0.0, sorted(set(labels))
    for name in names:
        members = [row for row in range(n) if labels[row] == name]
        pairs = 0.0
        for place, i in enumerate(members):
            for j in members[place + 1 :]:
                pairs += scaled[i][j]
        if len(members) > 1:
            total += 2 * pairs / (len(members) - 1) / n
    return total / len(names)
