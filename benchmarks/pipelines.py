"""Pipelines: all 99 published ways to group about 1,000 failing images as one study, against one after another.

"From scratch" is what the study itself measured for every pipeline alone: learning or choosing a layer, its features,
its reduction, its clustering. Three pipelines are also run alone, each in a fresh folder, to see whether that sum can
be believed.

python -m benchmarks.pipelines [FOLDER to keep the study in]
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks.measuring import Spread
from benchmarks.table import Row, row, to_json

CASE = "fashion"  # 1,109 photographs of 10,000 are mistaken; as many as injected ones of nine scenarios are grouped
GOAL = 10.0
ALONE = ("backbone+umap+dbscan", "lite2+pca+hdbscan", "pixel-heatmap+none+kmeans")


def run(keep: str | None = None) -> dict[str, Any]:
    """Seconds of the whole study and of its pipelines one after another; their ratio."""
    with tempfile.TemporaryDirectory() as folder:
        study = _study(("all",), Path(keep or folder))
    published = [one for one in study["pipelines"] if one["published"]]
    ran = [one for one in published if not one["error"]]
    scratch = sum(one["seconds"] for one in ran)
    # whoever runs a pipeline alone also runs the network and injects failures
    finding = study["seconds"] - study["shared_seconds"]
    whole = scratch + len(ran) * finding
    alone = {name: _alone(name, published) for name in ALONE}
    n = sum(study["sizes"].values())
    rows = [
        _row(f"99 pipelines on {n} failures of {CASE}, from images to clusters", study["seconds"], whole, GOAL),
        _row("the same without finding the failures", study["shared_seconds"], scratch, None),
    ]
    failed = {one["name"]: one["error"] for one in published if one["error"]}
    return {
        "ran": len(ran),
        "seconds": study["seconds"],
        "shared": study["shared_seconds"],
        "scratch": scratch,
        "finding": finding,
        "alone": alone,
        "failed": failed,
        "rows": to_json(rows),
    }


def _row(step: str, ours: float, scratch: float, goal: float | None) -> Row:
    """Ward and the presets come along in the same time: what is shared is more than the 99."""
    saving = scratch / ours
    return row(
        step,
        f"{ours:.0f} s",
        f"{scratch:.0f} s (one after another from scratch)",
        Spread(saving, saving, saving),
        at_least=goal,
        limit="9 pipelines a feature set, so 9 × without finding the failures",
    )


def _study(pipelines: tuple[str, ...], out: Path) -> dict[str, Any]:
    from failatlas import api

    asked = {"case": CASE, "pipelines": pipelines, "rare": (), "repeats": 0}
    made = api.benchmark_settings(asked, out=out)
    made.report()
    return made.to_json()


def _alone(pipeline: str, published: list[dict[str, Any]]) -> dict[str, float]:
    """Seconds of one pipeline as the study told them, and as a study of it alone takes them."""
    with tempfile.TemporaryDirectory() as folder:
        start = time.perf_counter()
        found = _study((pipeline,), Path(folder))
        whole = time.perf_counter() - start
    told = next(one["seconds"] for one in published if one["name"] == pipeline)
    return {"told": told, "measured": found["shared_seconds"], "with_outcomes": whole}


if __name__ == "__main__":
    print(json.dumps(run(*sys.argv[1:2]), indent=2))
