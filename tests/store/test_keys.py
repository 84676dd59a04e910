"""Equal questions have equal keys, in every process; different ones have different keys."""

from __future__ import annotations

from enum import Enum

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from failatlas.errors import UsageError
from failatlas.store import key

values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda items: st.lists(items, max_size=3) | st.dictionaries(st.text(max_size=3), items, max_size=3),
    max_leaves=6,
)
settings_ = st.dictionaries(st.text(max_size=4), values, max_size=4)


class Metric(Enum):
    EUCLIDEAN = "euclidean"


def of(settings: dict[str, object], **more: object) -> str:
    return key("s", 1, inputs={}, settings=settings, seed=0)


@given(settings_)
def test_the_order_of_settings_does_not_matter(settings):
    assert of(settings) == of(dict(reversed(settings.items())))


@given(settings_, settings_)
def test_keys_are_equal_exactly_when_settings_are(a, b):
    # repr tells 1 from 1.0 and True, and 0.0 from -0.0, as the key must
    assert (of(a) == of(b)) == (repr(sorted_deep(a)) == repr(sorted_deep(b)))


def sorted_deep(value):
    if isinstance(value, dict):
        return {name: sorted_deep(value[name]) for name in sorted(value)}
    return [sorted_deep(item) for item in value] if isinstance(value, list) else value


def test_every_part_of_the_question_counts():
    base = {"inputs": {"images": "a"}, "settings": {"k": 1}, "seed": 0}
    keys = [
        key("s", 1, **base),
        key("t", 1, **base),
        key("s", 2, **base),
        key("s", "1", **base),
        key("s", 1, **{**base, "inputs": {"images": "b"}}),
        key("s", 1, **{**base, "inputs": {"image": "a"}}),
        key("s", 1, **{**base, "settings": {"k": 1.0}}),
        key("s", 1, **{**base, "settings": {"k": True}}),
        key("s", 1, **{**base, "settings": {"k": "1"}}),
        key("s", 1, **{**base, "settings": {"k": [1]}}),
        key("s", 1, **{**base, "settings": {"k": float("nan")}}),
        key("s", 1, **{**base, "settings": {"k": "nan"}}),
        key("s", 1, **{**base, "seed": 1}),
        key("s", 1, **{**base, "seed": None}),
    ]
    assert len(set(keys)) == len(keys)
    assert all(len(text) == 64 for text in keys)


def test_numpy_numbers_tuples_and_enums_are_what_they_hold():
    assert of({"a": np.float64(0.5), "b": (1, 2), "c": Metric.EUCLIDEAN, "d": np.int64(3), "e": np.bool_(True)}) == of(
        {"a": 0.5, "b": [1, 2], "c": "euclidean", "d": 3, "e": True}
    )


def test_a_key_is_known_and_must_never_change():
    # by hand, piped into sha256sum:
    # {"inputs":{},"seed":0,"settings":{"a":0.1,"b":"\u00fc\udcff"},"stage":"s","version":1}
    assert of({"b": "ü\udcff", "a": 0.1}) == "324807156d5cc9e0b923c004e5dbe500f9c711015bc9b92c62939d16b4249cdd"


@pytest.mark.parametrize(
    "env", [{"PYTHONHASHSEED": "1", "LC_ALL": "C"}, {"PYTHONHASHSEED": "2", "LC_ALL": "tr_TR.UTF-8"}]
)
def test_R4_a_key_is_the_same_in_every_process(env, child):
    code = (
        "from failatlas.store import key\n"
        "print(key('s', 1, inputs={'I': 'x', 'i': 'y'}, settings={'b': 'ü\\udcff', 'a': 0.1}, seed=0))"
    )
    here = key("s", 1, inputs={"I": "x", "i": "y"}, settings={"b": "ü\udcff", "a": 0.1}, seed=0)
    assert child(code=code, env={**env, "PYTHONUTF8": "1"}).stdout.strip() == here


@pytest.mark.parametrize(
    ("value", "where"), [({1, 2}, "settings.k"), ({1: 2}, "settings.k"), ([object()], r"settings.k\[0\]")]
)
def test_a_setting_without_a_canonical_form_is_named(value, where):
    with pytest.raises(UsageError) as caught:
        of({"k": value})
    assert caught.value.where == where.replace("\\", "")
