"""Making: a case study's images as files that any tool can read."""

from __future__ import annotations

import dataclasses
import json
import shutil
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from failatlas.arrays import Pixels
from failatlas.cases.rendered import Picture, RenderedCase
from failatlas.errors import UsageError
from failatlas.images import ImageRecord, ImageSet, write_manifest
from failatlas.injection.writing import begun, record_of, row_of, write_pictures
from failatlas.progress import Listener, step, track
from failatlas.seeds import generator
from failatlas.store import write_atomically
from failatlas.store.files import leftovers

if TYPE_CHECKING:
    from failatlas.simulators.scenarios import Scenario
    from failatlas.simulators.where import Condition

VERSION = 1  # of what is drawn: raise it when the same arguments give other pictures
SHARD = 128  # pictures whose rows are written together
_PLAN, _ROWS = "making.json", ".rows"


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
    if (out / _PLAN).exists():
        raise UsageError("the folder holds a rendered set", where=str(out), remedy="name another folder with --out")
    chosen = np.arange(len(images))
    if count is not None and count < len(images):
        chosen = np.sort(generator(seed, "make").choice(len(images), count, replace=False))
    names = [Path(images.records[i].path).stem for i in chosen]
    if len(set(names)) < len(names):  # images of two folders may share a name
        names = [f"{i:06d}" for i in chosen]
    records = [
        dataclasses.replace(images.records[i], path=f"images/{name}.png") for i, name in zip(chosen, names, strict=True)
    ]
    drawn = zip(track(chosen.tolist(), "writing images", len(chosen)), records, strict=True)
    write_pictures(out, ((record.path, images.read(i).pixels) for i, record in drawn))
    # last: a manifest names only files that are there
    write_manifest(out / "manifest.csv", records)
    return out / "manifest.csv", len(records)


def make_rendered(
    case: RenderedCase,
    out: Path,
    *,
    split: str,
    count: int | None = None,
    seed: int = 0,
    where: Condition | None = None,
    scenario: Scenario | None = None,
) -> tuple[Path, int]:
    """Render pictures of a case into ``images/*.png``, ``manifest.csv`` and ``parameters.json``.

    Killed at any point, the same call goes on where it stopped and ends with the same bytes.

    Args:
        case: which.
        out: folder, made when missing.
        split: train, test or improvement.
        count: how many; None = as many as the reference set has.
        seed: of everything that is drawn; 0 is the reference set.
        where: only such pictures.
        scenario: done to every picture.

    Returns:
        Path of the manifest, and how many images it lists.

    Raises:
        UsageError: the folder holds another set; a condition or scenario does not fit.
        DataError: hardly a picture fulfils the condition.
        ResourceError: disk full, no permission.
    """
    if split not in case.sizes:
        raise UsageError(
            f"case {case.name!r} has no split {split!r}", remedy=f"choose one of: {', '.join(case.splits)}"
        )
    wanted = case.sizes[split] if count is None else count
    plan = {
        "version": VERSION,
        "case": case.name,
        "split": split,
        "count": wanted,
        "seed": seed,
        "where": None if where is None else repr(where),
        "scenario": None if scenario is None else repr(scenario),
        "design": case.digest(),
    }
    manifest = out / "manifest.csv"
    if begun(out / _PLAN, plan) and manifest.is_file():
        if all((out / record.path).is_file() for record in ImageSet.open(manifest).records):
            return manifest, wanted
        manifest.unlink()  # an image is gone: the set is made anew, to the same bytes
    for leftover in leftovers(out):  # of a killed call
        leftover.unlink(missing_ok=True)
    rows = _rows(out)
    next_number = rows[-1]["number"] + 1 if rows else 0
    missing = wanted - len(rows)
    with (
        step(f"rendering {case.name} {split}", wanted) as listener,
        closing(case.pictures(split, seed=seed, start=next_number, where=where, scenario=scenario)) as pictures,
    ):
        listener.advance(len(rows))
        for shard in _sharded(islice(pictures, missing)):
            fresh: list[dict[str, Any]] = []
            write_pictures(out, _told(shard, fresh, listener))
            # after its images: a row says that its image is there
            write_atomically(out / _ROWS / f"{len(rows):06d}.json", json.dumps(fresh).encode())
            rows += fresh
    write_atomically(out / "parameters.json", case.space.to_text().encode())
    # last: a manifest names only files that are there
    write_manifest(manifest, [_record(row) for row in rows])
    shutil.rmtree(out / _ROWS, ignore_errors=True)
    return manifest, len(rows)


def _rows(out: Path) -> list[dict[str, Any]]:
    """The rows of all pictures that are there, in order."""
    rows: list[dict[str, Any]] = []
    for path in sorted((out / _ROWS).glob("*.json")) if (out / _ROWS).is_dir() else ():
        if int(path.stem) != len(rows):
            break
        rows += json.loads(path.read_text(encoding="utf-8"))
    return rows


def _sharded(pictures: Iterator[Picture]) -> Iterator[Iterator[Picture]]:
    for first in pictures:
        # an open shard streams: 128 pictures are never held at once
        yield (picture for part in ((first,), islice(pictures, SHARD - 1)) for picture in part)


def _told(pictures: Iterable[Picture], rows: list[dict[str, Any]], listener: Listener) -> Iterator[tuple[str, Pixels]]:
    """Path and pixels of each; its row is added to ``rows``."""
    for picture in pictures:
        rows.append(_row(picture))
        yield picture.record.path, picture.pixels
        listener.advance(1)


def _row(picture: Picture) -> dict[str, Any]:
    return {"number": picture.number, **row_of(picture.record)}


def _record(row: Mapping[str, Any]) -> ImageRecord:
    return record_of({name: value for name, value in row.items() if name != "number"})
