"""Markup: HTML and SVG built from elements whose text is always escaped: no file name becomes a script."""

from __future__ import annotations

import base64
import html
from collections.abc import Iterable

_VOID = frozenset({"img", "br", "hr", "meta", "link", "input", "path", "circle", "line", "rect", "use", "polyline"})


class Html(str):
    """Text that is already markup; everything else is escaped when it enters an element."""

    __slots__ = ()


Content = Html | str | int | float | None | Iterable["Content"]


def escape(text: object) -> Html:
    """Text as markup: ``<``, ``>``, ``&`` and quotes escaped, control characters shown as ``\\x1b``.

    >>> escape('<b onload="x">')
    '&lt;b onload=&quot;x&quot;&gt;'
    """
    visible = "".join(
        c if c.isprintable() or c == "\n" else c.encode("unicode_escape", "surrogatepass").decode() for c in str(text)
    )
    return Html(html.escape(visible, quote=True))


def element(tag: str, *content: Content, **attributes: str | int | float | bool | None) -> Html:
    """One element. A trailing ``_`` is dropped from an attribute's name and other ``_`` become ``-``.

    ``True`` gives a bare attribute; ``None`` and ``False`` leave it out.

    >>> element("p", "a < b", class_="note", hidden=True)
    '<p class="note" hidden>a &lt; b</p>'
    """
    shown = []
    for name, value in attributes.items():
        key = name.rstrip("_").replace("_", "-")
        if value is True:
            shown.append(f" {key}")
        elif value is not None and value is not False:
            shown.append(f' {key}="{escape(value)}"')
    start = f"<{tag}{''.join(shown)}>"
    if tag in _VOID:
        return Html(start if not start.startswith(_SVG_VOID) else start[:-1] + "/>")
    return Html(f"{start}{join(content)}</{tag}>")


def join(content: Content) -> Html:
    """Markup of nested content in order; plain text is escaped.

    >>> join(["1 < 2", element("br"), None])
    '1 &lt; 2<br>'
    """
    if content is None:
        return Html("")
    if isinstance(content, Html):
        return content
    if isinstance(content, str | int | float):
        return escape(content)
    return Html("".join(join(part) for part in content))


def data_uri(data: bytes, media_type: str) -> str:
    """Bytes as a ``data:`` address, so that a page needs no second file.

    >>> data_uri(b"hi", "text/plain")
    'data:text/plain;base64,aGk='
    """
    return f"data:{media_type};base64,{base64.b64encode(data).decode()}"


_SVG_VOID = ("<path", "<circle", "<line", "<rect", "<use", "<polyline")
