"""Conditions: what they mean, how they are refused, and that their text is enough to make them again."""

from __future__ import annotations

import math
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from failatlas.errors import UsageError
from failatlas.parameters import Parameter, Space
from failatlas.simulators import Condition

SPACE = Space(
    [
        Parameter("yaw", low=-90, high=90, unit="deg"),
        Parameter("sun", low=0, high=360, unit="deg", circular=True),
        Parameter("cars", low=0, high=4, integer=True),
        Parameter("time", choices=("day", "dusk", "night")),
        Parameter("sign", choices=("50", "give-way", "not")),
    ]
)
SCENE = {"yaw": -41.0, "sun": 355.0, "cars": 2.0, "time": "dusk", "sign": "50"}


@pytest.mark.parametrize(
    ("text", "holds"),
    [
        ("yaw>-42", True),
        ("yaw > -41", False),
        ("yaw >= -41", True),
        ("yaw<=-41", True),
        ("yaw ≤ -41", True),
        ("-41 = yaw", True),
        ("-40 > yaw", True),
        ("-41<=yaw<-40", True),
        ("-41<yaw<-40", False),
        ("-40 >= yaw > -42", True),
        ("yaw in -50..-41", True),
        ("yaw in -40..0", False),
        ("sun in 350..10", True),
        ("sun in 10..350", False),
        ("sun in 350..354", False),
        ("abs(yaw) > 40", True),
        ("abs( yaw )<=40", False),
        ("40 < abs(yaw) < 42", True),
        ("abs(yaw) in 41|43", True),
        ("cars = 2", True),
        ("cars==2.0", True),
        ("cars != 2", False),
        ("cars in 1|2", True),
        ("time=dusk", True),
        ("time != night", True),
        ("time in dusk|night", True),
        ("time not in dusk|night", False),
        ("sign = '50'", True),
        ('sign = "not"', False),
        ("sign in give-way|'not'", False),
        ("not yaw > 0 and time = dusk", True),
        ("not (yaw < 0 and time = dusk)", False),
        ("yaw > 0 or time = dusk and cars = 2", True),
        ("(yaw > 0 or time = dusk) and cars = 3", False),
        ("not not time = dusk", True),
        ("NOT yaw > 0 AND time = dusk", True),
    ],
)
def test_a_condition_says_what_it_says(text, holds):
    condition = Condition.parse(text)
    condition.check(SPACE)
    assert condition.holds(SCENE) is holds
    assert Condition.parse(repr(condition)) == condition


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("yaw>30 and time=dusk", "yaw > 30 and time = dusk"),
        ("30<yaw", "yaw > 30"),
        ("10<=yaw<20", "10 <= yaw < 20"),
        ("20>yaw>=10", "10 <= yaw < 20"),
        ("yaw in 10..20", "10 <= yaw <= 20"),
        ("sun in 350..10", "sun in 350..10"),
        ("abs(yaw)>2.50", "abs(yaw) > 2.5"),
        ("((time=dusk))or(yaw<1e1 or yaw==3)", "time = dusk or (yaw < 10 or yaw = 3)"),
        ("time not in dusk | night|dusk", "not time in dusk|night"),
        ("""sign='50' or sign="give-way" or sign = 'not'""", "sign = '50' or sign = give-way or sign = 'not'"),
        ("""x = "it's" """, """x = "it's\""""),
    ],
)
def test_repr_is_the_canonical_text(text, canonical):
    assert repr(Condition.parse(text)) == canonical


