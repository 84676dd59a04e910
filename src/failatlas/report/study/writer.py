"""Writer: a study becomes a folder with one page, ``index.html``, that opens from disk without a network."""

from __future__ import annotations

from pathlib import Path

from failatlas.markup import visible
from failatlas.report.page import page
from failatlas.report.study.causes import causes, injected
from failatlas.report.study.choices import choices
from failatlas.report.study.method import made, methods
from failatlas.report.study.ranking import best, everything
from failatlas.report.study.rare import rare
from failatlas.report.study.reading import Reading
from failatlas.report.study.summary import summary
from failatlas.store.files import write_atomically
from failatlas.studies.study import Study

SHEET = "study.css"


def write_study(study: Study, folder: Path | str, *, command: str = "") -> Path:
    """Write the report of a study and return the path of its page; nothing else in the folder is touched.

    Args:
        study: what was found.
        folder: made when it is missing.
        command: the command line that makes this study again, without secrets or absolute paths; "" = not shown.

    Raises:
        ResourceError: the folder cannot be written.
    """
    reading = Reading(study)
    parts = {
        "summary": ("Summary", summary(reading)),
        "best": ("Best pipelines", best(reading)),
        "rare": ("When a cause is rare", rare(reading)),
        "causes": ("Which cause is found", causes(reading)),
        "choices": ("Which choice matters", choices(reading)),
        "injected": ("Known failures", injected(reading)),
        "all": ("All pipelines", everything(reading)),
        "methods": ("Method and limits", methods()),
        "made": ("How it was made", made(reading, command)),
    }
    links = [(f"#{key}", text) for key, (text, part) in parts.items() if part]
    title = f"Pipelines compared: {visible(study.name)}"
    index = Path(folder) / "index.html"
    write_atomically(index, page(title, *(part for _, part in parts.values()), links=links, sheets=(SHEET,)))
    return index
