"""Clustering: WICD of every cut against re-scanning, streamed distances against pair loops, DBSCAN of many radii from
one tree against a run for each; ratios in one process.

python -m benchmarks.clustering [--quick]
"""

from __future__ import annotations

import json
import os
import sys
import time
import tracemalloc
from collections.abc import Callable
from dataclasses import asdict
from statistics import median
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.cluster.hierarchy import fcluster
from scipy.linalg.blas import ssyrk
from scipy.spatial.distance import pdist
from sklearn.cluster import DBSCAN

from benchmarks.measuring import alternating, ratios
from failatlas.clustering import dendrogram
from failatlas.clustering.densitytree import DensityTrees
from failatlas.clustering.distances import BLOCK, pairwise
from failatlas.features.sketch import sketch

WIDE = 50_000


def run(quick: bool = False) -> dict[str, Any]:
    """Measured ratios, by step and size; ``quick`` keeps to the smallest size and one repeat."""
    repeats = 1 if quick else 5
    return {
        "wicd": [wicd(n, repeats) for n in ((500,) if quick else (500, 1000, 2000))],
        "distances": [distances(n, WIDE, repeats) for n in ((50,) if quick else (50, 200, 1000))],
        "sketch": sketching(20 if quick else 100, 193_600, repeats),
        "density": density(quick),
        "memory": [memory(n, 20_000) for n in ((200,) if quick else (500, 1000, 2000))],
    }


