"""Pareto front: what is on it is beaten by none, what is not is beaten by one that is."""

from __future__ import annotations

import importlib.util
import math
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from failatlas.errors import ShapeError
from failatlas.studies.pareto import non_dominated, pareto_front


def _load(name: str):
    spec = importlib.util.spec_from_file_location(f"studies_{name}", Path(__file__).with_name(f"{name}.py"))
    module = sys.modules.setdefault(f"studies_{name}", importlib.util.module_from_spec(spec))
    spec.loader.exec_module(module)
    return module


entry = _load("making").entry

# few values, so that ties and nan are frequent
numbers = st.sampled_from([0.0, 1.0, 2.0, 3.0, math.nan])
tables = st.integers(1, 4).flatmap(
    lambda d: st.lists(st.lists(numbers, min_size=d, max_size=d), min_size=1, max_size=9)
)


def beats(one, other):
    """The definition, value by value, nan being worse than any number."""
    worse = [(math.isnan(a), 0 if math.isnan(a) else a) for a in one]
    better = [(math.isnan(b), 0 if math.isnan(b) else b) for b in other]
    return all(a <= b for a, b in zip(worse, better, strict=True)) and worse != better


@given(tables)
def test_the_front_is_what_the_definition_says(rows):
    assert non_dominated(rows).tolist() == [not any(beats(other, row) for other in rows) for row in rows]


@given(tables)
def test_whatever_is_left_out_is_beaten_by_a_row_of_the_front(rows):
    kept = non_dominated(rows)
    assert kept.any()
    front = [row for row, is_kept in zip(rows, kept, strict=True) if is_kept]
    for row, is_kept in zip(rows, kept, strict=True):
        assert is_kept or any(beats(best, row) for best in front)


@given(tables, st.randoms(use_true_random=False))
def test_order_and_copies_change_nothing(rows, random):
    order = list(range(len(rows)))
    random.shuffle(order)
    shuffled = non_dominated([rows[i] for i in order] + rows)
    assert shuffled[: len(rows)].tolist() == non_dominated(rows)[order].tolist()
    assert shuffled[len(rows) :].tolist() == non_dominated(rows).tolist()


def test_no_rows_have_no_front_and_a_list_is_no_table():
    assert non_dominated(np.empty((0, 4))).tolist() == []
    with pytest.raises(ShapeError, match=r"\(n, d\)"):
        non_dominated([1.0, 2.0])


def test_each_of_the_four_goals_alone_keeps_a_pipeline_on_the_front():
    entries = [
        entry("a+none+dbscan", purity=0.9, covered=2, n_clusters=4),
        entry("pure+none+dbscan", purity=0.95, covered=1, n_clusters=4, seconds=(9, 9, 9)),
        entry("covers+none+dbscan", purity=0.5, covered=3, n_clusters=9, seconds=(9, 9, 9)),
        entry("brief+none+dbscan", purity=0.5, covered=2, n_clusters=2, seconds=(9, 9, 9)),
        entry("quick+none+dbscan", purity=0.5, covered=1, n_clusters=9, seconds=(1, 0, 0)),
        entry("beaten+none+dbscan", purity=0.9, covered=2, n_clusters=4, seconds=(4, 2, 1.5)),
        entry("twin+none+dbscan", purity=0.9, covered=2, n_clusters=4),
    ]
    names = [name.split("+")[0] for name in pareto_front(entries)]
    assert names == ["a", "pure", "covers", "brief", "quick", "twin"]


def test_D10_what_could_not_run_or_covers_nothing_is_never_on_the_front():
    idle = entry("idle+none+dbscan", covered=0, n_clusters=0, seconds=(0, 0, 0))
    impure = entry("impure+none+dbscan", purity=0.4, covered=0, seconds=(0, 0, 0))
    failed = entry("failed+none+dbscan", error="E_MEMORY: too little")
    slow = entry("slow+none+dbscan", purity=0.3, covered=1, seconds=(1e6, 0, 0))
    assert pareto_front([idle, impure, failed, slow]) == ("slow+none+dbscan",)
    assert pareto_front([idle, impure, failed]) == ()
    assert pareto_front([]) == ()
    assert pareto_front([entry(causes=(), covered=0)]) == ()


def test_unmeasured_seconds_count_as_the_most():
    unmeasured = entry("a+none+dbscan", seconds=(math.nan, 1, 1))
    assert pareto_front([unmeasured, entry("b+none+dbscan", seconds=(1e9, 1, 1))]) == ("b+none+dbscan",)
    assert pareto_front([unmeasured]) == ("a+none+dbscan",)
