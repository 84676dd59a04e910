"""Variance reduction against hand-computed values, a slow form of its definition, and what chance must give."""

from __future__ import annotations

import dataclasses
import json
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from failatlas.errors import ShapeError
from failatlas.parameters import Parameter, Space
from failatlas.rootcauses.quantities import Location
from failatlas.rootcauses.variance import VarianceReduction, variance_reduction
from failatlas.statistics import circular_variance

NAN = math.nan


def reduced(columns, labels, space=None, seed=0):
    columns = {name: c if isinstance(c, tuple) else np.asarray(c, np.float64) for name, c in columns.items()}
    ids = [f"img{i:04d}" for i in range(len(labels))]
    return variance_reduction(columns, np.asarray(labels, np.int64), ids, space=space, seed=seed)


def only(variance, cluster=0):
    (reduction,) = variance.of(cluster).reductions
    return reduction


def test_the_ratio_of_a_tiny_example_is_what_a_hand_computes():
    # sample variances: 1, 3 about 2 → 2; 1, 3, 9, 11 about 6 → (25 + 9 + 9 + 25) / 3 = 68/3
    variance = reduced({"yaw": [1, 3, 9, 11]}, [0, 0, 1, 1])
    one = only(variance)
    assert one.ratio == pytest.approx(2 / (68 / 3))
    assert one.rate == pytest.approx(1 - 6 / 68)
    assert one.here == Location(2, 2.0, 1.0, 3.0)
    assert variance.quantity("yaw").overall == Location(4, 6.0, 1.0, 11.0)
    assert variance.n_explained == 2
    assert variance.share_explained == 1


def test_noise_counts_among_all_failures_and_is_no_cluster():
    variance = reduced({"yaw": [1, 3, 9, 11]}, [0, 0, -1, -1])
    assert [cluster.cluster for cluster in variance.clusters] == [0]
    assert only(variance).ratio == pytest.approx(6 / 68)
    assert variance.of(-1) is None


def test_directions_on_both_sides_of_the_turn_are_near_each_other():
    space = Space((Parameter("azimuth", 0, 360, unit="deg", circular=True),))
    one = only(variance := reduced({"azimuth": [350, 10, 90, 180, 270]}, [0, 0, 1, 1, 1], space))
    # 350° and 10°: 1 − cos 10°; all five: the vectors of 90 and 270 cancel, −1 of 180 meets 2 cos 10°
    assert one.ratio == pytest.approx((1 - math.cos(math.radians(10))) / (1 - (2 * math.cos(math.radians(10)) - 1) / 5))
    assert one.here.mean % 360 == pytest.approx(0, abs=1e-9) or one.here.mean == pytest.approx(360)
    assert (one.here.low, one.here.high) == (350, 10)
    assert variance.quantity("azimuth").unit == "deg"
    assert variance.quantity("azimuth").measure == "circular variance"


def test_a_turn_may_have_any_length_and_begin_anywhere():
    hours = Space((Parameter("hour", -12, 12, unit="h", circular=True),))
    degrees = Space((Parameter("hour", 0, 360, circular=True),))
    labels = [0, 0, 0, 1, 1]
    at = np.array([11.5, -11.5, -11.0, 3.0, -4.0])
    one, other = only(reduced({"hour": at}, labels, hours)), only(reduced({"hour": at * 15}, labels, degrees))
    assert one.ratio == pytest.approx(other.ratio)
    assert one.here.low == 11.5
    assert one.here.high == -11.0
    assert one.here.mean == pytest.approx(np.degrees(np.angle(np.exp(1j * np.radians(at[:3] * 15)).sum())) / 15)


def test_without_a_schema_columns_of_a_full_turn_are_recognised_and_texts_left_out():
    variance = reduced({"wind_deg": [350, 10, 90, 180], "camera": ("a", "b", "a", "b")}, [0, 0, 1, 1])
    assert [(q.name, q.measure, q.unit) for q in variance.quantities] == [("wind_deg", "circular variance", "deg")]
    assert not variance.is_declared


def test_with_a_schema_only_declared_columns_are_parameters():
    space = Space((Parameter("yaw", -90, 90, unit="deg"), Parameter("absent")))
    variance = reduced({"landmark_0_x": [1, 1, 9, 9], "yaw": [1, 2, 3, 4]}, [0, 0, 1, 1], space)
    assert [(q.name, q.unit) for q in variance.quantities] == [("yaw", "deg")]
    assert variance.is_declared


