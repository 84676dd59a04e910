"""Conductor: a stage is computed once for its inputs, settings and version, then read back."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from failatlas import progress
from failatlas.arrays import Indices
from failatlas.store import RunStore, key, load, load_shard, save, save_shard

_Result = TypeVar("_Result")


@dataclass(frozen=True, slots=True)
class Stage:
    """What decides a stage's result, and therefore its key.

    Attributes:
        name: e.g. ``"outcomes"``.
        version: raised when the computation changes.
        inputs: name → content hash of what goes in.
        settings: the settings that it reads, and no others.
        seed: from which it draws; 0 when it draws nothing.
    """

    name: str
    version: int
    inputs: Mapping[str, str]
    settings: Mapping[str, object]
    seed: int = 0

    @property
    def key(self) -> str:
        """SHA-256 over all of it."""
        return key(self.name, self.version, inputs=self.inputs, settings=self.settings, seed=self.seed)


class Conductor:
    """Runs stages over one store and remembers which results the run consists of."""

    def __init__(self, store: RunStore) -> None:
        self.store = store
        self.keys: dict[str, str] = {}  # of the results that this run consists of

    def run(self, stage: Stage, kind: type[_Result], compute: Callable[[], _Result]) -> _Result:
        """The stage's result, computed now or read back.

        What comes back is always what was stored, so that a resumed run continues from the very same bytes.
        """
        found = load(self.store, stage.key, kind)
        if found is None:
            save(self.store, stage.key, stage.name, compute())
            found = load(self.store, stage.key, kind)
            assert found is not None
        self._remember(stage)
        return found

    def run_sharded(
        self,
        stage: Stage,
        kind: type[_Result],
        compute: Callable[[Indices], _Result],
        merge: Callable[[Sequence[_Result]], _Result],
        *,
        indices: Indices,
        size: int,
        what: str,
    ) -> _Result:
        """The same for a stage that streams: shards of ``size`` images are kept as they are done.

        Args:
            compute: result of one shard of indices.
            merge: result of the whole from those of the shards, in order.
            indices: (n,) positions in the image set.
            size: images a shard; part of nothing but the resume grain.
            what: for the progress line.
        """
        found = load(self.store, stage.key, kind)
        if found is None:
            shards = self.shards(stage, kind, compute, indices=indices, size=size, what=what)
            # the whole replaces its shards in one transaction
            save(self.store, stage.key, stage.name, merge(shards), keep_shards=False)
            found = load(self.store, stage.key, kind)
            assert found is not None
        self._remember(stage)
        return found

    def shards(
        self,
        stage: Stage,
        kind: type[_Result],
        compute: Callable[[Indices], _Result],
        *,
        indices: Indices,
        size: int,
        what: str,
    ) -> list[_Result]:
        """Results of all shards, each computed now or read back; at most one shard is ever done twice."""
        results: list[_Result] = []
        with progress.step(what, len(indices)) as listener:
            for number, start in enumerate(range(0, max(len(indices), 1), size)):
                shard = np.asarray(indices[start : start + size])
                done = load_shard(self.store, stage.key, number, kind)
                told = 0
                if done is None:
                    relay = _Relay(listener, len(shard))
                    with progress.listening(relay):
                        result = compute(shard)
                    told = relay.told
                    save_shard(self.store, stage.key, number, stage.name, result)
                    done = load_shard(self.store, stage.key, number, kind)
                    assert done is not None
                results.append(done)
                listener.advance(len(shard) - told)
        return results

    def recall(self, name: str, kind: type[_Result]) -> _Result | None:
        """The result of a stage of the run as it was last analysed; None when it has none."""
        known = self.store.facts.get(f"stage/{name}")
        return load(self.store, str(known), kind) if known is not None else None

    def _remember(self, stage: Stage) -> None:
        self.keys[stage.name] = stage.key
        fact = f"stage/{stage.name}"
        if not self.store.read_only and self.store.facts.get(fact) != stage.key:
            self.store.facts[fact] = stage.key


class _Relay:
    """Passes on how far the work inside a shard is: a shard of a slow network takes minutes.

    Args:
        listener: of the whole stage.
        most: images of the shard; what says more than that is not believed.
    """

    def __init__(self, listener: progress.Listener, most: int) -> None:
        self.told = 0
        self._listener = listener
        self._most = most
        self._depth = 0

    def start(self, what: str, total: int) -> None:  # noqa: ARG002 - the protocol's signature
        self._depth += 1

    def advance(self, amount: int) -> None:
        amount = min(amount, self._most - self.told) if self._depth == 1 else 0
        if amount > 0:
            self.told += amount
            self._listener.advance(amount)

    def end(self) -> None:
        self._depth -= 1
