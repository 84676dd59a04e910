"""Costs: what was measured survives a stop, adds up, and is part of no result."""

from __future__ import annotations

import math
import time

import numpy as np
import pytest

from failatlas.images.records import Batch
from failatlas.store import RunStore
from failatlas.trials.costs import Costs
from failatlas.trials.memory import Peak
from failatlas.trials.units import Cost


@pytest.fixture
def store(tmp_path):
    with RunStore.open(tmp_path / "run") as opened:
        yield opened


def done(store, name):
    store.put(name, "stage", {"name": name})


def test_a_cost_is_read_back_and_unknown_ones_are_nan(store):
    Costs(store).keep("k", Cost(1.5, 200.0, "VmHWM"))
    assert Costs(store).of("k") == Cost(1.5, 200.0)
    assert Costs(store).memory() == "VmHWM"
    assert math.isnan(Costs(store).of("other").seconds)


def test_costs_change_no_content_hash(store):
    before = store.content_hash()
    Costs(store).keep("k", Cost(1.5, 200.0, "VmHWM"))
    with Costs(store).phase("features"):
        time.sleep(0.001)
    assert store.content_hash() == before


def test_a_step_that_was_stopped_adds_up_and_one_that_is_read_back_costs_nothing_more(store):
    def stopped():
        with Costs(store).measured("learn"):
            done(store, "epoch 1")
            time.sleep(0.02)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        stopped()
    first = Costs(store).of("learn").seconds
    assert first >= 0.02
    with Costs(store).measured("learn"):
        done(store, "epoch 2")
        time.sleep(0.02)
    second = Costs(store).of("learn").seconds
    assert second >= first + 0.02
    with Costs(store).measured("learn"):
        time.sleep(0.02)  # nothing new: all was read back
    assert Costs(store).of("learn").seconds == second


def test_a_phase_adds_up_over_calls_in_which_something_was_done(store):
    for name in ("a", "b"):
        with Costs(store).phase("features"):
            done(store, name)
            time.sleep(0.02)
    spent = Costs(store).wall_s("features")
    assert 0.04 <= spent < 5
    with Costs(store).phase("features"):
        time.sleep(0.02)
    assert Costs(store).wall_s("features") == spent
    assert Costs(store).wall_s("features", "never") == spent


def test_images_are_timed_batch_by_batch_and_scaled_to_as_many_as_are_asked_for(store):
    class Slow:
        digest = "d"

        def extract(self, batch, score):
            time.sleep(0.01)
            return np.zeros((len(batch.indices), 1), np.float32)

    costs = Costs(store)
    timed = costs.timed(Slow(), "slow")
    assert timed.digest == "d"
    pixels = (np.zeros((2, 2, 3), np.uint8),) * 4
    for _ in range(3):
        timed.extract(Batch((0, 1, 2, 3), pixels), np.zeros(4, np.int64))
    found = Costs(store).of_images("slow", 120)
    assert 0.29 <= found.seconds < 30  # 10 ms for 4 of 120
    assert found.seconds == pytest.approx(10 * Costs(store).of_images("slow", 12).seconds)
    assert found.peak_mb > 1
    assert math.isnan(Costs(store).of_images("never", 5).seconds)


def test_peak_memory_sees_what_was_held_and_let_go():
    peak = Peak()
    if not peak.is_fresh:
        pytest.skip("this system does not forget an earlier peak")
    before = peak.mb
    np.ones(30_000_000).sum()  # 240 MB, for a moment
    assert peak.mb > before + 200
    assert Peak().mb < before + 150
