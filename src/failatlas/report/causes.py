"""Causes: a section for each root-cause cluster, and pages of their own for the galleries that are too long for it."""

from __future__ import annotations

from collections.abc import Iterator

from failatlas.markup import Content, Html, counted, element, join, name, number, visible
from failatlas.pipelines.fragment import key
from failatlas.report.album import Album, framed, picture
from failatlas.report.document import Document
from failatlas.report.figures import is_signed, relevance_key
from failatlas.report.overview import MOST_ROWS, thumb
from failatlas.report.page import page, section
from failatlas.rootcauses.fragment import explanation, interval_text, ranking, title
from failatlas.rootcauses.knownfragment import made_of
from failatlas.rootcauses.rootcause import RootCause, RootCauses
from failatlas.rootcauses.variancefragment import cluster_variance

FOLDER = "clusters"
MOST_SECTIONS = 20  # on the first page; lower ranks have a page of their own
_FIRST, _INLINE, _PAGE = 12, 48, 200  # images at once; still in the section, folded; on one gallery page
_MOST_HEATMAPS = 24  # of a gallery: `failatlas explain` draws any other


def anchor(cause: RootCause) -> str:
    """``rcc-3`` or ``noise``."""
    return "noise" if cause.id < 0 else f"rcc-{cause.id}"


def address(cause: RootCause, up: str = "") -> str:
    """Where a cluster is explained, seen from the first page, or from a cluster page with ``up="../"``."""
    if cause.rank > MOST_SECTIONS:
        return f"{anchor(cause)}.html" if up else f"{FOLDER}/{anchor(cause)}.html"
    return f"{up}index.html#{anchor(cause)}" if up else f"#{anchor(cause)}"


def has_page(cause: RootCause) -> bool:
    """Whether it has a page under ``clusters/``: too many images, or too low a rank, for a section."""
    return cause.size > _INLINE or cause.rank > MOST_SECTIONS


def sections(document: Document, album: Album) -> Html | None:
    """The clusters of the first ranks, explained one after the other."""
    causes = document.root_causes.causes
    if not causes:
        return None
    rest = len(causes) - MOST_SECTIONS
    return section(
        "root-causes",
        "Root causes",
        element("p", "Beneath each image stand its id and what was expected → what the network said.", class_="how"),
        element("ul", [element("li", visible(note)) for note in document.root_causes.notes], class_="notes")
        if document.root_causes.notes
        else None,
        [_section(cause, document, album) for cause in causes[:MOST_SECTIONS]],
        element(
            "p",
            f"{number(rest)} more clusters of lower risk have pages of their own: see the table in the summary.",
        )
        if rest > 0
        else None,
    )


def noise(document: Document, album: Album) -> Html | None:
    """The images in no cluster."""
    group = document.root_causes.noise
    if group is None or not group.size:
        return None
    why = (
        "These error-inducing images resemble no group that is large enough to be a cluster. They are not a root "
        "cause: each may fail for a reason of its own."
    )
    return section(
        "noise", "Noise: images in no cluster", element("p", why), *_body(group, document, album, 3), class_="cause"
    )


def _section(cause: RootCause, document: Document, album: Album) -> Html:
    head = [key(cause.id), f" {title(cause)} ", name(cause.name, class_="cause-name")]
    return element(
        "article",
        element("h3", head, id_=f"h-{anchor(cause)}"),
        element(
            "p",
            f"Rank {cause.rank} by risk; {counted(cause.size, 'image')}, {interval_text(cause.share)} of errors.",
            class_="facts-line",
        ),
        *_body(cause, document, album, 4),
        id_=anchor(cause),
        aria_labelledby=f"h-{anchor(cause)}",
        class_="cause",
    )


def _body(cause: RootCause, document: Document, album: Album, level: int) -> list[Content]:
    return [_explained(cause, document, album, "", level), _gallery(cause, album, level)]


def _explained(cause: RootCause, document: Document, album: Album, up: str, level: int) -> Html:
    return explanation(
        cause,
        picture=lambda image: framed(album, image, up=up, heat=True),
        mean=_mean(cause, album, up),
        level=level,
        measured=_measured(cause, document.root_causes, level),
    )


