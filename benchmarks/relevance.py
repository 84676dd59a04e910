"""LRP of all layers against a plain forward pass and against Captum, in one process, alternating.

``python -m benchmarks.relevance`` prints the table. Ratios are medians of per-round ratios, so a busy machine slows
both sides of a ratio; absolute times do not travel.
"""

from __future__ import annotations

import json
import statistics
import time
import warnings
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from failatlas.relevance import Engine

ROUNDS = 5
# composite → (name in the table, × forward at most)
GOALS = {"epsilon": 2.6, "epsilon-zplus": 3.3, "zplus": 3.3, "alpha2-beta1": 5.0, "hudd": 2.6}


class Chain(nn.Module):
    """Features, flattened by a function (Captum has no rule for ``nn.Flatten``), and a head."""

    def __init__(self, features: nn.Sequential, head: nn.Sequential) -> None:
        super().__init__()
        self.features, self.head = features, head

    def forward(self, x: Tensor) -> Tensor:
        return self.head(torch.flatten(self.features(x), 1))


def alexnet() -> nn.Module:
    """Krizhevsky 2012, full width."""
    return Chain(
        nn.Sequential(
            nn.Conv2d(3, 64, 11, 4, 2), nn.ReLU(), nn.MaxPool2d(3, 2), nn.Conv2d(64, 192, 5, padding=2), nn.ReLU(),
            nn.MaxPool2d(3, 2), nn.Conv2d(192, 384, 3, padding=1), nn.ReLU(), nn.Conv2d(384, 256, 3, padding=1),
            nn.ReLU(), nn.Conv2d(256, 256, 3, padding=1), nn.ReLU(), nn.MaxPool2d(3, 2), nn.AdaptiveAvgPool2d(6),
        ),
        nn.Sequential(
            nn.Dropout(), nn.Linear(9216, 4096), nn.ReLU(), nn.Dropout(), nn.Linear(4096, 4096), nn.ReLU(),
            nn.Linear(4096, 1000),
        ),
    )  # fmt: skip


def small_cnn() -> nn.Module:
    """Five convolutions for 64 px."""
    return Chain(
        nn.Sequential(
            nn.Conv2d(3, 32, 3, padding=1), nn.ReLU(), nn.Conv2d(32, 32, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
            nn.Conv2d(32, 64, 3, padding=1), nn.ReLU(), nn.Conv2d(64, 64, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
            nn.Conv2d(64, 128, 3, padding=1), nn.ReLU(), nn.AdaptiveAvgPool2d(1),
        ),
        nn.Sequential(nn.Linear(128, 10)),
    )  # fmt: skip


class Block(nn.Module):
    """ResNet's basic block."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.first = nn.Sequential(nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False), nn.BatchNorm2d(outputs))
        self.second = nn.Sequential(nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False), nn.BatchNorm2d(outputs))
        self.skip = nn.Sequential()
        if stride != 1 or inputs != outputs:
            self.skip = nn.Sequential(nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs))

    def forward(self, x: Tensor) -> Tensor:
        return torch.relu(self.second(torch.relu(self.first(x))) + self.skip(x))


def resnet18() -> nn.Module:
    """He et al. 2015, full width."""
    stages = [Block(64, 64, 1), Block(64, 64, 1)]
    for width in (128, 256, 512):
        stages += [Block(width // 2, width, 2), Block(width, width, 1)]
    stem = (nn.Conv2d(3, 64, 7, 2, 3, bias=False), nn.BatchNorm2d(64), nn.ReLU(), nn.MaxPool2d(3, 2, 1))
    return Chain(nn.Sequential(*stem, *stages, nn.AdaptiveAvgPool2d(1)), nn.Sequential(nn.Linear(512, 1000)))


NETWORKS: dict[str, tuple[Callable[[], nn.Module], tuple[int, int, int, int]]] = {
    "AlexNet 224 px, batch 32": (alexnet, (32, 3, 224, 224)),
    "small CNN 64 px, batch 64": (small_cnn, (64, 3, 64, 64)),
    "ResNet-18 224 px, batch 8": (resnet18, (8, 3, 224, 224)),
}


def run(rounds: int = ROUNDS) -> dict[str, Any]:
    """Measure every network; {"threads", "rows": [{"network", "what", "ratio", "goal", "met", "forward_ms"}, …]}."""
    rows: list[dict[str, Any]] = []
    for name, (make, shape) in NETWORKS.items():
        torch.manual_seed(0)
        network, images = make().eval(), torch.randn(shape)
        work = _work(network, images)
        times: dict[str, list[float]] = {what: [] for what in work}
        for lap in range(rounds + 1):
            for what, call in work.items():
                start = time.perf_counter()
                call()
                if lap:
                    times[what].append(time.perf_counter() - start)
        forward = times.pop("forward")
        for what, measured in times.items():
            ratio = statistics.median(own / base for own, base in zip(measured, forward, strict=True))
            goal = GOALS.get(what)
            rows.append(
                {
                    "network": name,
                    "what": what,
                    "ratio": round(ratio, 2),
                    "goal": goal,
                    "met": None if goal is None else ratio <= goal,
                    "forward_ms": round(1000 * statistics.median(forward), 1),
                }
            )
    return {"benchmark": "relevance", "threads": torch.get_num_threads(), "rounds": rounds, "rows": rows}


def _work(network: nn.Module, images: Tensor) -> dict[str, Callable[[], object]]:
    def forward() -> object:
        with torch.no_grad():
            return network(images)

    def input_gradient() -> object:
        x = images.clone().requires_grad_()
        return torch.autograd.grad(network(x).max(1)[0].sum(), x)

    engine = Engine(network, images)
    work: dict[str, Callable[[], object]] = {"forward": forward, "input gradient": input_gradient}
    for composite in GOALS:
        prepared = engine.using(composite)
        work[composite] = lambda prepared=prepared: prepared.run(images)  # type: ignore[misc]  # the default binds now
    captum = _captum(network, images)
    if captum is not None:
        work["Captum, all layers in one call"] = captum
    return work


def _captum(network: nn.Module, images: Tensor) -> Callable[[], object] | None:
    """Captum on every layer at once, or None where it does not support the network."""
    from captum.attr import LayerLRP

    # Captum keeps no relevance for activations and adaptive pools: it answers for the layers that it has rules for
    kinds = (nn.Conv2d, nn.Linear, nn.MaxPool2d)
    layers = [module for module in network.modules() if isinstance(module, kinds)]
    with torch.no_grad():
        target = network(images).argmax(1)

    def attribute() -> object:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return LayerLRP(network, layers).attribute(
                images.clone().requires_grad_(), target=target, attribute_to_layer_input=True
            )

    try:
        attribute()
    except Exception:  # unsupported networks fail in many ways; the table then has no row for it
        return None
    return attribute


def main() -> None:
    """Print the table and, last, the JSON."""
    result = run()
    for row in result["rows"]:
        goal = "" if row["goal"] is None else f"goal ≤ {row['goal']} {'met' if row['met'] else 'MISSED'}"
        print(f"{row['network']:28} {row['what']:32} {row['ratio']:6.2f} × forward {goal}")
    print(json.dumps(result))


if __name__ == "__main__":
    main()
