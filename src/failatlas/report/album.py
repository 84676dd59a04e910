"""Album: the pictures of a report as small files, each made once, named by number and never by an image's own name."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from failatlas.arrays import Features, Pixels
from failatlas.errors import FailatlasError
from failatlas.markup import Html, element, name, visible
from failatlas.report.document import Document
from failatlas.report.figures import encode, overlay
from failatlas.store.disk import guard

_Make = Callable[[Pixels], Pixels | None]

FOLDER = "assets"
_TINY_PX = 64  # up to here pixels are shown as crisp squares


@dataclass(frozen=True, slots=True)
class Print:
    """One picture file: its address from the report's folder and its size in pixels; a problem stands for a picture."""

    src: str = ""
    width: int = 0
    height: int = 0
    problem: str = ""


class Album:
    """Makes and remembers picture files.

    Args:
        document: whose images are shown; images of the grouping are numbered first, in its order, so that the map's
            script finds the picture of point i without a table.
        folder: the report's folder, ``assets/`` is made in it.
    """

    def __init__(self, document: Document, folder: Path) -> None:
        self._pictures = document.pictures
        self._folder = folder
        self._numbers = {image: number for number, image in enumerate(document.grouping.ids)}
        outcomes = document.outcomes
        self._answers = dict(zip(outcomes.ids, zip(outcomes.expected, outcomes.predicted, strict=True), strict=True))
        self._is_error = dict(zip(outcomes.ids, outcomes.is_error.tolist(), strict=True))
        self._prints: dict[tuple[str, str], Print] = {}
        self._pixels: tuple[str, Pixels] | None = None  # the last image: its overlay usually comes next
        with guard(folder):
            (folder / FOLDER).mkdir(parents=True, exist_ok=True)

    @property
    def files(self) -> set[str]:
        """Addresses of all pictures so far."""
        return {shown.src for shown in self._prints.values() if shown.src}

    def answer(self, image: str, *, short: bool = False) -> str:
        """What was expected and what the network said: a sentence for alternative texts, or an arrow for captions."""
        expected, predicted = (visible(text) for text in self._answers.get(image, ("unknown", "unknown")))
        if not self._is_error.get(image, True):
            return f"{expected}, handled correctly"
        return f"{expected} → {predicted}" if short else f"expected {expected}, predicted {predicted}"

    def thumbnail(self, image: str) -> Print:
        """The image itself."""
        return self._print("t", image, lambda pixels: pixels)

    def overlay(self, image: str) -> Print | None:
        """The image under its own relevance; None when none was computed."""
        try:
            heatmap = self._pictures.heatmap(image)
        except FailatlasError as error:
            return Print(problem=error.name)
        return None if heatmap is None else self._print("h", image, lambda pixels: overlay(pixels, heatmap))

    def mean(self, image: str, heatmap: Features) -> Print | None:
        """A cluster's mean relevance over one of its images; None when none was computed."""
        return self._print("m", image, lambda pixels: overlay(pixels, heatmap)) if heatmap.size else None

    def _print(self, kind: str, image: str, make: _Make) -> Print:
        key = (kind, image)
        if key not in self._prints:
            self._prints[key] = self._made(kind, image, make)
        return self._prints[key]

    def _made(self, kind: str, image: str, make: _Make) -> Print:
        number = self._numbers.setdefault(image, len(self._numbers))
        try:
            pixels = make(self._read(image))
        except FailatlasError as error:  # the picture is missing, the report is not
            return Print(problem=error.name)
        if pixels is None:
            return Print(problem="relevance is zero everywhere or not finite")
        src = f"{FOLDER}/{kind}{number}.webp"
        with guard(self._folder / src):
            # not synced one by one: the pages come last, and a second `report` makes everything anew
            (self._folder / src).write_bytes(encode(pixels))
        return Print(src, pixels.shape[1], pixels.shape[0])

    def _read(self, image: str) -> Pixels:
        if self._pixels is None or self._pixels[0] != image:
            self._pixels = (image, self._pictures.thumbnail(image))
        return self._pixels[1]


def picture(shown: Print, alt: str, *, up: str = "", lazy: bool = True) -> Html:
    """A picture as an element; ``up`` is ``"../"`` on pages in a folder of their own."""
    if not shown.src:
        return element("span", f"no picture: {visible(shown.problem)}", class_="missing")
    return element(
        "img",
        src=up + shown.src,
        width=shown.width,
        height=shown.height,
        alt=alt,
        loading="lazy" if lazy else None,
        decoding="async",
        class_="tiny" if max(shown.width, shown.height) <= _TINY_PX else None,
    )


def framed(album: Album, image: str, *, up: str = "", heat: bool = False) -> Html:
    """An image with its overlay beside it (when wanted and known), its id and its answer beneath."""
    answer = album.answer(image)
    covered = album.overlay(image) if heat else None
    return element(
        "figure",
        element(
            "span",
            picture(album.thumbnail(image), answer, up=up),
            picture(covered, "its heatmap", up=up) if covered else None,
            class_="prints",
        ),
        element("figcaption", name(image, class_="id"), " ", name(album.answer(image, short=True), class_="answer")),
        class_="shot",
    )
