"""HUDD: the whole analysis of 1,000 AlexNet failures against a re-enactment of the original, time and memory.

The original cannot finish within a benchmark: its parts are measured in alternating rounds and put together by
T = N·a + b·N²/2 + N(N−1)/2·Σ c + L·(tree + Σ wicd(k)), with a, b: seconds an image and what every image's hooks add
to each later one; c: seconds a pair in a layer; L layers. Ours runs in full, once for memory and then layer by layer
in every round.

python -m benchmarks.hudd [--quick]
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import torch

from benchmarks import original
from benchmarks.measuring import PeakMemory, anonymous_mb, ratios, spread, timed
from benchmarks.table import row, short, to_json
from failatlas.clustering.distances import pairwise
from failatlas.clustering.hudd import cluster_layer, row_scaled
from failatlas.features.heatmaps import LayerHeatmaps
from failatlas.images.records import Batch
from failatlas.models.module import TorchModel
from failatlas.models.preprocess import Preprocess

N = 1000
BATCH = 32
PILED = 4000  # images whose hooks lie on the network when b is measured: fewer drown in noise
NUMBERS = original.KEPT[1:]  # the pixel layer is never eligible
LAYERS = tuple(original.layer_name(number) for number in NUMBERS)


def run(n: int = N, rounds: int = 5) -> dict[str, Any]:
    """Seconds of every part in every round, peaks of memory, rows for the table."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        ours = _child("ours", n, folder)
        theirs = _child("original", n, folder)
        parts = _parts(n, rounds, folder)
    original_s = [_original_s(n, part) for part in parts]
    ours_s = [n * part["ours_image"] + part["ours_distances"] + part["ours_clusters"] for part in parts]
    return {
        "n": n,
        "full": ours,
        "original": theirs,
        "rounds": parts,
        "original_s": original_s,
        "ours_s": ours_s,
        "rows": to_json(_rows(n, parts, original_s, ours_s, ours, theirs)),
    }


def _rows(
    n: int,
    parts: list[dict[str, float]],
    original_s: list[float],
    ours_s: list[float],
    ours: dict[str, Any],
    theirs: dict[str, Any],
) -> list[Any]:
    image = [part["image"] + part["hook"] * n / 2 for part in parts]
    ours_image = [part["ours_image"] for part in parts]
    forward = median(part["forward"] for part in parts)
    pair = [n * (n - 1) / 2 * part["pair"] for part in parts]
    cut = [len(LAYERS) * (part["tree"] + part["wicd"]) for part in parts]
    of = f"{n:,} AlexNet failures"
    floor = median(original_s) / (n * forward)
    return [
        row(
            f"HUDD heatmaps, {of}",
            f"{short(1e3 * median(ours_image))} ms an image",
            f"{short(1e3 * median(image))} ms (original: batch 1, hooks pile up)",
            ratios(image, ours_image),
            at_least=7,
            limit=f"{short(1e3 * forward)} ms (a forward pass alone)",
        ),
        row(
            f"HUDD distances, {len(LAYERS)} layers, {of}",
            f"{short(median(part['ours_distances'] for part in parts))} s",
            f"{short(median(pair))} s (original: pair loop)",
            ratios(pair, [part["ours_distances"] for part in parts]),
            limit="symmetric rank-k update",
        ),
        row(
            f"HUDD tree and WICD for every k, {len(LAYERS)} layers, {of}",
            f"{short(median(part['ours_clusters'] for part in parts))} s",
            f"{short(median(cut))} s (original: re-scan a k)",
            ratios(cut, [part["ours_clusters"] for part in parts]),
            limit="each pair read once",
        ),
        row(
            f"whole HUDD analysis, {of}",
            f"{short(median(ours_s))} s",
            f"{short(median(original_s))} s (original, extrapolated, without Excel)",
            ratios(original_s, ours_s),
            at_least=100,
            limit=f"{short(floor)} × (a forward pass alone)",
        ),
        row(
            f"whole HUDD analysis, peak memory, {of}",
            f"{short(ours['peak_mb'])} MB beside the network",
            f"{short(theirs['peak_mb'])} MB (original: one layer's heatmaps)",
            spread([ours["peak_mb"] / theirs["peak_mb"]]),
            at_most=0.05,
            limit=f"2 n² float32 = {short(8 * n * n / 2**20)} MB, one batch of LRP",
        ),
    ]


def _original_s(n: int, part: dict[str, float]) -> float:
    """The formula above."""
    heatmaps = n * part["image"] + part["hook"] * n * n / 2
    return heatmaps + n * (n - 1) / 2 * part["pair"] + len(LAYERS) * (part["tree"] + part["wicd"])


