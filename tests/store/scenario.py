"""A run in small: settings, a stage in four shards, a result, a clean-up.  Run again, it resumes.

Used inside the tests, and as ``python scenario.py FOLDER [ROWS]`` in a process that may be killed.  Every line it
prints is something that was acknowledged (``ack …``) or work that was done (``work …``).
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from failatlas.arrays import Features, Vector
from failatlas.errors import FailatlasError
from failatlas.store import RunStore, gc, key, load, load_shard, save, save_shard

N_SHARDS = 4
FEATURES = key("features", 1, inputs={"images": "0" * 64}, settings={"size_px": 224}, seed=7)
REDUCED = key("reduce", 1, inputs={"features": FEATURES}, settings={"n_components": 2}, seed=7)
SCRATCH = key("scratch", 1, inputs={}, settings={}, seed=None)


@dataclass(frozen=True, slots=True, eq=False)
class Rows:
    ids: tuple[str, ...]
    rows: Features


@dataclass(frozen=True, slots=True, eq=False)
class Reduced:
    means: Vector
    note: str


def work(folder: Path, n_rows: int = 40, say: Callable[[str], None] = lambda line: None) -> str:
    """Do or finish the run; returns the content hash."""
    with RunStore.open(folder) as store:
        if "settings" not in store.facts:
            store.facts["settings"] = {"seed": 7, "name": "\udcff.png"}
            say("ack fact settings")
        reduced = load(store, REDUCED, Reduced)
        if reduced is None:
            means = [_shard(store, index, n_rows, say).rows.mean(axis=0, dtype=np.float64) for index in range(N_SHARDS)]
            save(store, REDUCED, "reduce", Reduced(np.concatenate(means), "four shards"), keep_shards=True)
            say(f"ack result {REDUCED}")
        if not any(event.what == "reduced" for event in store.events()):
            store.log("reduced", {"rows": n_rows * N_SHARDS})
            say("ack event reduced")
        if "clean" not in store.facts:
            store.put(SCRATCH, "scratch", None, {"a": np.arange(n_rows)})
            store.drop(SCRATCH)
            gc(store)
            store.facts["clean"] = True
            say("ack fact clean")
        return store.content_hash()


def _shard(store: RunStore, index: int, n_rows: int, say: Callable[[str], None]) -> Rows:
    rows = load_shard(store, FEATURES, index, Rows)
    if rows is None:
        say(f"work shard {index}")
        values = np.random.default_rng(index).standard_normal((n_rows, 64)).astype(np.float32)
        rows = Rows(tuple(f"{index}/{row}.png" for row in range(n_rows)), values)
        save_shard(store, FEATURES, index, "features", rows)
        say(f"ack shard {index}")
    return rows


def main() -> int:
    try:
        print(
            work(Path(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 40, lambda line: print(line, flush=True))
        )
    except FailatlasError as error:
        print(error, file=sys.stderr)
        return error.exit_status
    return 0


if __name__ == "__main__":
    sys.exit(main())