@pytest.mark.parametrize(
    ("text", "reason", "place"),
    [
        ("", "expected a name, found the end", 1),
        ("yaw", "expected one of > >= < <= = != in, found the end", 4),
        ("yaw>>30", "expected a number or a text, found '>'", 5),
        ("yaw > ", "expected a number or a text, found the end", 7),
        ("yaw > 30 time = day", "expected 'and', 'or' or the end, found 'time'", 10),
        ("yaw > 30 & cars=1", "'&' is not understood", 10),
        ("yaw > left", "a text has no order, so it cannot be > 'left'", 7),
        ("(yaw > 30", "expected ')', found the end", 10),
        ("abs yaw > 3", "expected '(', found 'yaw'", 5),
        ("abs(30) > 3", "expected a name, found '30'", 5),
        ("time in", "expected a number or a text, found the end", 8),
        ("time in dusk..night", "expected 'and', 'or' or the end, found '..'", 13),
        ("time in dusk|", "expected a number or a text, found the end", 14),
        ("yaw in 3..", "expected a number, found the end", 11),
        ("10 < yaw > 5", "< and > make no range", 10),
        ("10 < yaw = 5", "< and = make no range", 10),
        ("20 < yaw < 10", "nothing lies in that range", 10),
        ("10 < yaw <= 10", "nothing lies in that range", 10),
        ("yaw = 1e999", "1e999 is too large a number", 7),
        ("time = 'dusk", '"\'" is not understood', 8),
        ("and = 3", "expected a name, found 'and'", 1),
        ("10 < 20", "expected a name, found '20'", 6),
        ("(" * 60 + "yaw > 3" + ")" * 60, "nested more than 50 deep", 51),
        ("not " * 5000 + "yaw > 3", "nested more than 50 deep", 201),
        ("yaw > 3; import os", "';' is not understood", 8),
        ("__import__('os') > 3", "expected one of > >= < <= = != in, found '('", 11),
    ],
)
def test_a_malformed_condition_is_refused_with_the_place(text, reason, place):
    with pytest.raises(UsageError) as refused:
        Condition.parse(text)
    assert refused.value.what.endswith(f": {reason}")
    assert refused.value.where == f"character {place}"
    assert len(str(refused.value)) < 300


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("yav > 3", "E_PARAMETER: no parameter or label 'yav'. Next: did you mean 'yaw'? there are: yaw, sun, cars"),
        ("yaw = left", "E_PARAMETER: parameter 'yaw' is compared with 'left'. Next: give -90 … 90 deg"),
        ("yaw > 91", "E_PARAMETER: parameter 'yaw' is compared with 91.0. Next: give -90 … 90 deg"),
        ("0 < yaw < 91", "E_PARAMETER: parameter 'yaw' is compared with 91.0. Next: give -90 … 90 deg"),
        ("abs(yaw) > 91", "E_PARAMETER: parameter 'abs(yaw)' is compared with 91.0. Next: give 0 … 90 deg"),
        ("abs(yaw) > -1", "E_PARAMETER: parameter 'abs(yaw)' is compared with -1.0. Next: give 0 … 90 deg"),
        ("time > 3", "E_PARAMETER: parameter 'time' is compared with 3.0. Next: give day | dusk | night"),
        ("time = noon", "E_PARAMETER: parameter 'time' is compared with 'noon'. Next: give day | dusk | night"),
        ("time in day|3", "E_PARAMETER: parameter 'time' is compared with 3.0. Next: give day | dusk | night"),
        ("yaw in 20..10", "E_PARAMETER: parameter 'yaw' in 20..10. Next: give the smaller number first, within -90"),
        ("yaw > 3 or not (cars = 9)", "E_PARAMETER: parameter 'cars' is compared with 9.0. Next: give 0 … 4"),
    ],
)
def test_D10_a_condition_that_cannot_be_meant_is_refused_with_name_value_and_range(text, message):
    with pytest.raises(UsageError) as refused:
        Condition.parse(text).check(SPACE)
    assert str(refused.value).startswith(message)


def test_names_alone_can_be_checked():
    Condition.parse("gap < 2 and yaw > 900").check(("yaw", "gap"))
    with pytest.raises(UsageError, match="'gapp'") as refused:
        Condition.parse("gapp < 2").check(iter(("yaw", "gap")))
    assert "did you mean 'gap'?" in refused.value.remedy


def test_names_come_in_order_of_first_mention():
    assert Condition.parse("b > 1 and not (a < 2 or b = 3) and c in x|y").names == ("b", "a", "c")


def test_a_missing_name_and_a_wrong_kind_are_refused_when_they_are_met():
    with pytest.raises(UsageError, match="no parameter or label 'gap'"):
        Condition.parse("gap < 2").holds(SCENE)
    with pytest.raises(UsageError, match="parameter 'time' is compared with 3") as refused:
        Condition.parse("time = 3").holds(SCENE)
    assert refused.value.remedy == "compare it with a text, as it is 'dusk' here"


