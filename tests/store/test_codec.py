"""What goes through the codec comes back equal, or is refused with the field's name."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from pathlib import Path
from typing import Literal, NewType, Optional

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.typing import NDArray

from failatlas.arrays import Features, Labels, Mask, Vector
from failatlas.curves import Curve
from failatlas.errors import DataError
from failatlas.store import RunStore, decode, encode, load, save
from failatlas.store.entries import to_text

CURVE = Curve("eps", "noise", np.arange(3.0), np.array([1, np.nan, np.inf]), 1.0, "knee")

Digest = NewType("Digest", str)


class Split(StrEnum):
    TRAIN = "train"
    TEST = "test"


@dataclass(frozen=True, slots=True, eq=False)
class Inner:
    name: str
    weights: Vector
    mask: Mask | None


@dataclass(frozen=True, slots=True)
class Interval:
    value: float
    low: float
    n: int
    method: str


@dataclass(frozen=True, slots=True)
class Record:
    id: str
    target: tuple[float, ...] | None = None
    metadata: Mapping[str, str | float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, eq=False)
class Cause:
    interval: Interval
    properties: Mapping[str, tuple[float, float, float]]


@dataclass(frozen=True, slots=True, eq=False)
class Causes:
    causes: tuple[Cause, ...]
    noise: Cause | None


@dataclass(frozen=True, slots=True, eq=False)
class Outer:
    digest: Digest
    split: Split
    kind: Literal["a", "b"]
    count: int
    share: float
    is_done: bool
    mixed: Mapping[str, float | int | str | bool | None]
    pair: tuple[str, float]
    inner: Optional[Inner]  # noqa: UP045 - the old spelling is known too
    inners: Mapping[str, Inner]
    names: Sequence[str]
    counts: tuple[tuple[str, str, int], ...]
    rows: Features
    anything: NDArray[np.generic]
    plain: object


# lone surrogates are what undecodable file names become
texts = st.text(st.one_of(st.characters(), st.characters(categories=["Cs"])), max_size=8)
keys = texts.filter(lambda text: not text.startswith("$"))
floats = st.floats(width=64)
shapes = hnp.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=3)


def arrays(dtype) -> st.SearchStrategy[np.ndarray]:
    return hnp.arrays(dtype, shapes)


inners = st.builds(Inner, texts, arrays(np.float64), st.none() | arrays(np.bool_))
plain = st.recursive(
    st.none() | st.booleans() | st.integers() | floats | texts,
    lambda items: st.lists(items, max_size=3) | st.dictionaries(keys, items, max_size=3),
    max_leaves=6,
)
outers = st.builds(
    Outer,
    digest=texts.map(Digest),
    split=st.sampled_from(Split),
    kind=st.sampled_from(["a", "b"]),
    count=st.integers(),
    share=floats,
    is_done=st.booleans(),
    mixed=st.dictionaries(keys, st.none() | st.booleans() | st.integers() | floats | texts, max_size=3),
    pair=st.tuples(texts, floats),
    inner=st.none() | inners,
    inners=st.dictionaries(keys, inners, max_size=2),
    names=st.lists(texts, max_size=3).map(tuple),
    counts=st.lists(st.tuples(texts, texts, st.integers()), max_size=2).map(tuple),
    rows=arrays(np.float32),
    anything=arrays(np.uint8) | arrays(">i2") | arrays("<U3") | arrays(np.complex64) | arrays("datetime64[s]"),
    plain=plain,
)


@given(outers)
@settings(max_examples=150, deadline=None)
def test_any_result_comes_back_equal_in_memory(same, outer):
    encoded = encode(outer)
    assert same(outer, decode(Outer, json.loads(to_text(encoded.value, "")), encoded.arrays))


@given(outers)
@settings(max_examples=25, deadline=None)
def test_any_result_comes_back_equal_from_the_disk(tmp_path_factory, same, outer):
    with RunStore.open(tmp_path_factory.mktemp("codec")) as store:
        save(store, "k", "stage", outer)
        loaded = load(store, "k", Outer)
        assert loaded is not None
        assert same(outer, loaded)
        assert not loaded.rows.flags.writeable


def test_D8_a_file_name_that_is_no_unicode_survives_to_the_byte(tmp_path):
    name = os.fsdecode(b"\xff\xfe \n\xe9.png")
    record = Record(name, metadata={name: 1.0, "zoë": name})
    with RunStore.open(tmp_path) as store:
        save(store, "k", "images", record)
        assert load(store, "k", Record) == record


def test_an_int_where_a_float_is_declared_comes_back_a_float():
    interval = Interval(1, 0, 7, "Wilson")
    back = decode(Interval, encode(interval).value, {})
    assert back == interval
    assert [type(value) for value in (back.value, back.low, back.n)] == [float, float, int]


def test_numpy_numbers_are_numbers():
    interval = Interval(np.float64(0.5), np.float32(0.25), np.int64(7), "Wilson")
    back = decode(Interval, encode(interval).value, {})
    assert back == Interval(0.5, 0.25, 7, "Wilson")
    assert type(back.n) is int


def test_places_that_look_alike_do_not_share_an_array(same):
    inner = Inner("x", np.zeros(1), None)
    names = ("a.b", "a%2Eb", "a", "", "0", "\udcff")
    outer = {name: replace(inner, weights=np.full(1, float(number))) for number, name in enumerate(names)}
    encoded = encode(outer, Mapping[str, Inner])
    assert len(encoded.arrays) == len(names)
    assert same(outer, decode(Mapping[str, Inner], encoded.value, encoded.arrays))  # type: ignore[type-abstract]


def test_an_unknown_or_missing_field_is_named():
    value = dict(encode(Interval(1.0, 0.0, 7, "Wilson")).value)
    with pytest.raises(DataError, match="no field 'mean'") as caught:
        decode(Interval, {**value, "mean": 1.0}, {})
    assert caught.value.name == "E_STORE_FIELD_UNKNOWN"
    del value["low"]
    with pytest.raises(DataError, match="the field 'low' of Interval is missing") as caught:
        decode(Interval, value, {})
    assert caught.value.name == "E_STORE_FIELD_MISSING"


def test_a_field_that_came_later_takes_its_default():
    value = dict(encode(Grown("a", 3)).value)
    assert decode(Grown, value, {}) == Grown("a", 3)
    del value["later"]
    assert decode(Grown, value, {}) == Grown("a")


@dataclass(frozen=True, slots=True)
class Grown:
    name: str
    later: int | None = None


def test_a_missing_array_is_named():
    encoded = encode(CURVE)
    with pytest.raises(DataError, match="'y' is missing") as caught:
        decode(Curve, encoded.value, {"x": encoded.arrays["x"]})
    assert caught.value.name == "E_STORE_ARRAY_MISSING"


def test_loading_another_type_names_stage_and_field(tmp_path):
    with RunStore.open(tmp_path) as store:
        save(store, "k", "reduce", CURVE)
        with pytest.raises(DataError, match="no field 'parameter'") as caught:
            load(store, "k", Interval)
        assert "reduce k" in caught.value.where


WRONG = [
    (replace(CURVE, x=np.arange(3)), "x", "array of int64, declared float64"),
    (replace(CURVE, x=[1.0]), "x", "expected numpy.ndarray"),
    (Interval(1.0, 0.0, 7.0, "Wilson"), "n", "expected int, found 7.0"),
    (Interval(1.0, 0.0, True, "Wilson"), "n", "expected int, found True"),
    (Interval("1", 0.0, 7, "Wilson"), "value", "expected float, found '1'"),
    (Interval(1.0, 0.0, 7, None), "method", "expected str, found None"),
    (Record("a", metadata={"x": (1,)}), "metadata.x", "expected"),
    (Record("a", metadata={3: 1.0}), "metadata", "key must be a text"),
    (Record("a", metadata={"$array": 1.0}), "metadata", "key must be a text"),
    (Record("a", target=1.0), "target", "expected"),
    (Cause(Interval(1.0, 0.0, 7, "Wilson"), {"x": (1.0, 2.0)}), "properties.x", "2 items, declared 3"),
    (Causes(("no cause",), None), "causes.0", "expected Cause"),
]


@pytest.mark.parametrize(("result", "place", "what"), WRONG)
def test_a_value_of_the_wrong_type_is_refused_with_its_place(result, place, what):
    with pytest.raises(DataError) as caught:
        encode(result)
    assert caught.value.name == "E_STORE_TYPE"
    assert caught.value.where == f"field {place}"
    assert what in caught.value.what


@pytest.mark.parametrize("kind", [Path, bytes, set[str], complex, str | Split, tuple[str, ...] | Sequence[int]])
def test_types_that_have_no_json_form_are_refused(kind):
    values = {Path: Path("x"), bytes: b"x", complex: 1j}
    with pytest.raises(DataError):
        encode(values.get(kind, {"x"} if kind == set[str] else "x"), kind)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | floats | st.text(max_size=4),
    lambda items: (
        st.lists(items, max_size=3)
        | st.dictionaries(
            st.sampled_from(["$array", "$float", "x", "id", "target", "metadata", "causes", "noise"]), items, max_size=4
        )
    ),
    max_leaves=8,
)


@given(json_values, st.sampled_from([Interval, Causes, Curve, Outer, Record, float, Labels]))
@settings(max_examples=300, deadline=None)
def test_H15_decoding_anything_gives_a_value_or_our_error(value, kind):
    try:
        decode(kind, value, {"x": np.zeros(1)})
    except DataError as error:
        assert error.name.startswith("E_STORE_")  # noqa: PT017
