"""Every result type of the street goes through the store unharmed."""

from __future__ import annotations

import math

import numpy as np
import pytest

from failatlas.curves import Curve
from failatlas.images.records import ImageRecord, Quarantined
from failatlas.outcomes.outcome import Outcomes
from failatlas.pipelines.grouping import Grouping
from failatlas.rootcauses.knowncauses import known_causes
from failatlas.rootcauses.rootcause import Interval, RootCause, RootCauses, Rule
from failatlas.rootcauses.variance import variance_reduction
from failatlas.store import RunStore, load, save


def _interval(value: float) -> Interval:
    return Interval(value, 0.0, 1.0, 7, "Wilson")


def _cause() -> RootCause:
    rule = Rule(("brightness ≤ 0.21",), _interval(0.9), _interval(math.nan))
    return RootCause(
        3, "dark", ("a", "b"), _interval(0.5), 1.0, 0.25, 1, ("a",), ("c",), (("cat", "dog", 2),), (rule,),
        {"brightness": (0.1, 0.5, -0.8)}, 0.4, _interval(0.8), _interval(0.9), 0.01, np.ones((2, 3), np.float32),
    )  # fmt: skip


RESULTS = [
    ImageRecord("a", "b.png", None, (1.0, math.inf), "test", {"yaw": 3.0, "who": "x"}),
    Curve("eps", "noise", np.arange(3.0), np.array([1, np.nan, np.inf]), 1.0, "knee"),
    Outcomes(
        ("a",), np.array([0]), np.ones((1, 2), np.float32), ("cat",), ("dog",), np.array([True]), np.array([1.0]),
        np.array([np.nan]), np.array([1]), (Quarantined("b", "E_IMG", "bad"),),
    ),
    Grouping(
        ("a",), np.array([-1]), np.zeros((1, 3), np.float32), np.zeros((1, 2), np.float32), "backbone+umap+dbscan",
        {"umap.n": 25, "dbscan.eps": 0.42, "linkage": "ward"},
        (Curve("k", "WICD", np.arange(2.0), np.ones(2), 1.0, "knee"),),
        ("n < 50",), 7,
    ),
    RootCauses((_cause(), _cause()), None, np.array([3, 3]), ("10 subsamples",)),
    RootCauses((), _cause(), np.array([], np.int64), ()),
    RootCauses(
        (_cause(),), None, np.array([3]), (),
        variance_reduction({"yaw": np.array([1.0, 2.0, np.nan])}, np.array([3, 3, 4]), ("a", "b", "c"), seed=0),
        known_causes(("night", "", "night"), np.ones(3, bool), np.arange(2), np.array([3, -1])),
    ),
]  # fmt: skip


@pytest.mark.parametrize("result", RESULTS, ids=lambda result: type(result).__name__)
def test_every_contract_of_the_street_can_be_stored(result, same, tmp_path):
    with RunStore.open(tmp_path) as store:
        save(store, "k", "stage", result)
        assert same(result, load(store, "k", type(result)))