def _measured(cause: RootCause, found: RootCauses, level: int) -> Html:
    """What the set's parameters and its planted weaknesses say of a cluster."""
    known = made_of(found.known, cause.id) if found.known else None
    narrow = cluster_variance(found.variance, cause.id, level=level) if found.variance else None
    return join([known, narrow])


def _mean(cause: RootCause, album: Album, up: str) -> Html | None:
    shown = album.mean(cause.medoids[0], cause.heatmap) if cause.medoids else None
    if shown is None:
        return None
    return element(
        "figure",
        picture(shown, "mean heatmap of the cluster over its medoid", up=up),
        element("figcaption", "Mean heatmap of all members, laid over the medoid."),
        relevance_key(f"key-{anchor(cause)}", signed=is_signed(cause.heatmap)),
        class_="shot",
    )


def _ordered(cause: RootCause) -> list[str]:
    first = set(cause.medoids)
    return [*cause.medoids, *(image for image in cause.members if image not in first)]


def _gallery(cause: RootCause, album: Album, level: int) -> Html:
    images = _ordered(cause)
    head = element(f"h{level}", f"Its {number(cause.size)} images" if cause.size != 1 else "Its image")
    shown, rest = images[:_FIRST], images[_FIRST:_INLINE]
    if cause.size > _INLINE:
        more = element(
            "p", element("a", f"Show all {number(cause.size)} images", href=f"{FOLDER}/{anchor(cause)}.html")
        )
    elif rest:
        more = element("details", element("summary", f"Show the other {number(len(rest))}"), _pictures(rest, album, ""))
    else:
        more = Html("")
    return element("div", head, _pictures(shown, album, ""), more, class_="gallery")


def _pictures(images: list[str], album: Album, up: str, n_heat: int = 0) -> Html:
    shots = [element("li", framed(album, image, up=up, heat=i < n_heat)) for i, image in enumerate(images)]
    return element("ul", shots, class_="pictures")


def pages(document: Document, album: Album) -> Iterator[tuple[str, bytes]]:
    """(address, bytes) of every page under ``clusters/``."""
    causes, group = document.root_causes.causes, document.root_causes.noise
    for cause in (*causes, *((group,) if group else ())):
        if has_page(cause):
            yield from _pages(document, cause, album)
    if len(causes) > MOST_ROWS:
        table = ranking(causes, picture=thumb(album, "../"), href=lambda cause: address(cause, "../"))
        yield (
            f"{FOLDER}/all.html",
            page(document.title, section("all", "All root-cause clusters", table), links=_BACK, up="../"),
        )


_BACK = (("../index.html", "Report"),)


def _pages(document: Document, cause: RootCause, album: Album) -> Iterator[tuple[str, bytes]]:
    images = _ordered(cause)
    count = -(-len(images) // _PAGE)
    files = [f"{anchor(cause)}{f'-{i + 1}' if i else ''}.html" for i in range(count)]
    head = [f"{title(cause)} ", name(cause.name, class_="cause-name")]
    for i, file in enumerate(files):
        some = images[i * _PAGE : (i + 1) * _PAGE]
        first, last = number(i * _PAGE + 1), number(i * _PAGE + len(some))
        place = f"Images {first} to {last} of {number(len(images))}, most typical first."
        content = [
            element("h2", head, id_="h-cause"),
            element("p", element("a", "Back to the report", href=f"../index.html#{_return(cause)}")),
            _explained(cause, document, album, "../", 3) if not i else None,
            element("h3", "Gallery"),
            element("p", place, class_="how"),
            _pictures(some, album, "../", 0 if i else _MOST_HEATMAPS),
            _pager(files, i),
        ]
        links = [*_BACK, *((other, f"Page {number(j + 1)}") for j, other in enumerate(files))]
        yield f"{FOLDER}/{file}", page(document.title, *content, links=links, up="../")


def _return(cause: RootCause) -> str:
    return "summary" if cause.rank > MOST_SECTIONS else anchor(cause)


def _pager(files: list[str], i: int) -> Html | None:
    links = []
    if i > 0:
        links.append(element("a", "Previous page", href=files[i - 1], rel="prev"))
    if i + 1 < len(files):
        links.append(element("a", "Next page", href=files[i + 1], rel="next"))
    return element("p", *links, class_="pager") if links else None
