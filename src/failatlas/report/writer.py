"""Writer: a document becomes a folder: ``index.html``, ``clusters/`` for long galleries, ``assets/`` for pictures.

Cost: one small picture for each error-inducing image and each counter-example, read one at a time; heatmaps only of
medoids, counter-examples and the first of a gallery.
"""

from __future__ import annotations

import re
from pathlib import Path

from failatlas.progress import track
from failatlas.report import album as albums
from failatlas.report import causes as clusters
from failatlas.report import truth
from failatlas.report.album import Album
from failatlas.report.cards import cards, choices, methods, reproduce
from failatlas.report.causes import address, anchor, noise, sections
from failatlas.report.document import Document
from failatlas.report.overview import atlas, summary
from failatlas.report.page import page
from failatlas.rootcauses.fragment import title
from failatlas.store.disk import guard
from failatlas.store.files import write_atomically

_OURS = re.compile(r"(?:assets/[thm]\d+\.webp|clusters/(?:rcc-\d+|noise|all)(?:-\d+)?\.html)")


def write(document: Document, folder: Path | str) -> Path:
    """Write the report and return the path of its first page.

    The first page is written last: while it is there, everything it points to is there. Files of an older report in the
    same folder that this one no longer needs are removed; nothing else is touched.

    Raises:
        ResourceError: the folder cannot be written.
    """
    folder = Path(folder)
    album = Album(document, folder)
    for image in track(document.grouping.ids, "pictures", len(document.grouping.ids)):
        album.thumbnail(image)
    index = _index(document, album)
    written = {"index.html"}
    for name, data in clusters.pages(document, album):
        write_atomically(folder / name, data)
        written.add(name)
    _tidy(folder, written | album.files)
    write_atomically(folder / "index.html", index)
    return folder / "index.html"


def _index(document: Document, album: Album) -> bytes:
    parts = {
        "summary": ("Summary", summary(document, album, address)),
        "known-causes": ("Known causes", truth.known(document, address)),
        "map": ("Map", atlas(document, address)),
        "parameters": ("Parameters", truth.parameters(document, address)),
        "root-causes": ("Root causes", sections(document, album)),
        "noise": ("Noise", noise(document, album)),
        "choices": ("How the groups were made", choices(document)),
        "data": ("Data, network, relevance", cards(document)),
        "methods": ("Method and limits", methods()),
        "reproduce": ("Run it again", reproduce(document)),
    }
    links = [(f"#{key}", text) for key, (text, part) in parts.items() if part]
    listed = [(f"#{anchor(cause)}", title(cause)) for cause in document.root_causes.causes[: clusters.MOST_SECTIONS]]
    at = next((i + 1 for i, link in enumerate(links) if link[0] == "#root-causes"), len(links))
    return page(document.title, *(part for _, part in parts.values()), links=[*links[:at], *listed, *links[at:]])


def _tidy(folder: Path, written: set[str]) -> None:
    with guard(folder):
        for name in (albums.FOLDER, clusters.FOLDER):
            for path in sorted((folder / name).glob("*")):
                ours = f"{name}/{path.name}"
                if ours not in written and _OURS.fullmatch(ours) and not path.is_dir():
                    path.unlink()