def test_choices_are_compared_by_the_gini_index_and_explain_no_cluster():
    space = Space((Parameter("glasses", choices=("none", "sun")),))
    variance = reduced({"glasses": ("sun", "sun", "none", "sun", "none", "")}, [0, 0, 1, 1, 1, 1], space)
    mixed = only(variance, 1)
    # unbiased: (1 − (1/3)² − (2/3)²) · 3/2 = 2/3 of three, (1 − 0.6² − 0.4²) · 5/4 = 0.6 of five
    assert mixed.ratio == pytest.approx((2 / 3) / 0.6)
    assert mixed.here == Location(3, typical="none", share=2 / 3)
    pure = variance.of(0)
    assert (pure.best, pure.explaining, pure.reductions[0].ratio) == ("glasses", "", 0)
    assert not pure.is_explained
    assert pure.is_explained_by_choice
    assert variance.n_explained == 0
    assert "1 more by a choice alone" in variance.text


def test_choices_that_are_digits_are_still_choices():
    space = Space((Parameter("lane", choices=("1", "2")),))
    assert only(reduced({"lane": [1, 1, 2, NAN]}, [0, 0, 1, 1], space)).here == Location(2, typical="1", share=1.0)


def test_one_known_value_says_nothing_about_spread():
    variance = reduced({"yaw": [1, 5, NAN, 9], "pitch": [1, 2, 3, 4]}, [0, 1, 1, 1])
    alone, two = variance.of(0), variance.of(1)
    assert math.isnan(alone.reductions[0].ratio)
    assert math.isnan(alone.chance)
    assert (alone.best, alone.is_explained) == ("", False)
    assert two.reductions[0].here == Location(2, 7.0, 5.0, 9.0)
    assert variance.table()[0] == {
        "cluster": 0, "explained": False, "parameter": None, "rate": None, "chance": None, "here": None,
    }  # fmt: skip


def test_a_column_without_spread_reduces_nothing():
    space = Space((Parameter("turn", 0, 360, circular=True), Parameter("level"), Parameter("kind", choices=("a", "b"))))
    columns = {"turn": [7, 7, 7, 7], "level": [0.1, 0.1, 0.1, 0.1], "kind": ("a", "a", "a", "a")}
    assert [one.ratio for one in reduced(columns, [0, 0, 1, 1], space).of(0).reductions] == [1, 1, 1]


def test_numbers_of_any_size_are_compared():
    plain = only(reduced({"x": [1, 3, -9, 11]}, [0, 0, 1, 1]))
    for scale in (1e-300, 1e305, -4.0):
        one = only(reduced({"x": np.array([1.0, 3, -9, 11]) * scale}, [0, 0, 1, 1]))
        assert one.ratio == pytest.approx(plain.ratio)
        assert one.here.mean == pytest.approx(2 * scale)
    shifted = only(reduced({"x": np.array([1.0, 3, -9, 11]) + 1e9}, [0, 0, 1, 1]))
    assert shifted.ratio == pytest.approx(plain.ratio, rel=1e-5)


def test_nothing_known_is_no_result():
    assert reduced({}, [0, 0]) is None
    assert reduced({"yaw": [NAN, NAN], "camera": ("a", "b")}, [0, 0]) is None
    assert reduced({"known_cause": [1, 2]}, [0, 0]) is None
    assert reduced({"known_cause": [1, 2]}, [0, 0], Space((Parameter("known_cause", 0, 5),))) is None
    space = Space((Parameter("yaw", 0, 5),))
    assert reduced({"yaw": ("1", "fast")}, [0, 0], space) is None


def test_all_noise_is_a_result_without_clusters():
    variance = reduced({"yaw": [1, 2, 3]}, [-1, -1, -1])
    assert variance.clusters == ()
    assert math.isnan(variance.share_explained)
    assert variance.text == "No cluster whose parameters could be compared."
    assert VarianceReduction.from_json(variance.to_json()).clusters == ()


def test_columns_of_another_length_are_refused():
    with pytest.raises(ShapeError, match="3 entries for 2 labels"):
        variance_reduction({"yaw": np.zeros(3)}, np.zeros(2, np.int64), ["a", "b"], seed=0)


def test_chance_tells_a_planted_parameter_from_one_of_many():
    rng = np.random.default_rng(0)
    columns = {f"p{k}": rng.normal(size=400) for k in range(40)}
    labels = np.repeat([0, 1, 2], [30, 4, 366])
    columns["p7"][:30] = rng.normal(2, 0.1, 30)
    variance = reduced(columns, labels)
    planted, small, rest = variance.clusters
    assert (planted.best, planted.chance) == ("p7", 1 / 200)
    assert small.is_explained, "four images are narrow in one of forty parameters"
    assert small.chance > 0.05
    assert not rest.is_explained
    assert 1 / 3 <= variance.by_chance < 0.5, "the small cluster nearly always, the others hardly ever"


