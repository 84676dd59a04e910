"""Tables: what a run leaves for spreadsheets."""

from __future__ import annotations

import csv
import io
from pathlib import Path

from failatlas.images.delimited import escape_formula
from failatlas.runs.run import Run
from failatlas.store import write_atomically


def write_clusters(run: Run, file: Path) -> Path:
    """Write ``image_id,path,label,prediction,cluster`` for every error-inducing image; -1 = noise."""
    outcomes = run.outcomes
    where = {image: i for i, image in enumerate(outcomes.ids)}
    table = io.StringIO()
    writer = csv.writer(table, lineterminator="\n")
    writer.writerow(["image_id", "path", "label", "prediction", "cluster"])
    for image, path, label in zip(run.grouping.ids, run.paths, run.grouping.labels, strict=True):
        i = where[image]
        # a cell that starts with = would run as a formula
        cells = [escape_formula(text) for text in (image, path, outcomes.expected[i], outcomes.predicted[i])]
        writer.writerow([*cells, int(label)])
    return write_table(file, table.getvalue())


def write_table(file: Path, text: str) -> Path:
    """Write a table as UTF-8; bytes of a file name that are no text stay as they are."""
    try:
        data = text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        # half a surrogate pair, as JSON can hold one, is no byte either
        data = "".join(c if not "\ud800" <= c < "\udc80" else ascii(c)[1:-1] for c in text).encode(
            "utf-8", "surrogateescape"
        )
    write_atomically(file, data)
    return file
