"""Page: the shell around every page: head, security policy, landmarks; style and script stand inside, named by hash."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from functools import cache
from importlib import resources

from failatlas import __version__
from failatlas.markup import Content, Html, element, join, raw, visible


@cache
def static(file: str) -> str:
    """A packaged text file of ``report/static``."""
    return resources.files("failatlas.report").joinpath("static", file).read_text("utf-8")


def page(
    title: str, *content: Content, links: Sequence[tuple[str, str]], up: str = "", sheets: Sequence[str] = ()
) -> bytes:
    """A whole page, UTF-8.

    Args:
        title: of the document.
        content: of the main landmark.
        links: (address, text) of the contents list.
        up: ``"../"`` on pages in a folder of their own.
        sheets: further style sheets of ``report/static``.
    """
    style, script = "".join(map(static, ("report.css", *sheets))), static("report.js")
    body = element(
        "body",
        element("a", "Skip to the content", href="#main", class_="skip"),
        element("header", element("p", "failatlas", class_="brand"), element("h1", visible(title))),
        _contents(links),
        element("main", *content, id_="main", tabindex=-1),
        element(
            "footer", element("p", f"Written by failatlas {__version__}. Opens from disk; asks nothing of the network.")
        ),
        raw("script", script),
        data_up=up,
    )
    head = element(
        "head",
        element("meta", charset="utf-8"),
        element("meta", http_equiv="Content-Security-Policy", content=_policy(style, script)),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("meta", name="color-scheme", content="light dark"),
        element("meta", name="referrer", content="no-referrer"),
        element("title", visible(title)),
        raw("style", style),
    )
    return join([Html("<!doctype html>\n"), element("html", head, body, lang="en"), Html("\n")]).encode()


def section(id_: str, heading: str, *content: Content, level: int = 2, class_: str | None = None) -> Html:
    """A landmark of a page, named by its heading."""
    head = element(f"h{level}", heading, id_=f"h-{id_}")
    return element("section", head, *content, id_=id_, aria_labelledby=f"h-{id_}", class_=class_)


def _contents(links: Sequence[tuple[str, str]]) -> Html:
    items = [element("li", element("a", text, href=address)) for address, text in links]
    return element("nav", element("p", "Contents", class_="nav-head"), element("ol", items), aria_label="Contents")


def _policy(style: str, script: str) -> str:
    # `file:` beside 'self': Firefox gives a page from disk no origin, so 'self' alone would hide every picture
    return (
        "default-src 'none'; img-src 'self' data: file:; "
        f"style-src '{_source(style)}'; script-src '{_source(script)}'; base-uri 'none'; form-action 'none'"
    )


def _source(text: str) -> str:
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"