def test_clusters_that_gather_at_an_unsafe_value_are_named():
    space = Space((Parameter("gaze", 0, 360, circular=True), Parameter("opening", 0, 40)))
    columns = {"gaze": [355, 359, 3, 90, 180, 270], "opening": [10, 30, 20, 19, 20, 21]}
    variance = reduced(columns, [0, 0, 0, 1, 1, 1], space)
    assert variance.near("gaze", 22.5, 25) == (0,)
    assert variance.near("gaze", 337.5, 25) == (0,)
    assert variance.near("gaze", 180, 25) == ()
    assert variance.near("opening", 25, 6) == (1,)
    with pytest.raises(KeyError):
        variance.near("yaw", 0, 1)


def test_json_is_strict_and_round_trips():
    space = Space((Parameter("glasses", choices=("none", "sun")), Parameter("yaw", 0, 20)))
    variance = reduced({"glasses": ("sun", "sun", "none"), "yaw": [1, 2, 9]}, [0, 0, 1], space)
    text = json.dumps(variance.to_json(), allow_nan=False)
    again = VarianceReduction.from_json(json.loads(text))
    assert json.dumps(again.to_json(), allow_nan=False) == text
    assert again.of(0) == variance.of(0)
    json.dumps(variance.table(), allow_nan=False)
    assert repr(variance) == "<VarianceReduction 1 of 2 clusters explained, 2 parameters>"


numbers = st.one_of(st.just(NAN), st.integers(-50, 50).map(float))
rows = st.lists(
    st.tuples(st.integers(-1, 3), numbers, numbers, st.sampled_from(["", "a", "b", "c"])), min_size=1, max_size=30
)
SPACE = Space(
    (Parameter("x", -50, 50), Parameter("turn", -50, 50, circular=True), Parameter("kind", choices=("a", "b", "c")))
)


def from_rows(table, ids, seed=0):
    labels, x, turn, kind = zip(*table, strict=True)
    columns = {"x": np.array(x), "turn": np.array(turn), "kind": kind}
    return variance_reduction(columns, np.array(labels, np.int64), ids, space=SPACE, seed=seed)


@settings(max_examples=30, deadline=None)
@given(rows, st.randoms(use_true_random=False))
def test_the_order_of_images_decides_nothing(table, random):
    ids = [f"img{i:03d}" for i in range(len(table))]
    order = list(range(len(table)))
    random.shuffle(order)
    one, other = from_rows(table, ids), from_rows([table[i] for i in order], [ids[i] for i in order])
    assert (one is None) == (other is None)
    if one is not None:
        assert json.dumps(one.to_json()) == json.dumps(other.to_json())


@settings(max_examples=60, deadline=None)
@given(rows)
def test_rates_are_those_of_the_definition_and_at_most_one(table):
    variance = from_rows(table, [str(i) for i in range(len(table))])
    for cluster in variance.clusters if variance else ():
        assert 0 < cluster.chance <= 1 or math.isnan(cluster.chance)
        for one in cluster.reductions:
            inside = [row for row in table if row[0] == cluster.cluster]
            place = 1 + SPACE.names.index(one.parameter)
            here, everywhere = ([row[place] for row in some if row[place] in "abc" and row[place]] if place == 3 else
                                [row[place] for row in some if not math.isnan(row[place])]
                                for some in (inside, table))  # fmt: skip
            assert one.here.n == len(here)
            if len(here) < 2:
                assert math.isnan(one.ratio)
                continue
            assert one.rate <= 1
            whole = slowly(one.parameter, everywhere)
            wanted = slowly(one.parameter, here) / whole if whole > 1e-12 else 1.0
            assert one.ratio == pytest.approx(wanted, rel=1e-6, abs=1e-9)


def slowly(parameter, values):
    """The definition, word by word."""
    if parameter == "turn":
        return circular_variance([3.6 * (value + 50) for value in values])
    if parameter == "x":
        return float(np.var(values, ddof=1))
    pairs = [(a, b) for i, a in enumerate(values) for j, b in enumerate(values) if i != j]
    return sum(a != b for a, b in pairs) / len(pairs)  # the unbiased Gini index: two drawn without return differ


def test_best_prefers_the_number_where_a_choice_does_as_well():
    space = Space((Parameter("kind", choices=("a", "b")), Parameter("yaw", 0, 20)))
    variance = reduced({"kind": ("a", "a", "b", "b"), "yaw": [3, 3, 9, 11]}, [0, 0, 1, 1], space)
    assert variance.of(0).best == "yaw"
    assert dataclasses.replace(variance.of(0), explaining="").is_explained_by_choice
