"""Markup: HTML and SVG built from elements whose text is always escaped: no file name becomes a script.

Three gates keep a page safe whatever the data says: text is escaped where it enters an element; attributes that run
code (``on…``, ``style``, ``srcdoc``) are refused; an address is a place in the same folder, an anchor or an embedded
picture.
"""

from __future__ import annotations

import base64
import html
import json
import math
import re
from collections.abc import Iterable, Sequence

_VOID = frozenset({"img", "br", "hr", "meta", "link", "input", "wbr", "col"})
_SVG_VOID = frozenset({"path", "circle", "ellipse", "line", "rect", "use", "polyline", "polygon", "stop"})
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9-]*")
_ADDRESS = re.compile(
    r"#[\w-]+|data:image/(?:png|webp|jpeg);base64,[A-Za-z0-9+/=]+|(?:\.\./)?[\w.-]+(?:/[\w.-]+)*(?:#[\w-]+)?"
)
_ADDRESSES = frozenset(
    {"href", "src", "data", "action", "formaction", "poster", "srcset", "cite", "background", "ping"}
)


class Html(str):
    """Text that is already markup; everything else is escaped when it enters an element."""

    __slots__ = ()


Content = Html | str | int | float | None | Iterable["Content"]


def visible(text: object) -> str:
    """Text on one line in which every sign can be seen: line breaks, control and direction signs as escapes.

    >>> print(visible("a\\nb\\u202e.png"))
    a\\nb\\u202e.png
    """
    line = str(text)
    if line.isprintable():  # nearly always, and ten times as fast as looking at every sign
        return line
    return "".join(c if c.isprintable() else c.encode("unicode_escape", "surrogatepass").decode() for c in line)


def escape(text: object) -> Html:
    """Text as markup: ``<``, ``>``, ``&`` and quotes escaped, control characters shown as ``\\x1b``; line breaks stay.

    >>> escape('<b onload="x">')
    '&lt;b onload=&quot;x&quot;&gt;'
    """
    return Html(html.escape("\n".join(visible(line) for line in str(text).split("\n")), quote=True))


def name(text: object, *, tag: str = "bdi", class_: str | None = None) -> Html:
    """Somebody else's text (an id, a label) on one line, its writing direction kept to itself.

    >>> name("a\\n<b>")
    '<bdi>a\\\\n&lt;b&gt;</bdi>'
    """
    return element(tag, visible(text), class_=class_)


def element(tag: str, *content: Content, **attributes: str | int | float | bool | None) -> Html:
    """One element. A trailing ``_`` is dropped from an attribute's name and other ``_`` become ``-``.

    ``True`` gives a bare attribute; ``None`` and ``False`` leave it out; a float is written with at most two decimals.

    Raises:
        ValueError: a name is malformed, an attribute runs code, an address leaves the folder, a float is not finite.

    >>> element("p", "a < b", class_="note", hidden=True)
    '<p class="note" hidden>a &lt; b</p>'
    >>> element("a", "more", href="javascript:alert(1)")
    Traceback (most recent call last):
    ValueError: address leaves the folder: 'javascript:alert(1)'
    """
    if not _NAME.fullmatch(tag):
        raise ValueError(f"not an element: {tag!r}")
    start = "".join(_attribute(key.rstrip("_").replace("_", "-"), value) for key, value in attributes.items())
    if tag in _VOID:
        return Html(f"<{tag}{start}>")
    if tag in _SVG_VOID:
        return Html(f"<{tag}{start}/>")
    return Html(f"<{tag}{start}>{join(content)}</{tag}>")


def _attribute(key: str, value: str | int | float | bool | None) -> str:
    if not _NAME.fullmatch(key) or key.lower().startswith("on") or key.lower() in {"style", "srcdoc"}:
        raise ValueError(f"not an attribute of ours: {key!r}")
    if value is None or value is False:
        return ""
    if value is True:
        return f" {key}"
    if key.lower() in _ADDRESSES and not _ADDRESS.fullmatch(str(value)):
        raise ValueError(f"address leaves the folder: {value!r}")
    return f' {key}="{coordinate(value) if isinstance(value, float) else escape(value)}"'


