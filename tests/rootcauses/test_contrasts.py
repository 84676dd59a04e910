import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from failatlas.rootcauses.contrasts import contrasts, stratified


@settings(max_examples=40, deadline=None)
@given(st.lists(st.integers(0, 6), min_size=2, max_size=25), st.data())
def test_delta_equals_a_count_over_all_pairs(values, data):
    column = np.array(values, np.float64)
    members = np.array(data.draw(st.lists(st.booleans(), min_size=len(values), max_size=len(values))))
    found = contrasts({"x": column}, members, ~members)
    if not members.any() or members.all() or np.ptp(column) == 0:
        assert found == ()
        return
    pairs = [np.sign(a - b) for a in column[members] for b in column[~members]]
    assert found[0].delta == pytest.approx(np.mean(pairs), abs=1e-12)
    assert found[0].mean_all == pytest.approx(column.mean())


def test_strongest_come_first_and_chance_is_not_certain():
    rng = np.random.default_rng(1)
    members = np.arange(400) < 60
    columns = {f"chance{i}": rng.normal(size=400) for i in range(10)}
    columns["shifted"] = rng.normal(size=400) - 2.0 * members
    found = contrasts(columns, members, ~members)
    assert found[0].name == "shifted"
    assert found[0].delta < -0.7
    assert [one.name for one in found if one.is_certain()] == ["shifted"]


def test_four_members_are_too_few_for_certainty():
    members = np.arange(100) < 4
    found = contrasts({"x": np.arange(100.0)}, members, ~members)
    assert found[0].delta == -1.0
    assert not found[0].is_certain()


def test_missing_entries_are_left_out():
    column = np.array([0.0, np.nan, 1.0, np.inf])
    members = np.array([True, True, False, False])
    (found,) = contrasts({"x": column}, members, ~members)
    assert (found.mean, found.mean_all, found.delta) == (0.0, 0.5, -1.0)


def test_a_difference_between_strata_is_none_within_them():
    random = np.random.default_rng(0)
    strata = np.repeat([0, 1], 400)
    column = {"brightness": random.normal(size=800) + 4 * strata}
    members = np.zeros(800, np.bool_)
    members[[*random.choice(400, 5, replace=False), *(400 + random.choice(400, 45, replace=False))]] = True
    assert contrasts(column, members, ~members)[0].delta > 0.33
    inside = stratified(column, members, ~members, strata)[0]
    assert abs(inside.delta) < 0.2
    assert not inside.is_certain()


def test_one_stratum_is_the_plain_contrast():
    random = np.random.default_rng(1)
    column = {"a": random.integers(0, 9, 200).astype(float), "b": random.normal(size=200)}
    members = np.arange(200) < 40
    plain = {one.name: one for one in contrasts(column, members, ~members)}
    for one in stratified(column, members, ~members, np.zeros(200, np.int64)):
        assert one.delta == pytest.approx(plain[one.name].delta)
        # SciPy's p has a continuity correction
        assert one.p == pytest.approx(plain[one.name].p, abs=0.01)


def test_under_the_null_a_stratified_p_is_uniform():
    random = np.random.default_rng(2)
    strata = np.repeat([0, 1, 2], [100, 60, 40])
    p = []
    for _ in range(300):
        members = random.random(200) < 0.2
        column = {"a": random.normal(size=200) + strata}
        p.append(stratified(column, members, ~members, strata)[0].p)
    assert 0.02 < np.mean(np.array(p) < 0.05) < 0.09
    assert 0.42 < np.mean(p) < 0.58


def test_strata_without_others_are_left_out():
    column = {"a": np.arange(20.0)}
    members = np.arange(20) < 10
    strata = np.where(members, 0, 1)
    assert stratified(column, members, ~members, strata) == ()
