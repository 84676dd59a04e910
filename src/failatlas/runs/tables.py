"""Tables: what a run leaves for spreadsheets."""

from __future__ import annotations

import csv
import io
from pathlib import Path

from failatlas.images.delimited import escape_formula
from failatlas.runs.run import Run
from failatlas.store import write_atomically


def write_clusters(run: Run, file: Path) -> Path:
    """Write ``image_id,path,label,prediction,cluster`` for every error-inducing image; -1 = noise.

    Copies come last, each in the cluster of the image it repeats.
    """
    outcomes = run.outcomes
    where = {image: i for i, image in enumerate(outcomes.ids)}
    table = io.StringIO()
    writer = csv.writer(table, lineterminator="\n")
    writer.writerow(["image_id", "path", "label", "prediction", "cluster"])
    clustered = dict(zip(run.grouping.ids, run.grouping.labels.tolist(), strict=True))
    rows = list(zip(run.grouping.ids, run.paths, clustered.values(), strict=True))
    # an original that was set aside after all is in no cluster, and so are its copies
    rows += [(copy.id, copy.path, clustered[copy.original]) for copy in run.copies if copy.original in clustered]
    for image, path, label in rows:
        i = where[image]
        # a cell that starts with = would run as a formula
        cells = [escape_formula(text) for text in (image, path, outcomes.expected[i], outcomes.predicted[i])]
        writer.writerow([*cells, label])
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