def wicd(n: int, repeats: int) -> dict[str, float]:
    """All k = 2 … min(500, n // 2): one dendrogram against a scan of every cut, in NumPy and in Python.

    All get tree and labels for nothing. Python is timed on a few k and extrapolated: its time for one k is that of
    the n²/2 pairs of the widest, and falls as clusters shrink, so it is measured at k spread over the range.
    """
    random = np.random.default_rng(n)
    rows = random.standard_normal((n, 64)) + 4 * random.standard_normal((8, 64))[random.integers(0, 8, n)]
    merges = dendrogram.ward(rows)
    matrix = np.asarray(random.random((n, n)), dtype=np.float32)
    counts = list(range(2, min(500, n // 2) + 1))
    labels = {k: fcluster(merges, k, "maxclust") for k in counts}
    ours, numpy_all = [], []
    for _ in range(repeats):
        seconds, curve = timed(lambda: dendrogram.wicd_curve(merges, matrix))
        ours.append(seconds)
    for _ in range(min(repeats, 2)):
        seconds, scanned = timed(lambda: [_scan_numpy(matrix, labels[k]) for k in counts])
        numpy_all.append(seconds)
    as_lists = matrix.tolist()
    probes = counts[:: max(1, len(counts) // 4)][:5]
    by_python = [timed(lambda k=k: _scan_python(as_lists, labels[k].tolist()))[0] for k in probes]
    python_all = float(np.trapezoid(by_python, probes)) * len(counts) / (probes[-1] - probes[0])
    return {
        "n": n,
        "ms": 1e3 * median(ours),
        "numpy_ms": 1e3 * median(numpy_all),
        "python_ms": 1e3 * python_all,
        "times_numpy": median(numpy_all) / median(ours),
        "times_python": python_all / median(ours),
        "largest_difference": float(np.abs(curve[np.array(counts) - 1] - scanned).max()),
    }


def distances(n: int, width: int, repeats: int) -> dict[str, float]:
    """µs a pair: streamed products, their limit (the bare symmetric update), SciPy's pdist and a loop over pairs.

    The latter two on a sample of rows; both run on one thread, whatever BLAS is allowed.
    """
    rows = np.random.default_rng(n).standard_normal((n, width)).astype(np.float32)
    shards = list(np.array_split(rows, 4))
    pairs = n * (n - 1) / 2
    few = rows[: min(n, 60)]
    few_pairs = len(few) * (len(few) - 1) / 2
    columns = np.ascontiguousarray(rows[:, :BLOCK])
    products = np.zeros((n, n), np.float32, order="F")
    ours, scipys, loops, limits = [], [], [], []
    for _ in range(repeats):
        update = timed(lambda: ssyrk(1.0, columns.T, beta=1.0, c=products, trans=1, overwrite_c=1))[0]
        limits.append(update * width / BLOCK / pairs)
        ours.append(timed(lambda: pairwise(shards))[0] / pairs)
        scipys.append(timed(lambda: pdist(few))[0] / few_pairs)
        loops.append(timed(lambda: _loop(few[:20]))[0] / 190)
    return {
        "n": n,
        "width": width,
        "us_a_pair": 1e6 * median(ours),
        "limit_us_a_pair": 1e6 * median(limits),
        "pdist_us_a_pair": 1e6 * median(scipys),
        "loop_us_a_pair": 1e6 * median(loops),
        "times_pdist": median(scipys) / median(ours),
        "times_loop": median(loops) / median(ours),
        "times_limit": median(ours) / median(limits),
    }


def sketching(n: int, width: int, repeats: int) -> dict[str, float]:
    """ms an image for the fold, and how well distances survive it."""
    rows = np.random.default_rng(0).standard_normal((n, width)).astype(np.float32)
    sketch(rows[:1])  # signs are drawn once
    seconds = median(timed(lambda: sketch(rows))[0] for _ in range(repeats))
    ratio = pdist(sketch(rows[:20])) / pdist(rows[:20])
    return {"ms_an_image": 1e3 * seconds / n, "distance_error_std": float(ratio.std())}


def density(quick: bool) -> list[dict[str, Any]]:
    """DBSCAN over a grid of radii and min_samples, with and without the full matrix of distances."""
    if quick:
        return [grid(500, 4, (2, 5), rounds=1)]
    return [grid(2000, 20, (2, 3, 5, 10, 15), rounds=5), grid(20_000, 30, (5,), rounds=2)]


def grid(n: int, n_radii: int, min_samples: tuple[int, ...], rounds: int) -> dict[str, Any]:
    """Every radius × every ``min_samples`` on a mixture in ten dimensions: trees against scikit-learn's DBSCAN.

    Radii are quantiles of the distance to the fifth neighbour, from the narrowest fifth of it to nearly everybody's.
    """
    random = np.random.default_rng(n)
    group = random.integers(0, 30, n)
    centres, spreads = 4 * random.standard_normal((30, 10)), random.uniform(0.2, 0.8, (30, 1))
    rows = (centres[group] + spreads[group] * random.standard_normal((n, 10))).astype(np.float32)
    core = np.sqrt(DensityTrees(rows, 5).tree(5).core)
    cells = [(float(eps), m) for eps in np.quantile(core, np.linspace(0.2, 0.995, n_radii)) for m in min_samples]
    found: dict[str, list[NDArray[np.int64]]] = {}

    def ours() -> None:
        trees = DensityTrees(rows, max(min_samples))
        found["ours"] = [trees.tree(m).cut(eps) for eps, m in cells]

    def peer() -> None:
        found["peer"] = [DBSCAN(eps=eps, min_samples=m).fit(rows).labels_ for eps, m in cells]

    seconds = alternating({"ours": ours, "peer": peer}, rounds)
    if not all(np.array_equal(a, b) for a, b in zip(found["ours"], found["peer"], strict=True)):
        raise AssertionError("a cut of the tree is not scikit-learn's DBSCAN")
    return {
        "n": n,
        "cells": len(cells),
        "load": round(os.getloadavg()[0], 1),
        "s": median(seconds["ours"]),
        "scikit_learn_s": median(seconds["peer"]),
        "times_scikit_learn": asdict(ratios(seconds["peer"], seconds["ours"])),
    }


def memory(n: int, width: int) -> dict[str, float]:
    """Peak memory of streamed distances beside the rows, which a run keeps on disk."""
    rows = np.random.default_rng(0).standard_normal((n, width)).astype(np.float32)
    tracemalloc.start()
    pairwise([rows])
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return {"n": n, "peak_mb": peak / 2**20, "matrix_mb": 4 * n * n / 2**20, "rows_mb": rows.nbytes / 2**20}


def timed(work: Callable[[], Any]) -> tuple[float, Any]:
    """Seconds and result of one call."""
    start = time.perf_counter()
    result = work()
    return time.perf_counter() - start, result


def _scan_numpy(matrix: NDArray[np.float32], labels: NDArray[np.int32]) -> float:
    total, names = 0.0, np.unique(labels)
    for name in names:
        inside = np.flatnonzero(labels == name)
        if len(inside) > 1:
            block = matrix[np.ix_(inside, inside)]
            total += 2 * float(np.triu(block, 1).sum(dtype=np.float64)) / (len(inside) - 1)
    return total / (len(names) * len(labels))


def _scan_python(matrix: list[list[float]], labels: list[int]) -> float:
    groups: dict[int, list[int]] = {}
    for row, label in enumerate(labels):
        groups.setdefault(label, []).append(row)
    total = 0.0
    for inside in groups.values():
        if len(inside) > 1:
            pairs = 0.0
            for place, i in enumerate(inside):
                row = matrix[i]
                for j in inside[place + 1 :]:
                    pairs += row[j]
            total += 2 * pairs / (len(inside) - 1)
    return total / (len(groups) * len(labels))


def _loop(rows: NDArray[np.float32]) -> list[float]:
    return [float(np.sqrt(((a - b) ** 2).sum())) for i, a in enumerate(rows) for b in rows[i + 1 :]]


if __name__ == "__main__":
    json.dump(run("--quick" in sys.argv), sys.stdout, indent=2)
    print()
