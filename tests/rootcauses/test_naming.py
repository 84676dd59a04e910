from hypothesis import given
from hypothesis import strategies as st

from failatlas.rootcauses.naming import LONGEST, NAMELESS, propose
from failatlas.rootcauses.rootcause import Description

part = st.sampled_from(["confusion", "contrasts", "rules", "weather", "camera"])
words = st.lists(st.text(max_size=70), max_size=4).map(tuple)
descriptions = st.lists(st.builds(Description, part, st.just("."), words), max_size=5)


@given(descriptions)
def test_a_name_is_one_short_printable_line(described):
    name = propose(described)
    assert 0 < len(name) <= LONGEST
    assert name.isprintable()


def test_confusion_comes_first_then_contrasts_then_what_others_say():
    described = [
        Description("weather", ".", ("rain",)),
        Description("contrasts", ".", ("dark", "low contrast")),
        Description("rules", ".", ("brightness ≤ 0.2", "camera left")),
        Description("confusion", ".", ("Shirt taken for T-shirt/top",)),
    ]
    assert propose(described) == "Shirt taken for T-shirt/top, dark, low contrast, camera left"


def test_a_rule_speaks_where_contrasts_are_silent():
    described = [Description("rules", ".", ("head_yaw > 30",)), Description("contrasts", ".")]
    assert propose(described) == "head_yaw > 30"


def test_a_word_that_does_not_fit_makes_room_for_the_next():
    described = [Description("confusion", ".", ("x" * 40, "y" * 40, "dark"))]
    assert propose(described) == "x" * 40 + ", dark"


def test_hostile_labels_leave_no_escape_and_no_line_break_in_a_name():
    assert propose([Description("confusion", ".", ("a\x1b[31m\nb taken for\tc",))]) == "a [31m b taken for c"
    assert propose([Description("confusion", ".", ("\n",))]) == NAMELESS
    assert propose([]) == NAMELESS