def join(content: Content) -> Html:
    """Markup of nested content in order; plain text is escaped, a float that is no number becomes "n/a".

    >>> join(["1 < 2", element("br"), None, " ", float("nan")])
    '1 &lt; 2<br> n/a'
    """
    if content is None:
        return Html("")
    if isinstance(content, Html):
        return content
    if isinstance(content, float) and not math.isfinite(content):
        return Html("n/a")
    if isinstance(content, str | int | float):
        return escape(content)
    return Html("".join(join(part) for part in content))


def table(caption: str, heads: Sequence[str], rows: Iterable[Iterable[Content]], *, class_: str | None = None) -> Html:
    """A table with its caption and column heads; a cell that is a ``td`` or ``th`` already stays as it is.

    >>> table("Sizes", ["n"], [[3]]).count("<td>")
    1
    """
    return element(
        "table",
        element("caption", caption),
        element("thead", element("tr", [element("th", head, scope="col") for head in heads])),
        element("tbody", [element("tr", [_cell(cell) for cell in row]) for row in rows]),
        class_=class_,
    )


def _cell(content: Content) -> Html:
    is_cell = isinstance(content, Html) and content.startswith(("<td", "<th"))
    return join(content) if is_cell else element("td", content)


def raw(tag: str, text: str, **attributes: str | int | float | bool | None) -> Html:
    """A ``style`` or ``script`` element around our own text, which HTML reads without unescaping.

    Raises:
        ValueError: the text could end the element early or open a comment.
    """
    if re.search(r"</|<!--|<script", text, re.IGNORECASE):
        raise ValueError(f"text would break out of <{tag}>")
    start = element(tag, **attributes)
    return Html(f"{start[: -len(tag) - 3]}{text}</{tag}>")


def data_block(data: object, *, id_: str) -> Html:
    """Data for a script, as JSON that no HTML parser can mistake for markup.

    Raises:
        ValueError: a number is not finite.

    >>> data_block(["</script>"], id_="d")
    '<script type="application/json" id="d">["\\\\u003c/script\\\\u003e"]</script>'
    """
    text = json.dumps(data, allow_nan=False, separators=(",", ":"))  # ASCII: lone surrogates survive
    for sign in "<>&":
        text = text.replace(sign, f"\\u{ord(sign):04x}")
    return raw("script", text, type="application/json", id_=id_)


def data_uri(data: bytes, media_type: str) -> str:
    """Bytes as a ``data:`` address, so that a page needs no second file.

    >>> data_uri(b"hi", "text/plain")
    'data:text/plain;base64,aGk='
    """
    return f"data:{media_type};base64,{base64.b64encode(data).decode()}"


def coordinate(value: float) -> str:
    """A number inside SVG, at most two decimals.

    Raises:
        ValueError: it is not finite; a picture must not guess.

    >>> coordinate(1.5), coordinate(2.0), coordinate(-0.001)
    ('1.5', '2', '0')
    """
    if not math.isfinite(value):
        raise ValueError(f"no place in a picture: {value}")
    text = f"{value:.2f}".rstrip("0").rstrip(".")
    return "0" if text == "-0" else text


def number(value: float, digits: int = 3) -> str:
    """A number for people: significant digits, thousands grouped; "n/a" where there is none.

    >>> number(1034), number(0.123456), number(float("nan")), number(1e-7)
    ('1,034', '0.123', 'n/a', '1e-07')
    """
    if not math.isfinite(value):
        return "n/a"
    if value == int(value) and abs(value) < 1e15:
        return f"{int(value):,}"
    if abs(value) >= 10**digits:
        return f"{value:,.0f}"
    return f"{value:.{digits}g}"


def counted(n: int, noun: str) -> str:
    """A count with its noun.

    >>> counted(1, "image"), counted(1034, "image")
    ('1 image', '1,034 images')
    """
    return f"{number(n)} {noun}{'' if n == 1 else 's'}"


def percent(value: float, *, sign: bool = True) -> str:
    """A share as a percentage with one decimal; "n/a" where there is none.

    >>> percent(0.1034), percent(float("nan")), percent(0.5, sign=False), percent(0.0004), percent(1e-9)
    ('10.3 %', 'n/a', '50.0', '0.04 %', '< 0.001 %')
    """
    if not math.isfinite(value):
        return "n/a"
    if 0 < abs(value) < 1e-5:
        shown = "< 0.001" if value > 0 else "> −0.001"
    else:
        shown = f"{100 * value:.2g}" if 0 < abs(value) < 0.001 else f"{100 * value:.1f}"
    return f"{shown} %" if sign else shown
