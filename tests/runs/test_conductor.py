"""A stage is computed once for its inputs, settings, version and seed, shard by shard, then read back."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pytest
from numpy.typing import NDArray

from failatlas import progress
from failatlas.runs.conductor import Conductor, Stage
from failatlas.store import RunStore, gc


@dataclass(frozen=True, eq=False)
class Squares:
    values: NDArray[np.int64]


STAGE = Stage("squares", 1, {"numbers": "abc"}, {"power": 2}, 7)


def merged(parts):
    return Squares(np.concatenate([part.values for part in parts]))


class Work:
    """Squares numbers and remembers which; gives up after some."""

    def __init__(self, most=10**9):
        self.done = []
        self.most = most

    def __call__(self, indices):
        if len(self.done) >= self.most:
            raise KeyboardInterrupt
        self.done.append(indices.tolist())
        return Squares(indices**2)


def sharded(store, work, stage=STAGE, n=10, size=4):
    return Conductor(store).run_sharded(
        stage, Squares, work, merged, indices=np.arange(n), size=size, what="squaring"
    ).values.tolist()  # fmt: skip


def test_a_result_is_computed_once_and_then_read(tmp_path):
    calls = []

    def compute():
        calls.append(1)
        return Squares(np.arange(3))

    for _ in range(2):
        with RunStore.open(tmp_path) as store:
            found = Conductor(store).run(STAGE, Squares, compute)
            assert found.values.tolist() == [0, 1, 2]
            assert not found.values.flags.writeable
    assert len(calls) == 1


@pytest.mark.parametrize(
    "change",
    [
        {"name": "cubes"},
        {"version": 2},
        {"inputs": {"numbers": "abd"}},
        {"inputs": {"digits": "abc"}},
        {"settings": {"power": 3}},
        {"settings": {"power": 2.0}},
        {"seed": 8},
    ],
)
def test_whatever_decides_a_result_is_in_its_key(change):
    assert replace(STAGE, **change).key != STAGE.key
    assert replace(STAGE).key == STAGE.key


def test_a_stopped_stage_goes_on_at_the_shard_it_was_at(tmp_path):
    first, second = Work(most=2), Work()
    with RunStore.open(tmp_path) as store, pytest.raises(KeyboardInterrupt):
        sharded(store, first)
    with RunStore.open(tmp_path) as store:
        assert sharded(store, second) == [i * i for i in range(10)]
        assert len(store.entries()) == 1  # the whole has replaced its shards
        gc(store)
        assert len(list(store.blobs)) == 1
    assert (first.done, second.done) == ([[0, 1, 2, 3], [4, 5, 6, 7]], [[8, 9]])


def test_no_indices_are_one_empty_shard(tmp_path):
    with RunStore.open(tmp_path) as store:
        assert sharded(store, Work(), n=0) == []


def test_progress_comes_from_inside_a_shard_and_sums_to_the_whole(tmp_path):
    told = []

    class Listener:
        def start(self, what, total):
            told.append((what, total))

        def advance(self, amount):
            told.append(amount)

        def end(self):
            told.append("end")

    def work(indices):
        for _ in progress.track(range(3), "inner", 3):  # says less than the shard has
            for _ in progress.track(range(50), "innermost", 50):  # says more, and is no unit of the shard
                pass
        return Squares(indices)

    with RunStore.open(tmp_path) as store, progress.listening(Listener()):
        sharded(store, work)
    assert told == [("squaring", 10), 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 0, "end"]


def test_a_run_consists_of_the_stages_it_asked_for(tmp_path):
    with RunStore.open(tmp_path) as store:
        conductor = Conductor(store)
        assert conductor.recall("squares", Squares) is None
        conductor.run(STAGE, Squares, lambda: Squares(np.arange(2)))
        assert conductor.keys == {"squares": STAGE.key}
    with RunStore.open(tmp_path, read_only=True) as store:
        found = Conductor(store).recall("squares", Squares)
        assert found is not None
        assert found.values.tolist() == [0, 1]
