"""Memory: does an analysis of 10,000 error-inducing images need more than one of 1,000, beyond its n × n distances?

Small PNG files, a random network that is nearly always wrong, each analysis in a process of its own. Two numbers: what
the process holds itself (anonymous memory, sampled, with the step in which it peaked), which must stay flat; and
``ru_maxrss``, which also counts pages of files that are mapped and that the kernel takes back whenever it likes.

python -m benchmarks.memory [--quick]
"""

from __future__ import annotations

import csv
import json
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.measuring import PeakMemory, Spread, anonymous_mb, peak_mb
from benchmarks.table import Row, short, to_json

SIZES = (1000, 10_000)
SIDE = 64
N_CLASSES = 10
WRONG = 0.9  # of the images: labels are drawn at random
FLAT = 1.25  # times the smaller run's memory, which still counts as flat


@dataclass(frozen=True, slots=True)
class Kind:
    """A pipeline and how many n × n float32 matrices its method needs at once."""

    pipeline: str
    settings: dict[str, Any]
    matrices: float
    needs: str


KINDS = {
    "safe": Kind("activations+umap+dbscan", {}, 0, "–"),
    # one layer, for every further one costs the same again, one after another; its heatmaps alone are 16,384 wide
    "hudd": Kind("hudd", {"layer": "relu1"}, 4, "distances, scaled profiles; for SciPy float64 pairs and its copy"),
}


def run(sizes: Sequence[int] = SIZES) -> dict[str, Any]:
    """Peaks of both pipelines at both sizes, by step; rows for the table."""
    found: dict[str, list[dict[str, Any]]] = {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_images(folder, round(max(sizes) / WRONG))
        for kind in KINDS:
            found[kind] = [_child(kind, size, folder) for size in sizes]
    return {"sizes": list(sizes), "peaks": found, "rows": to_json(_rows(sizes, found))}


def _rows(sizes: Sequence[int], found: dict[str, list[dict[str, Any]]]) -> list[Row]:
    rows = []
    for name, kind in KINDS.items():
        small, large = found[name][0], found[name][-1]
        square = 4 * (large["errors"] ** 2 - small["errors"] ** 2) / 2**20
        allowed = FLAT * small["anonymous_mb"] + kind.matrices * square
        goal = f"flat (≤ {FLAT} ×)" if not kind.matrices else f"flat + {kind.matrices:g} n² float32"
        ratio = large["anonymous_mb"] / small["anonymous_mb"]
        rows.append(
            Row(
                f"peak memory, {kind.pipeline}, {sizes[0]:,} → {sizes[-1]:,} failing images",
                f"{short(large['anonymous_mb'])} MB (maxrss {short(large['maxrss_mb'])})",
                f"{short(small['anonymous_mb'])} MB (maxrss {short(small['maxrss_mb'])}) at {sizes[0]:,}",
                *_single(ratio),
                goal,
                large["anonymous_mb"] <= allowed,
                f"n² float32 = {short(4 * large['errors'] ** 2 / 2**20)} MB: {kind.needs}",
            )
        )
    return rows


def write_images(folder: Path, n: int) -> None:
    """n PNG files of 64 px (twelve patterns under noise) and their manifest; labels are drawn at random."""
    from PIL import Image

    random = np.random.default_rng(0)
    patterns = random.integers(0, 180, (12, 8, 8, 3)).repeat(SIDE // 8, axis=1).repeat(SIDE // 8, axis=2)
    (folder / "images").mkdir()
    with (folder / "manifest.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(("path", "label"))
        for i in range(n):
            pixels = patterns[random.integers(12)] + random.integers(0, 76, (SIDE, SIDE, 3))
            name = f"images/{i:06d}.png"
            Image.fromarray(pixels.astype(np.uint8)).save(folder / name, compress_level=1)
            writer.writerow((name, f"class {random.integers(N_CLASSES)}"))


def measure(kind: Kind, n: int, folder: Path) -> dict[str, Any]:
    """Analyse about n failing images in this process, report included."""
    import failatlas
    from failatlas import progress
    from failatlas.images import ImageSet
    from failatlas.models.module import TorchModel
    from failatlas.models.preprocess import Preprocess

    images = ImageSet.open(folder / "manifest.csv").select(range(round(n / WRONG)))
    classes = [f"class {i}" for i in range(N_CLASSES)]
    model = TorchModel(_network(), Preprocess(size=(SIDE, SIDE)), classes=classes)
    start = anonymous_mb()
    with tempfile.TemporaryDirectory() as out, PeakMemory() as peak, progress.listening(peak):
        atlas = failatlas.analyze(
            model, images, out=out, pipeline=kind.pipeline, repeats=1, references=500, **kind.settings
        )
        peak.start("report", 0)
        atlas.report()
        peak.end()
    return {
        "errors": int(atlas.run.outcomes.is_error.sum()),
        "start_mb": start,
        "anonymous_mb": peak.anonymous_mb,
        "maxrss_mb": peak_mb(),
        "by_step": {step or "between steps": value for step, value in peak.by_step.items()},
    }


def _network() -> Any:
    from collections import OrderedDict

    import torch
    from torch import nn

    torch.manual_seed(0)
    return nn.Sequential(
        OrderedDict(
            conv1=nn.Conv2d(3, 16, 3, stride=2, padding=1),
            relu1=nn.ReLU(),
            pool1=nn.MaxPool2d(2),
            conv2=nn.Conv2d(16, 32, 3, padding=1),
            relu2=nn.ReLU(),
            pool2=nn.MaxPool2d(2),
            flatten=nn.Flatten(),
            dense1=nn.Linear(32 * 8 * 8, 64),
            relu3=nn.ReLU(),
            dense2=nn.Linear(64, N_CLASSES),
        )
    )


def _child(kind: str, n: int, folder: Path) -> dict[str, Any]:
    command = [sys.executable, "-m", "benchmarks.memory", "--child", kind, str(n), str(folder)]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parent.parent)
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def _single(value: float) -> tuple[float, float, float]:
    only = Spread(value, value, value)
    return only.median, only.low, only.high


if __name__ == "__main__":
    if "--child" in sys.argv:
        name, size, place = sys.argv[2:5]
        json.dump(measure(KINDS[name], int(size), Path(place)), sys.stdout)
    else:
        json.dump(run((200, 1000)) if "--quick" in sys.argv else run(), sys.stdout, indent=2)
        print()
