"""World: 72 images of 16 × 16, a network that reads their colour, and two known root causes of its errors.

An image is red, green or blue with noise. The network answers the colour, always rightly as the manifest sees it, but
for 24 images: 15 that carry a white mark in the upper left corner and 9 that carry one in the lower right are labelled
as the next colour. The features file knows the corners and little else: two clusters are the right answer.
"""

from __future__ import annotations

import csv
import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

N_IMAGES, SIDE = 72, 16
CLASSES = ("blue", "green", "red")  # in the order of the outputs, which is that of the sorted labels
UPPER, LOWER = 15, 9  # error-inducing images of either kind

NETWORK = '''
from torch import nn


def build():
    """Colour averages, through two convolutions so that there are layers to explain."""
    return nn.Sequential(
        nn.Conv2d(3, 6, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(6, 6, 3, padding=1), nn.ReLU(),
        nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(6, 3),
    )
'''


@dataclass(frozen=True)
class World:
    """Where everything lies."""

    root: Path
    images: Path
    predictions: Path
    features: Path
    network: Path
    weights: Path
    pixels: NDArray[np.uint8]
    labels: tuple[str, ...]
    kinds: dict[str, str]

    @property
    def module(self) -> str:
        """The network for ``--model``."""
        return f"{self.network}:build"

    def wide(self, folder: Path, times: int = 8) -> Path:
        """A manifest beside copies of the images that lists each of them ``times`` times: stages of several shards."""
        import shutil

        if not folder.exists():
            shutil.copytree(self.images, folder)
            rows = manifest(self.images / "manifest.csv")
            with (folder / "manifest.csv").open("w", newline="") as file:
                table = csv.writer(file)
                table.writerow(["id", "path", "label"])
                table.writerows([f"{n}-{row['path']}", row["path"], row["label"]] for n in range(times) for row in rows)
        return folder

    @property
    def without_network(self) -> tuple[str, ...]:
        """Arguments of the quickest analysis: nothing that needs torch."""
        return ("analyze", "--images", str(self.images), "--predictions", str(self.predictions),
                "--features", str(self.features), "--pipeline", "pixels+none+dbscan", "--repeats", "0")  # fmt: skip

    @property
    def with_network(self) -> tuple[str, ...]:
        """Arguments of an analysis that walks through every stage."""
        return ("analyze", "--images", str(self.images), "--model", self.module, "--weights", str(self.weights),
                "--pipeline", "hudd", "--repeats", "2")  # fmt: skip


def build(root: Path) -> World:
    """Write the world into an empty folder."""
    from PIL import Image

    from failatlas.images import ImageSet, write_manifest

    pixels, labels, kinds = _pictures()
    ids = [f"image-{i:03d}.png" for i in range(N_IMAGES)]
    (root / "images" / "images").mkdir(parents=True)
    for name, picture in zip(ids, pixels, strict=True):
        Image.fromarray(picture).save(root / "images" / "images" / name)
    records = ImageSet.from_arrays(pixels, labels, [f"images/{name}" for name in ids], "test").records
    write_manifest(root / "images" / "manifest.csv", records)
    network, weights = _network(root)
    world = World(
        root, root / "images", root / "predictions.csv", root / "features.npy", network, weights, pixels,
        tuple(labels), {f"images/{name}": kind for name, kind in zip(ids, kinds, strict=True) if kind},
    )  # fmt: skip
    noise = np.random.default_rng(8).normal(0, 0.02, (N_IMAGES, 6))
    corners = [part.mean((1, 2, 3)) / 255 for part in (pixels[:, :5, :5], pixels[:, -5:, -5:])]
    np.save(world.features, np.column_stack([*corners, noise]).astype(np.float32))
    with world.predictions.open("w", newline="") as file:
        table = csv.writer(file)
        table.writerow(["id", "prediction"])
        table.writerows([f"images/{name}", CLASSES[2 - i % 3]] for i, name in enumerate(ids))
    return world


def manifest(folder: Path) -> list[dict[str, str]]:
    """Rows of a manifest or of clusters.csv."""
    with folder.open(newline="", encoding="utf-8", errors="surrogateescape") as file:
        return list(csv.DictReader(file))


def document(text: str) -> dict[str, object]:
    """The one JSON document that a command printed; fails when there is anything else."""
    value = json.loads(text)
    assert isinstance(value, dict)
    assert text.count("\n") == 1
    return value


def _pictures() -> tuple[NDArray[np.uint8], list[str], list[str]]:
    draw = np.random.default_rng(7)
    pixels = draw.integers(0, 60, (N_IMAGES, SIDE, SIDE, 3), dtype=np.uint8)
    labels, kinds = [], []
    for i in range(N_IMAGES):
        colour = i % 3  # red, green, blue: channel of the picture
        pixels[i, :, :, colour] += np.uint8(140)
        kind = "upper" if i < UPPER else "lower" if i < UPPER + LOWER else ""
        if kind == "upper":
            pixels[i, :5, :5] = 250
        if kind == "lower":
            pixels[i, -5:, -5:] = 250
        answer = CLASSES[2 - colour]
        labels.append(CLASSES[(CLASSES.index(answer) + 1) % 3] if kind else answer)
        kinds.append(kind)
    return pixels, labels, kinds


def _network(root: Path) -> tuple[Path, Path]:
    import torch
    from safetensors.torch import save_file

    source = root / "net.py"
    source.write_text(NETWORK)
    scope: dict[str, object] = {}
    exec(NETWORK, scope)
    module = scope["build"]()  # type: ignore[operator]
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.zero_()
        for channel in range(3):
            module[0].weight[channel, channel] = 1 / 9  # a blurred copy of each colour …
            module[0].weight[channel + 3, channel, 1, 1] = 0.5  # … and a sharp one
            module[3].weight[channel, channel, 1, 1] = 0.7
            module[3].weight[channel, channel + 3, 1, 1] = 0.6
            module[3].weight[channel + 3, channel + 3] = 1 / 9
            module[7].weight[2 - channel, channel] = 4.0
            module[7].weight[2 - channel, channel + 3] = 4.0
    save_file(module.state_dict(), root / "net.safetensors")
    return source, root / "net.safetensors"
