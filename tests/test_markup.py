"""Markup: whatever text goes in, an HTML parser reads back that text and no element more."""

from __future__ import annotations

import json
import math
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from failatlas.markup import (
    Html,
    coordinate,
    data_block,
    data_uri,
    element,
    escape,
    join,
    name,
    number,
    percent,
    raw,
    table,
    visible,
)


class Reader(HTMLParser):
    def __init__(self, markup: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(markup)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data):
        self.text += data


anything = st.text(st.characters(), max_size=40)  # surrogates included: file names may carry them


@given(anything)
def test_H7_any_text_stays_text_in_content_and_attributes(text):
    read = Reader(element("p", element("b", text), title=text))
    assert [tag for tag, _ in read.tags] == ["p", "b"]
    assert read.tags[0][1] == {"title": str(read.tags[0][1]["title"])}
    shown = "\n".join(visible(line) for line in text.split("\n"))
    assert (read.text, read.tags[0][1]["title"]) == (shown, shown)


@given(anything)
def test_D8_a_name_is_one_printable_line_that_can_be_written_as_utf8(text):
    read = Reader(name(text))
    assert read.text == visible(text)
    assert read.text.isprintable()
    read.text.encode()


def test_D8_direction_signs_and_bytes_that_are_no_text_are_shown_as_escapes():
    assert visible("a\u202egnp.exe") == "a\\u202egnp.exe"
    assert visible("caf\udce9.png") == "caf\\udce9.png"
    assert visible("שלום 😀") == "שלום 😀"


@given(st.recursive(st.text(max_size=20) | st.integers(), lambda inner: st.lists(inner, max_size=3), max_leaves=8))
def test_H7_a_data_block_reads_back_and_holds_no_markup(data):
    block = data_block(data, id_="d")
    inner = block[block.index(">") + 1 : -len("</script>")]
    assert not set("<>&") & set(inner)
    assert json.loads(inner) == data


def test_D10_a_data_block_refuses_nan():
    with pytest.raises(ValueError):
        data_block([math.nan], id_="d")


@pytest.mark.parametrize(
    "address",
    [
        "javascript:alert(1)",
        "JaVaScRiPt:alert(1)",
        " javascript:alert(1)",
        "java\nscript:alert(1)",
        "data:text/html;base64,PHA+",
        "data:image/svg+xml;base64,PHN2Zz4=",
        "//evil.example/x.png",
        "https://evil.example",
        "file:///etc/passwd",
        "/etc/passwd",
        "\\\\host\\share",
        "a b.png",
        "x.png?q=1",
        "",
    ],
)
@pytest.mark.parametrize("attribute", ["href", "src", "srcset", "action"])
def test_H7_an_address_that_leaves_the_folder_is_refused(address, attribute):
    with pytest.raises(ValueError):
        element("a", "x", **{attribute: address})


@pytest.mark.parametrize(
    "address", ["#rcc-3", "clusters/rcc-3.html", "../index.html#map", "assets/t1.webp", data_uri(b"x", "image/png")]
)
def test_an_address_in_the_folder_is_kept(address):
    assert Reader(element("a", "x", href=address)).tags == [("a", {"href": address})]


@pytest.mark.parametrize("attribute", ["onclick", "ONLOAD", "style", "srcdoc", "a b", "x>", "1", ""])
def test_H7_an_attribute_that_runs_code_or_is_malformed_is_refused(attribute):
    with pytest.raises(ValueError):
        element("p", **{attribute: "x"})


def test_H7_an_element_name_is_a_name():
    with pytest.raises(ValueError):
        element("p onclick=x")


@pytest.mark.parametrize("text", ["</style><script>", "a</STYLE", "<!--", "x<ScRiPt>"])
def test_H7_raw_text_cannot_end_its_element(text):
    with pytest.raises(ValueError):
        raw("style", text)


def test_raw_text_is_not_escaped():
    assert raw("style", "a > b { }", media="print") == '<style media="print">a > b { }</style>'


def test_void_elements_have_no_end_tag_and_svg_shapes_close_themselves():
    assert element("img", alt="") == '<img alt="">'
    assert element("line", x1=0.5) == '<line x1="0.5"/>'
    assert element("linearGradient", element("stop", offset=1)) == '<linearGradient><stop offset="1"/></linearGradient>'


def test_markup_enters_unescaped_and_text_does_not():
    assert join(["<", Html("<b>"), ["&", 3, None]]) == "&lt;<b>&amp;3"
    assert escape("a\nb") == "a\nb"


def test_true_false_and_none_attributes():
    assert element("p", hidden=True, id_=None, open=False, data_value=0) == '<p hidden data-value="0"></p>'


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_D10_a_number_that_is_none_is_said_so_and_never_drawn(value):
    assert (number(value), percent(value), join(value)) == ("n/a", "n/a", "n/a")
    with pytest.raises(ValueError):
        coordinate(value)
    with pytest.raises(ValueError):
        element("rect", x=value)


@given(st.floats(-1e6, 1e6))
def test_a_coordinate_is_within_a_hundredth(value):
    assert abs(float(coordinate(value)) - value) <= 0.005 + 1e-9 * abs(value)


@pytest.mark.parametrize(
    ("value", "shown"),
    [(0, "0"), (12, "12"), (1234567, "1,234,567"), (0.5, "0.5"), (1234.5, "1,234"), (0.00123456, "0.00123")],
)
def test_numbers_as_people_read_them(value, shown):
    assert number(value) == shown


@pytest.mark.parametrize(("value", "shown"), [(0, "0.0 %"), (1, "100.0 %"), (0.0999, "10.0 %"), (1e-4, "0.01 %")])
def test_percentages_as_people_read_them(value, shown):
    assert percent(value) == shown


def test_a_table_has_a_caption_scoped_heads_and_its_cells():
    read = Reader(table("Sizes", ["name", "n"], [[element("th", "a", scope="row"), 3], ["<b>", [4, " !"]]]))
    assert [tag for tag, _ in read.tags] == [
        "table",
        "caption",
        "thead",
        "tr",
        "th",
        "th",
        "tbody",
        "tr",
        "th",
        "td",
        "tr",
        "td",
        "td",
    ]
    assert all(attributes.get("scope") for tag, attributes in read.tags if tag == "th")
    assert read.text == "Sizesnamena3<b>4 !"