@pytest.mark.parametrize(
    "text", ["gap > 1", "gap < 1", "gap != 1", "gap = 1", "gap in 0..2", "gap in 1|2", "gap in 2..1"]
)
def test_what_could_not_be_measured_satisfies_no_comparison(text):
    assert not Condition.parse(text).holds({"gap": math.nan})


NUMBERS = st.one_of(st.integers(-3, 3).map(float), st.floats(-3, 3, allow_nan=False))
TEXTS = st.sampled_from(["day", "dusk", "hand-with-sleeve", "50", "not", "clear sky", "it's", "é"])


def quoted(text: str) -> str:
    return f'"{text}"'


@st.composite
def comparisons(draw) -> tuple[str, str]:
    """The same comparison in our language and in Python, which is the judge."""
    kind = draw(st.sampled_from(["number", "turned", "chain", "range", "text", "texts", "numbers"]))
    name = draw(st.sampled_from(["x", "y"]))
    ours, theirs = draw(st.sampled_from([(name, name), (f"abs({name})", f"abs({name})")]))
    a, b = draw(NUMBERS), draw(NUMBERS)
    sign = draw(st.sampled_from([">", ">=", "<", "<=", "==", "!="]))
    if kind == "number":
        return f"{ours}{sign}{a!r}", f"({theirs} {sign} {a!r})"
    if kind == "turned":
        return f"{a!r}{sign}{ours}", f"({a!r} {sign} {theirs})"
    if kind == "chain":
        low, high = min(a, b), max(a, b) + 1
        first, second = draw(st.sampled_from([("<", "<"), ("<=", "<"), ("<", "<="), ("<=", "<=")]))
        if draw(st.booleans()):
            turn = {"<": ">", "<=": ">="}
            return (
                f"{high!r} {turn[second]} {ours} {turn[first]} {low!r}",
                f"({low!r} {first} {theirs} {second} {high!r})",
            )
        return f"{low!r} {first} {ours} {second} {high!r}", f"({low!r} {first} {theirs} {second} {high!r})"
    if kind == "range":
        joint = "and" if a <= b else "or"
        return f"{ours} in {a!r}..{b!r}", f"({theirs} >= {a!r} {joint} {theirs} <= {b!r})"
    if kind == "numbers":
        return f"{ours} in {a!r}|{b!r}", f"({theirs} in ({a!r}, {b!r}))"
    members = draw(st.lists(TEXTS, min_size=1, max_size=3))
    if kind == "text":
        sign = draw(st.sampled_from(["=", "!="]))
        return f"t {sign} {quoted(members[0])}", f"(t {'==' if sign == '=' else sign} {members[0]!r})"
    negated = draw(st.sampled_from(["", "not "]))
    return f"t {negated}in {'|'.join(map(quoted, members))}", f"(t {negated}in {tuple(members)!r})"


def joined(parts):
    def one(pair):
        (ours, theirs), (more, others), word, bracket = pair
        text = f"{ours} {word} {more}"
        return (f"({text})" if bracket else text), (
            f"({theirs} {word} {others})" if bracket else f"{theirs} {word} {others}"
        )

    both = st.tuples(parts, parts, st.sampled_from(["and", "or"]), st.booleans()).map(one)
    return st.one_of(both, parts.map(lambda pair: (f"not ({pair[0]})", f"not ({pair[1]})")))


@given(st.recursive(comparisons(), joined, max_leaves=8), NUMBERS, NUMBERS, TEXTS)
def test_python_agrees_with_every_condition(pair, x, y, t):
    ours, theirs = pair
    scene = {"x": x, "y": y, "t": t}
    condition = Condition.parse(ours)
    assert condition.holds(scene) == eval(theirs, {}, dict(scene))
    again = Condition.parse(repr(condition))
    assert again == condition
    assert repr(again) == repr(condition)
    assert set(condition.names) == set(re.findall(r"\b[xyt]\b", re.sub(r"'[^']*'|\"[^\"]*\"", "", theirs)))


@given(st.text(max_size=30) | st.text(alphabet="xy<>=!.|() '\"-0123456789abs not in", max_size=30))
def test_any_text_is_a_condition_or_is_refused(text):
    try:
        condition = Condition.parse(text)
    except UsageError as error:
        place = int(error.where.removeprefix("character "))
        assert 1 <= place <= len(text) + 1
    else:
        assert Condition.parse(repr(condition)) == condition
