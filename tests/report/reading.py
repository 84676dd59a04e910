"""Reads a page as a strict browser would: elements, attributes, text, scripts; knows nothing of how it was written."""

from __future__ import annotations

from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path

VOID = {"img", "br", "hr", "meta", "link", "input", "wbr", "col", "path", "circle", "ellipse", "line", "rect", "use"}
VOID |= {"polyline", "polygon", "stop"}


@dataclass
class Node:
    tag: str
    attributes: dict[str, str]
    parent: Node | None
    text: str = ""
    children: list[Node] = field(default_factory=list)

    def walk(self):
        yield self
        for child in self.children:
            yield from child.walk()

    def all(self, *tags: str) -> list[Node]:
        return [node for node in self.walk() if node.tag in tags]

    @property
    def content(self) -> str:
        return self.text + "".join(child.content for child in self.children)


class Page(HTMLParser):
    """A parsed page; an element that is not closed where it was opened raises."""

    def __init__(self, markup: str) -> None:
        super().__init__(convert_charrefs=True)
        self.root = Node("#root", {}, None)
        self._open = self.root
        self.words: list[str] = []
        self.raw: list[tuple[str, dict[str, str], str]] = []
        self.feed(markup)
        self.close()
        assert self._open is self.root, f"<{self._open.tag}> was never closed"

    @classmethod
    def of(cls, path: Path) -> Page:
        return cls(path.read_bytes().decode("utf-8"))

    @property
    def nodes(self) -> list[Node]:
        return [node for node in self.root.walk() if node.tag != "#root"]

    @property
    def text(self) -> str:
        return "".join(self.words)

    def handle_starttag(self, tag, attrs):
        assert len(attrs) == len(dict(attrs)), f"<{tag}> repeats an attribute"
        node = Node(tag, {key: value or "" for key, value in attrs}, self._open)
        self._open.children.append(node)
        if tag not in VOID:
            self._open = node

    def handle_startendtag(self, tag, attrs):
        self._open.children.append(Node(tag, {key: value or "" for key, value in attrs}, self._open))

    def handle_endtag(self, tag):
        assert self._open.tag == tag, f"</{tag}> closes <{self._open.tag}>"
        self._open = self._open.parent

    def handle_data(self, data):
        self._open.text += data
        if self._open.tag in {"script", "style"}:
            self.raw.append((self._open.tag, self._open.attributes, data))
        else:
            self.words.append(data)

    def handle_comment(self, data):
        raise AssertionError(f"comment: {data[:80]}")
