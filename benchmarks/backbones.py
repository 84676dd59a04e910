"""Backbones: what the forward pass of each pretrained extractor costs an image, as a multiple of ``backbone``.

python -m benchmarks.backbones
"""

from __future__ import annotations

from functools import partial
from statistics import median
from typing import Any

import numpy as np

from benchmarks.measuring import alternating, ratios
from benchmarks.table import Row, formatted, from_json, row, short, to_json

ROUNDS = 5
N_IMAGES = 16
# extractor, pixels a side
CASES = (("backbone", 224), ("lite2", 224), ("lite2", 260), ("resnet50", 224), ("vgg16", 112), ("vgg16", 224))


def run() -> dict[str, Any]:
    """Seconds of one batch of every extractor, in alternation; ratios to ``backbone`` at 224 px."""
    from failatlas.features import open_extractor
    from failatlas.images.records import Batch

    pixels = tuple(np.random.default_rng(0).integers(0, 256, (N_IMAGES, 96, 96, 3), dtype=np.uint8))
    batch, score = Batch(tuple(range(N_IMAGES)), pixels), np.zeros(N_IMAGES, np.int64)
    works = {
        f"{name}, {side} px": partial(open_extractor(name, None, side=side).extract, batch, score)
        for name, side in CASES
    }
    seconds = alternating(works, ROUNDS)
    first, *others = works
    rows: list[Row] = []
    for name in others:
        ours, peer = (f"{short(1000 * median(seconds[one]) / N_IMAGES)} ms an image" for one in (name, first))
        rows.append(row(f"forward of {name}", ours, f"{peer} ({first})", ratios(seconds[name], seconds[first])))
    return {"rounds": ROUNDS, "images": N_IMAGES, "seconds": seconds, "rows": to_json(rows)}


if __name__ == "__main__":
    print(formatted(from_json(run()["rows"])))
