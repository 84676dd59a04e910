"""Making: a case study's images as files that any tool can read."""

from __future__ import annotations

import dataclasses
import io
from pathlib import Path

import numpy as np

from failatlas.images import ImageSet, write_manifest
from failatlas.progress import track
from failatlas.seeds import generator
from failatlas.store import write_atomically


def make(images: ImageSet, out: Path, *, count: int | None = None, seed: int = 0) -> tuple[Path, int]:
    """Write ``images/*.png`` and ``manifest.csv``.

    Args:
        images: which.
        out: folder, made when missing.
        count: draw so many, spread over the set; None or more than there are = all.
        seed: which are drawn.

    Returns:
        Path of the manifest, and how many images it lists.
    """
    from PIL import Image

    chosen = np.arange(len(images))
    if count is not None and count < len(images):
        chosen = np.sort(generator(seed, "make").choice(len(images), count, replace=False))
    records = []
    names = [Path(images.records[i].path).stem for i in chosen]
    if len(set(names)) < len(names):  # images of two folders may share a name
        names = [f"{i:06d}" for i in chosen]
    for i, name in zip(track(chosen.tolist(), "writing images", len(chosen)), names, strict=True):
        record = images.records[i]
        file = io.BytesIO()
        Image.fromarray(images.read(i).pixels).save(file, "PNG")
        path = f"images/{name}.png"
        write_atomically(out / path, file.getvalue())
        records.append(dataclasses.replace(record, path=path))
    # last: a manifest names only files that are there
    write_manifest(out / "manifest.csv", records)
    return out / "manifest.csv", len(records)