def _parts(n: int, rounds: int, folder: Path) -> list[dict[str, float]]:
    """Unit costs of both, in alternating rounds; the first round warms up and is dropped."""
    network = _network()
    model, heatmaps = _opened(network)
    batch = next(_batches(BATCH))
    score = model.predict(batch.pixels).argmax(axis=1)
    tensor = model.tensor(batch.pixels)
    fresh, piled = original.Original(_network()), original.Original(_network())
    piled.pile(PILED)
    shards = {layer: _shards(folder, layer) for layer in LAYERS}
    few = [[torch.from_numpy(np.array(r)) for r in shards[layer][0][:8]] for layer in LAYERS]
    matrices = [pairwise(shards[layer]) for layer in LAYERS]
    middle = row_scaled(matrices[len(matrices) // 2]).astype(np.float64)
    merges = original.tree(middle)
    counts = list(range(2, min(500, max(2, n // 2)) + 1))
    probes = counts[:: max(1, len(counts) // 4)][:5]
    one = tensor[:1]

    def forward() -> None:
        with torch.inference_mode():
            network(tensor)

    def by_one(work: original.Original) -> None:
        with torch.no_grad():
            work.network(one.clone())

    def by_k() -> float:
        seconds = [timed(lambda k=k: original.wicd(middle, merges, k)) for k in probes]
        mean = np.trapezoid(seconds, probes) / (probes[-1] - probes[0]) if len(probes) > 1 else seconds[0]
        return float(mean) * len(counts)

    found = []
    for number in range(rounds + 1):
        # hooks of earlier rounds would weigh on the fresh network
        fresh.network = _without_hooks(fresh)
        bare, hooked = (min(timed(lambda work=work: by_one(work)) for _ in range(5)) for work in (fresh, piled))
        part = {
            "forward": timed(forward) / BATCH,
            "image": min(timed(lambda: fresh.write(one, folder, "o")) for _ in range(3)),
            "hook": max(0.0, hooked - bare) / PILED,
            "ours_image": timed(lambda: _write(heatmaps, batch, score, folder, "again")) / BATCH,
            "pair": sum(timed(lambda rows=rows: original.distances(rows)) for rows in few) / 28,
            "ours_distances": sum(timed(lambda layer=layer: pairwise(shards[layer])) for layer in LAYERS),
            "tree": timed(lambda: original.tree(middle)),
            "wicd": by_k(),
            "ours_clusters": sum(timed(lambda matrix=matrix: cluster_layer(matrix)) for matrix in matrices),
        }
        if number:
            found.append(part)
    return found


def _ours(n: int, folder: Path) -> dict[str, float]:
    """The whole street in this process: heatmaps to disk, then layer by layer."""
    model, heatmaps = _opened(_network())
    base = anonymous_mb()
    with PeakMemory() as peak:
        peak.start("heatmaps", n)

        def relevance() -> None:
            for number, batch in enumerate(_batches(n)):
                score = model.predict(batch.pixels).argmax(axis=1)
                _write(heatmaps, batch, score, folder, f"{number:04d}")

        heatmaps_s = timed(relevance)
        peak.end()
        peak.start("layers", len(LAYERS))
        layers_s = timed(lambda: [cluster_layer(pairwise(_shards(folder, layer))) for layer in LAYERS])
        peak.end()
    return {
        "heatmaps_s": heatmaps_s,
        "layers_s": layers_s,
        "network_mb": base,
        "peak_mb": peak.anonymous_mb - base,
        "heatmaps_mb": peak.by_step["heatmaps"] - base,
        "layers_mb": peak.by_step["layers"] - base,
    }


def _theirs(n: int, folder: Path) -> dict[str, float]:
    """What the original holds at its fullest: all heatmaps of its widest layer, and the matrix; first a few images."""
    work = original.Original(_network())
    widest = max(LAYERS, key=lambda layer: _shards(folder, layer)[0].shape[1])
    base = anonymous_mb()
    with PeakMemory() as peak:
        images = torch.rand(2, 3, 224, 224)
        for image in images:
            work.heatmaps(image[None])
        held = [torch.from_numpy(np.array(row)) for shard in _shards(folder, widest) for row in shard]
        matrix = np.zeros((n, n))
        matrix[:8, :8] = original.distances(held[:8])
        original.tree(matrix / np.maximum(matrix.max(axis=1, keepdims=True), 1e-9))
    return {"peak_mb": peak.anonymous_mb - base}


def _network() -> original.AlexNet:
    torch.manual_seed(0)
    return original.AlexNet().eval()


def _opened(network: original.AlexNet) -> tuple[TorchModel, LayerHeatmaps]:
    model = TorchModel(network, Preprocess(size=(224, 224)))
    return model, LayerHeatmaps(model, "hudd", layers=LAYERS)


def _batches(n: int) -> Iterator[Batch]:
    """Synthetic photographs: eight patterns, each with its own noise."""
    random = np.random.default_rng(0)
    patterns = random.integers(0, 200, (8, 14, 14, 3)).repeat(16, axis=1).repeat(16, axis=2)
    for start in range(0, n, BATCH):
        indices = tuple(range(start, min(start + BATCH, n)))
        noise = random.integers(0, 56, (len(indices), 224, 224, 3))
        pixels = tuple((patterns[i % 8] + noise[j]).astype(np.uint8) for j, i in enumerate(indices))
        yield Batch(indices, pixels)


def _write(heatmaps: LayerHeatmaps, batch: Batch, score: Any, folder: Path, name: str) -> None:
    for layer, rows in heatmaps.run(batch, score).rows.items():
        np.save(folder / f"{layer}.{name}.npy", rows)


def _shards(folder: Path, layer: str) -> list[Any]:
    files = sorted(folder.glob(f"{layer}.[0-9]*.npy"))
    return [np.load(file, mmap_mode="r", allow_pickle=False) for file in files]


def _without_hooks(work: original.Original) -> original.AlexNet:
    for module in work.modules:
        module._forward_hooks.clear()
    return work.network


def _child(who: str, n: int, folder: Path) -> dict[str, Any]:
    """Memory is measured where nothing else has been."""
    command = [sys.executable, "-m", "benchmarks.hudd", "--child", who, str(n), str(folder)]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parent.parent)
    found: dict[str, Any] = json.loads(done.stdout)
    return found


if __name__ == "__main__":
    if "--child" in sys.argv:
        who, n, folder = sys.argv[2:5]
        json.dump((_ours if who == "ours" else _theirs)(int(n), Path(folder)), sys.stdout)
    else:
        json.dump(run(100, 2) if "--quick" in sys.argv else run(), sys.stdout, indent=2)
        print()
